//! A component as a channel.

use bytes::Bytes;
use url::Url;

use super::guest::bindings::recado::channel::types;
use super::guest::{Failure, Guest};
use super::hosts::Hosts;
use super::injection::{Draft, inject};
use super::reading::{self, Reader};
use super::telling;
use super::turns::Caller;
use crate::channels::{
    Answer, BROKEN, Capabilities, Channel, Claim, Content, Event, Explanation, Hop, KnownAs, Malformed, MediaRequest,
    NotFound, Outbound, Outcome, Part, Refused, Reply, Unencodable, Unsendable, Verified, Webhook,
};
use crate::message::{Address, Locale, MAX_MEDIA, Options, ProviderError};

/// A component that was asked what it is, with the operator's settings.
pub struct ComponentChannel {
    pub(super) guest: Guest,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) hosts: Hosts,
    pub(super) scheme: Option<String>,
    pub(super) sender: Option<Address>,
    pub(super) capabilities: Capabilities,
}

/// The most parts of one message.
const MAX_PARTS: usize = 1_000;

impl ComponentChannel {
    /// What the component calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The request for a part before the secrets are put in.
    pub fn draft(&self, part: &Part) -> Result<Draft, Unencodable> {
        let told = telling::part(part);
        match self.guest.call(Caller::Gateway, |provider, store| provider.call_encode(store, &told)) {
            Ok(Ok(request)) => Ok(Draft::from(request)),
            Ok(Err(reason)) => Err(Unencodable::Refused(super::guest::shorten(&reason))),
            Err(failure) => Err(Unencodable::Broken(self.failed(&failure))),
        }
    }

    /// The secrets put in. All its hosts are those that the operator named, so it may be a private one.
    fn filled(&self, request: types::Request, lookup: bool) -> Result<MediaRequest, NotFound> {
        let request = inject(&Draft::from(request), &self.guest.about.secrets, &self.hosts);
        request.map(|request| MediaRequest { request, chosen: true, lookup }).map_err(NotFound::Final)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { scheme: self.scheme.as_deref() }
    }

    /// Says that the component failed, which is nobody else's fault. Whoever asked need not say it again.
    fn failed(&self, failure: &Failure) -> String {
        tracing::error!(channel = %self.guest.about.channel, component = %self.name, %failure, "a channel's component failed");
        failure.to_string()
    }

    #[cfg(test)]
    pub(super) fn limits(&mut self) -> &mut super::guest::About {
        std::sync::Arc::get_mut(&mut self.guest.about).expect("no call is under way")
    }
}

/// A wish that can't be told to a component; the gateway itself minds the validity.
fn unfulfilled(options: &Options) -> Option<&'static str> {
    let wishes = [
        ("smart_encoded", options.smart_encoded == Some(true)),
        ("shorten_urls", options.shorten_urls == Some(true)),
        ("risk_check", options.risk_check == Some(true)),
        ("provide_feedback", options.provide_feedback == Some(true)),
        ("discard_content", options.discard_content == Some(true)),
        ("send_as_mms", options.send_as_mms == Some(true)),
        ("force_delivery", options.force_delivery == Some(true)),
        ("traffic_type", options.traffic_type.is_some()),
        ("fallback_from", options.fallback_from.is_some()),
        ("persistent_action", !options.persistent_action.is_empty()),
        ("labels", !options.labels.is_empty()),
        ("content", options.content.is_some()),
    ];
    wishes.into_iter().find(|(_, wished)| *wished).map(|(name, _)| name)
}

impl Channel for ComponentChannel {
    /// The component verifies and reads at once; what it read is kept with the proof.
    fn verify(&self, webhook: Webhook) -> Result<Verified, Refused> {
        let told = telling::webhook(&webhook);
        let parsed = self
            .guest
            .call(Caller::Stranger, |provider, store| provider.call_verify_and_parse(store, &told))
            .map_err(|failure| Refused::Broken(self.failed(&failure)))?
            .map_err(reading::refusal)?;
        let reader = self.reader();
        // What can't be used is the component's fault; what came with it is kept all the same.
        let usable = |event| {
            let read = reader.event(event);
            read.inspect_err(|reason| {
                let about = &self.guest.about;
                tracing::error!(channel = %about.channel, %reason, "an event of a webhook is left out");
            })
        };
        let events = parsed.events.into_iter().filter_map(|event| usable(event).ok()).collect();
        let answer = parsed.answer.map(reading::answer).transpose()?;
        Ok(Verified::already_read(events, answer))
    }

    fn parse(&self, verified: &Verified) -> Result<Vec<Event>, Malformed> {
        Ok(verified.events().to_vec())
    }

    /// Replies never ride it.
    fn answer(&self, _: &[Reply]) -> Answer {
        Answer { content_type: "text/plain".into(), body: String::new() }
    }

    fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable> {
        if let Some(option) = unfulfilled(&outbound.options) {
            return Err(Unsendable::Option { option, problem: "is nothing that this channel can do".to_owned() });
        }
        if outbound.media.len() > MAX_MEDIA {
            return Err(Unsendable::TooManyMedia { count: outbound.media.len(), limit: MAX_MEDIA });
        }
        let told = telling::outbound(outbound);
        self.guest
            .call(Caller::Gateway, |provider, store| provider.call_split(store, &told))
            .map_err(|failure| Unsendable::Broken(self.failed(&failure)))?
            .map_err(|reason| reading::unsendable(reason, &outbound.text, outbound.media.len()))
            .and_then(|contents| reading::contents(contents, &self.capabilities, MAX_PARTS))
    }

    /// Segments are a matter of SMS.
    fn segments(&self, _: &str, _: &Options) -> u32 {
        1
    }

    fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable> {
        let draft = self.draft(part)?;
        inject(&draft, &self.guest.about.secrets, &self.hosts).map_err(Unencodable::Refused)
    }

    /// The request was made, so a component that can't read the response leaves it unknown. Nobody could ever tell what
    /// became of it, so that this is the last resort.
    fn decode(&self, response: &http::Response<Bytes>) -> Outcome {
        let told = telling::response(response);
        match self.guest.read(|provider, store| provider.call_decode(store, &told)) {
            Ok(outcome) => reading::outcome(outcome),
            Err(failure) => {
                let message = Some(format!("{BROKEN}: {}", self.failed(&failure)));
                Outcome::Unknown { error: ProviderError { code: None, message } }
            }
        }
    }

    fn cancel(&self, _: &str) -> Option<http::Request<Bytes>> {
        None
    }

    /// From the component's own hosts; where it is led to from there, without credentials.
    fn media_request(&self, url: &str, hop: Hop) -> Result<MediaRequest, NotFound> {
        if hop == Hop::Redirected {
            let url = Url::parse(url).ok().filter(|url| self.hosts.allow(url)).ok_or(NotFound::Elsewhere)?;
            let request = http::Request::get(url.as_str()).body(Bytes::new()).map_err(|_| NotFound::Elsewhere)?;
            return Ok(MediaRequest { request, chosen: false, lookup: false });
        }
        let asked = self.guest.call(Caller::Gateway, |provider, store| provider.call_fetch(store, url));
        match asked.map_err(|failure| NotFound::Passing(self.failed(&failure)))? {
            Ok(fetching) => self.filled(fetching.request, fetching.lookup),
            Err(reason) => Err(NotFound::Final(super::guest::shorten(&reason))),
        }
    }

    fn media_found(&self, response: &http::Response<Bytes>) -> Result<MediaRequest, NotFound> {
        let told = telling::response(response);
        let found = self.guest.call(Caller::Gateway, |provider, store| provider.call_found(store, &told));
        match found.map_err(|failure| NotFound::Passing(self.failed(&failure)))? {
            Ok(request) => self.filled(request, false),
            Err(reason) => Err(reading::not_found(reason)),
        }
    }

    fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()
    }

    fn takes(&self, recipient: &Address) -> bool {
        recipient.scheme() == self.scheme.as_deref()
    }

    fn known_as(&self) -> KnownAs<'_> {
        KnownAs { account: None, address: self.sender.as_ref(), service: None }
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn kind(&self) -> &'static str {
        "component"
    }

    /// Its webhooks come to its own name.
    fn claims(&self, _: &Webhook) -> Option<Claim> {
        None
    }

    fn explain(&self, _: i32, _: Locale) -> Option<Explanation> {
        None
    }
}
