//! The gate: what people say is kept and confirmed, and nobody comes past it, whichever way they take.

use http::Method;
use jiff::{Span, Timestamp, tz::TimeZone};
use recado::clock::{Clock, SystemClock};
use recado_tests::{Answer, NUMBER, Plugin, Ran, ScriptedProvider, TestGateway, run, wait_for};
use serde_json::{Value, json};

use super::going;
use super::plugin_hooks::says;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";
const BYE: &str = "Listo: ya no recibirás más mensajes. Para volver, responde INICIAR.";
const BACK: &str = "Listo: volverás a recibir mensajes. Para dejar de recibirlos, responde ALTO.";
const HELP: &str = "Responde ALTO para no recibir más mensajes, o INICIAR para volver a recibirlos.";

fn post(gateway: &TestGateway, more: &Value) -> Answer {
    let mut body = json!({ "to": ANA, "text": "Aviso" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.post_with("/v1/messages", &[("accept-language", "en")], &body)
}

fn id_of(taken: &Answer) -> String {
    taken.expect(202)["id"].as_str().unwrap().to_owned()
}

fn id_of_kept(gateway: &TestGateway) -> String {
    gateway.messages()[0]["id"].as_str().unwrap().to_owned()
}

fn is_refused(gateway: &TestGateway, more: &Value, code: &str) {
    let problem = post(gateway, more).expect(422);
    let kept = gateway.message(problem["message_id"].as_str().unwrap());
    assert_eq!((&kept["status"], &kept["refused_for"]), (&json!("failed"), &json!(code)), "{kept}");
    let told = trace(gateway, &kept)["gate"].clone();
    assert_eq!((&told["verdict"], &told["code"]), (&json!("refused"), &json!(code)), "{told}");
    assert_eq!(problem["type"], format!("urn:recado:problem:{code}"), "{problem}");
    assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]), (&json!("/to"), &json!(code)));
}

/// What was taken to be sent.
fn sent(gateway: &TestGateway) -> Vec<String> {
    let messages = gateway.messages();
    let taken = going(&messages, "outbound").into_iter().filter(|message| message["refused_for"].is_null());
    taken.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

fn trace(gateway: &TestGateway, message: &Value) -> Value {
    gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str().unwrap())).expect(200)
}

/// The newest message with this text.
fn with_text(gateway: &TestGateway, text: &str) -> Value {
    gateway.messages().into_iter().rev().find(|message| message["text"] == text).unwrap()
}

fn consent(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let url = gateway.url();
    let variables = [("RECADO_GATEWAY", url.as_str()), ("RECADO_API_KEY", gateway.key())];
    run(gateway.folder(), &[&["--json", "consent"], arguments].concat(), &variables)
}

#[test]
fn a_spanish_word_is_confirmed_once_and_no_plugin_says_more() {
    let gateway = TestGateway::start();
    gateway.text(ANA, "¡Alto!");
    assert_eq!(sent(&gateway), [BYE], "and not the auto-reply");
    let bye = with_text(&gateway, BYE);
    gateway.wait_for_status(bye["id"].as_str().unwrap(), "delivered");
    let gate = trace(&gateway, &bye)["gate"].clone();
    assert_eq!((&gate["exempt"], &gate["consent"]), (&json!("confirmations"), &json!("opted_out")));
    let alto = with_text(&gateway, "¡Alto!");
    let explained = trace(&gateway, &alto);
    let heard = &explained["gate"];
    assert_eq!(
        (&heard["keyword"], &heard["locale"], &heard["confirm"]),
        (&json!("opt_out"), &json!("es"), &json!(true))
    );
    let refusal = &explained["plugins"][0]["decision"]["gate"][0];
    assert_eq!((&refusal["code"], &refusal["message"]), (&json!("opted-out"), &json!("a reply")), "{explained:#}");

    for text in ["ALTO", "ayuda", "¿Siguen ahí?"] {
        gateway.text(ANA, text);
        assert_eq!(sent(&gateway), [BYE], "{text}");
    }
    is_refused(&gateway, &json!({}), "opted-out");
    let refused = gateway.door_send(&[("To", ANA), ("From", NUMBER), ("Body", "Aviso")]).expect(400);
    assert_eq!(refused["code"], 21610);

    gateway.text(ANA, "Iniciar");
    let all = sent(&gateway);
    assert_eq!((all.len(), all[1].as_str()), (3, BACK), "confirmed, and the auto-reply behind it: {all:?}");
    let id = id_of(&post(&gateway, &json!({})));
    gateway.wait_for_status(&id, "delivered");
    let history = gateway.get("/v1/consents/history?address=%2B529981122334").expect(200)["items"].clone();
    let told: Vec<_> = history.as_array().unwrap().iter().map(|event| (&event["choice"], &event["words"])).collect();
    assert_eq!(told, [(&json!("opted_out"), &json!("¡Alto!")), (&json!("opted_in"), &json!("Iniciar"))]);
    assert_eq!((&history[0]["source"], &history[0]["message_id"]), (&json!("message"), &alto["id"]));
}

#[test]
fn twilios_own_words_are_confirmed_by_twilio_alone() {
    let gateway = TestGateway::builder().no_plugins().start();
    for word in ["STOP", "START", "HELP"] {
        gateway.text(LUIS, word);
        assert_eq!(sent(&gateway), [""; 0], "{word}");
    }
    // What Twilio does not take for its word is ours to answer.
    gateway.text(LUIS, "Stop!!");
    let texts = sent(&gateway);
    assert!(texts.len() == 1 && texts[0].starts_with("You have been unsubscribed"), "{texts:?}");
    gateway.text(ANA, "Ayuda, por favor");
    gateway.text(ANA, "AYUDA");
    assert_eq!(sent(&gateway)[1..], [HELP]);
}

#[test]
fn plugins_and_their_timers_are_refused_and_what_waits_is_ended() {
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).start();
    says(&gateway, ANA, "timer nudge 4000 say sigues ahi");
    let planned = id_of(&post(&gateway, &json!({ "send_at": SystemClock.now() + Span::new().hours(1) })));
    gateway.post("/v1/channels/sms/pause", &json!({})).expect(200);
    let queued = id_of(&post(&gateway, &json!({})));
    assert_eq!(says(&gateway, ANA, "DETENER"), "", "a paused channel carries no answer");
    for id in [&planned, &queued] {
        let ended = gateway.message(id);
        assert_eq!(ended["status"], "failed", "{ended}");
        assert!(ended["error_message"].as_str().unwrap().contains("opted out"), "{ended}");
    }
    says(&gateway, LUIS, "send +529981122334 promo");
    let refusals = wait_for("the timer", || {
        let of = |text: &str, number: usize| {
            let trace = trace(&gateway, &with_text(&gateway, text));
            trace["plugins"][number]["decision"]["gate"][0].as_object().cloned()
        };
        Some([of("timer nudge 4000 say sigues ahi", 1)?, of("send +529981122334 promo", 0)?])
    });
    for refusal in &refusals {
        assert_eq!((&refusal["message"], &refusal["to"]), (&json!("a message to send"), &json!("+52…34")));
        assert_eq!((&refusal["code"], &refusal["verdict"]), (&json!("opted-out"), &json!("refused")));
        assert_eq!(refusal["reason"], refusals[0]["reason"]);
    }
    is_refused(&gateway, &json!({}), "opted-out");
    gateway.post("/v1/channels/sms/resume", &json!({})).expect(200);
    let bye = with_text(&gateway, BYE);
    gateway.wait_for_status(bye["id"].as_str().unwrap(), "delivered");
    let there: Vec<Value> = gateway.twilio_messages().into_iter().map(|message| message["body"].clone()).collect();
    assert_eq!(there, [BYE], "the one message that went after it");
}

#[test]
fn an_opting_out_counts_everywhere_if_the_operator_wants_that() {
    let beside = ScriptedProvider::start([]);
    for (scope, everywhere) in [("channel", false), ("business", true)] {
        let account = recado_tests::ACCOUNT_SID;
        let config = format!(
            "[gate]\nscope = '{scope}'\n[channels.other]\nkind = 'twilio'\naccount_sid = '{account}'\n\
             auth_token = '{}'\nfrom = '+529983162439'\nbase_url = '{}'",
            recado_tests::AUTH_TOKEN,
            beside.url()
        );
        let gateway = TestGateway::builder().config_toml(&config).no_plugins().allow_unsent().start();
        // Nothing of it leaves, so that what waits can be seen.
        gateway.post("/v1/channels/other/pause", &json!({})).expect(200);
        let elsewhere = json!({ "channel": "other" });
        let waiting = id_of(&post(&gateway, &elsewhere));
        gateway.text(ANA, "BAJA");
        assert_eq!(gateway.message(&waiting)["status"] == "failed", everywhere, "{scope}");
        is_refused(&gateway, &json!({ "channel": "sms" }), "opted-out");
        if everywhere {
            is_refused(&gateway, &elsewhere, "opted-out");
        } else {
            post(&gateway, &elsewhere).expect(202);
        }
    }
}

/// Quiet hours around now, in UTC.
fn quiet(more: &str) -> String {
    let at = |now: Timestamp, hours: i64| {
        (now + Span::new().hours(hours)).to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
    };
    let now = SystemClock.now();
    let (from, to) = (at(now, -2), at(now, 3));
    format!("[defaults]\ntime_zone = 'UTC'\n[gate.quiet_hours]\nfrom = '{from}'\nto = '{to}'\n{more}")
}

#[test]
fn at_night_messages_wait_and_whoever_writes_is_answered() {
    let config = quiet("[gate]\nexempt = ['replies', 'high']");
    let gateway = TestGateway::builder().config_toml(&config).allow_unsent().start();
    let id = id_of(&post(&gateway, &json!({})));
    let explained = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
    let waits = &explained["waits"];
    assert_eq!(
        (&waits["for"], &waits["code"], &waits["time_zone"]),
        (&json!("gate"), &json!("quiet-hours"), &json!("UTC"))
    );
    let until: Timestamp = waits["until"].as_str().unwrap().parse().unwrap();
    let ahead = until.as_second() - SystemClock.now().as_second();
    assert!((2 * 3600..=3 * 3600).contains(&ahead), "{ahead}");
    let variables = [("RECADO_GATEWAY", gateway.url()), ("RECADO_API_KEY", gateway.key().to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let text = run(gateway.folder(), &["explain", &id], &variables).good().stdout;
    assert!(text.contains("waits for the end of quiet hours in UTC, until "), "{text}");

    let urgent = id_of(&post(&gateway, &json!({ "to": LUIS, "priority": "high" })));
    gateway.wait_for_status(&urgent, "delivered");
    gateway.text(ANA, "¿Están abiertos?");
    let messages = gateway.messages();
    let answer = going(&messages, "outbound").last().unwrap()["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&answer, "delivered");
    let later = id_of(&post(&gateway, &json!({})));
    gateway.wait_for_status(&later, "delivered");
    assert_eq!(gateway.message(&id)["status"], "pending");
}

#[test]
fn a_night_may_refuse_and_a_cap_does() {
    let gateway = TestGateway::builder().config_toml(&quiet("action = 'refuse'")).start();
    is_refused(&gateway, &json!({}), "quiet-hours");
    let refused = gateway.door_send(&[("To", ANA), ("From", NUMBER), ("Body", "Aviso")]).expect(400);
    assert_eq!(refused["code"], 30007);
    assert!(refused["message"].as_str().unwrap().contains("night"), "{refused}");
    let kept: Vec<_> = gateway.messages().into_iter().map(|message| message["refused_for"].clone()).collect();
    assert_eq!(kept, ["quiet-hours", "quiet-hours"]);
    let variables = [("RECADO_GATEWAY", gateway.url()), ("RECADO_API_KEY", gateway.key().to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let id = id_of_kept(&gateway);
    let text = run(gateway.folder(), &["explain", &id], &variables).good().stdout;
    for piece in ["refused by the gate (quiet-hours)", "wanted to be sent by sms", "the gate refused it: it is night"] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }

    let gateway = TestGateway::builder().config_toml("[gate.caps]\nper_day = 1").plugin(Plugin::obedient()).start();
    let first = id_of(&post(&gateway, &json!({})));
    gateway.wait_for_status(&first, "delivered");
    is_refused(&gateway, &json!({}), "frequency-cap");
    says(&gateway, LUIS, "send +529981122334 promo");
    let refusal =
        trace(&gateway, &with_text(&gateway, "send +529981122334 promo"))["plugins"][0]["decision"]["gate"][0].clone();
    assert_eq!((&refusal["code"], &refusal["limit"]), (&json!("frequency-cap"), &json!(1)));
    assert_eq!(says(&gateway, ANA, "say claro"), "claro", "whoever writes is answered");
    let id = id_of(&post(&gateway, &json!({})));
    gateway.wait_for_status(&id, "delivered");
}

#[test]
fn applications_and_operators_keep_the_ledger_too() {
    let gateway = TestGateway::builder().no_plugins().start();
    let put = |body: &Value| gateway.post_with("/v1/consents", &[("accept-language", "en")], body);
    let out = put(&json!({ "address": "998 112 2334", "state": "opted_out", "note": "by phone" })).expect(201);
    assert_eq!((&out["address"], &out["source"], &out["channel"]), (&json!(ANA), &json!("api"), &json!("sms")));
    put(&json!({ "address": ANA, "state": "opted_out" })).expect(200);
    // Of a number that is nobody's here, nothing is kept.
    let problem = post(&gateway, &json!({})).expect(422);
    assert_eq!((&problem["type"], &problem["message_id"]), (&json!("urn:recado:problem:opted-out"), &Value::Null));
    assert!(gateway.messages().is_empty() && gateway.all("/v1/contacts").is_empty());
    put(&json!({ "address": ANA, "state": "opted_in" })).expect(201);
    gateway.text(ANA, "CANCELAR");
    let problem = put(&json!({ "address": ANA, "state": "opted_in" })).expect(422);
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/proof"), &json!("proof-needed"))
    );
    put(&json!({ "address": ANA, "state": "opted_in", "proof": "form 12" })).expect(201);
    post(&gateway, &json!({})).expect(202);
    for (body, pointer) in [
        (json!({ "address": "12", "state": "opted_out" }), "/address"),
        (json!({ "address": ANA, "state": "opted_out", "channel": "fax" }), "/channel"),
        (json!({ "address": ANA, "state": "opted_out", "source": "message" }), "/source"),
        (json!({ "address": ANA, "state": "opted_out", "at": "2999-01-01T00:00:00Z" }), "/at"),
    ] {
        assert_eq!(put(&body).expect(422)["errors"][0]["pointer"], pointer, "{body}");
    }

    consent(&gateway, &["set", LUIS, "opted_out", "--note", "asked at the counter"]).good();
    let page = gateway.get("/v1/consents?state=opted_out&limit=1").expect(200);
    assert_eq!((&page["items"][0]["address"], &page["items"][0]["source"]), (&json!(LUIS), &json!("console")));
    assert!(page["next_cursor"].is_null(), "{page}");
    let page = gateway.get("/v1/consents?limit=1").expect(200);
    let next =
        gateway.get(&format!("/v1/consents?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).expect(200);
    assert_eq!((&next["items"][0]["address"], &next["next_cursor"]), (&json!(ANA), &Value::Null));
    gateway.get("/v1/consents?cursor=nonsense").expect(422);
    let shown = consent(&gateway, &["show", ANA]).good().json();
    let sources: Vec<&Value> = shown["history"].as_array().unwrap().iter().map(|event| &event["source"]).collect();
    assert_eq!(sources, ["api", "api", "message", "api"]);
    assert_eq!(shown["history"][3]["proof"], "form 12");
}

#[test]
fn a_list_goes_out_and_comes_in_line_by_line() {
    let gateway = TestGateway::builder().no_plugins().start();
    gateway.text(ANA, "PARAR");
    let write = |name: &str, text: &str| std::fs::write(gateway.folder().join(name), text).unwrap();
    write(
        "list.csv",
        "address,state,note\n+529981122335,opted_out,\"old system, page 3\"\n12,opted_out,\n+529981122334,opted_in,\n\
         9981122336,maybe,\n+529981122337,opted_in,shop\n",
    );
    for dry_run in [true, false] {
        let flags: &[&str] = if dry_run { &["--dry-run"] } else { &[] };
        let came = consent(&gateway, &[&["import", "list.csv"], flags].concat());
        assert_eq!(came.code, Some(1), "{came:?}");
        let told = came.json();
        assert_eq!((&told["changed"], &told["known"], &told["dry_run"]), (&json!(2), &json!(0), &json!(dry_run)));
        let errors: Vec<_> = told["errors"].as_array().unwrap().iter().map(|e| (&e["line"], &e["column"])).collect();
        let expected = [(json!(3), json!("address")), (json!(4), json!("proof")), (json!(5), json!("state"))];
        assert_eq!(errors, expected.each_ref().map(|(line, column)| (line, column)));
        let known = gateway.all("/v1/consents").len();
        assert_eq!(known, if dry_run { 1 } else { 3 });
    }
    let again = consent(&gateway, &["import", "list.csv"]).json();
    assert_eq!((&again["changed"], &again["known"]), (&json!(0), &json!(2)), "the same again changes nothing");
    let history = gateway.get("/v1/consents/history?address=%2B529981122335").expect(200)["items"].clone();
    assert_eq!((history.as_array().unwrap().len(), &history[0]["source"]), (1, &json!("import")));
    assert_eq!(history[0]["note"], "old system, page 3");

    consent(&gateway, &["export", "--to", "out.csv"]).good();
    let text = std::fs::read_to_string(gateway.folder().join("out.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("address,channel,state,at,source"));
    assert!(text.contains("+529981122335,sms,opted_out,") && text.lines().count() == 4, "{text}");
    // What was written can be read.
    let back = consent(&gateway, &["import", "out.csv"]).good().json();
    assert_eq!((&back["changed"], &back["known"]), (&json!(0), &json!(3)));
    write("bad.csv", "address,mood\n");
    let bad = consent(&gateway, &["import", "bad.csv"]);
    assert_eq!(bad.code, Some(2), "{bad:?}");
    assert!(bad.stderr.contains("line 1: there is no column `mood`"), "{bad:?}");
    let lists = gateway.request(Method::GET, "/v1/consents", &[], "");
    assert_eq!(lists.status(), 401);
}
