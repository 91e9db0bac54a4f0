//! `/v1/consents`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::messages::negotiate;
use super::read;
use crate::message::consent::{Choice, Source};
use crate::message::{Address, Locale};
use crate::store::{ConsentCursor, ConsentEvent, ConsentFilter, KnownConsent, NewConsent, Said};
use crate::web::auth::{Caller, ConsentsRead, ConsentsWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{API_BODY, App};

/// The most of a list that one call brings.
const MOST: usize = 500;
/// The longest note or proof, in characters.
const LONGEST: usize = 2000;
const USUAL_LIMIT: u64 = 50;
const MOST_LISTED: u64 = 200;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    address: Option<String>,
    channel: Option<String>,
    #[param(inline)]
    state: Option<Choice>,
    since: Option<Timestamp>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Of {
    address: String,
}

/// One page of consents, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::web) struct Consents {
    items: Vec<KnownConsent>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConsentHistory)]
pub(in crate::web) struct Ledger {
    items: Vec<ConsentEvent>,
}

/// What people allow, on each channel where they ever said so.
#[utoipa::path(
    get,
    path = "/v1/consents",
    tag = "consents",
    operation_id = "consents_list",
    security(("key" = ["consents:read"])),
    params(Filter),
    responses((status = 200, description = "A page", body = Consents), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ConsentsRead>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<Consents>, Problem> {
    let limit = filter.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MOST_LISTED).contains(&limit) {
        return Err(Problem::invalid("limit", "out-of-range", format!("`limit` must be 1 to {MOST_LISTED}")));
    }
    let cursor = match filter.cursor.as_deref() {
        None => None,
        Some(text) => Some(read_cursor(text).ok_or_else(|| {
            Problem::invalid("cursor", "unknown-cursor", "`cursor` must be a `next_cursor` that a list gave")
        })?),
    };
    let locale = negotiate(&headers, app.locale);
    let address = filter.address.map(|text| address(&app, &text, "address", locale)).transpose()?;
    let wanted = ConsentFilter { address, channel: filter.channel, state: filter.state, since: filter.since };
    let (items, next) = app.store.list_consents(wanted, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(Json(Consents { items, next_cursor: next.as_ref().map(write_cursor) }))
}

/// How that came about, oldest first.
#[utoipa::path(
    get,
    path = "/v1/consents/history",
    tag = "consents",
    operation_id = "consents_history",
    security(("key" = ["consents:read"])),
    params(Of),
    responses((status = 200, description = "All of it", body = Ledger), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn history(
    State(app): State<App>,
    _: Caller<ConsentsRead>,
    Query(of): Query<Of>,
    headers: HeaderMap,
) -> Result<Json<Ledger>, Problem> {
    let address = address(&app, &of.address, "address", negotiate(&headers, app.locale))?;
    let items = app.store.consent_history(&address).await.map_err(|error| Problem::store(&error))?;
    Ok(Json(Ledger { items }))
}

/// What an application says about somebody's consent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewConsent)]
#[serde(deny_unknown_fields)]
struct Saying {
    address: String,
    state: Choice,
    /// The only channel needs no naming.
    channel: Option<String>,
    /// `api`, `console` or `import`.
    source: Option<Source>,
    /// What there is to show for it: needed to opt in somebody who opted out by their own word.
    proof: Option<String>,
    note: Option<String>,
    /// When the person said so; now, where it is not set.
    at: Option<Timestamp>,
}

/// 201 where that is new, 200 where it was known.
#[utoipa::path(
    post,
    path = "/v1/consents",
    tag = "consents",
    operation_id = "consents_create",
    security(("key" = ["consents:write"])),
    request_body = Saying,
    responses((status = 201, description = "As it is now", body = KnownConsent), (status = 200, description = "It was known", body = KnownConsent), Usual, Unread, Invalid, TooLarge, NotFound)
)]
pub(in crate::web) async fn create(
    State(app): State<App>,
    caller: Caller<ConsentsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<KnownConsent>), Problem> {
    let saying: Saying = read(&read_body(body, API_BODY).await?)?;
    let locale = negotiate(&headers, app.locale);
    let new = new_consent(&app, saying, caller.key_id, Source::Api, locale).map_err(Wrong::told)?;
    let (channel, address) = (new.channel.clone(), new.address.clone());
    let action = match new.choice {
        Choice::OptedOut => "consent.opted_out",
        Choice::OptedIn => "consent.opted_in",
    };
    // By the line of the ledger that tells whose it is: numbers are in one place.
    let act = caller.act(&app, action, &new.id);
    let said = app.store.say_consents(vec![new], false, act).await.map_err(|error| Problem::store(&error))?.pop();
    let status = match said {
        Some(Said::NeedsProof(_)) => return Err(needs_proof(locale).told()),
        Some(Said::Known(known)) => return Ok((StatusCode::OK, Json(known))),
        Some(Said::Changed) | None => StatusCode::CREATED,
    };
    app.outbound.wake();
    let known = app.store.consents(&address).await.map_err(|error| Problem::store(&error))?;
    let known = known.into_iter().find(|known| known.channel == channel);
    known.map(|known| (status, Json(known))).ok_or_else(|| Problem::not_found("consent"))
}

/// A list that is brought along.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ConsentImport)]
#[serde(deny_unknown_fields)]
struct NewConsents {
    items: Vec<Line>,
    /// Says what would come of it, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// One of them, as the caller knows it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ConsentImportLine)]
struct Line {
    #[schema(value_type = u64)]
    line: u32,
    /// As of one alone; what is wrong with it is told, and keeps no other from being taken.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    saying: serde_json::Value,
}

/// What became of a list.
#[derive(Default, Serialize, utoipa::ToSchema)]
#[schema(as = ConsentsImported)]
pub(in crate::web) struct Imported {
    changed: u32,
    /// Known before, or overtaken by something newer.
    known: u32,
    errors: Vec<LineError>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConsentImportError)]
struct LineError {
    line: u32,
    column: String,
    code: String,
    problem: String,
}

/// Many at once. What is wrong with a line keeps no other from being taken.
#[utoipa::path(
    post,
    path = "/v1/consents/import",
    tag = "consents",
    operation_id = "consents_import",
    security(("key" = ["consents:write"])),
    request_body = NewConsents,
    responses((status = 200, description = "What became of each", body = Imported), Usual, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn import(
    State(app): State<App>,
    caller: Caller<ConsentsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let NewConsents { items, dry_run } = read(&read_body(body, API_BODY).await?)?;
    if items.len() > MOST {
        return Err(Problem::invalid("/items", "too-many", format!("`items` may have {MOST} at the most")));
    }
    let locale = negotiate(&headers, app.locale);
    let mut imported = Imported::default();
    let (mut lines, mut new) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for Line { line, saying } in items {
        let saying = read_line(&saying);
        match saying.and_then(|saying| new_consent(&app, saying, caller.key_id, Source::Import, locale)) {
            Ok(consent) => {
                lines.push(line);
                new.push(consent);
            }
            Err(wrong) => imported.errors.push(wrong.at(line)),
        }
    }
    let act = caller.act(&app, "consents.imported", &format!("lines: {}", new.len()));
    let said = app.store.say_consents(new, dry_run, act).await.map_err(|error| Problem::store(&error))?;
    for (line, said) in lines.into_iter().zip(said) {
        match said {
            Said::Changed => imported.changed += 1,
            Said::Known(_) => imported.known += 1,
            Said::NeedsProof(_) => imported.errors.push(needs_proof(locale).at(line)),
        }
    }
    imported.errors.sort_by_key(|error| error.line);
    app.outbound.wake();
    Ok(Json(imported))
}

/// With the column that is wrong, which an error of the whole would not tell.
fn read_line(saying: &serde_json::Value) -> Result<Saying, Wrong> {
    let field = |name: &str| saying.get(name).filter(|value| !value.is_null());
    if field("state").and_then(|state| Choice::from_word(state.as_str()?)).is_none() {
        return Err(Wrong::of("state", "invalid", "`state` must be opted_out or opted_in"));
    }
    if field("at").is_some_and(|at| Timestamp::deserialize(at).is_err()) {
        return Err(Wrong::of("at", "invalid", "`at` must be a time, as in 2026-11-28T10:00:00Z"));
    }
    if !field("address").is_some_and(serde_json::Value::is_string) {
        return Err(Wrong::of("address", "missing", "`address` must be a number or another address"));
    }
    Saying::deserialize(saying).map_err(|error| Wrong::of("", "invalid", error.to_string()))
}

/// What is wrong with one field.
struct Wrong {
    field: &'static str,
    code: String,
    problem: String,
}

impl Wrong {
    fn of(field: &'static str, code: &str, problem: impl Into<String>) -> Self {
        Self { field, code: code.to_owned(), problem: problem.into() }
    }

    fn told(self) -> Problem {
        Problem::invalid(&format!("/{}", self.field), &self.code, self.problem)
    }

    fn at(self, line: u32) -> LineError {
        LineError { line, column: self.field.to_owned(), code: self.code, problem: self.problem }
    }
}

fn needs_proof(locale: Locale) -> Wrong {
    let problem = match locale {
        Locale::Es => "esa persona se dio de baja ella misma: para darla de alta, di en `proof` qué lo prueba",
        Locale::En => "that person opted out by their own word: to opt them in, say in `proof` what there is to show",
    };
    Wrong::of("proof", "proof-needed", problem)
}

fn new_consent(app: &App, saying: Saying, key_id: Uuid, usual: Source, locale: Locale) -> Result<NewConsent, Wrong> {
    let now = app.clock.now();
    let address = Address::recipient(&saying.address, &app.region)
        .map_err(|refusal| Wrong::of("address", refusal.code(), refusal.reason(locale)))?;
    let channel = channel(app, saying.channel)?;
    let source = saying.source.unwrap_or(usual);
    if source.is_own() {
        let problem = "`source` must be api, console or import: what people say themselves comes in as a message";
        return Err(Wrong::of("source", "not-yours", problem));
    }
    let at = saying.at.unwrap_or(now);
    if at > now {
        return Err(Wrong::of("at", "in-the-future", "`at` is yet to come"));
    }
    let text = |field: &'static str, text: Option<String>| match text.map(|text| text.trim().to_owned()) {
        Some(text) if text.chars().count() > LONGEST => {
            Err(Wrong::of(field, "too-long", format!("`{field}` may have {LONGEST} characters at the most")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    };
    Ok(NewConsent {
        id: app.outbound.new_id(now),
        channel,
        address,
        choice: saying.state,
        source,
        proof: text("proof", saying.proof)?,
        note: text("note", saying.note)?,
        actor: Some(format!("key {key_id}")),
        at,
        now,
    })
}

/// The only channel needs no naming.
fn channel(app: &App, named: Option<String>) -> Result<String, Wrong> {
    let known: Vec<&str> = app.channels.names().collect();
    match (named.filter(|name| !name.is_empty()), known.as_slice()) {
        (None, [only]) => Ok((*only).to_owned()),
        (Some(name), known) if known.contains(&name.as_str()) => Ok(name),
        (_, known) => {
            let problem = format!("`channel` must be one of: {}", known.join(", "));
            Err(Wrong::of("channel", "unknown-channel", problem))
        }
    }
}

fn address(app: &App, text: &str, field: &str, locale: Locale) -> Result<Address, Problem> {
    Address::recipient(text, &app.region)
        .map_err(|refusal| Problem::invalid(field, refusal.code(), refusal.reason(locale)))
}

fn write_cursor(cursor: &ConsentCursor) -> String {
    hex::encode(format!("{}\n{}\n{}", cursor.at.as_millisecond(), cursor.channel, cursor.address))
}

fn read_cursor(text: &str) -> Option<ConsentCursor> {
    let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
    let mut parts = text.splitn(3, '\n');
    let at = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
    let (channel, address) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    (!text.contains('\0')).then_some(ConsentCursor { at, channel, address })
}
