//! Twilio's Programmable Messaging, as a channel.
//!
//! Owns everything that is Twilio's: its settings, signature, forms, TwiML and REST answers. Does no I/O
//! and knows no flow: which webhooks are stored, or when a part is sent again, is decided elsewhere.

mod checkup;
mod claim;
mod consents;
pub mod errors;
mod events;
mod feedback;
mod form;
mod hosts;
mod listing;
mod lookup;
mod media;
mod options;
mod rates;
mod removal;
pub mod resource;
mod rest;
mod settings;
pub mod signature;
mod twiml;
mod webhook;
pub mod xml;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use secrecy::SecretString;

use super::{
    Answer, Capabilities, Channel, Checkup, Claim, Content, Declined, Event, Explanation, FedBack, Feedback, Harmless,
    Hop, KnownAs, LookedUp, Malformed, MediaRequest, NotFound, NotRemoved, Outbound, Outcome, Part, Records, Refused,
    Reply, Scope, Target, Unencodable, Unsendable, Untold, Verified, Webhook,
};
use crate::message::split::{LongText, split, truncate, utf16_units};
use crate::message::{Address, Locale, MAX_MEDIA, Options, Removal, segments};
use checkup::Reach;
use claim::Identity;
use hosts::Hosts;
use rest::{Rest, Sender};
pub use settings::{Problem, Settings};

/// An account at Twilio, and what it sends from.
#[derive(Debug)]
pub struct Twilio {
    tokens: Vec<SecretString>,
    identity: Identity,
    rest: Rest,
    media: media::Places,
    hosts: Hosts,
    reach: Reach,
    long_text: LongText,
    max_text_units: usize,
}

impl Twilio {
    pub fn build(settings: &Settings) -> Result<Self, Problem> {
        let account = settings.account_sid()?;
        let tokens = settings.tokens()?;
        let hosts = Hosts::of(settings)?;
        let rest = Rest {
            endpoint: hosts.messages(account)?,
            authorization: settings.authorization(account)?,
            sender: settings.sender()?,
            validity: settings.validity()?,
            smart_encoded: settings.smart_encoded,
        };
        let identity = settings.identity()?;
        let media = media::Places::new(&rest.endpoint, account, rest.authorization.clone());
        let max_text_units = settings.max_text_units()?;
        let reach = Reach {
            account: account.to_owned(),
            token: settings.token_authorization(account)?,
            has_key: settings.has_key(),
        };
        Ok(Self { tokens, identity, rest, media, hosts, reach, long_text: settings.long_text, max_text_units })
    }
}

impl Channel for Twilio {
    fn verify(&self, webhook: Webhook) -> Result<Verified, Refused> {
        webhook::verify(&self.tokens, &self.identity.account, &webhook)
    }

    fn parse(&self, verified: &Verified) -> Result<Vec<Event>, Malformed> {
        events::parse(verified)
    }

    fn answer(&self, replies: &[Reply]) -> Answer {
        Answer { content_type: "text/xml".into(), body: twiml::document(replies) }
    }

    /// Media ride the first part only.
    fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable> {
        let Outbound { text, media, options, .. } = outbound;
        options::check(outbound)?;
        if options.content.is_some() {
            return Ok(vec![Content { text: String::new(), media: Vec::new() }]);
        }
        if text.trim().is_empty() && media.is_empty() {
            return Err(Unsendable::Empty);
        }
        if media.len() > MAX_MEDIA {
            return Err(Unsendable::TooManyMedia { count: media.len(), limit: MAX_MEDIA });
        }
        let limit = self.max_text_units;
        let units = utf16_units(text);
        let texts = match self.long_text {
            _ if units <= limit => vec![text.clone()],
            LongText::Split => split(text, limit),
            LongText::Truncate => vec![truncate(text, limit)],
            LongText::Reject => return Err(Unsendable::TooLong { units, limit }),
        };
        if texts.len() > 1 && !options.persistent_action.is_empty() {
            let problem = format!("goes with one message alone, so with a text of at most {limit} UTF-16 units");
            return Err(Unsendable::Option { option: "persistent_action", problem });
        }
        let mut media = media.clone();
        Ok(texts.into_iter().map(|text| Content { text, media: std::mem::take(&mut media) }).collect())
    }

    /// What a Messaging Service is set to at Twilio can't be seen here.
    fn segments(&self, text: &str, options: &Options) -> u32 {
        let smart = options.smart_encoded.unwrap_or(self.rest.smart_encoded);
        let counted = if smart { segments::count(&segments::smart(text)) } else { segments::count(text) };
        u32::try_from(counted.segments).unwrap_or(u32::MAX)
    }

    fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable> {
        Ok(self.rest.encode(part))
    }

    fn decode(&self, response: &http::Response<Bytes>) -> Outcome {
        rest::decode(response)
    }

    fn harmless(&self) -> Harmless {
        rest::HARMLESS
    }

    fn cancel(&self, provider_id: &str) -> Option<http::Request<Bytes>> {
        self.rest.cancel(provider_id)
    }

    fn feedback(&self, provider_id: &str, feedback: Feedback) -> Option<http::Request<Bytes>> {
        self.rest.feedback(provider_id, feedback)
    }

    fn fed_back(&self, response: &http::Response<Bytes>) -> Result<FedBack, Declined> {
        feedback::decode(response)
    }

    fn media_request(&self, url: &str, hop: Hop) -> Result<MediaRequest, NotFound> {
        self.media.request(url, hop).ok_or(NotFound::Elsewhere)
    }

    fn sender(&self) -> Option<&Address> {
        self.rest.sender.address()
    }

    fn segments_per_s(&self, sender: &Address) -> Option<f64> {
        Some(rates::segments_per_s(sender))
    }

    /// Twilio's other ways to reach somebody are written as it writes them.
    fn takes(&self, recipient: &Address) -> bool {
        recipient.scheme().is_none_or(|scheme| matches!(scheme, "messenger" | "rcs" | "whatsapp"))
    }

    fn known_as(&self) -> KnownAs<'_> {
        let Identity { account, number, service } = &self.identity;
        KnownAs { account: Some(account), address: number.as_ref(), service: service.as_deref() }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_text_units: self.max_text_units,
            max_media: MAX_MEDIA,
            receipts: true,
            answer: Some(twiml::LIMITS),
            schedule: match self.rest.sender {
                Sender::Service(_) => Some(options::SCHEDULE),
                Sender::Address(_) => None,
            },
        }
    }

    fn kind(&self) -> &'static str {
        "twilio"
    }

    fn provider_url(&self) -> Option<&str> {
        Some(&self.hosts.api)
    }

    fn claims(&self, webhook: &Webhook) -> Option<Claim> {
        self.identity.claims(&webhook::peek(webhook)?)
    }

    fn look_up(&self, number: &Address) -> Option<http::Request<Bytes>> {
        lookup::encode(&self.hosts.lookups, &self.rest.authorization, number)
    }

    fn looked_up(&self, response: &http::Response<Bytes>) -> Result<LookedUp, Untold> {
        lookup::decode(response)
    }

    fn remove(&self, provider_id: &str, removal: Removal) -> Option<http::Request<Bytes>> {
        self.rest.remove(provider_id, removal)
    }

    fn removed(&self, removal: Removal, response: &http::Response<Bytes>) -> Result<(), NotRemoved> {
        removal::decode(removal, response)
    }

    fn checkup(&self, target: Target) -> Option<Box<dyn Checkup>> {
        Some(Box::new(checkup::Checkup::new(self, target)))
    }

    fn explain(&self, code: i32, locale: Locale) -> Option<Explanation> {
        errors::known(code).map(|known| known.explanation(locale))
    }

    fn fault(&self, code: i32) -> Option<Scope> {
        errors::known(code)?.fault()
    }

    fn is_too_fast(&self, code: i32) -> bool {
        rates::is_too_fast(code)
    }

    fn records(&self) -> Option<&dyn Records> {
        Some(&self.rest)
    }
}
