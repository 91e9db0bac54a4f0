//! The runtime on which everything asynchronous of the harness lives, for as long as the tests
//! run. Tests themselves block.

use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::Must;

/// Runs a future on the shared runtime and waits for it.
pub(crate) fn block<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime().spawn(async move {
        // Nobody waits any more only if the test is over.
        let _ = sender.send(future.await);
    });
    receiver.recv().must("a task of the harness ended without a result")
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().must("a runtime"))
}
