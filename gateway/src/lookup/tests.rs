//! What is asked, how long an answer holds, and what is left where nobody can be asked.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::channels::twilio::Twilio;
use crate::channels::{
    Answer, Capabilities, Claim, Content, Event, Explanation, Hop, KnownAs, Malformed, MediaRequest, NotFound,
    Outbound, Outcome, Part, Refused, Reply, Unencodable, Unsendable, Verified, Webhook,
};
use crate::clock::ManualClock;
use crate::message::Options;
use crate::transport::Failure;

const FULL: &str = r#"{"valid":true,"line_type_intelligence":{"type":"mobile","error_code":null}}"#;
const PART: &str = r#"{"valid":true,"line_type_intelligence":{"type":null,"error_code":60600}}"#;

/// Answers the same every time, and counts how often it was asked.
struct Scripted {
    body: Option<&'static str>,
    asked: Mutex<usize>,
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        *self.asked.lock().unwrap() += 1;
        let body = self.body.ok_or_else(|| Failure::NotSent("could not connect".to_owned()))?;
        Ok(http::Response::new(body.into()))
    }
}

/// A provider without lookup: all the rest is Twilio's.
struct Plain(Twilio);

impl Channel for Plain {
    fn verify(&self, webhook: Webhook) -> Result<Verified, Refused> {
        self.0.verify(webhook)
    }
    fn parse(&self, verified: &Verified) -> Result<Vec<Event>, Malformed> {
        self.0.parse(verified)
    }
    fn answer(&self, replies: &[Reply]) -> Answer {
        self.0.answer(replies)
    }
    fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable> {
        self.0.split(outbound)
    }
    fn segments(&self, text: &str, options: &Options) -> u32 {
        self.0.segments(text, options)
    }
    fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable> {
        self.0.encode(part)
    }
    fn decode(&self, response: &http::Response<Bytes>) -> Outcome {
        self.0.decode(response)
    }
    fn cancel(&self, provider_id: &str) -> Option<http::Request<Bytes>> {
        self.0.cancel(provider_id)
    }
    fn media_request(&self, url: &str, hop: Hop) -> Result<MediaRequest, NotFound> {
        self.0.media_request(url, hop)
    }
    fn known_as(&self) -> KnownAs<'_> {
        self.0.known_as()
    }
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn claims(&self, webhook: &Webhook) -> Option<Claim> {
        self.0.claims(webhook)
    }
    fn sender(&self) -> Option<&Address> {
        self.0.sender()
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    fn explain(&self, code: i32, locale: Locale) -> Option<Explanation> {
        self.0.explain(code, locale)
    }
}

struct Fixture {
    lookup: Lookup,
    clock: Arc<ManualClock>,
    transport: Arc<Scripted>,
    _folder: tempfile::TempDir,
}

const CHANNEL: &str =
    "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+15005550006'";

impl Fixture {
    async fn new(body: Option<&'static str>, cache_days: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("recado.db").display());
        let (store, _) = Store::open(&store::Settings { url, readers: 1, queue: 10, timeout_s: 30 }).await.unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap()));
        let transport = Arc::new(Scripted { body, asked: Mutex::default() });
        let settings = BTreeMap::from([("sms".to_owned(), toml::from_str(CHANNEL).unwrap())]);
        let lookup = Lookup::new(Parts {
            store,
            channels: Channels::build(&settings, &crate::channels::no_components).unwrap(),
            transport: transport.clone(),
            clock: clock.clone(),
            region: "MX".to_owned(),
            settings: Settings { cache_days },
        });
        Self { lookup, clock, transport, _folder: folder }
    }

    async fn look_up(&self, number: &str) -> Result<Report, Error> {
        let number = number.to_owned();
        self.lookup.look_up(Request { number, region: None, channel: None, fresh: false, locale: Locale::En }).await
    }

    fn asked(&self) -> usize {
        *self.transport.asked.lock().unwrap()
    }
}

#[tokio::test]
async fn an_answer_holds_for_its_days_and_half_an_answer_for_minutes() {
    let second = Duration::from_secs(1);
    for (body, nearly) in [(FULL, Duration::from_secs(2 * 86_400 - 1)), (PART, Duration::from_secs(599))] {
        let fixture = Fixture::new(Some(body), 2).await;
        let first = fixture.look_up("998 112 2334").await.unwrap();
        assert!(!first.cached && first.source == Source::Provider);
        fixture.clock.advance(nearly);
        let kept = fixture.look_up("+52 998 112 2334").await.unwrap();
        assert_eq!(kept, Report { cached: true, ..first });
        assert_eq!(fixture.asked(), 1);
        fixture.clock.advance(second);
        assert!(!fixture.look_up("998 112 2334").await.unwrap().cached, "{body}");
        assert_eq!(fixture.asked(), 2);
    }
}

#[tokio::test]
async fn what_the_provider_lacks_is_told_by_the_digits() {
    let told = Fixture::new(Some(PART), 30).await.look_up("998 112 2334").await.unwrap();
    assert_eq!((told.country.as_deref(), told.mobile), (Some("MX"), None));
    assert!(told.national.is_some_and(|national| national.contains("112")));
    let error = told.error.unwrap();
    assert_eq!((error.code, error.remedy.is_some()), (Some(60600), true));
}

#[tokio::test]
async fn an_invalid_number_and_a_silent_provider_are_told_apart() {
    let fixture = Fixture::new(None, 30).await;
    assert!(matches!(fixture.look_up("12").await, Err(Error::Number(_))));
    assert_eq!(fixture.asked(), 0);
    let away = fixture.look_up("998 112 2334").await.unwrap_err();
    assert!(matches!(&away, Error::Away { reason, .. } if reason.title.contains("could not connect")), "{away:?}");
}

#[tokio::test]
async fn a_provider_without_lookup_leaves_the_digits() {
    let fixture = Fixture::new(Some(FULL), 30).await;
    let plain = Plain(Twilio::build(&toml::from_str(CHANNEL.split_once('\n').unwrap().1).unwrap()).unwrap());
    let number = Address::received("+529981122334");
    let told = fixture.lookup.told("sms", &plain, &number, false, Locale::En).await.unwrap();
    assert_eq!((told.source, told.cached, told.answer.valid, told.answer.mobile), (Source::Local, false, true, None));
    assert_eq!(fixture.asked(), 0);
}
