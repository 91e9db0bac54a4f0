//! The program `recado`: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;

/// A message is many small pieces of memory, which this gives and takes back more cheaply than the system does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// More than all calls of channels' components that may wait or hang at a time, in some dozen of channels: while all are
/// taken, nothing else moves either. They are there only while they are needed.
const BLOCKING_THREADS: usize = 8_192;

fn main() -> ExitCode {
    let cli = recado::cli::Cli::parse();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    match builder.enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
        Ok(runtime) => {
            let code = runtime.block_on(recado::cli::run(cli));
            // A name that nobody resolves, or a slow disk, keeps a thread, and shall not keep the process.
            runtime.shutdown_timeout(std::time::Duration::from_millis(500));
            code
        }
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "error: the program can't start: {error}");
            ExitCode::FAILURE
        }
    }
}
