//! The log: for people in a terminal, as JSON for machines otherwise.
//!
//! Lines carry ids, never a message's text, a number in clear or a token.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A level, or levels by part.
    pub level: String,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Auto,
    Human,
    Json,
}

/// The level can't be read.
#[derive(Debug, thiserror::Error)]
#[error("`log.level` can't be read: {0}; write error, warn, info, debug or trace")]
pub struct BadLevel(String);

/// Starts logging to standard error, for the whole process.
pub fn start(settings: &Settings) -> Result<(), BadLevel> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| BadLevel(error.to_string()))?;
    let human = match settings.format {
        Format::Auto => std::io::stderr().is_terminal(),
        Format::Human => true,
        Format::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    // Who has set up logging before, as a test has, keeps it.
    let _ = if human {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    };
    Ok(())
}
