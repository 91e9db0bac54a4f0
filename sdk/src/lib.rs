//! Write [Recado](https://github.com/recado/recado) plugins in Rust.
//!
//! A plugin is a type that implements [`Plugin`], handed to [`plugin!`](crate::plugin!). This one
//! greets whoever writes for the first time:
//!
//! ```
//! use recado_sdk::{Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin};
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     fn describe() -> Manifest {
//!         Manifest::new("greeter", env!("CARGO_PKG_VERSION")).description("Greets newcomers.")
//!     }
//!
//!     fn on_inbound(
//!         _message: InboundMessage,
//!         conversation: Conversation,
//!         _context: Context,
//!     ) -> Result<Decision, Failure> {
//!         if conversation.inbound_count > 1 {
//!             return Ok(Decision::proceed());
//!         }
//!         recado_sdk::log::info("a newcomer");
//!         Ok(Decision::proceed().reply("¡Hola!").tag("newcomer"))
//!     }
//! }
//!
//! recado_sdk::plugin!(Greeter);
//!
//! // The same code runs natively, so its tests are plain Rust.
//! let decision = Greeter::on_inbound(
//!     recado_sdk::testing::message("Buenas"),
//!     recado_sdk::testing::conversation(),
//!     recado_sdk::testing::context(),
//! );
//! assert_eq!(decision, Ok(Decision::proceed().reply("¡Hola!").tag("newcomer")));
//! ```
//!
//! `recado plugin build` makes a WebAssembly component of it. Every call may run in a fresh
//! sandbox: statics may survive from one call to the next or vanish, so nothing may depend on
//! them.
//!
//! - [`Decision`] and [`Verdict`] are what hooks give back; [`Action`] lists all that a plugin may ask
//!   for.
//! - [`state`], [`clock`], [`random`], [`fetch`] and [`log`] are what the gateway gives.
//! - [`testing`] stands in for the gateway in a plugin's own tests.
//!
//! The feature `json` adds [`config_as`], [`CachedConfig`] and their siblings for values of one's own types. The feature
//! `allocator`, on by default, saves a fresh sandbox from asking for memory; turn it off to bring
//! another allocator.
#![warn(missing_docs)]

#[cfg(all(feature = "allocator", target_arch = "wasm32", target_os = "unknown"))]
#[expect(unsafe_code, reason = "an allocator is unsafe by its nature")]
mod allocator;
#[doc(hidden)]
#[rustfmt::skip]
#[expect(unsafe_code, reason = "generated: the way over the boundary")]
#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
pub mod bindings;
pub mod channel;
pub mod clock;
mod component;
mod config;
pub mod fetch;
mod host;
pub mod log;
pub mod random;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod values;

#[doc(inline)]
pub use bindings::recado::plugin::types::{
    Action, Changes, Contact, Context, Conversation, ConversationStatus, Decision, Failure, Flow, Forward, Hooks,
    InboundMessage, Manifest, Media, MessageStatus, Origin, OutboundMessage, Outgoing, Reply, StartTimer, StatusReport,
    Timer, Verdict,
};
#[doc(hidden)]
pub use component::Component;
pub use config::config;
#[cfg(feature = "json")]
pub use config::{CachedConfig, config_as};

/// What a plugin does. The [crate's page](crate) has a whole one.
///
/// Only the hooks that the manifest names are called; the others need no code.
pub trait Plugin {
    /// What the plugin says of itself. Called once, when the gateway loads it.
    fn describe() -> Manifest;

    /// Decides what a message that came in should lead to.
    ///
    /// A failure is the operator's to see, never the sender's: the gateway logs it and does as the
    /// operator configured, which is to ask the next plugin unless told otherwise.
    fn on_inbound(
        _message: InboundMessage,
        _conversation: Conversation,
        _context: Context,
    ) -> Result<Decision, Failure> {
        Ok(Decision::proceed())
    }

    /// Looks at a message that is about to be sent, and may change or refuse it. Replies do not come
    /// here: they are the inbound plugins' own.
    fn on_outbound(
        _message: OutboundMessage,
        _conversation: Option<Conversation>,
        _context: Context,
    ) -> Result<Verdict, Failure> {
        Ok(Verdict::accept())
    }

    /// Decides what should follow from what became of a message.
    fn on_status(_report: StatusReport, _conversation: Conversation, _context: Context) -> Result<Decision, Failure> {
        Ok(Decision::proceed())
    }

    /// Decides what should follow from a timer of this plugin that ran out.
    fn on_timer(_timer: Timer, _conversation: Conversation, _context: Context) -> Result<Decision, Failure> {
        Ok(Decision::proceed())
    }
}

/// Makes a type that implements [`Plugin`] the one that this component exports. Once per crate.
///
/// Outside WebAssembly it exports nothing, so that the crate builds and tests like any other.
///
/// ```
/// # use recado_sdk::{Context, Conversation, Decision, Failure, InboundMessage, Manifest, Plugin};
/// struct Silent;
///
/// impl Plugin for Silent {
///     fn describe() -> Manifest {
///         Manifest::new("silent", "1.0.0")
///     }
///
///     fn on_inbound(_: InboundMessage, _: Conversation, _: Context) -> Result<Decision, Failure> {
///         Ok(Decision::proceed())
///     }
/// }
///
/// recado_sdk::plugin!(Silent);
/// ```
///
/// What is no plugin is refused, in WebAssembly and outside:
///
/// ```compile_fail,E0277
/// struct Nothing;
/// recado_sdk::plugin!(Nothing);
/// ```
#[macro_export]
macro_rules! plugin {
    ($plugin:ty) => {
        const _: () = {
            type Exported = $crate::Component<$plugin>;

            // Says in the plugin's own words what is missing, also where nothing is exported.
            const fn is_a_plugin<P: $crate::Plugin>() {}
            is_a_plugin::<$plugin>();

            #[cfg(target_family = "wasm")]
            $crate::bindings::export! { Exported with_types_in $crate::bindings }
        };
    };
}

/// The author's guide: its examples run, too.
#[cfg(all(doctest, feature = "json"))]
#[doc = include_str!("../README.md")]
struct Guide;
