//! One file per table. Private to the store: what leaves it are its own records.
#![expect(unreachable_pub, reason = "the derived code wants its types public")]

pub(super) mod addresses;
pub(super) mod api_keys;
pub(super) mod attempts;
pub(super) mod audit;
pub(super) mod authors;
pub(super) mod callbacks;
pub(super) mod consent_events;
pub(super) mod consents;
pub(super) mod contacts;
pub(super) mod conversations;
pub(super) mod endpoints;
pub(super) mod events;
pub(super) mod gateways;
pub(super) mod idempotency_keys;
pub(super) mod lookups;
pub(super) mod media;
pub(super) mod media_links;
pub(super) mod messages;
pub(super) mod notes;
pub(super) mod observations;
pub(super) mod parts;
pub(super) mod pauses;
pub(super) mod plugin_state;
pub(super) mod pulls;
pub(super) mod removals;
pub(super) mod reports;
pub(super) mod retention;
pub(super) mod retention_held;
pub(super) mod sessions;
pub(super) mod timers;
pub(super) mod traces;
pub(super) mod uploads;
pub(super) mod users;
