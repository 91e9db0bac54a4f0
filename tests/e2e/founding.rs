//! What Recado is for: numbers as people write them, sending, receiving, answering.

use recado_tests::{NUMBER, TestGateway};
use serde_json::{Value, json};

use super::going;

const CUSTOMER: &str = "+529981122334";

#[test]
fn a_message_is_taken_at_once_and_its_way_is_followed_to_the_phone() {
    let gateway = TestGateway::builder().no_plugins().start();
    let answer = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Su cita es mañana" }));
    let taken = answer.expect(202);
    let id = taken["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/v1/messages/{id}").as_str()));
    assert_eq!((&taken["to"], &taken["from"], &taken["channel"]), (&json!(CUSTOMER), &json!(NUMBER), &json!("sms")));

    let done = gateway.wait_for_status(id, "delivered");
    for time in ["created_at", "sent_at", "delivered_at"] {
        assert!(done[time].is_string(), "{time}: {done}");
    }
    let time = |name: &str| done[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time("sent_at") <= time("delivered_at"), "{done}");
    assert!(done["failed_at"].is_null() && done["error_code"].is_null(), "{done}");

    let there = gateway.twilio_messages();
    assert_eq!(there.len(), 1, "{there:#?}");
    assert_eq!(there[0]["sid"], done["provider_id"]);
    let sent = [&there[0]["to"], &there[0]["from"], &there[0]["body"], &there[0]["status"]];
    assert_eq!(sent, [&json!(CUSTOMER), &json!(NUMBER), &json!("Su cita es mañana"), &json!("delivered")]);
}

#[test]
fn who_waits_is_told_what_the_provider_said_and_how_many_segments_it_counts() {
    let gateway = TestGateway::builder().no_plugins().start();
    let cases = [
        ("Hola".to_owned(), 1),
        ("a".repeat(160), 1),
        ("a".repeat(161), 2),
        ("€".repeat(80), 1),
        ("€".repeat(81), 2),
        ("ó".repeat(70), 1),
        ("ó".repeat(71), 2),
        ("😀".repeat(35), 1),
        ("😀".repeat(36), 2),
    ];
    for (text, segments) in cases {
        let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "text": text })).expect(200);
        let provider_id = sent["provider_id"].as_str().unwrap_or_default();
        assert!(provider_id.starts_with("SM"), "{sent}");
        assert!(["queued", "sent", "delivered"].map(Value::from).contains(&sent["status"]), "{sent}");
        assert_eq!(sent["segments"], segments, "{text}");
        let there = gateway.twilio_messages();
        let there = there.iter().find(|message| message["sid"] == provider_id).unwrap();
        assert_eq!((&there["body"], &there["num_segments"]), (&json!(text), &json!(segments.to_string())));
    }
}

#[test]
fn every_mexican_way_to_write_a_number_reaches_the_same_person() {
    let gateway = TestGateway::builder().no_plugins().start();
    let ways = [
        "998 112 2334",
        "9981122334",
        "(998) 112-2334",
        "998.112.2334",
        "0998 112 2334",
        "01 998 112 2334",
        "044 998 112 2334",
        "045 998 112 2334",
        "52 998 112 2334",
        "+52 998 112 2334",
        "+521 998 112 2334",
        "+52 1 (998) 112 2334",
        "0052 998 112 2334",
        "tel:+52-998-112-2334",
    ];
    for way in ways {
        let taken = gateway.post("/v1/messages", &json!({ "to": way, "text": way })).expect(202);
        assert_eq!(taken["to"], CUSTOMER, "{way}");
    }
    gateway.wait_for_messages("delivery of all", |all| all.iter().all(|message| message["status"] == "delivered"));
    assert_eq!(gateway.conversations().len(), 1);
    let there = gateway.twilio_messages();
    assert_eq!(there.len(), ways.len());
    assert!(there.iter().all(|message| message["to"] == CUSTOMER), "{there:#?}");
    // A number of another country, in that country's own way, is another person.
    let abroad = gateway.post("/v1/messages?wait=sent", &json!({ "to": "+1 415 555 2671", "text": "Hi" })).expect(200);
    assert_eq!(abroad["to"], "+14155552671");
    assert_eq!(gateway.conversations().len(), 2);
}

#[test]
fn numbers_that_can_not_be_are_refused_in_the_callers_language_and_leave_nothing() {
    let gateway = TestGateway::builder().no_plugins().start();
    let cases = [
        ("", "empty"),
        ("hola", "not-a-number"),
        ("998 112", "too-short"),
        ("+52 998 112 2334 55", "too-long"),
        ("+52 000 112 2334", "not-valid"),
        ("112 2334", "no-area-code"),
    ];
    for (number, code) in cases {
        for (language, expected) in [
            (None, "Escríbelo"),
            (Some("es"), "Escríbelo"),
            (Some("en-US,es;q=0.5"), "Write it"),
            (Some("fr"), "Escríbelo"),
        ] {
            let headers: Vec<_> = language.map(|language| ("accept-language", language)).into_iter().collect();
            let answer = gateway.post_with("/v1/messages", &headers, &json!({ "to": number, "text": "Hola" }));
            let problem = answer.expect(422);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(problem["status"], 422);
            assert_eq!(
                (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
                (&json!("/to"), &json!(code))
            );
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(expected), "{number:?} in {language:?}: {detail}");
        }
    }
    assert_eq!(gateway.messages(), [] as [Value; 0]);
    assert_eq!(gateway.conversations(), [] as [Value; 0]);
    assert_eq!(gateway.twilio_messages(), [] as [Value; 0]);
}

#[test]
fn a_text_makes_a_contact_a_conversation_and_a_message() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.text(CUSTOMER, "¿Tienen citas? 😀");
    let conversations = gateway.conversations();
    assert_eq!(conversations.len(), 1);
    let first = &conversations[0];
    assert_eq!(first["subject"], "SMS desde +529981122334");
    assert_eq!(
        (&first["status"], &first["unread"], &first["inbound_count"]),
        (&json!("pending"), &json!(1), &json!(1))
    );
    assert_eq!((&first["address"], &first["channel"]), (&json!(CUSTOMER), &json!("sms")));
    assert!(first["contact_id"].is_string() && first["last_inbound_at"].is_string(), "{first}");

    let messages = gateway.messages();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message["conversation_id"], first["id"]);
    let there = gateway.twilio_messages();
    assert_eq!(message["provider_id"], there[0]["sid"]);
    let said = [&message["direction"], &message["status"], &message["from"], &message["to"], &message["text"]];
    assert_eq!(said.map(Value::as_str), ["inbound", "received", CUSTOMER, NUMBER, "¿Tienen citas? 😀"].map(Some));
    assert!(message["processed_at"].is_string(), "{message}");

    gateway.text(CUSTOMER, "¿Hola?");
    gateway.text("+529985550100", "Soy otra persona");
    let conversations = gateway.conversations();
    let unread: Vec<_> = conversations.iter().map(|conversation| &conversation["unread"]).collect();
    assert_eq!(unread, [&json!(2), &json!(1)]);
    assert_ne!(conversations[0]["contact_id"], conversations[1]["contact_id"]);
    let path = format!("/v1/conversations/{}/messages", first["id"].as_str().unwrap());
    let texts: Vec<Value> = gateway.all(&path).iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["¿Tienen citas? 😀", "¿Hola?"]);
}

#[test]
fn a_text_is_answered_and_the_answer_arrives() {
    let gateway = TestGateway::start();
    let usual = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";
    let done = gateway.text(CUSTOMER, "Hola");
    assert_eq!((&done["webhook"]["status"], &done["warnings"]), (&json!(200), &json!([])));
    assert_eq!(done["replies"].as_array().map(Vec::len), Some(1), "{done}");

    let messages = gateway.messages();
    let (inbound, replies) = (going(&messages, "inbound"), going(&messages, "outbound"));
    assert_eq!((inbound.len(), replies.len()), (1, 1), "{messages:#?}");
    let reply = gateway.wait_for_status(replies[0]["id"].as_str().unwrap(), "delivered");
    assert_eq!((&reply["in_reply_to"], &reply["plugin"]), (&inbound[0]["id"], &json!("auto-reply")));
    assert_eq!((&reply["text"], &reply["to"]), (&json!(usual), &json!(CUSTOMER)));
    assert_eq!(reply["provider_id"], done["replies"][0]);
    assert!(reply["sent_at"].is_string() && reply["delivered_at"].is_string(), "{reply}");

    let there = gateway.twilio_messages();
    let there = going(&there, "outbound");
    assert_eq!(there.len(), 1, "{there:#?}");
    assert_eq!((&there[0]["direction"], &there[0]["body"]), (&json!("outbound-reply"), &json!(usual)));
}
