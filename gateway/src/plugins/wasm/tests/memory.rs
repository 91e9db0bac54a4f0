//! What memory a fresh instance of a shipped plugin needs.

use wasmtime::component::{Component, Linker, Val};
use wasmtime::{ResourceLimiter, Store};

use super::*;

/// Sees a guest ask for memory.
#[derive(Default)]
struct Watch {
    /// What there was from the start, in bytes.
    begun: usize,
    grown: usize,
}

impl ResourceLimiter for Watch {
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

/// Makes an instance, asks what it is, and tells what memory that took.
async fn watch(component: &[u8]) -> Watch {
    let engine = Engine::new().unwrap();
    let component = Component::new(engine.inner(), component).unwrap();
    let mut linker = Linker::<Watch>::new(engine.inner());
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = Store::new(engine.inner(), Watch::default());
    store.limiter(|watch| watch);
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
    let about = instance.get_export_index(&mut store, None, "recado:plugin/about@0.1.0").unwrap();
    let describe = instance.get_export_index(&mut store, Some(&about), "describe").unwrap();
    let mut manifest = [Val::Bool(false)];
    instance.get_func(&mut store, describe).unwrap().call_async(&mut store, &[], &mut manifest).await.unwrap();
    assert!(matches!(&manifest, [Val::Record(_)]), "{manifest:?}");
    store.into_data()
}

/// To ask for memory costs a fresh instance more than all else it does, and more still while others
/// ask, too.
#[tokio::test]
async fn a_fresh_instance_has_what_it_needs_from_the_start() {
    for component in [AUTO_REPLY, ROUTER] {
        let Watch { begun, grown } = watch(component).await;
        assert_eq!(grown, 0, "beyond {begun}");
        assert!((192..=384).contains(&(begun / 1024)), "{begun}");
    }
}
