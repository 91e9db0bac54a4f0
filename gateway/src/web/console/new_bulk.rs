//! `/console/bulks/new`: a bulk send is written, looked at, and sent as it was looked at.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::composer::{Count, own_key};
use super::inbox::Choice;
use super::page::{self, Page, shown};
use super::posted::{Fields, Posted};
use super::recipients::{self, Unreadable};
use super::session::Visitor;
use super::thread::times;
use super::trouble::{Trouble, redirect};
use crate::bulks::{self, Content, Looked, NewBulk, TemplateOf};
use crate::message::{Priority, phone};
use crate::store::{CONSOLE_KEY, Idempotency, Role};
use crate::web::api::previews::Cost;
use crate::web::problem::Problem;
use crate::web::{App, BULK_BODY};

/// How many wrong lines are shown.
const WRONG: usize = 50;
/// How many templates there are to choose from.
const TEMPLATES: u64 = 500;
/// The longest name, in characters, and the longest text, in bytes.
const LONGEST_NAME: usize = 200;
const LONGEST_TEXT: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "new_bulk.html")]
struct NewPage {
    p: Page,
    form: Form,
    channels: Vec<Choice>,
    templates: Vec<Choice>,
    zone: String,
    count: Count,
    error: Option<String>,
    preview: Option<Preview>,
}

/// What is written so far.
struct Form {
    /// The same form sent twice is one bulk send.
    key: String,
    name: String,
    text: String,
    send_at: String,
    recipients: String,
}

struct Preview {
    /// What was looked at: anything else has to be looked at again.
    seen: String,
    valid: usize,
    wrong: usize,
    shown: Vec<Wrong>,
    hidden: usize,
    first: Option<First>,
}

struct Wrong {
    line: u32,
    to: String,
    reason: String,
}

struct First {
    to: String,
    text: String,
    count: Count,
    cost: String,
}

/// `GET /console/bulks/new`
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.must_be(Role::Agent)?;
    shown(&form(&app, &visitor, &Fields::default()).await?)
}

/// The form with what is in these fields.
async fn form(app: &App, visitor: &Visitor, fields: &Fields) -> Result<NewPage, Trouble> {
    let mut p = Page::of(app, visitor, "bulks", "");
    p.title = p.bulk.new.to_owned();
    let choice = |name: &str, label: &str, chosen: &str| Choice {
        value: name.to_owned(),
        label: label.to_owned(),
        chosen: name == chosen,
    };
    let channels = app.channels.names().map(|name| choice(name, name, fields.get("channel"))).collect();
    let mut templates = vec![choice("", p.bulk.no_template, fields.get("template"))];
    let known = app.store.template_names(TEMPLATES).await?;
    templates.extend(known.iter().map(|name| choice(name, name, fields.get("template"))));
    let text = fields.text("text");
    Ok(NewPage {
        channels,
        templates,
        zone: app.console.0.place.time_zone.clone(),
        count: Count::of(if text.len() > LONGEST_TEXT { "" } else { &text }),
        error: None,
        preview: None,
        form: Form {
            key: app.console.0.ids.next(app.clock.now()).to_string(),
            name: fields.get("name").to_owned(),
            text,
            send_at: fields.get("send_at").to_owned(),
            recipients: fields.text("recipients"),
        },
        p,
    })
}

/// `POST /console/bulks`: shows what would be sent; sends it if that was seen.
pub(super) async fn post(State(app): State<App>, posted: Posted<BULK_BODY>) -> Result<Response, Trouble> {
    let Posted { visitor, fields, is_partial, .. } = posted;
    visitor.must_be(Role::Agent)?;
    let mut page = form(&app, &visitor, &fields).await?;
    let seen = fingerprint(&fields);
    let wants_it_sent = fields.get("do") == "send";
    let read = read(&app, &page.p, &fields);
    let (mut new, lines) = match read {
        Ok(read) => read,
        Err(reason) => {
            page.error = Some(reason);
            return page::refused(&page);
        }
    };
    let (same, version) = fields.get("seen").rsplit_once('-').unwrap_or_default();
    let done = if wants_it_sent && same == seen {
        if let Some(wish) = &mut new.content.template {
            // That which was seen, whatever the template is by now.
            wish.version = version.parse().ok().filter(|version| *version > 0);
        }
        let key: Uuid = fields.get("key").parse().map_err(|_| Trouble::Unreadable)?;
        own_key(&app, &visitor).await?;
        let key = format!("{}/bulk/{key}", visitor.session.user.id);
        new.idempotency = Some(Idempotency { api_key_id: CONSOLE_KEY, key, fingerprint: seen.clone() });
        match app.bulks.take(new, visitor.act(&app, "bulk.created", &"")).await {
            Ok((id, _)) => return Ok(redirect(&format!("{}/bulks/{id}", app.console.0.base), is_partial)),
            Err(error) => Err(error),
        }
    } else {
        app.bulks.look(new, page.p.locale()).await
    };
    match done {
        Ok(looked) => {
            page.preview = Some(preview(&app, &page.p, looked, &lines, &seen));
            if wants_it_sent {
                page.error = Some(page.p.bulk.changed.to_owned());
                return page::refused(&page);
            }
            shown(&page)
        }
        Err(bulks::Error::Store(error)) => Err(error.into()),
        Err(error) => {
            page.error = Some(match &error {
                bulks::Error::HowMany(_) => page.p.bulk.how_many.to_owned(),
                bulks::Error::KeyReused => page.p.more.repeated.to_owned(),
                other => Problem::bulk(other, page.p.locale()).detail().to_owned(),
            });
            page::refused(&page)
        }
    }
}

/// The bulk send that is written there, and the line of each recipient; or what is wrong with it, in words.
fn read(app: &App, p: &Page, fields: &Fields) -> Result<(NewBulk, Vec<u32>), String> {
    let (name, template, text) = (fields.get("name"), fields.get("template"), fields.text("text"));
    if name.chars().count() > LONGEST_NAME {
        return Err(p.bulk.name_long.to_owned());
    }
    if template.is_empty() == text.trim().is_empty() {
        return Err(p.bulk.both_or_none.to_owned());
    }
    if text.len() > LONGEST_TEXT {
        return Err(p.more.unreadable.to_owned());
    }
    let send_at = match fields.get("send_at") {
        "" => None,
        at => Some(times(app, p).read(at).ok_or_else(|| p.words.bad_time.to_owned())?),
    };
    let list = recipients::read(&fields.text("recipients")).map_err(|why| match why {
        Unreadable::NoNumberColumn => p.bulk.no_number_column.to_owned(),
        Unreadable::ColumnNames => p.bulk.column_names.to_owned(),
        Unreadable::TooManyColumns(line) => format!("{} {line}.", p.bulk.too_many_columns),
        Unreadable::Quote(line) => format!("{} {line}.", p.bulk.open_quote),
    })?;
    let content = Content {
        channel: Some(fields.get("channel")).filter(|name| !name.is_empty()).map(str::to_owned),
        text: template.is_empty().then_some(text),
        template: (!template.is_empty()).then(|| TemplateOf { name: template.to_owned(), ..TemplateOf::default() }),
        priority: Priority::Bulk,
        ..Content::default()
    };
    let name = Some(name).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok((NewBulk { name, content, send_at, recipients: list.recipients, idempotency: None }, list.lines))
}

fn preview(app: &App, p: &Page, looked: Looked, lines: &[u32], seen: &str) -> Preview {
    let wrong = looked.wrong.len();
    let shown = looked.wrong.into_iter().take(WRONG).map(|one| Wrong {
        line: lines.get(one.position).copied().unwrap_or(0),
        to: one.to,
        reason: one.problem.detail,
    });
    let first = looked.first.map(|(to, text)| {
        let count = Count::of(&text);
        let number = Some(phone::inspect(&to, &app.region)).filter(|inspected| inspected.refusal().is_none());
        First { cost: Cost::of(count.segments, number, p.locale()).means, to, text, count }
    });
    let shown: Vec<Wrong> = shown.collect();
    let seen = format!("{seen}-{}", looked.version.unwrap_or(0));
    Preview { seen, valid: looked.valid, wrong, hidden: wrong - shown.len(), shown, first }
}

/// Of all that is sent.
fn fingerprint(fields: &Fields) -> String {
    let names = ["name", "channel", "template", "text", "send_at", "recipients"];
    let all: Vec<String> = names.iter().map(|name| fields.text(name).trim().to_owned()).collect();
    hex::encode(Sha256::digest(all.join("\0").as_bytes()))
}
