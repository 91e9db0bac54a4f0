//! `/console`: all conversations, the one in which something happened last first.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;
use uuid::Uuid;

use super::page::{Page, shown};
use super::posted::Fields;
use super::session::Visitor;
use super::times::Times;
use super::trouble::Trouble;
use super::words::{self, ContactWords};
use crate::message::{ConversationStatus, Direction};
use crate::store::{InboxCursor, InboxFilter, InboxRow, Role, place};
use crate::web::App;

/// How many are on a page.
pub(super) const SHOWN: u64 = 30;

#[derive(Template)]
#[template(path = "inbox.html")]
struct Inbox {
    p: Page,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    is_filtered: bool,
    /// What was asked for, to be asked again.
    query: String,
    statuses: Vec<Choice>,
    channels: Vec<Choice>,
    assignees: Vec<Choice>,
    tag: String,
    search: String,
    unread: bool,
    /// What somebody has just done elsewhere.
    done: Option<&'static str>,
}

/// One of what may be chosen.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

struct Row {
    id: String,
    who: String,
    address: String,
    channel: String,
    unread: u32,
    text: String,
    /// Where what was searched for was said, if that is not in the text.
    said: Option<String>,
    is_ours: bool,
    /// Of what went out last.
    sent: Option<(&'static str, &'static str)>,
    status: (&'static str, &'static str),
    when: String,
    at: String,
    tags: Vec<String>,
    assignee: Option<String>,
}

/// `GET /console`
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = query.unwrap_or_default();
    let fields = Fields::read(query.as_bytes());
    let user = &visitor.session.user;
    let filter = filter(&fields, &user.name);
    let after = cursor(fields.get("after"));
    let (rows, next) = app.store.inbox(&filter, after, SHOWN).await?;
    let mut p = Page::of(&app, &visitor, "inbox", "");
    p.title = p.words.inbox.to_owned();
    let times = Times { words: p.words, zone: app.console.0.zone.clone(), now: app.clock.now() };
    let page = Inbox {
        rows: rows.into_iter().map(|row| to_row(row, fields.get("q"), &p, &times)).collect(),
        next: next.map(|next| with_cursor(&query, next)),
        is_first: after.is_none(),
        is_filtered: filter != InboxFilter { open: true, ..InboxFilter::default() },
        statuses: statuses(&p, fields.get("status")),
        channels: channels(&app, &p, fields.get("channel")),
        assignees: assignees(&app, &p, fields.get("assignee")).await?,
        tag: fields.get("tag").to_owned(),
        search: fields.get("q").to_owned(),
        unread: filter.unread,
        done: (fields.get("erased") == "yes").then(|| ContactWords::of(user.locale).erased),
        query,
        p,
    };
    shown(&page)
}

/// What the fields of the form ask for.
pub(super) fn filter(fields: &Fields, me: &str) -> InboxFilter {
    let given = |name: &str| Some(fields.get(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let status = ConversationStatus::from_word(fields.get("status"));
    InboxFilter {
        but_texts: false,
        status,
        open: status.is_none() && fields.get("status") != "all",
        channel: given("channel"),
        tag: given("tag"),
        assignee: match fields.get("assignee") {
            "" => None,
            "-" => Some(String::new()),
            "@" => Some(me.to_owned()),
            name => Some(name.to_owned()),
        },
        unread: fields.has("unread"),
        search: given("q"),
        contact: None,
    }
}

fn statuses(p: &Page, chosen: &str) -> Vec<Choice> {
    let all = [
        ("", p.words.open_ones),
        ("pending", p.words.pending),
        ("active", p.words.active),
        ("closed", p.words.closed),
        ("all", p.words.all_ones),
    ];
    choices(all.map(|(value, label)| (value.to_owned(), label.to_owned())), chosen)
}

fn channels(app: &App, p: &Page, chosen: &str) -> Vec<Choice> {
    let all = std::iter::once((String::new(), p.words.any_channel.to_owned()));
    choices(all.chain(app.channels.names().map(|name| (name.to_owned(), name.to_owned()))), chosen)
}

async fn assignees(app: &App, p: &Page, chosen: &str) -> Result<Vec<Choice>, Trouble> {
    let usual = [("", p.words.anybody), ("@", p.words.me), ("-", p.words.nobody)];
    let mut all: Vec<(String, String)> = usual.map(|(value, label)| (value.to_owned(), label.to_owned())).into();
    all.extend(workers(app).await?.into_iter().map(|name| (name.clone(), name)));
    // A plugin may have assigned it to somebody who is not here.
    if !all.iter().any(|(value, _)| value == chosen) {
        all.push((chosen.to_owned(), chosen.to_owned()));
    }
    Ok(choices(all, chosen))
}

/// Who may look after conversations, by name.
pub(super) async fn workers(app: &App) -> Result<Vec<String>, Trouble> {
    let users = app.store.users().await?.into_iter();
    let able = users.filter(|user| user.disabled_at.is_none() && user.role >= Role::Agent);
    Ok(able.map(|user| user.name).collect())
}

pub(super) fn choices(all: impl IntoIterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    let choice = |(value, label): (String, String)| Choice { chosen: value == chosen, value, label };
    all.into_iter().map(choice).collect()
}

fn to_row(row: InboxRow, search: &str, p: &Page, times: &Times) -> Row {
    let InboxRow { conversation, name, last, said } = row;
    let address = conversation.address.as_str().to_owned();
    let ours = last.as_ref().filter(|last| last.direction == Direction::Outbound);
    let text = last.as_ref().map_or("", |last| last.text.trim());
    let text = if text.is_empty() { p.words.picture_or_nothing.to_owned() } else { beginning(text) };
    let piece = search.trim();
    Row {
        id: conversation.id.to_string(),
        who: name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| address.clone()),
        address,
        channel: conversation.channel,
        unread: conversation.unread,
        is_ours: ours.is_some(),
        sent: ours.map(|last| (last.status.as_str(), words::status(p.locale(), last.status))),
        said: said.filter(|_| place(&text, piece).is_none()).map(|said| around(&said, piece)),
        text,
        status: (conversation.status.as_str(), p.words.conversation(conversation.status)),
        when: times.short(conversation.last_message_at),
        at: conversation.last_message_at.to_string(),
        tags: conversation.tags,
        assignee: conversation.assignee,
    }
}

/// Of a text, what fits a line.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 140;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

/// Of a text, what fits a line and has the piece in it.
fn around(text: &str, piece: &str) -> String {
    const BEFORE: usize = 40;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match place(&line, piece).unwrap_or(0).saturating_sub(BEFORE) {
        0 => beginning(&line),
        skipped => format!("…{}", beginning(&line.chars().skip(skipped).collect::<String>())),
    }
}

/// As written by `with_cursor`.
pub(super) fn cursor(text: &str) -> Option<InboxCursor> {
    let (at, id) = text.split_once('.')?;
    let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
    Some(InboxCursor { at, id: Uuid::parse_str(id).ok()? })
}

/// The same query for another page.
fn with_cursor(query: &str, cursor: InboxCursor) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after"));
    pairs.append_pair("after", &format!("{}.{}", cursor.at.as_millisecond(), cursor.id)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let at = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let cursor_of = InboxCursor { at, id: Uuid::from_u128(7) };
        let query = with_cursor("q=a%26b&after=old", cursor_of);
        let fields = Fields::read(query.as_bytes());
        assert_eq!(fields.get("q"), "a&b");
        assert_eq!(cursor(fields.get("after")), Some(cursor_of));
        for wrong in ["", "1", "a.b", "1.b", "99999999999999999999.x"] {
            assert_eq!(cursor(wrong), None);
        }
    }

    #[test]
    fn a_long_text_is_one_short_line() {
        assert_eq!(beginning("a\n\n b"), "a b");
        assert_eq!(beginning(&"ñ".repeat(200)).chars().count(), 141);
        assert_eq!(around("La Cita\nes hoy", "cita"), "La Cita es hoy");
        let long = format!("{} CITA {}", "ñ".repeat(100), "x".repeat(200));
        let shown = around(&long, "cita");
        assert!(shown.starts_with("…ñ") && shown.contains("ñ CITA x") && shown.ends_with("x…"), "{shown}");
        assert_eq!(around("dos  palabras", "dos  palabras"), "dos palabras", "which are not so in one line");
    }
}
