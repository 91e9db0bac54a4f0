//! What Recado promises, shown on the real program.

#[cfg(test)]
mod command_line;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod consents;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod development;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod founding;
#[cfg(test)]
mod front_door;
#[cfg(test)]
mod front_door_callbacks;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_webhooks;
#[cfg(test)]
mod http;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod media;
#[cfg(test)]
mod outbound;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod plugin_crashes;
#[cfg(test)]
mod plugin_timers;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod repeats;
mod sending;
#[cfg(test)]
mod webhooks;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A new message id as Twilio writes them.
#[cfg(test)]
fn message_sid() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("SM{:032x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The messages that went a way, in the order they were given.
#[cfg(test)]
fn going<'a>(messages: &'a [Value], direction: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["direction"].as_str().unwrap_or_default().starts_with(direction)).collect()
}
