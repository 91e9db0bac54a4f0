//! Whether a route's conditions hold for a message.

use std::cell::OnceCell;

use recado_conditions::{Hours, Text, country, has_prefix, known_language, language_of, primary};
use recado_sdk::{Context, Conversation, Failure, InboundMessage, Origin, OutboundMessage, clock};

use crate::config::{Conditions, Config, Opening, Table};

/// A message as the conditions see it.
pub(crate) struct Asked<'a> {
    config: &'a Config,
    context: &'a Context,
    conversation: Option<&'a Conversation>,
    text: Text<'a>,
    sender: &'a str,
    recipient: &'a str,
    /// The address of whom it is about.
    person: &'a str,
    /// None for what came in.
    origin: Option<Origin>,
    /// When it matters: now, or when it is to leave.
    pub(crate) moment: f64,
    pub(crate) channel: String,
    /// With those that routes above set.
    pub(crate) tags: Vec<String>,
    language: OnceCell<String>,
}

impl<'a> Asked<'a> {
    pub(crate) fn inbound(
        config: &'a Config,
        message: &'a InboundMessage,
        conversation: &'a Conversation,
        context: &'a Context,
    ) -> Self {
        Self {
            config,
            context,
            conversation: Some(conversation),
            text: Text::read(&message.text),
            sender: &message.sender,
            recipient: &message.recipient,
            person: &message.sender,
            origin: None,
            moment: clock::now(),
            channel: message.channel.clone(),
            tags: conversation.tags.clone(),
            language: OnceCell::new(),
        }
    }

    pub(crate) fn outbound(
        config: &'a Config,
        message: &'a OutboundMessage,
        conversation: Option<&'a Conversation>,
        context: &'a Context,
    ) -> Self {
        Self {
            config,
            context,
            conversation,
            text: Text::read(&message.text),
            sender: message.sender.as_deref().unwrap_or_default(),
            recipient: &message.recipient,
            person: &message.recipient,
            origin: Some(message.origin),
            moment: message.send_at.unwrap_or(0.0).max(clock::now()),
            channel: message.channel.clone(),
            tags: conversation.map(|conversation| conversation.tags.clone()).unwrap_or_default(),
            language: OnceCell::new(),
        }
    }

    /// Goes down a table: every route that holds is taken, up to the first that does not go on. The
    /// default is taken when none of those holds.
    pub(crate) fn walk<R: Default>(
        &mut self,
        table: &'a Table<R>,
        mut take: impl FnMut(&mut Self, &'a R) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for (index, route) in table.routes.iter().enumerate() {
            let named = || if route.name.is_empty() { format!("route {}", index + 1) } else { route.name.clone() };
            if !self.holds(&route.when).map_err(|failure| within(&named(), failure))? {
                continue;
            }
            recado_sdk::log::debug(format!("takes {}", named()));
            take(self, &route.then)?;
            if !route.goes_on {
                return Ok(());
            }
        }
        take(self, &table.default)
    }

    /// The cheapest questions come first.
    fn holds(&self, when: &Conditions) -> Result<bool, Failure> {
        let among = |list: &[String], tags: &[String]| list.iter().any(|tag| tags.contains(tag));
        let begins = |address: &str, list: &[String]| list.iter().any(|prefix| has_prefix(address, prefix));
        let plain = (when.channel.is_empty() || when.channel.contains(&self.channel))
            && (when.tags.is_empty() || among(&when.tags, &self.tags))
            && !among(&when.without_tags, &self.tags)
            && (when.sender.is_empty() || begins(self.sender, &when.sender))
            && (when.recipient.is_empty() || begins(self.recipient, &when.recipient))
            && (when.country.is_empty() || self.is_from(&when.country))
            && (when.origin.is_empty() || when.origin.iter().any(|origin| Some((*origin).into()) == self.origin))
            && (when.status.is_empty() || self.stands(when))
            && when.assigned.is_none_or(|assigned| assigned == self.is_assigned())
            && (when.keywords.is_empty() || self.text.has_any(&when.keywords, when.matching));
        Ok(plain && self.matches(when)? && self.is_in_time(when)? && self.speaks(&when.language)?)
    }

    fn is_from(&self, countries: &[String]) -> bool {
        country(self.person).is_some_and(|country| countries.iter().any(|known| known == country))
    }

    fn stands(&self, when: &Conditions) -> bool {
        self.conversation.is_some_and(|conversation| {
            when.status.iter().any(|status| recado_sdk::ConversationStatus::from(*status) == conversation.status)
        })
    }

    fn is_assigned(&self) -> bool {
        self.conversation.is_some_and(|conversation| conversation.assignee.is_some())
    }

    fn matches(&self, when: &Conditions) -> Result<bool, Failure> {
        when.regex.is_in(self.text.raw()).map_err(Failure::bad_config)
    }

    fn is_in_time(&self, when: &Conditions) -> Result<bool, Failure> {
        if let Some(opening) = when.hours {
            let open = self.config.hours.is_open(self.moment, &self.context.time_zone)?;
            if open != (opening == Opening::Open) {
                return Ok(false);
            }
        }
        if when.times.is_empty() {
            return Ok(true);
        }
        let time_zone = self.config.hours.time_zone.clone();
        let times = Hours { time_zone, open: when.times.clone(), holidays: Vec::new() };
        times.is_open(self.moment, &self.context.time_zone)
    }

    /// A text that goes out says nothing about the language of whom it goes to.
    fn speaks(&self, languages: &[String]) -> Result<bool, Failure> {
        if languages.is_empty() {
            return Ok(true);
        }
        if self.language.get().is_none() {
            let configured = self.config.language.as_str();
            let default = if configured.is_empty() { &self.context.locale } else { configured };
            let language = match (self.origin, self.conversation) {
                (None, Some(conversation)) => language_of(self.text.raw(), conversation, default)?,
                (_, conversation) => known_language(conversation, default)?,
            };
            self.language.get_or_init(|| language);
        }
        Ok(languages.iter().any(|language| Some(&primary(language)) == self.language.get()))
    }

    /// The first moment from the one that matters on at which it is open.
    pub(crate) fn opening(&self) -> Result<Option<f64>, Failure> {
        self.config.hours.next_opening(self.moment, &self.context.time_zone)
    }
}

/// Says of a configuration that makes no sense where it makes none.
fn within(route: &str, failure: Failure) -> Failure {
    match failure {
        Failure::BadConfig(reason) => Failure::BadConfig(format!("{route}: {reason}")),
        failed @ Failure::Failed(_) => failed,
    }
}
