//! What a trace keeps of a plugin's call: enough to explain it, and never more than fits, whatever the
//! plugin said.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Link, Ran};
use crate::actions::Changes;
use crate::message::MAX_MEDIA;
use crate::plugins::{Effects, StateChange};

/// The most of a value that a trace repeats, in bytes.
const SHOWN: usize = 256;
/// The same of a message's text: none that can be sent is longer.
const SHOWN_TEXT: usize = 64 * 1024;
/// The same of a medium's address.
const SHOWN_URL: usize = 4 * 1024;

impl Link {
    /// One call, for the trace.
    pub(super) fn ran(&self, mut decision: Value, effects: &Effects, error: Option<String>, duration: Duration) -> Ran {
        if let Some(fields) = decision.as_object_mut() {
            if !effects.log.is_empty() {
                fields.insert("log".to_owned(), json!(effects.log));
            }
            if !effects.fetches.is_empty() {
                fields.insert("fetches".to_owned(), json!(effects.fetches));
            }
            if !effects.changes.is_empty() && error.is_none() {
                let changes: Vec<Value> = effects.changes.iter().map(shortened).collect();
                fields.insert("state".to_owned(), changes.into());
            }
        }
        Ran { plugin: self.name.clone(), manifest: self.plugin.manifest().clone(), decision, error, duration }
    }
}

/// What is to be different about a message.
pub(super) fn changes(wanted: &Changes) -> Value {
    let Changes { text, media, channel, sender, send_at, tags, flow } = wanted;
    let short = |text: &Option<String>, most| text.as_deref().map(|text| cut_to(text, most).into_owned());
    let media = media.as_ref().map(|media| {
        // One more than can be sent shows that there were too many.
        media.iter().take(MAX_MEDIA + 1).map(|url| cut_to(url, SHOWN_URL)).collect::<Vec<_>>()
    });
    json!({
        "text": short(text, SHOWN_TEXT),
        "media": media,
        "channel": short(channel, SHOWN),
        "sender": short(sender, SHOWN),
        "send_at": send_at,
        "tags": tags,
        "flow": flow,
    })
}

/// A change of what is remembered: long values are cut, since a plugin may write one at each message.
fn shortened(change: &StateChange) -> Value {
    let mut told = json!(change);
    if let Some(Value::String(value)) = told.pointer_mut("/change/set/value") {
        *value = cut(value).into_owned();
    }
    told
}

/// The beginning of a long value, and how long it is.
pub(super) fn cut(value: &str) -> Cow<'_, str> {
    cut_to(value, SHOWN)
}

fn cut_to(value: &str, most: usize) -> Cow<'_, str> {
    if value.len() <= most {
        return value.into();
    }
    let (beginning, _) = value.split_at(value.floor_char_boundary(most));
    format!("{beginning}… ({} bytes)", value.len()).into()
}
