//! The writes, one file each. They run inside the writer's transaction and nowhere else.

mod again;
mod assigning;
mod authors;
mod bodies;
mod bulk_parts;
mod bulks;
mod callbacks;
mod calls;
mod cancel;
mod check;
mod claim;
pub(super) mod columns;
mod consent;
mod contact_import;
mod contacts;
mod conversation;
mod discarding;
mod dropped;
mod erasing;
mod events;
mod expiring;
mod files;
mod follow;
mod gate;
mod gateways;
mod handling;
mod inserting;
mod kept;
mod keys;
mod last_word;
pub(super) mod learned;
mod ledger;
mod links;
pub(super) mod locks;
pub(super) mod looks;
mod lookups;
mod matching;
mod media;
mod merging;
mod moves;
mod moving;
mod nights;
mod notes;
mod observe;
mod outbound_rows;
mod pausing;
mod people;
mod picking;
pub(super) mod planning;
mod plugin_configs;
pub(super) mod process;
mod pull;
mod reach;
mod reconcile;
pub(super) mod record;
mod redact;
mod removals;
mod reopening;
mod repeats;
mod reports;
mod retention;
mod retry;
mod rows;
mod senders;
mod sessions;
mod settle;
mod sizes;
mod state;
mod stream;
pub(super) mod submit;
mod tell;
mod templates;
mod timers;
mod traces;
mod uploads;
mod users;

use jiff::Timestamp;
use sea_orm::Set;
use serde_json::Value;

pub use bulks::Next;
pub(super) use callbacks::OPEN as OPEN_CALLBACKS;
pub(super) use events::QUEUE as EVENTS;
pub use gateways::{Beat, Orphans};
pub use keys::NewKey;
pub(super) use outbound_rows::starting_status;
pub(super) use reach::{OF_BUSINESS, OF_CHANNEL};
pub(super) use removals::OPEN as OPEN_REMOVALS;
pub use senders::Adopting;
#[cfg(test)]
#[cfg(test)]
pub(super) use senders::Among;
pub(super) use settle::read;
pub(super) use sizes::filled;

use super::entities;
use super::media::MediaState;

/// The most rows that one statement changes or looks for: databases take so many values in one, and no more.
const CHUNK: usize = 500;

pub(super) fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(super) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Postgres takes no NUL in a text. What a provider, an application or a plugin put there must not
/// keep the rest from being stored.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

fn storable_json(json: Value) -> Value {
    match json {
        Value::String(text) => Value::String(storable(&text)),
        Value::Array(items) => items.into_iter().map(storable_json).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (storable(&name), storable_json(value))).collect()
        }
        other => other,
    }
}

/// Rows of `media` for one message; with a time, they are to be fetched from then on.
fn media_rows<'a>(
    message_id: uuid::Uuid,
    due_at: Option<Timestamp>,
    items: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> impl Iterator<Item = entities::media::ActiveModel> {
    let state = if due_at.is_some() { MediaState::Wanted } else { MediaState::Linked };
    items.enumerate().map(move |(position, (url, content_type))| entities::media::ActiveModel {
        message_id: Set(message_id),
        position: Set(i32::try_from(position).unwrap_or(i32::MAX)),
        url: Set(storable(url)),
        content_type: Set(content_type.map(storable)),
        state: Set(state.as_str().to_owned()),
        digest: Set(None),
        bytes: Set(None),
        sniffed_type: Set(None),
        tries: Set(0),
        due_at: Set(due_at.map(millis)),
        error: Set(None),
    })
}
