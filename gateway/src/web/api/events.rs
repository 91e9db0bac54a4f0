//! `/v1/events`: what happens, as it happens, as server-sent events.
//!
//! What is sent is what endpoints are told, read from where it is kept; so whoever comes back with the id of the
//! last event goes on behind it, here or at another gateway on the same database.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::id;
use crate::events::fits;
use crate::message::{ConversationId, Scope};
use crate::store::{EventKind, StreamPlace, Streamed};
use crate::web::App;
use crate::web::auth::{Listener, may};
use crate::web::listening::{News, Pace, Seat};
use crate::web::openapi::{Conflict, Invalid, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

/// The header by which a browser says up to where it has heard.
const LAST: HeaderName = HeaderName::from_static("last-event-id");
/// How many events are read at once.
const PAGE: u64 = 100;
const PACE: Pace =
    Pace { together: Duration::from_millis(50), often: Duration::from_secs(1), seldom: Duration::from_secs(15) };
/// How soon a client that lost the connection comes back.
const RETRY: Duration = Duration::from_secs(2);

/// What a listener wants to hear.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Wishes {
    /// Names of events or patterns, with commas between: `message.received,conversation.*`. Else all.
    types: Option<String>,
    /// Of one conversation alone.
    #[param(value_type = Option<Uuid>)]
    conversation: Option<String>,
    /// As the header `Last-Event-ID`, for who can't set it; `0` is all that is kept.
    after: Option<String>,
}

/// What happens from now on, or from behind the event of `Last-Event-ID`, in the order in which it was committed.
/// Each has its `id`, its type as the `event`, and as its `data` what an endpoint is told. A key hears what its
/// scopes let it read: `messages:read` of messages (with their conversation, if it has `conversations:read`, too),
/// `conversations:read` of conversations, `channels:read` of
/// channels, `endpoints:read` of endpoints. `stream.missed` comes first where the event of `Last-Event-ID` is not
/// kept any more: there may have been others behind it. `stream.keep_h` in the settings says how long that is.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "events_listen",
    security(
        ("key" = ["messages:read"]), ("key" = ["conversations:read"]),
        ("key" = ["channels:read"]), ("key" = ["endpoints:read"])
    ),
    params(Wishes, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event heard")),
    responses(
        (status = 200, description = "Events, without an end", body = String, content_type = "text/event-stream"),
        Usual, Unread, Invalid, Conflict
    )
)]
pub(in crate::web) async fn listen(
    State(app): State<App>,
    listener: Listener,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let kinds = kinds(&listener, wishes.types.as_deref())?;
    let conversation = match &wishes.conversation {
        None => None,
        Some(text) => Some(ConversationId(id(text).ok_or_else(|| {
            Problem::invalid("conversation", "invalid", "`conversation` must be the id of a conversation")
        })?)),
    };
    let last = headers.get(LAST).map(|value| value.to_str().unwrap_or_default()).filter(|text| !text.is_empty());
    let after = last.or(wishes.after.as_deref()).filter(|text| !text.is_empty());
    let after = match after {
        None => After::Now,
        Some("0") => After::Start,
        Some(text) => After::Event(id(text).ok_or_else(|| {
            let name = if last.is_some() { "Last-Event-ID" } else { "after" };
            Problem::invalid(name, "invalid", format!("`{name}` must be the `id` of an event, or 0"))
        })?),
    };
    if !app.listeners.are_possible {
        return Err(Problem::no_stream());
    }
    let seat = app.listeners.seats.take(&listener.hash).ok_or_else(Problem::too_many_listeners)?;
    // Before the look, so that what is committed meanwhile is not missed.
    let news = News::of(&app, PACE);
    let mut ready = VecDeque::new();
    let place = begin(&app, after, &mut ready).await?;
    let hello = Event::default().retry(RETRY).comment("listening");
    // Whoever loses the connection before the first event goes on from here all the same: an id without data is
    // remembered. Not where something was missed, which is said again then.
    ready.push_front(if ready.is_empty() { hello.id(place.mark()) } else { hello });
    let mut listening = Listening {
        app,
        hash: listener.hash,
        sees_conversations: may(&listener.key, Scope::ConversationsRead),
        kinds,
        conversation,
        place,
        ready,
        news,
        is_over: false,
        _seat: seat,
    };
    // What can't be read is said before anything is sent.
    listening.read().await?;
    let events = stream::unfold(listening, |mut listening| async move {
        listening.next().await.map(|event| (Ok::<_, Infallible>(event), listening))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    let no = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    for (name, value) in no {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// From where on somebody wants to hear.
enum After {
    Now,
    Start,
    Event(Uuid),
}

async fn begin(app: &App, after: After, ready: &mut VecDeque<Event>) -> Result<StreamPlace, Problem> {
    let store = &app.store;
    let place = match after {
        After::Start => return Ok(StreamPlace::START),
        After::Now => store.stream_end().await,
        After::Event(event) => match store.stream_behind(event).await {
            Ok(Some(place)) => return Ok(place),
            Ok(None) => {
                ready.push_back(missed(event, app.clock.now()));
                return Ok(StreamPlace::START);
            }
            Err(error) => Err(error),
        },
    };
    place.map_err(|error| Problem::store(&error))
}

/// Without an id: who comes back says the same again.
fn missed(after: Uuid, now: Timestamp) -> Event {
    let data = json!({ "type": "stream.missed", "timestamp": now, "data": { "after": after } });
    Event::default().event("stream.missed").data(data.to_string())
}

fn scope(kind: EventKind) -> Option<Scope> {
    match kind {
        EventKind::MessageReceived | EventKind::MessageStatus => Some(Scope::MessagesRead),
        EventKind::ConversationUpdated => Some(Scope::ConversationsRead),
        EventKind::ChannelPaused | EventKind::ChannelResumed => Some(Scope::ChannelsRead),
        EventKind::EndpointDisabled => Some(Scope::EndpointsRead),
        // For the endpoint that the plugin names.
        EventKind::MessageForwarded => None,
    }
}

/// Of what is wished, what the key lets one hear.
fn kinds(listener: &Listener, types: Option<&str>) -> Result<BTreeSet<&'static str>, Problem> {
    let all = || EventKind::ALL.into_iter().filter_map(|kind| Some((kind, scope(kind)?)));
    let patterns: Vec<&str> = types.unwrap_or("*").split(',').map(str::trim).collect();
    for pattern in &patterns {
        if !all().any(|(kind, _)| fits(pattern, kind)) {
            let there: Vec<&str> = all().map(|(kind, _)| kind.as_str()).collect();
            let detail = format!("`types` has `{pattern}`, which fits no event; there are: {}", there.join(", "));
            return Err(Problem::invalid("types", "unknown-type", detail));
        }
    }
    let wished = || all().filter(|(kind, _)| patterns.iter().any(|pattern| fits(pattern, *kind)));
    let heard: BTreeSet<_> =
        wished().filter(|(_, scope)| may(&listener.key, *scope)).map(|(kind, _)| kind.as_str()).collect();
    match wished().next() {
        Some((_, scope)) if heard.is_empty() => Err(Problem::not_allowed(scope)),
        _ => Ok(heard),
    }
}

/// Without a message's conversation, for whom that is not to be seen.
fn alone(body: &str) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.remove("conversation");
    }
    body.to_string()
}

/// Somebody who listens.
struct Listening {
    app: App,
    hash: String,
    /// Else a message's conversation is left out.
    sees_conversations: bool,
    kinds: BTreeSet<&'static str>,
    conversation: Option<ConversationId>,
    /// Up to where was read.
    place: StreamPlace,
    /// What was read and is not sent yet.
    ready: VecDeque<Event>,
    news: News,
    /// The key lets in no more: what was read before is the last.
    is_over: bool,
    _seat: Seat,
}

impl Listening {
    /// The next event; none, when there is nothing more to wait for: the client comes back, and goes on.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // Also in the middle: the client comes back, and goes on.
            if self.news.are_over() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.news.looking();
            match self.read().await {
                Ok(0) if !self.news.wait().await => return None,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Reads on, if the key still lets in; how much there was.
    async fn read(&mut self) -> Result<usize, Problem> {
        let (app, now) = (&self.app, self.app.clock.now());
        if !app.keys.lets_in(&self.hash, now).await {
            self.is_over = true;
            return Ok(1);
        }
        let read = app.store.stream_from(self.place, PAGE).await.map_err(|error| Problem::store(&error))?;
        let number = read.len();
        for event in read {
            self.place = event.place;
            if self.is_wished(&event) {
                let Streamed { id, kind, body, .. } = event;
                let body = if self.sees_conversations { body } else { alone(&body) };
                self.ready.push_back(Event::default().id(id.to_string()).event(kind).data(body));
            }
        }
        if number > 0 && self.ready.is_empty() {
            // Of what is not wished, that it was heard.
            self.ready.push_back(Event::default().id(self.place.mark()));
        }
        Ok(number)
    }

    fn is_wished(&self, event: &Streamed) -> bool {
        self.kinds.contains(event.kind.as_str())
            && self.conversation.is_none_or(|wished| event.conversation_id == Some(wished))
    }
}
