//! `/v1/channels`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

use super::List;
use super::messages::negotiate;
use crate::channels::Capabilities;
use crate::message::{Address, Locale};
use crate::store::Page;
use crate::web::App;
use crate::web::auth::Caller;

/// A channel as others see it.
#[derive(Serialize)]
pub(in crate::web) struct Shown {
    name: String,
    kind: &'static str,
    /// Null where the provider picks one.
    sender: Option<Address>,
    capabilities: Capabilities,
    state: Sending,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Reason>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Sending {
    Active,
    Paused,
}

/// Why a channel can't send for now, and what to do about it.
#[derive(Clone, Serialize)]
pub(in crate::web) struct Reason {
    paused_since: Timestamp,
    /// When it tries again.
    until: Timestamp,
    code: Option<i32>,
    title: Option<&'static str>,
    remedy: Option<&'static str>,
}

/// The channels that can't send for now.
pub(in crate::web) fn paused(app: &App, locale: Locale) -> BTreeMap<String, Reason> {
    let explained = |(name, pause): (String, crate::pauses::Pause)| {
        let explanation = pause.error.code.and_then(|code| app.channels.get(&name)?.explain(code, locale));
        let reason = Reason {
            paused_since: pause.since,
            until: pause.until,
            code: pause.error.code,
            title: explanation.map(|explanation| explanation.title),
            remedy: explanation.map(|explanation| explanation.remedy),
        };
        (name, reason)
    };
    app.pauses.all().into_iter().map(explained).collect()
}

/// `GET /v1/channels`: all of them, by name.
pub(in crate::web) async fn list(State(app): State<App>, _: Caller, headers: HeaderMap) -> Json<List<Shown>> {
    let mut paused = paused(&app, negotiate(&headers, app.locale));
    let shown = app.channels.iter().map(|(name, channel)| {
        let paused = paused.remove(name);
        Shown {
            name: name.to_owned(),
            kind: channel.kind(),
            sender: channel.sender().cloned(),
            capabilities: channel.capabilities(),
            state: if paused.is_some() { Sending::Paused } else { Sending::Active },
            paused,
        }
    });
    List::of(Page { items: shown.collect(), next: None })
}
