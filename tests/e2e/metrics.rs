//! What Prometheus is told, and who else is not.

use ::http::Method;
use recado_tests::{Behaviour, Plugin, ScriptedProvider, Step, TestGateway, form, wait_for};
use serde_json::json;

use super::message_sid;

const TOKEN: &str = "a-token-of-prometheus-alone";

fn page(gateway: &TestGateway) -> String {
    let answer = gateway.request(Method::GET, "/metrics", &[("authorization", &format!("Bearer {TOKEN}"))], "");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.text()
}

/// The value of a series, as it is written.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn with_token() -> recado_tests::Builder {
    TestGateway::builder().config_toml(&format!("[server]\nmetrics_token = \"{TOKEN}\""))
}

#[test]
fn only_who_may_see_the_metrics_does() {
    let gateway = with_token().no_plugins().start();
    let ask = |authorization: Option<&str>, more: &[(&str, &str)]| {
        let own = authorization.map(|value| ("authorization", value));
        let headers: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
        gateway.request(Method::GET, "/metrics", &headers, "")
    };
    let (token, key) = (format!("Bearer {TOKEN}"), format!("Bearer {}", gateway.key()));
    for good in [&token, &key] {
        let answer = ask(Some(good), &[]);
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    }
    // This test is on the same machine, as a proxy would be: that opens nothing.
    for bad in [None, Some("Bearer "), Some("Bearer wrong"), Some(TOKEN), Some(&*format!("{token}x"))] {
        let answer = ask(bad, &[("x-forwarded-for", "127.0.0.1")]);
        assert_eq!(answer.expect(401)["status"], 401, "{bad:?}");
        assert!(!answer.text().contains("recado_"), "{bad:?}: {}", answer.text());
    }
    let opens = gateway.request(Method::GET, "/v1/messages", &[("authorization", &token)], "");
    assert_eq!(opens.status(), 401, "the token is for the metrics alone");
    let plain = TestGateway::builder().no_plugins().start();
    assert_eq!(plain.request(Method::GET, "/metrics", &[], "").status(), 401);
    assert_eq!(plain.get("/metrics").status(), 200);
}

/// All that the table has is on the page once something has happened.
#[test]
fn every_metric_is_there_after_some_traffic_and_tells_no_secrets() {
    let endpoint = ScriptedProvider::start([]);
    let secret = format!("whsec_{}", "A".repeat(32));
    let settings = format!(
        "[server]\nmetrics_token = \"{TOKEN}\"\n[endpoints.crm]\nurl = \"{}/hook\"\nsecret = \"{secret}\"\n\
         events = [\"message.received\"]\nprivate_addresses = true",
        endpoint.url()
    );
    let gateway = TestGateway::builder()
        .config_toml(&settings)
        .plugin(Plugin::that("broken", Behaviour::Trap))
        .plugin(Plugin::that("answers", Behaviour::Reply("Aqui estamos, digame")))
        .start();
    let sid = message_sid();
    let parameters = form(&sid, "+529981122334", "Un texto muy privado");
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
    assert_eq!(gateway.post_webhook("sms/inbound", "bm9wZQ==", "From=1").status(), 403);
    assert_eq!(gateway.post_webhook("nobody/inbound", "bm9wZQ==", "From=1").status(), 404);
    let sent = json!({ "to": "+529985550100", "text": "Otro texto privado", "priority": "bulk" });
    let id = gateway.post("/v1/messages?wait=sent", &sent).expect(200)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "delivered");
    endpoint.wait_for(1);
    let out = json!({ "address": "+529985550101", "state": "opted_out" });
    gateway.post("/v1/consents", &out).expect(201);
    gateway.post("/v1/messages", &json!({ "to": "+529985550101", "text": "No" })).expect(422);
    let told = |page: &str| value(page, r#"recado_events_total{endpoint="crm",outcome="delivered"}"#) == Some(1.0);
    let page = wait_for("the event to be counted", || Some(page(&gateway)).filter(|page| told(page)));
    for metric in recado::metrics::TABLE {
        let name = metric.name();
        let kind = match metric.kind() {
            recado::metrics::Kind::Counter => "counter",
            recado::metrics::Kind::Gauge => "gauge",
            recado::metrics::Kind::Histogram(_) => "histogram",
        };
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name} is not on the page\n{page}");
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help");
        let series = page.lines().find(|line| line.starts_with(name) && !line.starts_with('#')).unwrap();
        for label in metric.labels() {
            assert!(series.contains(&format!("{label}=\"")), "{series} has no {label}");
        }
    }
    for (series, expected) in [
        (r#"recado_webhooks_total{channel="sms",kind="inbound",outcome="recorded"}"#, 1.0),
        (r#"recado_webhooks_total{channel="sms",kind="inbound",outcome="repeat"}"#, 1.0),
        (r#"recado_webhooks_total{channel="sms",kind="unread",outcome="forged"}"#, 1.0),
        (r#"recado_webhooks_total{channel="unknown",kind="unread",outcome="unknown-channel"}"#, 1.0),
        (r#"recado_messages_total{channel="sms",direction="inbound",status="received"}"#, 1.0),
        (r#"recado_messages_total{channel="sms",direction="outbound",status="pending"}"#, 1.0),
        (r#"recado_messages_total{channel="sms",direction="outbound",status="delivered"}"#, 1.0),
        (r#"recado_attempts_total{channel="sms",outcome="accepted",class="none"}"#, 1.0),
        (r#"recado_gate_refusals_total{channel="sms",code="opted-out"}"#, 1.0),
        (r#"recado_queue_seconds_count{channel="sms",priority="bulk"}"#, 1.0),
        (r#"recado_provider_seconds_count{channel="sms"}"#, 1.0),
        (r#"recado_processing_seconds_count{channel="sms"}"#, 1.0),
        (r#"recado_plugin_call_seconds_count{plugin="answers",hook="inbound"}"#, 1.0),
        (r#"recado_plugin_failures_total{plugin="broken",reason="trapped"}"#, 1.0),
        (r#"recado_channel_paused{channel="sms",by="fault"}"#, 0.0),
        ("recado_database_up", 1.0),
        ("recado_inbound_unprocessed", 0.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}\n{page}");
    }
    for private in
        [sid.as_str(), id.as_str(), "529981122334", "529985550100", "privado", "Aqui estamos", TOKEN, gateway.key()]
    {
        assert!(!page.contains(private), "the page tells {private}");
    }
}

#[test]
fn what_waits_and_what_is_paused_shows() {
    // Each probe of the channel, too, so that all goes on waiting.
    let refused = || Step::Answer(401, &[], r#"{"code":20003,"message":"Authenticate"}"#);
    let provider = ScriptedProvider::start([0; 100].map(|_| refused()));
    let gateway = with_token().no_plugins().provider(&provider).allow_errors().allow_unsent().start();
    for number in 0..3 {
        let message = json!({ "to": format!("+52998555010{number}"), "text": "Hola", "priority": "high" });
        gateway.post("/v1/messages", &message).expect(202);
    }
    let due = r#"recado_outbound_due{channel="sms",priority="high"}"#;
    let page = wait_for("all to wait", || Some(page(&gateway)).filter(|page| value(page, due) == Some(3.0)));
    assert_eq!(value(&page, r#"recado_channel_paused{channel="sms",by="fault"}"#), Some(1.0));
    assert!(value(&page, r#"recado_outbound_oldest_due_seconds{channel="sms",priority="high"}"#).unwrap() > 0.0);
    assert_eq!(value(&page, r#"recado_outbound_due{channel="sms",priority="bulk"}"#), Some(0.0));
    assert!(page.contains(r#"recado_attempts_total{channel="sms",outcome="held",class="fault"}"#), "{page}");
    gateway.post("/v1/channels/sms/pause", &json!({ "reason": "a test" })).expect(200);
    let by_hand = r#"recado_channel_paused{channel="sms",by="hand"}"#;
    wait_for("the pause by hand", || (value(&self::page(&gateway), by_hand) == Some(1.0)).then_some(()));
}
