//! One address for the webhooks of several channels: each is found by its number or its service.

use recado_tests::{ACCOUNT_SID, NUMBER, ScriptedProvider, TestGateway, form};
use serde_json::json;

use super::message_sid;

const CUSTOMER: &str = "+529981122334";
const SECOND: &str = "+529983162439";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn gateway(provider: &ScriptedProvider) -> TestGateway {
    let second = format!(
        "[channels.ventas]\nkind = \"twilio\"\naccount_sid = \"{ACCOUNT_SID}\"\n\
         auth_token = \"{}\"\nfrom = \"{SECOND}\"\nmessaging_service_sid = \"{SERVICE}\"\nbase_url = \"{}\"",
        recado_tests::AUTH_TOKEN,
        provider.url()
    );
    TestGateway::builder().provider(provider).config_toml(&second).start()
}

fn to(number: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut parameters = form(&message_sid(), CUSTOMER, "Hola");
    for (name, value) in [("To", number)].iter().chain(more) {
        parameters.retain(|(known, _)| known != name);
        parameters.push(((*name).to_owned(), (*value).to_owned()));
    }
    parameters
}

#[test]
fn a_webhook_finds_its_channel_by_its_number_then_its_service() {
    let provider = ScriptedProvider::start([]);
    let gateway = gateway(&provider);
    let cases = [
        ("twilio/inbound", to(NUMBER, &[]), "sms"),
        ("twilio/inbound", to(SECOND, &[]), "ventas"),
        ("twilio/inbound", to("22395", &[("MessagingServiceSid", SERVICE)]), "ventas"),
        ("twilio/inbound", to(NUMBER, &[("MessagingServiceSid", SERVICE)]), "sms"),
        // A name goes before all that.
        ("sms/inbound", to(SECOND, &[]), "sms"),
    ];
    for (number, (tail, parameters, channel)) in cases.iter().enumerate() {
        let answer = gateway.signed_webhook(tail, parameters);
        assert_eq!(answer.status(), 200, "{parameters:?}: {}", answer.text());
        let callback = format!("/webhooks/{channel}/status");
        assert!(answer.text().contains(&callback), "the reply's reports name the channel: {}", answer.text());
        let inbound = gateway.messages().into_iter().filter(|message| message["direction"] == "inbound");
        let channels: Vec<_> = inbound.map(|message| message["channel"].clone()).collect();
        assert_eq!((channels.len(), &channels[number]), (number + 1, &json!(channel)));
    }
}

#[test]
fn a_report_finds_its_channel_by_its_sender() {
    let provider = ScriptedProvider::start([]);
    let gateway = gateway(&provider);
    for (channel, from) in [("sms", NUMBER), ("ventas", SECOND)] {
        let message = json!({ "to": CUSTOMER, "text": "Aviso", "channel": channel });
        let sent = gateway.post("/v1/messages?wait=sent", &message).expect(200);
        let pairs = [
            ("MessageSid", sent["provider_id"].as_str().unwrap()),
            ("MessageStatus", "delivered"),
            ("AccountSid", ACCOUNT_SID),
            ("From", from),
            ("To", CUSTOMER),
        ];
        let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(gateway.signed_webhook("twilio/status", &parameters).status(), 200);
        gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    }
}

#[test]
fn what_is_nobodys_is_not_found_and_a_claim_is_no_proof() {
    let provider = ScriptedProvider::start([]);
    let gateway = gateway(&provider);
    let strangers = [
        to("+529980000000", &[]),
        to(NUMBER, &[("AccountSid", "AC00000000000000000000000000000009")]),
        to("22395", &[("MessagingServiceSid", SERVICE), ("AccountSid", "")]),
        to("22395", &[("MessagingServiceSid", "MG00000000000000000000000000000009")]),
    ];
    for parameters in strangers {
        let answer = gateway.signed_webhook("twilio/inbound", &parameters);
        assert_eq!(answer.status(), 404, "{parameters:?}: {}", answer.text());
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(to(NUMBER, &[])).finish();
    assert_eq!(gateway.post_webhook("twilio/inbound", "bm8=", &body).status(), 403);
    assert_eq!(gateway.post_webhook("twilio/inbound", "bm8=", "To=%zz").status(), 404);
    assert_eq!(gateway.post_webhook("whatsapp/inbound", "bm8=", &body).status(), 404);
    assert!(gateway.messages().is_empty());
}
