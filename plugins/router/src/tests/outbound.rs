//! What goes out.

use recado_sdk::testing::{Host, Refusal};
use recado_sdk::{Origin, OutboundMessage};

use super::*;

fn outbound_table(routes: &Value, default: &Value) -> Gateway<Router> {
    gateway(&json!({
        "hours": { "open": [{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00" }] },
        "outbound": { "routes": routes, "default": default },
    }))
}

fn to(recipient: &str) -> OutboundMessage {
    OutboundMessage { recipient: recipient.to_owned(), ..outbound_message("Tu pedido va en camino") }
}

fn moment(local: &str) -> f64 {
    Host::new().at(local, "America/Cancun").now()
}

#[test]
fn channel_and_sender_go_by_the_recipients_country() {
    let routes = json!([
        { "when": { "country": ["US", "CA"] }, "then": { "sender": "+14155550123" } },
        { "when": { "country": ["MX"] }, "then": { "channel": "whatsapp", "sender": "+529983162438", "tag": ["mx"] } },
        { "when": { "recipient": ["+34"] }, "then": { "channel": "sms-eu" } },
    ]);
    let mut gateway = outbound_table(&routes, &json!({ "reject": "we don't write there" }));
    let cases = [
        ("+14165550123", "sms", Some("+14155550123")),
        ("+525512345678", "whatsapp", Some("+529983162438")),
        ("+34612345678", "sms-eu", None),
    ];
    for (recipient, channel, sender) in cases {
        let sent = gateway.send(to(recipient)).unwrap();
        assert_eq!((sent.channel.as_str(), sent.sender.as_deref()), (channel, sender), "{recipient}");
    }
    assert_eq!(gateway.conversation_with("+525512345678").unwrap().tags, ["mx"]);
    let reason = "we don't write there".to_owned();
    assert_eq!(gateway.send(to("+4915112345678")), Err(Refusal::Rejected(reason)));
}

#[test]
fn what_would_leave_out_of_hours_waits_for_them() {
    let mut gateway = outbound_table(&json!([]), &json!({ "wait_until_open": true }));
    let leaves = |gateway: &mut Gateway<Router>, send_at: Option<&str>| {
        let message = OutboundMessage { send_at: send_at.map(moment), ..to("+525512345678") };
        gateway.send(message).unwrap().send_at
    };
    assert_eq!(leaves(&mut gateway, None), None, "it is noon");
    assert_eq!(leaves(&mut gateway, Some("2026-08-03 17:00")), Some(moment("2026-08-03 17:00")));
    assert_eq!(leaves(&mut gateway, Some("2026-08-03 20:00")), Some(moment("2026-08-04 09:00")));
    assert_eq!(leaves(&mut gateway, Some("2026-08-03 03:00")), Some(moment("2026-08-03 03:00")), "that was before now");
    gateway.set_time("2026-08-07 18:00");
    assert_eq!(leaves(&mut gateway, None), Some(moment("2026-08-10 09:00")));
    let never = json!({ "open": [{ "days": [], "from": "09:00", "to": "10:00" }] });
    let config = json!({ "hours": never, "outbound": { "default": { "wait_until_open": true } } });
    let mut gateway = super::gateway(&config);
    assert_eq!(leaves(&mut gateway, None), None);
}

#[test]
fn the_first_route_decides_and_what_goes_on_is_seen_below() {
    let routes = json!([
        { "when": { "origin": ["bulk"] }, "then": { "channel": "bulk", "tag": ["campaña"] }, "continue": true },
        { "when": { "channel": ["bulk"], "tags": ["campaña"], "keywords": ["gratis"] }, "then": { "reject": "not so" } },
        { "when": { "channel": ["bulk"], "hours": "open" }, "then": { "sender": "+529983162438", "stop": true } },
        { "when": { "regex": "^OTP" }, "then": { "channel": "otp" } },
    ]);
    let mut gateway = outbound_table(&routes, &json!({ "channel": "otros" }));
    let mut pass = |text: &str, origin: Origin| gateway.send(OutboundMessage { origin, ..outbound_message(text) });
    assert_eq!(pass("gratis", Origin::Bulk), Err(Refusal::Rejected("not so".to_owned())));
    let sent = pass("hola", Origin::Bulk).unwrap();
    assert_eq!((sent.channel.as_str(), sent.sender.as_deref()), ("bulk", Some("+529983162438")));
    assert_eq!(pass("OTP 123", Origin::Api).unwrap().channel, "otp");
    assert_eq!(pass("gratis", Origin::Api).unwrap().channel, "otros");
}

#[test]
fn the_language_is_the_persons_not_the_texts() {
    let routes = json!([{ "when": { "language": ["en"] }, "then": { "channel": "english" } }]);
    let mut gateway = outbound_table(&routes, &json!({}));
    assert_eq!(gateway.send(outbound_message("Your order is on its way")).unwrap().channel, "sms");
    let person = message("").sender;
    gateway.receive("hola");
    gateway.change(&person, |conversation| {
        conversation.contact.attributes.push(("language".to_owned(), "en".to_owned()));
    });
    assert_eq!(gateway.send(outbound_message("Su pedido va en camino")).unwrap().channel, "english");
}

#[test]
fn a_message_to_nobody_known_has_no_status_and_no_assignee() {
    let routes = json!([
        { "when": { "status": ["pending", "active", "closed"] }, "then": { "channel": "known" } },
        { "when": { "assigned": false }, "then": { "channel": "new" } },
    ]);
    let mut gateway = outbound_table(&routes, &json!({}));
    assert_eq!(gateway.send(to("+525500000000")).unwrap().channel, "new");
    gateway.receive_from("+525511111111", "hola");
    assert_eq!(gateway.send(to("+525511111111")).unwrap().channel, "known");
}
