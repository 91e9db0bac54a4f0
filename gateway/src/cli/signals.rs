//! The signals that ask the process to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Told of SIGTERM and SIGINT from now on.
pub(super) struct StopSignals(Vec<Signal>);

impl StopSignals {
    /// From here on neither ends the process by itself.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self(vec![signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let signals = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(signals).await;
    }
}

/// From here on SIGHUP does not end the process: it reloads the plugins of a gateway that runs, and one that still starts,
/// which may take long, loads them in any case.
pub(super) fn outlive_hangups() -> std::io::Result<()> {
    // Once somebody listens, it never does again what it did.
    signal(SignalKind::hangup()).map(drop)
}

/// Waits until somebody asks a command that works for a while to stop.
pub(super) async fn stop_signal() {
    match StopSignals::listen() {
        Ok(mut signals) => signals.next().await,
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// A second signal came before the stop was done.
#[derive(Debug, thiserror::Error)]
#[error("stopped at once, at the second signal; the next start goes on with what was under way")]
pub(super) struct StoppedAtOnce;

/// Ends this process when standard input ends. What was acknowledged is on disk.
pub(super) fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::abort();
    });
}
