//! `/v1/channels`

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::messages::negotiate;
use super::{List, read};
use crate::channels::{Capabilities, Channel};
use crate::message::{Address, Line, Locale};
use crate::store::{self, ByHand, Page};
use crate::web::App;
use crate::web::auth::{Caller, ChannelsRead, ChannelsWrite};
use crate::web::openapi::{Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;

/// A channel as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub(in crate::web) struct Shown {
    name: String,
    kind: &'static str,
    /// Where its requests go; null where that is not one place.
    provider_url: Option<String>,
    /// Null where the provider picks one.
    sender: Option<Address>,
    capabilities: Capabilities,
    /// Segments a second that its own sender or service sends at the most; null is no limit.
    segments_per_s: Option<f64>,
    /// What it is for now, since the provider said that it was too fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    slowed_to: Option<f64>,
    state: Sending,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Reason>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelState)]
#[serde(rename_all = "lowercase")]
enum Sending {
    Active,
    Paused,
}

/// Why a channel sends nothing for now, and what to do about it.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PauseReason)]
pub(in crate::web) struct Reason {
    by: By,
    pub(in crate::web) paused_since: Timestamp,
    /// When it tries again; null where somebody has to say so.
    pub(in crate::web) until: Option<Timestamp>,
    pub(in crate::web) code: Option<i32>,
    pub(in crate::web) title: Option<Cow<'static, str>>,
    pub(in crate::web) remedy: Option<Cow<'static, str>>,
    /// In the words of whoever paused it.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub(in crate::web) words: Option<String>,
}

/// Who paused it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PausedBy)]
#[serde(rename_all = "lowercase")]
enum By {
    /// The gateway, since the provider takes nothing.
    Fault,
    Hand,
}

impl Reason {
    pub(in crate::web) fn is_by_hand(&self) -> bool {
        self.by == By::Hand
    }

    /// Without what somebody wrote for those who work here.
    pub(in crate::web) fn for_strangers(self) -> Self {
        Self { words: None, ..self }
    }

    fn by_hand(name: &str, by_hand: ByHand, locale: Locale) -> Self {
        let (title, remedy) = match locale {
            Locale::Es => ("El canal está en pausa, a mano", format!("Continúa con `recado channel resume {name}`.")),
            Locale::En => ("The channel was paused by hand", format!("`recado channel resume {name}` ends that.")),
        };
        Self {
            by: By::Hand,
            paused_since: by_hand.since,
            until: None,
            code: None,
            title: Some(title.into()),
            remedy: Some(remedy.into()),
            words: by_hand.reason,
        }
    }
}

/// The channels that send nothing for now.
pub(in crate::web) async fn paused(app: &App, locale: Locale) -> Result<BTreeMap<String, Reason>, store::Error> {
    let silence = match locale {
        Locale::Es => "El proveedor no contesta",
        Locale::En => "The provider does not answer",
    };
    let explained = |(name, pause): (String, crate::pauses::Pause)| {
        let unexplained = pause.error.code.is_none().then_some(silence.into());
        let explanation = pause.error.code.and_then(|code| app.channels.get(&name)?.explain(code, locale));
        let reason = Reason {
            by: By::Fault,
            paused_since: pause.since,
            until: Some(pause.until),
            code: pause.error.code,
            title: explanation.map(|explanation| explanation.title.into()).or(unexplained),
            remedy: explanation.map(|explanation| explanation.remedy.into()),
            words: None,
        };
        (name, reason)
    };
    let mut all: BTreeMap<String, Reason> = app.pauses.all().into_iter().map(explained).collect();
    // A probe would not be made, so this is what it waits for.
    for (name, by_hand) in app.store.paused().await? {
        let reason = Reason::by_hand(&name, by_hand, locale);
        all.insert(name, reason);
    }
    Ok(all)
}

impl Shown {
    fn of(app: &App, name: &str, channel: &dyn Channel, paused: Option<Reason>) -> Self {
        let line = Line::of(name, channel.sender(), channel.known_as().service);
        let rate = app.rates.rate(&line, app.clock.now());
        Self {
            name: name.to_owned(),
            kind: channel.kind(),
            provider_url: channel.provider_url().map(str::to_owned),
            sender: channel.sender().cloned(),
            capabilities: channel.capabilities(),
            segments_per_s: rate.limit,
            slowed_to: rate.slowed_to,
            state: if paused.is_some() { Sending::Paused } else { Sending::Active },
            paused,
        }
    }
}

/// All of them, by name.
#[utoipa::path(
    get,
    path = "/v1/channels",
    tag = "channels",
    operation_id = "channels_list",
    security(("key" = ["channels:read"])),
    responses((status = 200, description = "As it is now", body = List<Shown>), Usual)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ChannelsRead>,
    headers: HeaderMap,
) -> Result<Json<List<Shown>>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let mut paused = paused(&app, locale).await.map_err(|error| Problem::store(&error))?;
    let shown = app.channels.iter().map(|(name, channel)| Shown::of(&app, name, channel.as_ref(), paused.remove(name)));
    Ok(List::of(Page { items: shown.collect(), next: None }))
}

/// Why somebody pauses a channel.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = PauseRequest)]
#[serde(deny_unknown_fields)]
struct Why {
    #[serde(default)]
    reason: Option<String>,
}

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// Nothing more is sent by it, until somebody resumes it. What is under way
/// just then comes to its end.
#[utoipa::path(
    post,
    path = "/v1/channels/{name}/pause",
    tag = "channels",
    operation_id = "channels_pause",
    security(("key" = ["channels:write"])),
    params(("name" = String, Path)),
    request_body = Option<Why>,
    responses((status = 200, description = "As it is now", body = Shown), Usual, NotFound, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn pause(
    State(app): State<App>,
    caller: Caller<ChannelsWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Shown>, Problem> {
    let Why { reason } = if body.is_empty() { Why::default() } else { read::<Option<Why>>(&body)?.unwrap_or_default() };
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let detail = format!("`reason` may have {LONGEST_REASON} characters at the most");
        return Err(Problem::invalid("/reason", "too-long", detail));
    }
    find(&app, &name)?;
    let act = caller.act(&app, "channel.paused", &name);
    if app.store.pause(&name, reason, act).await.map_err(|error| Problem::store(&error))? {
        tracing::info!(channel = name, "paused by hand");
    }
    one(&app, &name, negotiate(&headers, app.locale)).await
}

/// What waits is sent.
#[utoipa::path(
    post,
    path = "/v1/channels/{name}/resume",
    tag = "channels",
    operation_id = "channels_resume",
    security(("key" = ["channels:write"])),
    params(("name" = String, Path)),
    responses((status = 200, description = "As it is now", body = Shown), Usual, NotFound)
)]
pub(in crate::web) async fn resume(
    State(app): State<App>,
    caller: Caller<ChannelsWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Shown>, Problem> {
    find(&app, &name)?;
    let act = caller.act(&app, "channel.resumed", &name);
    if app.store.resume(&name, act).await.map_err(|error| Problem::store(&error))? {
        tracing::info!(channel = name, "resumed by hand");
    }
    let shown = one(&app, &name, negotiate(&headers, app.locale)).await?;
    app.outbound.wake();
    Ok(shown)
}

fn find<'a>(app: &'a App, name: &str) -> Result<&'a dyn Channel, Problem> {
    app.channels.get(name).map(AsRef::as_ref).ok_or_else(|| Problem::not_found("channel"))
}

/// As it is now, which this process knows from here on, too.
async fn one(app: &App, name: &str, locale: Locale) -> Result<Json<Shown>, Problem> {
    let by_hand = app.store.paused().await.map_err(|error| Problem::store(&error))?;
    app.pauses.set_by_hand(by_hand.into_keys());
    let mut paused = paused(app, locale).await.map_err(|error| Problem::store(&error))?;
    Ok(Json(Shown::of(app, name, find(app, name)?, paused.remove(name))))
}
