//! Twilio passes, and a channel that does not is found out.

use super::*;
use crate::channels::twilio::{Settings, Twilio};

const EXAMPLES: &str = include_str!("../twilio/examples.toml");

fn twilio(examples: &Examples) -> Twilio {
    let mut settings = examples.settings.clone().unwrap();
    settings.remove("kind");
    Twilio::build(&settings.try_into::<Settings>().unwrap()).unwrap()
}

fn checked(examples: &Examples) -> Vec<Check> {
    let channel = twilio(&Examples::read(EXAMPLES).unwrap());
    let token = "12345678901234567890123456789012".to_owned();
    check(&Subject { channel: &channel, secrets: vec![token], draft: None }, examples)
}

fn failed(checks: &[Check]) -> Vec<&'static str> {
    checks.iter().filter(|check| matches!(check.verdict, Verdict::Failed(_))).map(|check| check.name).collect()
}

#[test]
fn twilio_conforms() {
    let checks = checked(&Examples::read(EXAMPLES).unwrap());
    assert!(checks.iter().all(|check| check.verdict == Verdict::Passed), "{checks:#?}");
}

#[test]
fn what_differs_from_the_examples_is_found() {
    let cases = [
        ("text = \"¡Hola! & más\"", "text = \"other\"", "genuine-webhooks-are-read"),
        ("refused = \"forged\"", "refused = \"unsigned\"", "refused-webhooks-are-refused"),
        ("headers = [\"x-twilio-signature\"]", "headers = [\"content-type\"]", "unproven-webhooks-are-refused"),
        ("outcome = \"opted_out\"", "outcome = \"rejected\"", "responses-mean-what-is-recorded"),
        ("recipient = \"+14155550100\"", "recipient = \"telegram:1\"", "capabilities-are-consistent"),
    ];
    for (from, to, name) in cases {
        assert!(EXAMPLES.contains(from), "{from}");
        let checks = checked(&Examples::read(&EXAMPLES.replace(from, to)).unwrap());
        assert!(failed(&checks).contains(&name), "{name}: {checks:#?}");
    }
}

#[test]
fn without_examples_the_rest_is_checked() {
    let checks = checked(&Examples::default());
    assert_eq!(failed(&checks), Vec::<&str>::new());
    assert!(checks.iter().any(|check| matches!(check.verdict, Verdict::Skipped(_))));
    assert!(Examples::read("webhooks = 1").is_err());
}

mod broken {
    //! A channel that does everything wrong that a type allows.

    use bytes::Bytes;

    use super::*;
    use crate::channels::{
        Answer, Capabilities, Claim, Content, Event, Explanation, Hop, KnownAs, Malformed, MediaRequest, NotFound,
        Outbound, Outcome, Refused, Reply, Unsendable, Verified, Webhook,
    };
    use crate::message::{Address, Locale, Options, Status};

    pub(super) struct Careless(pub(super) Twilio);

    impl Channel for Careless {
        fn verify(&self, webhook: Webhook) -> Result<Verified, Refused> {
            let sender = String::from_utf8(webhook.body.to_vec()).expect("texts");
            let verified = Verified::already_read(Vec::new(), None);
            if sender.is_empty() { Err(Refused::Unsigned) } else { Ok(verified) }
        }
        fn parse(&self, _: &Verified) -> Result<Vec<Event>, Malformed> {
            Ok(Vec::new())
        }
        fn answer(&self, replies: &[Reply]) -> Answer {
            self.0.answer(replies)
        }
        fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable> {
            let text = outbound.text.chars().filter(char::is_ascii).collect();
            Ok(vec![Content { text, media: Vec::new() }])
        }
        fn segments(&self, _: &str, _: &Options) -> u32 {
            1
        }
        fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable> {
            let token = "12345678901234567890123456789012";
            let request = http::Request::get(format!("/send?token={token}&to={}", part.recipient.as_str()));
            request.body(Bytes::new()).map_err(|error| Unencodable::Refused(error.to_string()))
        }
        fn decode(&self, response: &http::Response<Bytes>) -> Outcome {
            let text = std::str::from_utf8(response.body()).expect("text");
            Outcome::Accepted { provider_id: text.to_owned(), status: Status::Sent, segments: None, sender: None }
        }
        fn cancel(&self, _: &str) -> Option<http::Request<Bytes>> {
            None
        }
        fn media_request(&self, _: &str, _: Hop) -> Result<MediaRequest, NotFound> {
            Err(NotFound::Elsewhere)
        }
        fn sender(&self) -> Option<&Address> {
            None
        }
        fn takes(&self, _: &Address) -> bool {
            true
        }
        fn known_as(&self) -> KnownAs<'_> {
            KnownAs::default()
        }
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        fn kind(&self) -> &'static str {
            "careless"
        }
        fn claims(&self, _: &Webhook) -> Option<Claim> {
            None
        }
        fn explain(&self, _: i32, _: Locale) -> Option<Explanation> {
            None
        }
    }
}

#[test]
fn a_careless_channel_fails_all_but_what_it_does_always_alike() {
    let examples = Examples::read(EXAMPLES).unwrap();
    let channel = broken::Careless(twilio(&examples));
    let secrets = vec!["12345678901234567890123456789012".to_owned()];
    let checks = check(&Subject { channel: &channel, secrets, draft: None }, &examples);
    let passed: Vec<_> =
        checks.iter().filter(|check| check.verdict == Verdict::Passed).map(|check| check.name).collect();
    assert_eq!(passed, ["reading-is-deterministic"], "{checks:#?}");
}
