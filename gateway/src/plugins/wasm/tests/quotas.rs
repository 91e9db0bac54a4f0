//! How much a plugin may keep in all: what it replaces or deletes makes room.

use std::sync::Arc;

use super::*;

/// Does what the texts say.
const OBEDIENT: &[u8] = include_bytes!("../../../../../tests/harness/obedient.wasm");

/// A memory with `keys` values of `length` bytes each, called 0, 1, 2 …
struct Full {
    keys: usize,
    length: usize,
}

#[async_trait]
impl StateSource for Full {
    async fn recall(&self, key: &StateKey) -> Result<Option<Remembered>, String> {
        let there = key.key.parse().is_ok_and(|number: usize| number < self.keys);
        let value = "x".repeat(self.length);
        Ok(there.then(|| Remembered { value, version: Uuid::nil() }))
    }

    async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
        Ok(Usage { keys: self.keys, bytes: self.keys * self.length })
    }
}

#[tokio::test]
async fn what_is_kept_has_a_limit_and_what_is_replaced_does_not_count() {
    let engine = Engine::new().unwrap();
    let plugin = load(&engine, PATIENT, OBEDIENT.to_vec()).await.unwrap();
    let keep = async |keys, length, text: &str| {
        let here = Surroundings { state: Arc::new(Full { keys, length }), ..surroundings() };
        decide_in(&plugin, text, &here).await.result.map(drop).map_err(|failure| failure.to_string())
    };
    // Of a conversation: 256 keys.
    assert_eq!(keep(255, 1, "remember new x").await, Ok(()));
    assert_eq!(keep(256, 1, "remember 7 y").await, Ok(()), "it is there");
    let full = keep(256, 1, "remember new x").await.unwrap_err();
    assert!(full.contains("256 keys"), "{full}");
    let both = keep(255, 1, "remember new x; remember newer x").await.unwrap_err();
    assert!(both.contains("256 keys"), "{both}");
    // And 256 KiB.
    assert_eq!(keep(4, 65_536, "remember 3 short").await, Ok(()), "less than before");
    let long = keep(4, 65_536, "remember new x").await.unwrap_err();
    assert!(long.contains("262144 bytes"), "{long}");
    // Of the plugin itself: 10,000 keys and 16 MiB.
    assert_eq!(keep(9_999, 1, "count new").await, Ok(()));
    assert!(keep(10_000, 1, "count new").await.unwrap_err().contains("10000 keys"));
    assert_eq!(keep(10_000, 1, "next 5").await, Ok(()));
    assert!(keep(256, 65_536, "count new").await.unwrap_err().contains("16777216 bytes"));
}
