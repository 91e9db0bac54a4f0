//! The flow of looking a number up: check, cache, ask.
//!
//! Owns what is asked and how long an answer holds; must not know how a provider is asked. A number that
//! can't be one costs nothing, and the same number is not paid for twice within the cache's time.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::channels::{Channel, Channels, LookedUp, Untold};
use crate::clock::Clock;
use crate::message::phone::{self, Kind};
use crate::message::{Address, Locale, ProviderError};
use crate::store::{self, Store};
use crate::transport::Transport;

/// `[lookup]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many days an answer is taken for true; 0 asks every time.
    pub cache_days: u16,
}

/// How long an answer holds in which the provider had an error.
const PARTIAL: SignedDuration = SignedDuration::from_mins(10);

/// What somebody wants to know.
#[derive(Clone, Debug)]
pub struct Request {
    /// In any usual form.
    pub number: String,
    /// The country it is dialled in; none for the usual one.
    pub region: Option<String>,
    pub channel: Option<String>,
    /// Asks the provider even if the answer is known.
    pub fresh: bool,
    /// The language that errors are explained in.
    pub locale: Locale,
}

/// What is known of a number; what is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = NumberReport)]
pub struct Report {
    /// In E.164.
    pub number: String,
    pub valid: bool,
    pub country: Option<String>,
    pub national: Option<String>,
    /// The kind as far as the digits tell.
    pub kind: Kind,
    /// The kind of line as the provider calls it.
    pub line_type: Option<String>,
    pub carrier: Option<String>,
    pub mobile: Option<bool>,
    pub mobile_country_code: Option<String>,
    pub mobile_network_code: Option<String>,
    /// Why the provider takes the number for wrong.
    pub validation_errors: Vec<String>,
    pub source: Source,
    pub cached: bool,
    pub looked_up_at: Timestamp,
    /// Why the provider does not know the line.
    pub error: Option<Explained>,
}

/// Who told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LookupSource)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Provider,
    /// The digits alone: the channel's provider has no lookup.
    Local,
}

/// A provider's error in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProviderError)]
pub struct Explained {
    pub code: Option<i32>,
    pub title: String,
    pub remedy: Option<&'static str>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this is not a number")]
    Number(phone::Refusal),
    #[error("`{0}` is no country code; write two capitals, as in MX")]
    Region(String),
    #[error("there is no channel `{name}`; there are: {known}")]
    UnknownChannel { name: String, known: String },
    #[error("the provider refused the lookup")]
    Refused(Explained),
    #[error("the provider can't be asked now")]
    Away { after: Option<Duration>, reason: Explained },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What lookups are made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub region: String,
    pub settings: Settings,
}

/// Lookups. Cheap to clone.
#[derive(Clone)]
pub struct Lookup(Arc<Parts>);

impl Lookup {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub async fn look_up(&self, request: Request) -> Result<Report, Error> {
        let region = self.region(request.region.as_deref())?;
        let inspection = phone::inspect(&request.number, &region);
        let number = Address::parse(&request.number, &region).map_err(Error::Number)?;
        let (name, channel) = self.channel(request.channel)?;
        let told = self.told(&name, channel.as_ref(), &number, request.fresh, request.locale).await?;
        let Told { answer, source, cached, at } = told;
        let error = answer
            .error
            .map(|code| explain(channel.as_ref(), ProviderError { code: Some(code), message: None }, request.locale));
        Ok(Report {
            number: number.as_str().to_owned(),
            valid: answer.valid,
            country: answer.country.or(inspection.country),
            national: answer.national.or(inspection.national),
            kind: inspection.kind,
            line_type: answer.line_type,
            carrier: answer.carrier,
            mobile: answer.mobile,
            mobile_country_code: answer.mobile_country_code,
            mobile_network_code: answer.mobile_network_code,
            validation_errors: answer.validation_errors,
            source,
            cached,
            looked_up_at: at,
            error,
        })
    }

    async fn told(
        &self,
        name: &str,
        channel: &dyn Channel,
        number: &Address,
        fresh: bool,
        locale: Locale,
    ) -> Result<Told, Error> {
        let now = self.now();
        let Some(request) = channel.look_up(number) else {
            let answer = LookedUp { valid: true, ..LookedUp::default() };
            return Ok(Told { answer, source: Source::Local, cached: false, at: now });
        };
        if !fresh && let Some((answer, at)) = self.kept(name, number, now).await? {
            return Ok(Told { answer, source: Source::Provider, cached: true, at });
        }
        let response = self.0.transport.send(request).await.map_err(|failure| Error::Away {
            after: None,
            reason: Explained { code: None, title: failure.to_string(), remedy: None },
        })?;
        let answer = channel.looked_up(&response).map_err(|untold| match untold {
            Untold::Refused(error) => Error::Refused(explain(channel, error, locale)),
            Untold::Later { after, error } => Error::Away { after, reason: explain(channel, error, locale) },
        })?;
        self.keep(name, number, &answer, now).await;
        Ok(Told { answer, source: Source::Provider, cached: false, at: now })
    }

    async fn kept(
        &self,
        channel: &str,
        number: &Address,
        now: Timestamp,
    ) -> Result<Option<(LookedUp, Timestamp)>, Error> {
        let kept = self.0.store.kept_lookup(channel, number).await?;
        Ok(kept.and_then(|(answer, at)| {
            // What an older version kept in another form is asked anew.
            let answer: LookedUp = serde_json::from_value(answer).ok()?;
            (now.duration_since(at) < self.holds(&answer)).then_some((answer, at))
        }))
    }

    fn holds(&self, answer: &LookedUp) -> SignedDuration {
        let days = SignedDuration::from_hours(24 * i64::from(self.0.settings.cache_days));
        if answer.error.is_some() { days.min(PARTIAL) } else { days }
    }

    /// An answer that can't be kept is an answer all the same.
    async fn keep(&self, channel: &str, number: &Address, answer: &LookedUp, now: Timestamp) {
        let days = SignedDuration::from_hours(24 * i64::from(self.0.settings.cache_days));
        let Ok(value) = serde_json::to_value(answer) else { return };
        let forget = now.checked_sub(days).unwrap_or(Timestamp::MIN);
        let kept = self.0.store.keep_lookup(channel.to_owned(), number.clone(), value, now, forget).await;
        if let Err(error) = kept {
            tracing::warn!(channel, %error, "a lookup's answer was not kept");
        }
    }

    /// As it is kept, so that an answer is of the same moment before and after.
    fn now(&self) -> Timestamp {
        let now = self.0.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn region(&self, wanted: Option<&str>) -> Result<String, Error> {
        let Some(wanted) = wanted.map(str::trim).filter(|wanted| !wanted.is_empty()) else {
            return Ok(self.0.region.clone());
        };
        let region = wanted.to_ascii_uppercase();
        if phone::is_region(&region) { Ok(region) } else { Err(Error::Region(wanted.to_owned())) }
    }

    /// The only channel needs no naming.
    fn channel(&self, name: Option<String>) -> Result<(String, Arc<dyn Channel>), Error> {
        let channels = &self.0.channels;
        let mut names = channels.names();
        let name = match (name, names.next(), names.next()) {
            (Some(name), _, _) => name,
            (None, Some(only), None) => only.to_owned(),
            (None, _, _) => String::new(),
        };
        match channels.get(&name) {
            Some(channel) => Ok((name, Arc::clone(channel))),
            None => Err(Error::UnknownChannel { name, known: channels.names().collect::<Vec<_>>().join(", ") }),
        }
    }
}

struct Told {
    answer: LookedUp,
    source: Source,
    cached: bool,
    at: Timestamp,
}

fn explain(channel: &dyn Channel, error: ProviderError, locale: Locale) -> Explained {
    let known = error.code.and_then(|code| channel.explain(code, locale));
    match (known, error) {
        (Some(known), error) => {
            Explained { code: error.code, title: known.title.to_owned(), remedy: Some(known.remedy) }
        }
        // A provider's own words may hold the number.
        (None, ProviderError { code: Some(code), .. }) => {
            Explained { code: Some(code), title: format!("the provider's error {code}"), remedy: None }
        }
        (None, ProviderError { code: None, message }) => {
            Explained { code: None, title: message.unwrap_or_else(|| "no reason was given".to_owned()), remedy: None }
        }
    }
}

#[cfg(test)]
mod tests;
