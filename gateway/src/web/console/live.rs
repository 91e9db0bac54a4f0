//! `/console/live`: says when what a page shows is not what there is any more, so that the page asks again.
//!
//! After each commit here, but not more often than twice a second, what the page shows is looked at; where other
//! gateways share the database, also every few seconds. Nothing of it is told but that it changed.

use std::collections::hash_map::DefaultHasher;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use uuid::Uuid;

use super::inbox::{SHOWN, cursor, filter};
use super::posted::Fields;
use super::session::Visitor;
use super::thread::MOST;
use super::trouble::Trouble;
use crate::message::{ConversationId, MessageId};
use crate::store::InboxFilter;
use crate::web::App;
use crate::web::listening::{News, Pace, Seat};

const PACE: Pace =
    Pace { together: Duration::from_millis(500), often: Duration::from_secs(5), seldom: Duration::from_secs(30) };

/// What a page shows.
enum View {
    Inbox(Fields),
    Thread(ConversationId, MessageId),
    Bulk(Uuid),
}

struct Watch {
    app: App,
    visitor: Visitor,
    view: View,
    news: News,
    seen: Option<u64>,
    _seat: Seat,
}

/// `GET /console/live`: with `conversation` and `from` about a thread, with `bulk` about a bulk send, else
/// about the inbox.
pub(super) async fn stream(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let seat = app.console.0.live.take(&visitor.session.hash).ok_or(Trouble::Unavailable)?;
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let view = match (fields.get("conversation"), fields.get("bulk")) {
        ("", "") => View::Inbox(fields),
        ("", id) => View::Bulk(id.parse().map_err(|_| Trouble::NotFound)?),
        (id, _) => {
            let id: Uuid = id.parse().map_err(|_| Trouble::NotFound)?;
            View::Thread(ConversationId(id), MessageId(fields.get("from").parse().unwrap_or(Uuid::nil())))
        }
    };
    let news = News::of(&app, PACE);
    let watch = Watch { app, visitor, view, news, seen: None, _seat: seat };
    let events = stream::unfold(watch, |mut watch| async move {
        watch.changed().await.then(|| (Ok::<_, Infallible>(Event::default().event("changed").data("changed")), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Watch {
    /// Waits until something else is to be shown. The first time it is at once: something may have changed since
    /// the page was made. False if there is nothing more to wait for.
    async fn changed(&mut self) -> bool {
        loop {
            self.news.looking();
            let (Ok(true), Ok(now)) = (self.is_signed_in().await, self.look().await) else { return false };
            if self.seen != Some(now) {
                self.seen = Some(now);
                return true;
            }
            if !self.news.wait().await {
                return false;
            }
        }
    }

    async fn is_signed_in(&self) -> Result<bool, Trouble> {
        let session = self.app.store.session(&self.visitor.session.hash).await?;
        Ok(session.is_some_and(|session| self.app.clock.now() < session.expires_at))
    }

    /// A number that is another one when something else is to be shown.
    async fn look(&self) -> Result<u64, Trouble> {
        let store = &self.app.store;
        let mut hasher = DefaultHasher::new();
        match &self.view {
            View::Inbox(fields) => {
                // It looks after every commit, and texts are many: what is found by them is as it was when it was looked for.
                let filter = InboxFilter { but_texts: true, ..filter(fields, &self.visitor.session.user.name) };
                let page = store.inbox(&filter, cursor(fields.get("after")), SHOWN).await?;
                format!("{page:?}").hash(&mut hasher);
            }
            View::Bulk(id) => {
                let (bulk, counts) = (store.bulk(*id).await?, store.bulk_counts(*id).await?);
                format!("{bulk:?}{counts:?}").hash(&mut hasher);
            }
            View::Thread(id, from) => {
                let messages = store.messages_from(*id, *from, MOST).await?;
                let thread = store.thread(*id).await?;
                let notes = store.notes(*id).await?;
                format!("{messages:?}{thread:?}{notes:?}").hash(&mut hasher);
            }
        }
        Ok(hasher.finish())
    }
}
