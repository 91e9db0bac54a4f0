//! What memory a fresh instance of a shipped plugin needs.

use std::sync::Arc;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{ResourceLimiter, Store};

use super::*;
use crate::plugins::wasm::convert;
use crate::plugins::wasm::host::bindings::Plugin as World;
use crate::plugins::wasm::host::bindings::recado::plugin::types;
use crate::plugins::wasm::host::{Host, Subjects};

const ROUTER: &[u8] = include_bytes!("../../../../../plugins/router.wasm");

/// A host that sees its guest ask for memory.
struct Watched {
    host: Host,
    /// What there was from the start, in bytes.
    begun: usize,
    grown: usize,
}

impl ResourceLimiter for Watched {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if current == 0 {
            self.begun = desired;
        } else {
            self.grown += desired - current;
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// Makes an instance, asks it about a text, and tells what memory that took.
async fn watch(component: &[u8], config: Value, text: &str) -> Watched {
    let engine = Engine::new().unwrap();
    let component = Component::new(engine.inner(), component).unwrap();
    let mut linker = Linker::<Watched>::new(engine.inner());
    World::add_to_linker::<_, HasSelf<Host>>(&mut linker, |watched| &mut watched.host).unwrap();
    let config: Arc<str> = config.to_string().into();
    let host = Host::new("guest".into(), config, usize::MAX, &surroundings(), Subjects::default());
    let mut store = Store::new(engine.inner(), Watched { host, begun: 0, grown: 0 });
    store.limiter(|watched| watched);
    store.set_epoch_deadline(u64::MAX / 2);
    let world = World::instantiate_async(&mut store, &component, &linker).await.unwrap();
    let call = call(text);
    let context = types::Context {
        plugin: "guest".to_owned(),
        locale: "es-MX".to_owned(),
        time_zone: "America/Cancun".to_owned(),
        deadline: 500,
        extra: Vec::new(),
    };
    let (message, conversation) = (convert::inbound(&call), convert::conversation(&call.conversation));
    let guest = world.recado_plugin_inbound();
    guest.call_on_inbound(&mut store, &message, &conversation, &context).await.unwrap().unwrap();
    store.into_data()
}

/// To ask for memory costs a fresh instance more than all else it does, and more still while others
/// ask, too.
#[tokio::test]
async fn a_fresh_instance_has_what_it_needs_from_the_start() {
    let rules: Vec<_> =
        (0..50).map(|number| json!({ "keywords": [format!("clave {number}")], "reply": "x".repeat(160) })).collect();
    let routes: Vec<_> = (0..50)
        .map(|number| json!({ "when": { "keywords": [format!("clave {number}")] }, "then": { "tag": ["ventas"] } }))
        .collect();
    let long = "¿qué tal? ".repeat(150);
    for (component, config) in
        [(AUTO_REPLY, json!({ "rules": rules })), (ROUTER, json!({ "inbound": { "routes": routes } }))]
    {
        let watched = watch(component, config, &long).await;
        assert_eq!(watched.grown, 0, "of {}", watched.begun);
        assert!(watched.begun <= 512 * 1024, "{}", watched.begun);
    }
}
