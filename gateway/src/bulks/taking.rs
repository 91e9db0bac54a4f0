//! Taking a bulk send: every recipient is looked at, and told what is wrong with them, before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Bulks, Error, MOST};
use crate::channels::Unsendable;
use crate::message::{Locale, Options, Priority};
use crate::outbound::{self, Outbound};
use crate::store::{self, Act, BulkTaken, DUPLICATE, Idempotency, NewRecipient, RecipientProblem, UsedTemplate};
use crate::templates::{Definition, Kept};

/// The farthest that one may be planned ahead.
const FARTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A bulk send as somebody wants it.
#[derive(Clone, Debug)]
pub struct NewBulk {
    pub name: Option<String>,
    pub content: Content,
    pub send_at: Option<Timestamp>,
    pub recipients: Vec<Recipient>,
    pub idempotency: Option<Idempotency>,
}

/// What all messages of a bulk send share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BulkContent)]
#[serde(default)]
pub struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateOf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<String>,
    #[serde(skip_serializing_if = "Options::is_default")]
    pub options: Options,
    pub priority: Priority,
}

/// A template, and what is put into it for everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SharedTemplate)]
#[serde(deny_unknown_fields)]
pub struct TemplateOf {
    pub name: String,
    /// The one that is current when the call is made, where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Value>,
}

/// Somebody whom it is to reach, and what is put into the template for them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, utoipa::ToSchema)]
#[schema(as = NewRecipient)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    pub to: String,
    pub locale: Option<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
}

impl Bulks {
    /// Takes a bulk send: when this returns, it is on disk, with who did it, whose subject is set here. True when
    /// the same call had been made before.
    pub async fn take(&self, mut new: NewBulk, mut act: Act) -> Result<(Uuid, bool), Error> {
        let parts = &self.0.parts;
        if let Some(call) = &new.idempotency
            && let Some(before) = parts.store.bulk_called_before(call).await?
        {
            return settled(before, Uuid::nil());
        }
        let now = parts.clock.now();
        let (look, recipients) = self.prepare(&mut new, parts.locale).await?;
        // Thousands of them take a while.
        let looked = tokio::task::spawn_blocking(move || look.all(recipients)).await;
        let recipients = looked.map_err(|error| Error::Broken(error.to_string()))??;
        let content = serde_json::to_value(&new.content).map_err(|error| Error::Broken(error.to_string()))?;
        let id = parts.ids.next(now);
        act.subject = id.to_string();
        let total = recipients.len();
        let NewBulk { name, send_at, idempotency, .. } = new;
        let kept = store::NewBulk { id, name, content, send_at, idempotency, recipients, at: now };
        let taken = settled(parts.store.take_bulk(kept, act).await?, id)?;
        tracing::info!(bulk_id = %taken.0, total, before = taken.1, "a bulk send was taken");
        self.0.due.notify_one();
        Ok(taken)
    }

    /// What would be told of each recipient, were it taken. Nothing is stored.
    pub async fn check(&self, mut new: NewBulk) -> Result<Vec<NewRecipient>, Error> {
        let (look, recipients) = self.prepare(&mut new, self.0.parts.locale).await?;
        let looked = tokio::task::spawn_blocking(move || look.all(recipients)).await;
        looked.map_err(|error| Error::Broken(error.to_string()))?
    }

    /// Checks what is the same for everybody, fixes the template's version, and takes the recipients out.
    pub(super) async fn prepare(&self, new: &mut NewBulk, locale: Locale) -> Result<(Look, Vec<Recipient>), Error> {
        let parts = &self.0.parts;
        if !(1..=MOST).contains(&new.recipients.len()) {
            return Err(Error::HowMany(new.recipients.len()));
        }
        if new.send_at.is_some_and(|at| at.duration_since(parts.clock.now()) > FARTHEST) {
            return Err(Error::TooFarAhead);
        }
        let template = match &mut new.content.template {
            None => None,
            Some(wish) => {
                let (used, definition) = parts.outbound.template(&wish.name, wish.version).await?;
                // From here on it is that version, whatever becomes of the template.
                wish.version = Some(used.version);
                // What is put in for everybody would be wrong for everybody.
                definition
                    .render(wish.locale.as_deref(), &wish.variables, Kept::Examples)
                    .map_err(outbound::Error::Template)?;
                Some((used, definition))
            }
        };
        // Each recipient gets a link of their own, once it is their turn.
        let mut content = new.content.clone();
        parts.outbound.stand_in(&mut content.media).await?;
        let look = Look { outbound: parts.outbound.clone(), content, template, locale };
        Ok((look, std::mem::take(&mut new.recipients)))
    }
}

fn settled(taken: BulkTaken, id: Uuid) -> Result<(Uuid, bool), Error> {
    match taken {
        BulkTaken::Stored => Ok((id, false)),
        BulkTaken::Before(id) => Ok((id, true)),
        BulkTaken::KeyReused => Err(Error::KeyReused),
    }
}

/// What recipients are looked at with.
pub(super) struct Look {
    outbound: Outbound,
    content: Content,
    template: Option<(UsedTemplate, Definition)>,
    locale: Locale,
}

impl Look {
    pub(super) fn all(&self, recipients: Vec<Recipient>) -> Result<Vec<NewRecipient>, Error> {
        let mut seen = BTreeSet::new();
        recipients.into_iter().map(|recipient| self.one(recipient, &mut seen)).collect()
    }

    /// The text that somebody gets.
    pub(super) fn text(&self, recipient: &Recipient) -> Result<String, outbound::Error> {
        let template = self.template.as_ref().map(|(used, definition)| (used.clone(), definition));
        Ok(request(&self.outbound, &self.content, template, recipient, None)?.text)
    }

    fn one(&self, recipient: Recipient, seen: &mut BTreeSet<String>) -> Result<NewRecipient, Error> {
        let template = self.template.as_ref().map(|(used, definition)| (used.clone(), definition));
        let request = request(&self.outbound, &self.content, template, &recipient, None);
        let checked = request.and_then(|request| self.outbound.check(request));
        let (to, problem) = match checked {
            Ok(address) if seen.insert(address.as_str().to_owned()) => (address.as_str().to_owned(), None),
            Ok(address) => {
                let detail = match self.locale {
                    Locale::Es => "este número ya está más arriba en la lista",
                    Locale::En => "this number is further up on the list",
                };
                let problem = RecipientProblem { code: DUPLICATE.to_owned(), detail: detail.to_owned() };
                (address.as_str().to_owned(), Some(problem))
            }
            Err(error) => match self.problem(&error) {
                Some(problem) => (recipient.to, Some(problem)),
                None => return Err(error.into()),
            },
        };
        let variables = (!recipient.variables.is_empty()).then(|| serde_json::json!(recipient.variables));
        Ok(NewRecipient { recipient: to, locale: recipient.locale, variables, problem })
    }

    /// What is wrong with one recipient; none for what would be wrong with all.
    fn problem(&self, error: &outbound::Error) -> Option<RecipientProblem> {
        let of_recipient = match error {
            outbound::Error::To(_) | outbound::Error::OtherAddress { .. } | outbound::Error::Template(_) => true,
            outbound::Error::Unsendable(Unsendable::TooLong { .. } | Unsendable::Empty) | outbound::Error::Nul => {
                self.template.is_some()
            }
            _ => false,
        };
        of_recipient.then(|| problem(error, self.locale))
    }
}

/// The message for one recipient.
pub(super) fn request(
    outbound: &Outbound,
    content: &Content,
    template: Option<(UsedTemplate, &Definition)>,
    recipient: &Recipient,
    bulk: Option<store::BulkPlace>,
) -> Result<outbound::Request, outbound::Error> {
    let mut request = outbound::Request {
        to: recipient.to.clone(),
        from: content.from.clone(),
        by_service: true,
        channel: content.channel.clone(),
        text: content.text.clone().unwrap_or_default(),
        media: content.media.clone(),
        send_at: None,
        options: content.options.clone(),
        priority: content.priority,
        idempotency: None,
        callback: None,
        origin: outbound::Origin::Api,
        template: None,
        bulk,
    };
    let Some((used, definition)) = template else {
        if let Some(name) = recipient.variables.keys().next() {
            return Err(outbound::Error::no_template_for(name));
        }
        return Ok(request);
    };
    let shared = content.template.as_ref();
    let locale = recipient.locale.as_deref().or(shared.and_then(|shared| shared.locale.as_deref()));
    let mut variables = shared.map(|shared| shared.variables.clone()).unwrap_or_default();
    variables.extend(recipient.variables.clone());
    outbound.fill(&mut request, used, definition, locale, &variables)?;
    Ok(request)
}

/// What a recipient is told.
pub(super) fn problem(error: &outbound::Error, locale: Locale) -> RecipientProblem {
    let (code, detail) = match error {
        outbound::Error::To(refusal) => (refusal.code().to_owned(), refusal.reason(locale)),
        outbound::Error::Template(faults) => match faults.first() {
            Some(fault) => (fault.code.clone(), fault.detail.clone()),
            None => ("not-rendered".to_owned(), error.to_string()),
        },
        outbound::Error::OtherAddress { .. } => ("not-of-this-channel".to_owned(), error.to_string()),
        outbound::Error::NoVerdict { plugin, reason } => {
            let detail = match locale {
                Locale::Es => format!("el plugin `{plugin}` debe ver el mensaje, y falló cada vez: {reason}"),
                Locale::En => format!("the plugin `{plugin}` must look at the message, and failed each time: {reason}"),
            };
            ("no-verdict".to_owned(), detail)
        }
        outbound::Error::Gate { refusal, .. } => (refusal.code().to_owned(), refusal.detail(locale)),
        outbound::Error::Unsendable(Unsendable::TooLong { .. }) => ("too-long".to_owned(), error.to_string()),
        outbound::Error::Unsendable(Unsendable::Empty) => ("empty".to_owned(), error.to_string()),
        _ => ("not-sendable".to_owned(), error.to_string()),
    };
    RecipientProblem { code, detail }
}
