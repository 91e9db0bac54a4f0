//! Load on a gateway from outside, and what came of it: how many messages a second, how long each took, what
//! that cost, and whether all of it is there and was sent once.
//!
//! It meets the gateway, and the local Twilio behind it, only over HTTP, as providers and applications do; it
//! must not know anything of their inside. Whoever starts them is no part of it.

mod checks;
mod client;
mod latency;
mod limits;
mod load;
mod machine;
mod messages;
mod phones;
mod records;
mod report;
mod texts;

pub use checks::{Checked, Text, ledger, outbound, texts as inbound};
pub use client::{Client, Target};
pub use latency::{Latencies, Spread};
pub use limits::{Disk, bare, disk};
pub use load::{Amount, Load, Ran, Stopped, Traffic, drive};
pub use machine::{Memory, Used, Watch};
pub use messages::Messages;
pub use phones::phones;
pub use records::{Known, Patience, list, settled};
pub use report::{Cost, Direction, Failures, Outbound, Report};
pub use texts::{Texts, Webhooks};
