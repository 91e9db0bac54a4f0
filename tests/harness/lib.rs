//! What the end-to-end tests stand on: the real program in a process of its own, with the local
//! Twilio or a scripted provider on the other side, and nothing beyond this machine.
//!
//! A [`TestGateway`] is built, started, used, killed, started again. When it is dropped it looks
//! whether anything was left undone: an error in the log, a message that nobody sent. Everything
//! here blocks, so that a test reads from top to bottom; what must happen at the same time is
//! done in threads, by [`at_once`].
//!
//! The harness knows the program from outside only: its arguments, its files, HTTP. Of the
//! crate it takes the local Twilio, which is no part of the gateway, Twilio's way of signing,
//! and an HTTP client.

mod background;
mod balancer;
mod binary;
mod builder;
mod client;
mod command;
mod door;
mod fleet;
mod gateway;
mod log;
mod outside;
mod plugin;
mod postgres;
mod process;
mod provider;
mod registry;
mod server;
mod shell;
mod twilio;
mod visitor;

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use builder::Builder;
pub use client::{Answer, call, json_request};
pub use command::{Ran, run, run_with_input};
pub use fleet::Fleet;
pub use gateway::TestGateway;
pub use log::Log;
pub use outside::Outside;
pub use plugin::{Behaviour, Plugin};
pub use postgres::FreshDatabase;
pub use process::{Process, processor_time};
pub use provider::{Received, ScriptedProvider, Step};
pub use registry::{Registry, digest};
pub use server::PostgresServer;
pub use shell::{is_there, shell};
pub use twilio::{basic, form, sign};
pub use visitor::{Chosen, Visitor};

/// The account that everything here works for.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub const AUTH_TOKEN: &str = "e2e0123456789abcdef0123456789abc";
/// The account's number.
pub const NUMBER: &str = "+529983162438";

/// How long something that should happen soon may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// A folder for one test; deleted when it is dropped.
///
/// In memory where the system has such a place: what is tested is that data survive the end of a
/// process, not of the machine, and other people's work on the disk shall not slow the tests.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).must("a folder")
}

/// Looks until there is something to see, and ends the test if there is nothing soon.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_up_to(SOON, look).must(&format!("{what} did not come within {SOON:?}"))
}

/// Looks until there is something to see, or the time is over.
pub fn wait_up_to<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() >= deadline {
            return seen;
        }
        std::thread::sleep(LOOK);
    }
}

/// Does something `count` times at once, and gives the results in order.
pub fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(count);
    let act = &|index| {
        start.wait();
        act(index)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..count).map(|index| scope.spawn(move || act(index))).collect();
        running.into_iter().map(|thread| thread.join().ok().must("a thread of the test")).collect()
    })
}

/// Ends the test.
#[track_caller]
pub(crate) fn give_up(reason: &str) -> ! {
    panic!("{reason}")
}

/// A value without which the test can't go on.
pub(crate) trait Must<T> {
    fn must(self, what: &str) -> T;
}

impl<T> Must<T> for Option<T> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Some(value) => value,
            None => give_up(what),
        }
    }
}

impl<T, E: Display> Must<T> for Result<T, E> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => give_up(&format!("{what}: {error}")),
        }
    }
}
