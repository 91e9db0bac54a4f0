//! When a running gateway loads its plugins anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::plugins;
use crate::replay::Replay;

/// Tries changes of plugins on recorded messages first, where that is set.
pub(super) fn check_before(loader: &plugins::Loader, replay: &Replay, files: &plugins::Files) {
    let (last, max_changed) = (u64::from(files.after_replay), files.max_changed);
    if last == 0 {
        return;
    }
    let replay = replay.clone();
    loader.checked_by(Arc::new(move |chain| {
        let replay = replay.clone();
        Box::pin(async move { replay.check(&chain, last, max_changed).await.map(drop) })
    }));
}

/// Reloads plugins when their files change, and when the process gets SIGHUP.
pub(super) fn keep_fresh(loader: &plugins::Loader, files: &plugins::Files, stopping: &watch::Receiver<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    if files.watch_s > 0 {
        let every = Duration::from_secs(u64::from(files.watch_s));
        tokio::spawn(loader.clone().watch(every, stopping.clone()));
    }
    let loader = loader.clone();
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            tokio::spawn(async move {
                while hangups.recv().await.is_some() {
                    loader.reload_and_tell("SIGHUP").await;
                }
            });
        }
        Err(error) => tracing::warn!(%error, "SIGHUP can't be heard; `recado plugin reload` reloads the plugins"),
    }
}
