//! What the flows' tests share: a channel that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use super::twilio::Twilio;
use super::*;

/// Fails so often before it cuts a message; all the rest is Twilio's.
struct Breaks {
    fails: AtomicU32,
    twilio: Twilio,
}

impl Channel for Breaks {
    fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable> {
        let left = self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fails| fails.checked_sub(1));
        if left.is_ok() {
            return Err(Unsendable::Broken("it took too long".to_owned()));
        }
        self.twilio.split(outbound)
    }
    fn verify(&self, webhook: Webhook) -> Result<Verified, Refused> {
        self.twilio.verify(webhook)
    }
    fn parse(&self, verified: &Verified) -> Result<Vec<Event>, Malformed> {
        self.twilio.parse(verified)
    }
    fn answer(&self, replies: &[Reply]) -> Answer {
        self.twilio.answer(replies)
    }
    fn segments(&self, text: &str, options: &Options) -> u32 {
        self.twilio.segments(text, options)
    }
    fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable> {
        self.twilio.encode(part)
    }
    fn decode(&self, response: &http::Response<Bytes>) -> Outcome {
        self.twilio.decode(response)
    }
    fn cancel(&self, provider_id: &str) -> Option<http::Request<Bytes>> {
        self.twilio.cancel(provider_id)
    }
    fn media_request(&self, url: &str, hop: Hop) -> Result<MediaRequest, NotFound> {
        self.twilio.media_request(url, hop)
    }
    fn known_as(&self) -> KnownAs<'_> {
        self.twilio.known_as()
    }
    fn kind(&self) -> &'static str {
        self.twilio.kind()
    }
    fn claims(&self, webhook: &Webhook) -> Option<Claim> {
        self.twilio.claims(webhook)
    }
    fn sender(&self) -> Option<&Address> {
        self.twilio.sender()
    }
    fn capabilities(&self) -> Capabilities {
        self.twilio.capabilities()
    }
    fn explain(&self, code: i32, locale: Locale) -> Option<Explanation> {
        self.twilio.explain(code, locale)
    }
}

const TWILIO: &str = "account_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+529983162438'\n";

/// One channel, `sms`, which fails so often.
pub(crate) fn breaking(fails: u32) -> Channels {
    let load = |_: &str, _: &component::Settings| {
        let twilio = Twilio::build(&toml::from_str(TWILIO).unwrap()).unwrap();
        let channel: Arc<dyn Channel> = Arc::new(Breaks { fails: AtomicU32::new(fails), twilio });
        Ok(channel)
    };
    let settings = toml::from_str("[sms]\nkind = 'component'\ncomponent = 'builtin:breaks'\n").unwrap();
    Channels::build(&settings, &load).unwrap()
}
