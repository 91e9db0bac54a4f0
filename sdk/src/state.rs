//! What a plugin remembers from one message to the next.
//!
//! A value is a text below a key, and belongs to a conversation, to a contact or to the plugin
//! alone. Nothing is written at once: what a call wrote is committed together with the actions it
//! asks for, or, if it fails, not at all.
//!
//! ```
//! use std::time::Duration;
//!
//! use recado_sdk::state::{self, Scope};
//! use recado_sdk::{Decision, Failure};
//!
//! /// Asks for a name once, and takes the next text for it.
//! fn ask(text: &str) -> Result<Decision, Failure> {
//!     if state::get(Scope::Conversation, "asked")?.is_some() {
//!         state::delete(Scope::Conversation, "asked")?;
//!         return Ok(Decision::proceed().reply(format!("Mucho gusto, {text}.")));
//!     }
//!     state::set_for(Scope::Conversation, "asked", "name", Duration::from_secs(3600))?;
//!     Ok(Decision::proceed().reply("¿Cómo te llamas?"))
//! }
//!
//! let mut host = recado_sdk::testing::Host::new();
//! assert_eq!(host.run(|| ask("hola")), Ok(Decision::proceed().reply("¿Cómo te llamas?")));
//! assert_eq!(host.run(|| ask("Ana")), Ok(Decision::proceed().reply("Mucho gusto, Ana.")));
//! ```

use std::time::Duration;

#[doc(inline)]
pub use crate::bindings::recado::plugin::state::{Failure, Scope};
use crate::clock::millis;

/// The value below a key; nothing if there is none, or if it was only to be remembered for a time
/// that has passed.
///
/// ```
/// use recado_sdk::state::{self, Scope};
///
/// assert_eq!(state::get(Scope::Contact, "step"), Ok(None));
/// ```
pub fn get(scope: Scope, key: &str) -> Result<Option<String>, Failure> {
    crate::host::state::get(scope, key)
}

/// Remembers a value until it is changed.
///
/// ```
/// use recado_sdk::state::{self, Scope};
///
/// recado_sdk::testing::Host::new().run(|| {
///     state::set(Scope::Contact, "step", "2")?;
///     // A call sees what it wrote itself.
///     assert_eq!(state::get(Scope::Contact, "step")?.as_deref(), Some("2"));
///     // Another scope has keys of its own.
///     assert_eq!(state::get(Scope::Global, "step")?, None);
///     Ok::<_, state::Failure>(())
/// })
/// # .unwrap();
/// ```
pub fn set(scope: Scope, key: &str, value: &str) -> Result<(), Failure> {
    crate::host::state::set(scope, key, value, None)
}

/// Remembers a value for a while.
///
/// ```
/// use std::time::Duration;
///
/// use recado_sdk::state::{self, Scope};
///
/// let day = Duration::from_secs(24 * 3600);
/// let mut host = recado_sdk::testing::Host::new();
/// host.run(|| state::set_for(Scope::Conversation, "greeted", "yes", day))?;
/// host.advance(day / 2);
/// assert_eq!(host.run(|| state::get(Scope::Conversation, "greeted"))?.as_deref(), Some("yes"));
/// host.advance(day / 2);
/// assert_eq!(host.run(|| state::get(Scope::Conversation, "greeted"))?, None);
/// # Ok::<_, state::Failure>(())
/// ```
pub fn set_for(scope: Scope, key: &str, value: &str, length: Duration) -> Result<(), Failure> {
    crate::host::state::set(scope, key, value, Some(millis(length)))
}

/// Forgets a value.
///
/// ```
/// use recado_sdk::state::{self, Scope};
///
/// recado_sdk::testing::Host::new().run(|| {
///     state::set(Scope::Contact, "step", "2")?;
///     state::delete(Scope::Contact, "step")?;
///     assert_eq!(state::get(Scope::Contact, "step")?, None);
///     Ok::<_, state::Failure>(())
/// })
/// # .unwrap();
/// ```
pub fn delete(scope: Scope, key: &str) -> Result<(), Failure> {
    crate::host::state::delete(scope, key)
}

/// Adds to a number, 0 if there is none, and gives the sum as seen from here.
///
/// What other conversations add at the same moment is not seen, but not lost either. Unlike a
/// [`get`] and a [`set`] it never makes the gateway decide a message again.
///
/// ```
/// use recado_sdk::state::{self, Scope};
///
/// let mut host = recado_sdk::testing::Host::new();
/// assert_eq!(host.run(|| state::add(Scope::Global, "orders", 1.0)), Ok(1.0));
/// assert_eq!(host.run(|| state::add(Scope::Global, "orders", 2.0)), Ok(3.0));
/// assert_eq!(host.run(|| state::get(Scope::Global, "orders")), Ok(Some("3".to_owned())));
/// ```
pub fn add(scope: Scope, key: &str, amount: f64) -> Result<f64, Failure> {
    crate::host::state::add(scope, key, amount)
}

/// Why a value of one's own type could not be read or kept.
#[cfg(feature = "json")]
#[derive(Debug)]
pub enum JsonFailure {
    /// The host's.
    State(Failure),
    /// What is remembered is of another type, or this type has no JSON form.
    Json(serde_json::Error),
}

/// The value below a key as a type of yours. With the feature `json`.
///
/// ```
/// use recado_sdk::state::{self, Scope};
///
/// #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
/// struct Order {
///     pizzas: u32,
///     street: Option<String>,
/// }
///
/// let mut host = recado_sdk::testing::Host::new();
/// let order = Order { pizzas: 2, street: None };
/// host.run(|| state::set_json(Scope::Conversation, "order", &order, None))?;
/// assert_eq!(host.run(|| state::get_json::<Order>(Scope::Conversation, "order"))?, Some(order));
/// assert!(host.run(|| state::get_json::<u32>(Scope::Conversation, "order")).is_err());
/// # Ok::<_, state::JsonFailure>(())
/// ```
#[cfg(feature = "json")]
pub fn get_json<T: serde::de::DeserializeOwned>(scope: Scope, key: &str) -> Result<Option<T>, JsonFailure> {
    let value = get(scope, key).map_err(JsonFailure::State)?;
    value.map(|value| serde_json::from_str(&value)).transpose().map_err(JsonFailure::Json)
}

/// Remembers a value of a type of yours, for a while or until it is changed. With the feature
/// `json`; [`get_json`] has an example.
#[cfg(feature = "json")]
pub fn set_json<T: serde::Serialize + ?Sized>(
    scope: Scope,
    key: &str,
    value: &T,
    length: Option<Duration>,
) -> Result<(), JsonFailure> {
    let text = serde_json::to_string(value).map_err(JsonFailure::Json)?;
    crate::host::state::set(scope, key, &text, length.map(millis)).map_err(JsonFailure::State)
}

#[cfg(feature = "json")]
impl std::fmt::Display for JsonFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(failure) => formatter.write_str(&reason(failure)),
            Self::Json(error) => write!(formatter, "a remembered value: {error}"),
        }
    }
}

#[cfg(feature = "json")]
impl std::error::Error for JsonFailure {}

#[cfg(feature = "json")]
impl From<JsonFailure> for crate::Failure {
    fn from(failure: JsonFailure) -> Self {
        Self::failed(failure)
    }
}

impl From<Failure> for crate::Failure {
    /// So that `?` works in a hook.
    ///
    /// ```
    /// use recado_sdk::{Failure, state};
    ///
    /// let failure = Failure::from(state::Failure::TooLarge(256));
    /// assert_eq!(failure, Failure::failed("state: the key or the value is longer than 256 bytes"));
    /// ```
    fn from(failure: Failure) -> Self {
        Self::failed(reason(&failure))
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::NoSuchScope => "state: there is no conversation here".to_owned(),
        Failure::TooLarge(bytes) => format!("state: the key or the value is longer than {bytes} bytes"),
        Failure::Quota(text) | Failure::Unavailable(text) => format!("state: {text}"),
    }
}
