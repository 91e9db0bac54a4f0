//! Channels that are WebAssembly components, run behind the trait [`Channel`](crate::channels::Channel).
//!
//! A component is protocol alone: it is given a webhook, a part or a response, and says what it means.
//! It gets what `sdk/wit/channel` names and nothing else: no files, no network, no clock, and no secret.
//! What it encodes has placeholders where secrets go; they are put in here, and only into requests to
//! the hosts that it named. Each call runs in an instance of its own against a deadline and limits, so
//! that a component that loops, swells or traps fails that call and nothing else.
//!
//! Plugins have an engine of their own (`plugins/wasm`): theirs wait for others, these never do.

mod builtin;
mod channel;
mod engine;
mod guest;
mod hosts;
mod injection;
mod loading;
mod reading;
mod secrets;
mod telling;
#[cfg(test)]
mod tests;
mod turns;

pub use channel::ComponentChannel;
pub use engine::Engine;
pub use loading::{LoadError, Loader};
