//! From settings to a chain.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::builtin::{BUILTINS, builtin};
use super::component_file;
use super::registry::{self, Reference};
use super::wasm::{Engine, LoadError, WasmPlugin};
use super::{Chain, Link, LiveFetcher, Settings};
use crate::transport;

/// Why the chain can't be made; names the plugin.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    #[error("the plugin `{name}` ({component}): {reason}")]
    Load { name: String, component: String, reason: LoadError },
    #[error("the plugin `{name}`: `component = \"{component}\"` can't be read: {reason}")]
    Unreadable { name: String, component: String, reason: String },
    #[error(
        "the plugin `{name}`: `sha256` is {pinned}, but {component} has {found}; set it to that, if the component is \
         the one you mean"
    )]
    OtherBytes { name: String, component: String, pinned: String, found: String },
    #[error(
        "the plugin `{name}`: the config that is kept of it in the database does not fit {component}: {reason}; go back to \
         that of the settings (`DELETE /v1/plugins/{name}/config`), reload, and set it anew"
    )]
    Kept { name: String, component: String, reason: LoadError },
    #[error("the plugin `{name}`: its `hosts` can't be reached: {reason}")]
    Fetching { name: String, reason: transport::Failure },
}

/// Loads every plugin, in order. One that can't be loaded stops the gateway from starting: a
/// rule that silently does not apply is worse.
pub async fn load(engine: &Engine, settings: &[Settings]) -> Result<Chain, ChainError> {
    let mut links = Vec::with_capacity(settings.len());
    for settings in settings {
        let bytes = read(settings).await?;
        digest(settings, &bytes)?;
        let plugin = WasmPlugin::load(engine, settings, bytes).await.map_err(|reason| ChainError::Load {
            name: settings.name.clone(),
            component: settings.component.clone(),
            reason,
        })?;
        links.push(Link::new(settings.name.clone(), settings.on_error, Arc::new(plugin)));
    }
    let fetcher = LiveFetcher::new(settings).map_err(|(name, reason)| ChainError::Fetching { name, reason })?;
    Ok(Chain::new(links).reaching(fetcher))
}

/// The component's bytes.
pub(super) async fn read(settings: &Settings) -> Result<Vec<u8>, ChainError> {
    let unreadable = |reason: String| ChainError::Unreadable {
        name: settings.name.clone(),
        component: settings.component.clone(),
        reason,
    };
    if settings.is_remote() {
        return remote(settings).await.map_err(|error| unreadable(error.to_string()));
    }
    let Some(name) = settings.builtin() else {
        let read = component_file::read(Path::new(&settings.component)).await;
        return read.map_err(|error| unreadable(error.to_string()));
    };
    builtin(name)
        .map(<[u8]>::to_vec)
        .ok_or_else(|| unreadable(format!("there are: {}", BUILTINS.map(|name| format!("builtin:{name}")).join(", "))))
}

/// From a registry, or as it was fetched from there before.
async fn remote(settings: &Settings) -> Result<Vec<u8>, registry::PullError> {
    let reference = Reference::parse(&settings.component)?;
    let pin = settings.sha256.as_deref();
    let fetched = registry::fetch(&reference, pin, &settings.registry, &settings.fetched).await?;
    Ok(fetched.bytes)
}

/// The SHA-256 of a component, in hex; the one that is pinned, if one is.
pub(super) fn digest(settings: &Settings, bytes: &[u8]) -> Result<String, ChainError> {
    let found = hex::encode(Sha256::digest(bytes));
    match &settings.sha256 {
        Some(pinned) if !pinned.eq_ignore_ascii_case(&found) => Err(ChainError::OtherBytes {
            name: settings.name.clone(),
            component: settings.component.clone(),
            pinned: pinned.clone(),
            found,
        }),
        _ => Ok(found),
    }
}
