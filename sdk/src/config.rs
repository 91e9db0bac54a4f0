//! What the operator configured.

#[cfg(feature = "json")]
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "json")]
use serde::de::DeserializeOwned;

#[cfg(feature = "json")]
use crate::Failure;

/// What the operator configured, as a JSON document that fits the plugin's schema.
///
/// The gateway checks it against [`Manifest::config_schema`](crate::Manifest::config_schema) first, so what arrives is well-formed
/// and known; a plugin has only to read it, with `serde_json` for instance.
///
/// ```
/// recado_sdk::testing::with_config(r#"{"text":"Hola"}"#, || {
///     assert_eq!(recado_sdk::config(), r#"{"text":"Hola"}"#);
/// });
/// assert_eq!(recado_sdk::config(), "{}");
/// ```
pub fn config() -> String {
    crate::host::config::get()
}

/// The same as a type of yours; without any configuration, what an empty one would be. With the
/// feature `json`.
///
/// ```
/// use recado_sdk::{Failure, config_as, testing::with_config};
///
/// #[derive(Debug, PartialEq, serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Config {
///     text: String,
/// }
///
/// impl Default for Config {
///     fn default() -> Self {
///         Self { text: "Hola".to_owned() }
///     }
/// }
///
/// assert_eq!(config_as::<Config>(), Ok(Config::default()));
/// with_config(r#"{"text":"Buenas"}"#, || assert_eq!(config_as::<Config>().unwrap().text, "Buenas"));
/// with_config(r#"{"texto":"Buenas"}"#, || assert!(matches!(config_as::<Config>(), Err(Failure::BadConfig(_)))));
/// ```
#[cfg(feature = "json")]
pub fn config_as<T: DeserializeOwned>() -> Result<T, Failure> {
    read(&config())
}

#[cfg(feature = "json")]
fn read<T: DeserializeOwned>(json: &str) -> Result<T, Failure> {
    let json = if matches!(json.trim(), "" | "null") { "{}" } else { json };
    serde_json::from_str(json).map_err(Failure::bad_config)
}

/// The configuration as a type of yours, read once by each instance rather than at each call: worth it
/// where reading takes long or prepares something, such as a regular expression. An instance's
/// configuration never changes, so this is the one thing that a static may well keep. With the feature
/// `json`.
///
/// ```
/// use recado_sdk::{CachedConfig, testing::with_config};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     text: String,
/// }
///
/// static CONFIG: CachedConfig<Config> = CachedConfig::new();
///
/// with_config(r#"{"text":"Hola"}"#, || assert_eq!(CONFIG.get().unwrap().text, "Hola"));
/// // In tests, which have many configurations, it is read anew where it is another one.
/// with_config(r#"{"text":"Buenas"}"#, || assert_eq!(CONFIG.get().unwrap().text, "Buenas"));
/// ```
#[cfg(feature = "json")]
#[derive(Debug)]
pub struct CachedConfig<T>(Mutex<Option<Read<T>>>);

#[cfg(feature = "json")]
#[derive(Debug)]
struct Read<T> {
    json: String,
    config: Arc<T>,
}

#[cfg(feature = "json")]
impl<T: DeserializeOwned> CachedConfig<T> {
    /// Nothing is read yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The configuration; what [`config_as`] says of one that is no such type.
    pub fn get(&self) -> Result<Arc<T>, Failure> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cfg!(target_family = "wasm") {
            if let Some(Read { config, .. }) = &*read {
                return Ok(Arc::clone(config));
            }
        }
        let json = config();
        match &*read {
            Some(before) if before.json == json => Ok(Arc::clone(&before.config)),
            _ => {
                let config = Arc::new(self::read(&json)?);
                *read = Some(Read { json, config: Arc::clone(&config) });
                Ok(config)
            }
        }
    }
}

#[cfg(feature = "json")]
impl<T: DeserializeOwned> Default for CachedConfig<T> {
    fn default() -> Self {
        Self::new()
    }
}
