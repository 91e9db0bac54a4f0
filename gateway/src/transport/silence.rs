//! Gives up an exchange in which the other side says nothing for too long, counted from the moment
//! when the connection stands.
//!
//! How long connecting takes, TLS included, has a limit of its own; it must not use up this one.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    /// Whoever waits for the connection that this task makes.
    static CONNECTED: Arc<Notify>;
}

/// Makes every connection told to whoever waits for it. The client must not pool: a pool connects in
/// tasks of its own, where nobody is known to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announce;

impl<S> Layer<S> for Announce {
    type Service = Announcing<S>;

    fn layer(&self, connector: S) -> Announcing<S> {
        Announcing(connector)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Announcing<S>(S);

impl<S, Target> Service<Target> for Announcing<S>
where
    S: Service<Target>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connection = connecting.await;
            // Nobody waits where there is no limit.
            let _ = CONNECTED.try_with(|connected| connected.notify_one());
            connection
        })
    }
}

/// What `exchange` comes to, unless there is no sign of it for so long after its connection stands.
pub(super) async fn answer<T>(longest: Duration, exchange: impl Future<Output = T>) -> Option<T> {
    let connected = Arc::new(Notify::new());
    let mut exchange = pin!(CONNECTED.scope(Arc::clone(&connected), exchange));
    tokio::select! {
        answer = &mut exchange => return Some(answer),
        () = connected.notified() => {}
    }
    next(longest, exchange).await
}

/// What comes next, unless it takes too long.
pub(super) async fn next<T>(longest: Duration, piece: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(longest, piece).await.ok()
}
