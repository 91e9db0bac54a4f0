//! Whoever has opted out is texted by nobody: each way to send says no, and for the same reason.

use http::Method;
use recado_tests::{NUMBER, Plugin, ScriptedProvider, TestGateway, Visitor, wait_for};
use serde_json::{Value, json};

use super::going;
use super::plugin_hooks::says;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";
const KEY: &str = "0190a6d0-0000-7000-8000-000000000001";
/// What was sent to her while she still wanted it.
const BEFORE: &str = "Su pedido va en camino";
/// Long enough for her to opt out before it runs out, also on a busy machine.
const TIMER: &str = "timer nudge 4000 say sigues ahi";

fn send(gateway: &TestGateway, to: &str, text: &str) {
    let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": text })).expect(202);
    gateway.wait_for_status(taken["id"].as_str().unwrap(), "queued");
}

/// The texts that the provider was asked to send to her.
fn asked(provider: &ScriptedProvider) -> Vec<String> {
    let received = provider.received();
    let to_her = received.iter().filter(|request| request.method == "POST" && request.get("To") == ANA);
    to_her.map(|request| request.get("Body").to_owned()).collect()
}

/// What the gate said, when a plugin wanted something sent in this hook about the message with this text.
fn refusal(gateway: &TestGateway, text: &str, hook: &str) -> Value {
    wait_for(&format!("what became of {text:?}"), || {
        let message = gateway.messages().into_iter().rev().find(|message| message["text"] == text)?;
        let trace = gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str()?)).expect(200);
        let ran = trace["plugins"].as_array()?.iter().find(|ran| ran["hook"] == hook)?;
        ran["decision"]["gate"].get(0).cloned()
    })
}

/// The one recipient of a bulk send to her, once it is over.
fn bulk(gateway: &TestGateway) -> Value {
    let body = json!({ "text": "Hay oferta", "recipients": [{ "to": ANA }] });
    let id = gateway.post("/v1/bulks", &body).expect(202)["id"].as_str().unwrap().to_owned();
    let done = wait_for("the end of the bulk send", || {
        let bulk = gateway.get(&format!("/v1/bulks/{id}")).expect(200);
        (bulk["state"] == "done" && bulk["finished_at"].is_string()).then_some(bulk)
    });
    assert_eq!(done["refused_for"], json!({ "opted-out": 1 }), "{done}");
    let [recipient] = gateway.all(&format!("/v1/bulks/{id}/recipients")).try_into().unwrap();
    recipient
}

#[test]
fn no_way_to_send_leads_to_somebody_who_texted_stop() {
    let provider = ScriptedProvider::start([]);
    let gateway = TestGateway::builder().provider(&provider).plugin(Plugin::obedient()).start();
    let agent = Visitor::new(&gateway, "rosa", "agent");
    // Until then she gets what she is sent.
    send(&gateway, ANA, BEFORE);
    assert_eq!(asked(&provider), [BEFORE]);
    says(&gateway, ANA, TIMER);
    assert_eq!(says(&gateway, ANA, "STOP"), "");

    // A plugin answers her, and writes to her because of somebody else.
    assert_eq!(says(&gateway, ANA, "say claro que si"), "", "the answer of the webhook would be sent, too");
    says(&gateway, LUIS, "send +529981122334 promo");
    // An application of ours, and one of Twilio's.
    let headers = [("accept-language", "en")];
    let problem = gateway.post_with("/v1/messages", &headers, &json!({ "to": ANA, "text": "Aviso" })).expect(422);
    assert_eq!(problem["type"], "urn:recado:problem:opted-out", "{problem}");
    assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!("/to"), &json!("opted-out")));
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", gateway.account_sid());
    let refused = gateway.door(Method::POST, &path, &[("To", ANA), ("From", NUMBER), ("Body", "Aviso")]).expect(400);
    assert_eq!(refused["code"], 21610, "{refused}");
    // Somebody who writes to many.
    let recipient = bulk(&gateway);
    assert_eq!((&recipient["to"], &recipient["state"]), (&json!(ANA), &json!("refused")), "{recipient}");
    assert_eq!(recipient["problem"]["code"], "opted-out", "{recipient}");
    assert!(recipient["message_id"].is_null(), "{recipient}");
    // Somebody by hand.
    let conversations = gateway.conversations();
    let hers = conversations.iter().rev().find(|one| one["address"] == ANA).unwrap();
    let path = format!("/console/conversations/{}/messages", hers["id"].as_str().unwrap());
    let page = agent.post(&path, &[("text", "Una oferta"), ("key", KEY)]);
    assert_eq!(page.status(), 422, "{}", page.text());
    let page = page.text();
    let told = page.split("data-testid=\"refusal\">").nth(1).and_then(|rest| rest.split("</p>").next());
    assert!(told.is_some_and(|told| told.contains("has opted out")), "{page}");

    // The timer was set while she wanted messages, and runs out when she wants none.
    let refusals = [
        (refusal(&gateway, "say claro que si", "inbound"), "a reply"),
        (refusal(&gateway, "send +529981122334 promo", "inbound"), "a message to send"),
        (refusal(&gateway, TIMER, "timer"), "a message to send"),
    ];
    for (refusal, what) in &refusals {
        assert_eq!((&refusal["code"], &refusal["verdict"]), (&json!("opted-out"), &json!("refused")), "{refusal}");
        assert_eq!((&refusal["message"], &refusal["to"]), (&json!(what), &json!("+52…34")), "{refusal}");
        assert_eq!(refusal["reason"], refusals[0].0["reason"]);
        assert_eq!(refusal["since"], refusals[0].0["since"]);
    }

    // What the others wanted is kept with the same reason.
    let messages = gateway.messages();
    let kept: Vec<&Value> = going(&messages, "outbound").into_iter().filter(|one| one["status"] == "failed").collect();
    let texts: Vec<&Value> = kept.iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["Aviso", "Aviso", "Una oferta"], "of an application, at the front door, by hand");
    assert_eq!(problem["message_id"], kept[0]["id"], "{problem}");
    for message in kept {
        assert_eq!((&message["refused_for"], &message["parts"]), (&json!("opted-out"), &json!([])), "{message}");
        let told = gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str().unwrap())).expect(200);
        assert_eq!(
            (&told["gate"]["reason"], &told["gate"]["since"]),
            (&refusals[0].0["reason"], &refusals[0].0["since"])
        );
    }
    let conversation = agent.get(&format!("/console/conversations/{}", hers["id"].as_str().unwrap())).text();
    assert!(conversation.contains("Not sent: the person has opted out."), "{conversation}");

    // What was taken before this has left by the time that this has.
    send(&gateway, LUIS, "Hola");
    assert_eq!(asked(&provider), [BEFORE], "nothing since she said so");
    let messages = gateway.messages();
    let taken = going(&messages, "outbound").into_iter().filter(|message| message["refused_for"].is_null());
    let to_her = taken.filter(|message| message["to"] == ANA);
    assert_eq!(to_her.map(|message| &message["text"]).collect::<Vec<_>>(), [BEFORE], "nothing waits for her either");
}
