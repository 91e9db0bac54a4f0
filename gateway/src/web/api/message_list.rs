//! `GET /v1/messages`

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::messages::{Explained, negotiate};
use super::{List, Paging, id};
use crate::message::{Address, ContactId, ConversationId, Direction, Locale, Status};
use crate::store::{MessageFilter, Page, Party};
use crate::web::App;
use crate::web::auth::{Caller, MessagesRead};
use crate::web::openapi::{Invalid, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    #[param(value_type = Option<Uuid>)]
    conversation: Option<String>,
    /// From or to this contact.
    #[param(value_type = Option<Uuid>)]
    contact: Option<String>,
    #[param(inline)]
    direction: Option<Direction>,
    channel: Option<String>,
    /// One of these, with commas between: `failed,undelivered`.
    #[param(example = "failed,undelivered")]
    status: Option<String>,
    /// The provider's number for what went wrong.
    #[param(minimum = -2_147_483_648, maximum = 2_147_483_647)]
    error_code: Option<i32>,
    /// From this number, in any usual form, or other address.
    from: Option<String>,
    /// To this number, in any usual form, or other address.
    to: Option<String>,
    /// Of this bulk send.
    #[param(value_type = Option<Uuid>)]
    bulk: Option<String>,
    /// Taken, or come in, at that time or later.
    since: Option<Timestamp>,
    /// Taken, or come in, before that time.
    until: Option<Timestamp>,
    /// Only what the gateway stopped trying to send.
    #[serde(default)]
    given_up: bool,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// Newest first, those that fit all that is asked for. By `direction`, `status`, `error_code`, and `from` or `to` of
/// who never wrote or was written to, a page looks through 20,000 messages at the most. So it may be shorter than
/// `limit`, or empty, and have a `next_cursor` all the same: older ones may fit. `since` tells where to stop. Those of a
/// conversation, of a contact, of somebody's number or of a bulk send are looked up instead.
#[utoipa::path(
    get,
    path = "/v1/messages",
    tag = "messages",
    operation_id = "messages_list",
    security(("key" = ["messages:read"])),
    params(Filter),
    responses((status = 200, description = "A page", body = List<Explained>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<List<Explained>>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let paging = Paging { limit: filter.limit, cursor: filter.cursor.clone() };
    page_of(&app, filter.wanted(&app, locale)?, &paging, locale).await
}

impl Filter {
    fn wanted(self, app: &App, locale: Locale) -> Result<MessageFilter, Problem> {
        let party = |name, text: Option<String>| text.map(|text| party(app, name, &text, locale)).transpose();
        Ok(MessageFilter {
            conversation: named("conversation", "a conversation", self.conversation)?.map(ConversationId),
            contact: named("contact", "a contact", self.contact)?.map(ContactId),
            direction: self.direction,
            channel: self.channel,
            statuses: self.status.as_deref().map(statuses).transpose()?.unwrap_or_default(),
            error_code: self.error_code,
            from: party("from", self.from)?,
            to: party("to", self.to)?,
            bulk: named("bulk", "a bulk send", self.bulk)?,
            since: self.since,
            until: self.until,
            given_up: self.given_up,
        })
    }
}

fn named(name: &str, what: &str, text: Option<String>) -> Result<Option<Uuid>, Problem> {
    let wrong = || Problem::invalid(name, "not-an-id", format!("`{name}` must be the id of {what}"));
    text.map(|text| id(&text).ok_or_else(wrong)).transpose()
}

fn statuses(text: &str) -> Result<Vec<Status>, Problem> {
    let status = |word: &str| Status::ALL.into_iter().find(|status| status.as_str() == word);
    let statuses = text.split(',').map(|word| {
        status(word.trim()).ok_or_else(|| {
            let there = Status::ALL.map(Status::as_str).join(", ");
            let detail = format!("`status` has `{}`, which is none; there are: {there}", word.trim());
            Problem::invalid("status", "unknown-status", detail)
        })
    });
    statuses.collect()
}

/// A number is read as that of a recipient is; what else may send has a short code or a name.
fn party(app: &App, name: &str, text: &str, locale: Locale) -> Result<Party, Problem> {
    let address = Address::recipient(text, &app.region).or_else(|refusal| {
        Address::sender(text).ok_or_else(|| Problem::invalid(name, refusal.code(), refusal.reason(locale)))
    })?;
    let is_ours = app.channels.iter().any(|(_, channel)| channel.sender() == Some(&address));
    Ok(Party { address, is_ours })
}

/// One page of messages, for this resource and those that have messages below them.
pub(super) async fn page_of(
    app: &App,
    filter: MessageFilter,
    paging: &Paging,
    locale: Locale,
) -> Result<Json<List<Explained>>, Problem> {
    let (cursor, limit) = paging.read()?;
    let page = app.store.messages(filter, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    let items = page.items.into_iter().map(|message| Explained::of(app, locale, message)).collect();
    Ok(List::of(Page { items, next: page.next }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statuses_are_read_as_a_list() {
        assert_eq!(statuses("failed").unwrap(), [Status::Failed]);
        assert_eq!(statuses("failed, undelivered").unwrap(), [Status::Failed, Status::Undelivered]);
        for wrong in ["", "failed,", "Failed", "gone", "failed;sent"] {
            let problem = json!(statuses(wrong).unwrap_err());
            assert_eq!(
                (&problem["status"], &problem["errors"][0]["pointer"]),
                (&json!(422), &json!("status")),
                "{wrong}"
            );
        }
    }
}
