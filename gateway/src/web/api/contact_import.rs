//! `/v1/contacts/import`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{LONGEST_NAME, Wrong, line, value, word};
use super::messages::negotiate;
use super::read;
use crate::message::{Address, ContactId, Locale};
use crate::store::{ContactLine, LineCame, MOST_ATTRIBUTES};
use crate::web::auth::{Caller, ContactsWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Invalid, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::{API_BODY, App};

/// The most lines that one call brings.
const MOST: usize = 500;

/// A list of people that is brought along.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ContactImport)]
#[serde(deny_unknown_fields)]
struct NewContacts {
    #[schema(max_items = 500)]
    items: Vec<Line>,
    /// Says what would come of it, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// One of them, as the caller knows it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ContactImportLine)]
struct Line {
    #[schema(value_type = u64)]
    line: u32,
    /// `address`, perhaps `name` and `attributes`. What is wrong with it is told, and keeps no other from being taken.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

/// What became of a list.
#[derive(Default, Serialize, utoipa::ToSchema)]
#[schema(as = ContactsImported)]
pub(in crate::web) struct Imported {
    created: u32,
    changed: u32,
    /// All of these lines was known before.
    known: u32,
    /// What became of each line that was taken.
    lines: Vec<Came>,
    errors: Vec<LineError>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ContactImportCame)]
struct Came {
    line: u32,
    /// `created`, `changed` or `known`.
    outcome: &'static str,
    /// Null where a dry run would create one.
    contact_id: Option<ContactId>,
    /// What is another: `name`, or the names of attributes.
    changed: Vec<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ContactImportError)]
struct LineError {
    line: u32,
    column: String,
    code: String,
    problem: String,
}

/// Many at once. Who has an address that is known is changed as the line says, everybody else is created. The same
/// list again changes nothing; what is wrong with a line keeps no other from being taken.
#[utoipa::path(
    post,
    path = "/v1/contacts/import",
    tag = "contacts",
    operation_id = "contacts_import",
    security(("key" = ["contacts:write"])),
    request_body = NewContacts,
    responses((status = 200, description = "What became of each", body = Imported), Usual, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn import(
    State(app): State<App>,
    caller: Caller<ContactsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let NewContacts { items, dry_run } = read(&read_body(body, API_BODY).await?)?;
    if items.len() > MOST {
        return Err(Problem::invalid("/items", "too-many", format!("`items` may have {MOST} at the most")));
    }
    let locale = negotiate(&headers, app.locale);
    let mut imported = Imported::default();
    let (mut numbers, mut lines) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for Line { line, fields } in items {
        match contact(&app, &fields, locale) {
            Ok(contact) => {
                numbers.push(line);
                lines.push(contact);
            }
            Err((column, wrong)) => imported.errors.push(LineError::of(line, column, wrong)),
        }
    }
    let ids: Vec<ContactId> = lines.iter().map(|line| line.id).collect();
    let act = caller.act(&app, "contacts.imported", &format_args!("{} lines", lines.len()));
    let came = app.store.import_contacts(lines, dry_run, act).await.map_err(|error| Problem::store(&error))?;
    for ((number, id), came) in numbers.into_iter().zip(ids).zip(came) {
        imported.take(number, (!dry_run).then_some(id), came);
    }
    imported.errors.sort_by_key(|error| error.line);
    Ok(Json(imported))
}

impl Imported {
    fn take(&mut self, line: u32, new: Option<ContactId>, came: LineCame) {
        let (outcome, contact_id, changed) = match came {
            LineCame::Created => {
                self.created += 1;
                ("created", new, Vec::new())
            }
            LineCame::Changed { id, what } => {
                self.changed += 1;
                ("changed", Some(id), what)
            }
            LineCame::Known { id } => {
                self.known += 1;
                ("known", Some(id), Vec::new())
            }
            LineCame::TooMany { .. } => {
                self.errors.push(LineError::of(line, String::new(), too_many()));
                return;
            }
        };
        self.lines.push(Came { line, outcome, contact_id, changed });
    }
}

impl LineError {
    fn of(line: u32, column: String, Wrong(code, problem): Wrong) -> Self {
        Self { line, column, code: code.to_owned(), problem }
    }
}

fn too_many() -> Wrong {
    let problem = format!("a contact has {MOST_ATTRIBUTES} attributes at the most: leave some columns out");
    Wrong("too-many", problem)
}

/// What a line says; or the column that is wrong, and why.
fn contact(app: &App, fields: &Map<String, Value>, locale: Locale) -> Result<ContactLine, (String, Wrong)> {
    if let Some(name) = fields.keys().find(|name| !["address", "name", "attributes"].contains(&name.as_str())) {
        let problem = "there are address, name and attributes".to_owned();
        return Err((name.clone(), Wrong("unknown-field", problem)));
    }
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err((name.to_owned(), Wrong("invalid", "must be a text".to_owned()))),
    };
    let (address, name) = (text("address")?, text("name")?);
    let attributes: BTreeMap<String, String> = match fields.get("attributes") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(given) => serde_json::from_value(given.clone())
            .map_err(|_| ("attributes".to_owned(), Wrong("invalid", "must be texts by name".to_owned())))?,
    };
    checked(app, address, name, attributes, locale)
}

/// A line as it is taken; or the column that is wrong, and why.
pub(in crate::web) fn checked(
    app: &App,
    address: Option<&str>,
    name: Option<&str>,
    attributes: BTreeMap<String, String>,
    locale: Locale,
) -> Result<ContactLine, (String, Wrong)> {
    let in_column = |column: &str| {
        let column = column.to_owned();
        move |wrong| (column, wrong)
    };
    let missing = || ("address".to_owned(), Wrong("missing", "a number or another address is missing".to_owned()));
    let address = Address::recipient(address.ok_or_else(missing)?, &app.region)
        .map_err(|refusal| ("address".to_owned(), Wrong(refusal.code(), refusal.reason(locale))))?;
    if let Some(name) = name {
        line(name, LONGEST_NAME).map_err(in_column("name"))?;
    }
    for (name, text) in &attributes {
        word(name).and_then(|()| value(text)).map_err(in_column(name))?;
    }
    if attributes.len() > MOST_ATTRIBUTES {
        return Err((String::new(), too_many()));
    }
    let name = name.map(str::to_owned);
    Ok(ContactLine { id: ContactId(app.ids.next(app.clock.now())), address, name, attributes })
}
