//! What the doctor finds at a channel, shown in the console.

use recado_tests::{ACCOUNT_SID, AUTH_TOKEN, NUMBER, TestGateway, Visitor, call};

/// Points the number's webhook at the local Twilio somewhere else.
fn point_elsewhere(gateway: &TestGateway) {
    let number = NUMBER.trim_start_matches('+');
    let numbers = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers.json?PhoneNumber=%2B{number}");
    let ask = |method: &str, path: &str, body: &'static str| {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", gateway.twilio_url()))
            .header("authorization", recado_tests::basic(ACCOUNT_SID, AUTH_TOKEN))
            .header("content-type", "application/x-www-form-urlencoded");
        call(request.body(body.into()).unwrap()).unwrap().expect(200)
    };
    let found = ask("GET", &numbers, "");
    let uri = found["incoming_phone_numbers"][0]["uri"].as_str().unwrap();
    ask("POST", uri, "SmsUrl=https%3A%2F%2Fana%3Ahush%40demo.example.com%2Fold%3Ftoken%3Dhush");
}

#[test]
fn a_webhook_that_leads_elsewhere_is_shown_with_its_remedy() {
    let mut gateway = TestGateway::start();
    gateway.set_config(&format!("[server]\npublic_url = \"{}\"", gateway.url()));
    gateway.restart();
    let [agent, viewer] = ["agent", "viewer"].map(|role| Visitor::new(&gateway, role, role));
    assert!(!agent.get("/console/channels").text().contains("data-testid=\"found\""));
    let well = agent.post("/console/channels/sms/check", &[]);
    assert_eq!(well.status(), 200);
    for check in ["channels.sms.signature", "channels.sms.credentials", "channels.sms.webhook"] {
        assert!(well.text().contains(check), "{check} in {}", well.text());
    }
    let found = well.text().split("data-testid=\"found\"").nth(1).unwrap().to_owned();
    assert!(found.contains(">good<") && !found.contains(">bad<"), "{found}");

    point_elsewhere(&gateway);
    let page = agent.post("/console/channels/sms/check", &[]).text();
    let found = page.split("data-testid=\"found\"").nth(1).unwrap();
    assert!(found.contains(">bad<") && found.contains("demo.example.com/old"), "{found}");
    assert!(found.contains("recado doctor --fix") && found.contains("SmsUrl"), "the remedy: {found}");
    assert!(!page.contains("hush") && !page.contains(AUTH_TOKEN), "nobody's secrets: {page}");

    assert_eq!(viewer.post("/console/channels/sms/check", &[]).status(), 403);
    assert!(!viewer.get("/console/channels").text().contains("data-testid=\"check\""));
    assert_eq!(agent.post("/console/channels/nobody/check", &[]).status(), 404);
    assert!(gateway.messages().is_empty(), "looking leaves nothing behind");
}
