//! Random bytes of the system, and what is made of them.

use crate::web;

pub(super) fn random() -> anyhow::Result<[u8; 24]> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(random)
}

/// Should the system have no random bytes, plugins that draw lots draw the same.
pub(super) fn random_seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// A new API key: random enough that nobody guesses it.
pub(super) fn random_key() -> anyhow::Result<String> {
    Ok(web::new_key(random()?))
}
