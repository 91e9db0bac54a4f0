//! Components from an OCI registry: fetched once, checked by their digest, and kept.
//!
//! What is pinned is looked for among what is kept before anybody is asked: a start works without the
//! registry, and a tag that moves changes nothing. Knows no settings but where a component is and how to
//! get at it, and nothing of what is in one.

mod challenge;
mod kept;
mod manifest;
mod pull;
mod reference;

use std::io;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::transport::Failure;
use kept::Kept;
use pull::Pull;
pub(super) use reference::SCHEME;
pub use reference::{BadReference, Reference};

/// `[plugins.registry]`: how to get at a component.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    #[serde(default)]
    pub user: Option<String>,
    /// A text, or `env:VARIABLE`.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Whether the registry may be asked by http://.
    #[serde(default)]
    pub insecure: bool,
}

/// Whether a reload finds it as it was.
impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        let password = |access: &Self| access.password.as_ref().map(|password| password.expose_secret().to_owned());
        (&self.user, self.insecure, password(self)) == (&other.user, other.insecure, password(other))
    }
}

/// Why a component can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Reference(#[from] BadReference),
    #[error("the registry can't be asked: {0}")]
    Away(Failure),
    #[error(
        "the registry refused ({status}): set `registry.user` and `registry.password` (or `--user`), if it wants to know who asks"
    )]
    Refused { status: u16 },
    #[error("`registry.user` or `registry.password` has characters in it that no header can have")]
    Credentials,
    #[error("the registry has no such component")]
    NotThere,
    #[error("the registry answered {status}")]
    Answered { status: u16 },
    #[error("the registry leads nowhere: {0}")]
    Lost(String),
    #[error("it would be fetched by http://, which `registry.insecure = true` would allow")]
    Insecure,
    #[error("{what} can't be read: {problem}")]
    Malformed { what: &'static str, problem: String },
    #[error("there is no component in it, or more than one; its layers are: {found}")]
    NoComponent { found: String },
    #[error("it has {size} bytes; {} are the most", manifest::LARGEST)]
    TooLarge { size: u64 },
    #[error("the registry gave more than the {most} bytes that there should be")]
    TooLong { most: usize },
    #[error("the registry gave other bytes than {what} by its digest")]
    OtherBytes { what: &'static str },
    #[error("the tag means the component with the SHA-256 {found} by now, and what is pinned is not kept here")]
    Moved { found: String },
    #[error("it can't be kept in the folder of `plugin_files.fetched`: {0}")]
    Keeping(io::Error),
}

/// A component that was fetched, or had been.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    /// SHA-256 of the component, in hex.
    pub sha256: String,
}

/// The component at a reference; with a pin, the one that has this SHA-256. It is kept in the folder.
pub async fn fetch(
    reference: &Reference,
    pin: Option<&str>,
    access: &Access,
    folder: &Path,
) -> Result<Fetched, PullError> {
    let kept = Kept::at(folder);
    let pin = pin.map(str::to_ascii_lowercase);
    if let Some(pin) = &pin
        && let Some(bytes) = kept.get(pin).await
    {
        return Ok(Fetched { bytes, sha256: pin.clone() });
    }
    let mut pull = Pull::new(reference, access);
    let manifest = match &reference.digest {
        Some(digest) => kept.get(digest).await,
        None => None,
    };
    let manifest = if let Some(manifest) = manifest {
        manifest
    } else {
        let (manifest, digest) = pull.manifest().await?;
        kept.put(&digest, &manifest).await.map_err(PullError::Keeping)?;
        manifest.into()
    };
    let layer = manifest::component(&manifest)?;
    if pin.is_some_and(|pin| pin != layer.sha256) {
        return Err(PullError::Moved { found: layer.sha256 });
    }
    if let Some(bytes) = kept.get(&layer.sha256).await {
        return Ok(Fetched { bytes, sha256: layer.sha256 });
    }
    let bytes = pull.component(&layer).await?;
    kept.put(&layer.sha256, &bytes).await.map_err(PullError::Keeping)?;
    Ok(Fetched { bytes: bytes.into(), sha256: layer.sha256 })
}
