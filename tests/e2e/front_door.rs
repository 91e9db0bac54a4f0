//! Applications that speak Twilio's API: their messages, their lists, and what they are refused.

use std::collections::BTreeSet;

use http::Method;
use recado_tests::{ACCOUNT_SID, NUMBER, TestGateway, wait_for};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn text(body: &str) -> [(&str, &str); 3] {
    [("To", CUSTOMER), ("From", NUMBER), ("Body", body)]
}

fn sid(message: &Value) -> &str {
    message["sid"].as_str().unwrap()
}

fn file(sid: &str) -> String {
    format!("Messages/{sid}.json")
}

fn wait_for_status(gateway: &TestGateway, sid: &str, status: &str) -> Value {
    wait_for(status, || {
        let message = gateway.door(Method::GET, &file(sid), &[]).expect(200);
        (message["status"] == status).then_some(message)
    })
}

#[test]
fn a_message_is_sent_and_looked_at_as_at_twilio() {
    let gateway = TestGateway::builder().no_plugins().start();
    let answer = gateway.door_send(&text("Su pedido va en camino"));
    let made = answer.expect(201);
    assert!(answer.header("twilio-request-id").is_some_and(|id| id.len() == 34 && id.starts_with("RQ")));
    assert_eq!(answer.header("twilio-concurrent-requests"), Some("1"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let sid = sid(&made);
    let path = format!("/2010-04-01/Accounts/{}/Messages/{sid}", gateway.account_sid());
    let expected = json!({
        "account_sid": gateway.account_sid(), "api_version": "2010-04-01", "body": "Su pedido va en camino",
        "date_created": made["date_created"], "date_sent": null, "date_updated": made["date_updated"],
        "direction": "outbound-api", "error_code": null, "error_message": null, "from": NUMBER,
        "messaging_service_sid": null, "num_media": "0", "num_segments": "1", "price": null, "price_unit": "USD",
        "sid": sid, "status": "queued", "subresource_uris": { "media": format!("{path}/Media.json") },
        "to": CUSTOMER, "uri": format!("{path}.json"),
    });
    assert_eq!(made, expected);
    let date = made["date_created"].as_str().unwrap();
    assert!(jiff::fmt::rfc2822::parse(date).is_ok() && date.ends_with("+0000"), "{date}");
    let delivered = wait_for_status(&gateway, sid, "delivered");
    assert!(delivered["date_sent"].is_string(), "{delivered}");
    let uri = delivered["uri"].as_str().unwrap();
    assert_eq!(gateway.door(Method::GET, uri, &[]).expect(200), delivered);
    // The same message as the gateway's own API has it.
    assert_eq!(gateway.messages().len(), 1);
    assert_eq!(gateway.twilio_messages()[0]["body"], "Su pedido va en camino");
}

#[test]
fn media_and_what_came_in_are_there_too() {
    let gateway = TestGateway::start();
    let picture = "https://example.com/a.png";
    let form = [("To", CUSTOMER), ("From", NUMBER), ("MediaUrl", picture), ("MediaUrl", "https://example.com/b.jpg")];
    let made = gateway.door_send(&form).expect(201);
    assert!(sid(&made).starts_with("MM") && made["num_media"] == "2" && made["body"] == "", "{made}");
    let list = gateway.door(Method::GET, made["subresource_uris"]["media"].as_str().unwrap(), &[]).expect(200);
    let items = list["media_list"].as_array().unwrap();
    assert_eq!((items.len(), &list["next_page_uri"]), (2, &Value::Null));
    assert_eq!(items[0]["parent_sid"], made["sid"]);
    let uri = items[0]["uri"].as_str().unwrap();
    assert_eq!(gateway.door(Method::GET, uri, &[]).expect(200), items[0]);
    let contents = gateway.door(Method::GET, uri.trim_end_matches(".json"), &[]);
    assert_eq!((contents.status(), contents.header("location")), (307, Some(picture)));
    let other = format!("{}/ME{:032x}.json", uri.rsplit_once('/').unwrap().0, 7);
    assert_eq!(gateway.door(Method::GET, &other, &[]).expect(404)["code"], 20404);

    gateway.text(CUSTOMER, "¿Dónde está mi pedido?");
    let came = format!("Messages.json?From=%2B{}", CUSTOMER.trim_start_matches('+'));
    let page = gateway.door(Method::GET, &came, &[]).expect(200);
    let inbound = &page["messages"][0];
    assert_eq!((&inbound["direction"], &inbound["status"]), (&json!("inbound"), &json!("received")));
    assert_eq!((&inbound["body"], &inbound["to"]), (&json!("¿Dónde está mi pedido?"), &json!(NUMBER)));
    assert_eq!(inbound["date_sent"], inbound["date_created"]);
    let all = gateway.door(Method::GET, "Messages.json", &[]).expect(200);
    assert!(
        all["messages"].as_array().unwrap().iter().any(|message| message["direction"] == "outbound-reply"),
        "{all}"
    );
}

#[test]
fn a_list_is_complete_and_without_doubles_while_messages_are_being_added() {
    let gateway = TestGateway::builder().no_plugins().start();
    let before: BTreeSet<String> =
        (0..7).map(|count| sid(&gateway.door_send(&text(&format!("{count}"))).expect(201)).to_owned()).collect();
    let mut uri = format!("/2010-04-01/Accounts/{}/Messages.json?PageSize=2", gateway.account_sid());
    let mut seen = Vec::new();
    let mut pages = Vec::new();
    loop {
        let page = gateway.door(Method::GET, &uri, &[]).expect(200);
        let sids = page["messages"].as_array().unwrap().iter().map(|message| sid(message).to_owned());
        seen.extend(sids);
        assert_eq!((&page["page"], &page["page_size"]), (&json!(pages.len()), &json!(2)));
        gateway.door_send(&text("one more")).expect(201);
        pages.push(page.clone());
        match page["next_page_uri"].as_str() {
            Some(next) => next.clone_into(&mut uri),
            None => break,
        }
    }
    assert_eq!((seen.len(), seen.iter().cloned().collect::<BTreeSet<_>>()), (7, before), "{seen:?}");
    assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first: {seen:?}");
    assert_eq!(pages.len(), 4);
    assert_eq!((&pages[0]["start"], &pages[0]["end"], &pages[3]["start"]), (&json!(0), &json!(1), &json!(6)));
    assert_eq!(pages[0]["previous_page_uri"], Value::Null);
    let back = gateway.door(Method::GET, pages[2]["previous_page_uri"].as_str().unwrap(), &[]).expect(200);
    assert_eq!(back["messages"].as_array().unwrap().len(), 2);
    assert_eq!(sid(&back["messages"][1]), seen[3]);
    let first = gateway.door(Method::GET, pages[3]["first_page_uri"].as_str().unwrap(), &[]).expect(200);
    assert_eq!(first["messages"][0]["body"], "one more");
}

#[test]
fn lists_are_filtered_by_who_and_when() {
    let gateway = TestGateway::builder().no_plugins().start();
    let ana = gateway.door_send(&text("Ana")).expect(201);
    let luis = gateway.door_send(&[("To", "+529981122335"), ("From", NUMBER), ("Body", "Luis")]).expect(201);
    for message in [&ana, &luis] {
        wait_for_status(&gateway, sid(message), "delivered");
    }
    let bodies = |query: &str| -> Vec<String> {
        let page = gateway.door(Method::GET, &format!("Messages.json?{query}"), &[]).expect(200);
        let messages = page["messages"].as_array().unwrap().iter();
        messages.map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    };
    let day = ana["date_created"].as_str().and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).unwrap().date();
    let (yesterday, tomorrow) = (day.yesterday().unwrap(), day.tomorrow().unwrap());
    assert_eq!(bodies("To=%2B529981122334"), ["Ana"]);
    assert_eq!(bodies(&format!("From=%2B{}&To=%2B529981122335", NUMBER.trim_start_matches('+'))), ["Luis"]);
    assert_eq!(bodies("From=%2B525500000000"), [] as [&str; 0]);
    assert_eq!(bodies(&format!("DateSent%3E={yesterday}&DateSent%3C={tomorrow}")), ["Luis", "Ana"]);
    assert_eq!(bodies(&format!("DateSent={yesterday}")), [] as [&str; 0]);
    assert_eq!(bodies(&format!("DateSent%3C={yesterday}")), [] as [&str; 0]);
    for (query, code) in [("PageSize=1001", 20007), ("PageToken=nonsense", 21481)] {
        assert_eq!(gateway.door(Method::GET, &format!("Messages.json?{query}"), &[]).expect(400)["code"], code);
    }
    let page = gateway.door(Method::GET, "Messages.json?To=%2B529981122334&PageSize=1", &[]).expect(200);
    assert!(page["uri"].as_str().unwrap().contains("To=%2B529981122334&PageSize=1"), "{page}");
    assert_eq!(page["next_page_uri"], Value::Null);
}

#[test]
fn a_scheduled_message_is_canceled_once() {
    let settings = format!("[channels.sms]\nmessaging_service_sid = \"{SERVICE}\"");
    let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).config_toml(&settings).start();
    let at = recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_mins(10);
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let by_service = [("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("Body", "Hola")];
    let now = gateway.door_send(&by_service).expect(201);
    assert_eq!((&now["status"], &now["from"]), (&json!("accepted"), &Value::Null));
    assert_eq!((&now["messaging_service_sid"], &now["num_segments"]), (&json!(SERVICE), &json!("0")));
    let later = [&by_service[..], &[("ScheduleType", "fixed"), ("SendAt", &at)]].concat();
    let made = gateway.door_send(&later).expect(201);
    assert_eq!((&made["status"], &made["num_segments"]), (&json!("scheduled"), &json!("0")));
    let canceled = gateway.door(Method::POST, &file(sid(&made)), &[("Status", "canceled")]).expect(200);
    assert_eq!((&canceled["sid"], &canceled["status"]), (&made["sid"], &json!("canceled")));
    for (form, code) in [
        (vec![("Status", "canceled")], 30409),
        (vec![("Status", "sent")], 30400),
        (vec![("Status", "canceled"), ("Body", "")], 30400),
        (vec![("Body", "other")], 30400),
        (vec![], 30400),
    ] {
        let refused = gateway.door(Method::POST, &file(sid(&made)), &form);
        assert_eq!(refused.expect(400)["code"], code, "{form:?}");
    }
    let delivered = wait_for_status(&gateway, sid(&now), "delivered");
    assert_eq!(delivered["num_segments"], "1", "they are counted once a sender is chosen");
    let late = gateway.door(Method::POST, &file(sid(&now)), &[("Status", "canceled")]);
    assert_eq!(late.expect(400)["code"], 30409);
}

#[test]
fn a_text_is_redacted_and_a_message_deleted() {
    let gateway = TestGateway::builder().no_plugins().start();
    let waiting = gateway.door_send(&text("Un secreto entre los dos")).expect(201);
    wait_for_status(&gateway, sid(&waiting), "delivered");
    let redacted = gateway.door(Method::POST, &file(sid(&waiting)), &[("Body", "")]).expect(200);
    assert_eq!((&redacted["sid"], &redacted["body"]), (&waiting["sid"], &json!("")));
    assert_eq!(gateway.messages()[0]["text"], "");

    assert_eq!(gateway.door(Method::DELETE, &file(sid(&waiting)), &[]).status(), 204);
    for method in [Method::GET, Method::DELETE, Method::POST] {
        assert_eq!(gateway.door(method, &file(sid(&waiting)), &[]).expect(404)["code"], 20404);
    }
    let list = gateway.door(Method::GET, "Messages.json", &[]).expect(200);
    assert_eq!(list["messages"], json!([]));
}

#[test]
fn what_is_wrong_is_told_in_twilios_numbers() {
    let gateway = TestGateway::builder().no_plugins().start();
    let long = "x".repeat(1601);
    let emoji = "😀".repeat(801);
    let url = format!("https://example.com/{}", "a".repeat(4000));
    let (to, from, body) = (("To", CUSTOMER), ("From", NUMBER), ("Body", "Hola"));
    let service = ("MessagingServiceSid", SERVICE);
    let template = ("ContentSid", "HX0123456789abcdef0123456789abcdef");
    let mut many = vec![to, from];
    many.extend([("MediaUrl", "https://example.com/a.png"); 11]);
    let cases = [
        (vec![from, body], 21604),
        (vec![to, body], 21603),
        (vec![to, from], 21602),
        (vec![to, from, ("Body", "  ")], 21602),
        (vec![to, service], 21619),
        (vec![to, service, body], 21705),
        (vec![("To", "12"), from, body], 21211),
        (vec![("To", "nobody"), from, body], 21211),
        (vec![to, ("From", "not a sender!"), body], 21212),
        (vec![to, ("From", "+14155550100"), body], 21606),
        (vec![("To", NUMBER), from, body], 21266),
        (vec![to, from, ("Body", &long)], 21617),
        (vec![to, from, ("Body", &emoji)], 21617),
        (vec![to, from, ("MediaUrl", "nope")], 21620),
        (many, 21623),
        (vec![to, from, body, ("StatusCallback", "nope")], 21609),
        (vec![to, from, body, ("StatusCallback", "https://my_app.example.com/")], 21609),
        (vec![to, from, body, ("StatusCallback", &url)], 21609),
        (vec![to, from, body, ("StatusCallback", "http://127.0.0.1:3000/status")], 21609),
        (vec![to, from, body, ("ValidityPeriod", "36001")], 21624),
        (vec![to, from, body, ("ContentVariables", "{}")], 21654),
        (vec![to, from, ("ContentSid", "HX1")], 21655),
        (vec![to, from, template, ("ContentVariables", "{")], 21656),
        (vec![to, from, body, ("SendAt", "2030-01-01T00:00:00Z")], 35118),
    ];
    for (form, code) in cases {
        let answer = gateway.door_send(&form);
        let refused = answer.expect(400);
        assert_eq!(refused["code"], code, "{refused}");
        assert_eq!((&refused["status"], answer.header("content-type")), (&json!(400), Some("application/json")));
        assert_eq!(refused["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert!(refused["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(gateway.messages(), [] as [Value; 0]);
    let private = gateway.door_send(&[to, from, body, ("StatusCallback", "http://10.0.0.1/")]).expect(400);
    assert!(private["message"].as_str().unwrap().contains("callbacks.private_addresses"), "{private}");

    for ignored in [("Attempt", "1"), ("MaxPrice", "0.1"), ("ForceDelivery", "true"), ("SmartEncoded", "true")] {
        gateway.door_send(&[to, from, body, ignored]).expect(201);
    }
    gateway.door_send(&[to, from, ("Body", &"x".repeat(1600))]).expect(201);

    gateway.text(CUSTOMER, "STOP");
    assert_eq!(gateway.door_send(&[to, from, body]).expect(400)["code"], 21610);
}

#[test]
fn a_way_that_is_not_there_is_refused_as_twilio_does() {
    let gateway = TestGateway::builder().no_plugins().start();
    let own = format!("/2010-04-01/Accounts/{}", gateway.account_sid());
    let cases = [
        (Method::GET, format!("{own}/Calls.json"), 404, 20404),
        (Method::GET, "/2010-04-01/Nothing.json".to_owned(), 404, 20404),
        (Method::PUT, format!("{own}/Messages.json"), 405, 20004),
        (Method::DELETE, format!("{own}/Messages.json"), 405, 20004),
        (Method::GET, format!("{own}/Messages/SM{:032x}.json", 5), 404, 20404),
        (Method::GET, format!("{own}/Messages/nonsense.json"), 404, 20404),
        (Method::GET, format!("{own}/Messages/SM{:032x}/Media.json", 5), 404, 20404),
    ];
    for (method, path, status, code) in cases {
        let refused = gateway.door(method, &path, &[]).expect(status);
        assert_eq!((&refused["code"], &refused["status"]), (&json!(code), &json!(status)), "{path}");
    }
}

#[test]
fn a_path_without_json_is_answered_in_xml() {
    let gateway = TestGateway::builder().no_plugins().start();
    let read = |method, path: &str, form: &[(&str, &str)], status| {
        let answer = gateway.door(method, path, form);
        assert_eq!((answer.status(), answer.header("content-type")), (status, Some("application/xml")), "{path}");
        answer.text()
    };
    let made = read(Method::POST, "Messages", &text("Uno & dos"), 201);
    assert!(made.contains("<TwilioResponse><Message>") && made.contains("<Body>Uno &amp; dos</Body>"), "{made}");
    let (_, uri) = made.split_once("<Uri>").unwrap();
    let (uri, _) = uri.split_once("</Uri>").unwrap();
    assert!(uri.contains("/Messages/SM") && read(Method::GET, uri, &[], 200).contains(&format!("<Uri>{uri}</Uri>")));
    let list = read(Method::GET, "Messages?PageSize=1", &[], 200);
    let account = gateway.account_sid();
    let page = format!(" uri=\"/2010-04-01/Accounts/{account}/Messages?PageSize=1&amp;Page=0\"");
    assert!(list.contains("<Messages ") && list.contains(&page) && list.contains(" nextpageuri=\"\""), "{list}");
    let refused = read(Method::POST, "Messages", &[("To", CUSTOMER)], 400);
    assert!(refused.contains("<RestException><Code>21603</Code>"), "{refused}");
    assert!(read(Method::GET, "Calls", &[], 404).contains("<Code>20404</Code>"));
    let path = format!("/2010-04-01/Accounts/{account}/Messages");
    let stranger = gateway.door_as(account, "wrong", Method::GET, &path, &[]);
    assert_eq!((stranger.status(), stranger.header("content-type")), (401, Some("application/xml")));
    // As JSON it is the same message.
    wait_for_status(&gateway, uri.rsplit_once('/').unwrap().1, "delivered");
}

#[test]
fn an_application_comes_in_under_its_own_or_the_real_account() {
    let gateway = TestGateway::builder().no_plugins().start();
    let own = gateway.account_sid().to_owned();
    let by_key = own.replacen("AC", "SK", 1);
    let stranger = format!("AC{:032x}", 99);
    let key = gateway.key().to_owned();
    let path = |account: &str| format!("/2010-04-01/Accounts/{account}/Messages.json");
    let cases = [
        (&own, own.as_str(), key.as_str(), 200),
        (&own, &by_key, &key, 200),
        (&ACCOUNT_SID.to_owned(), ACCOUNT_SID, &key, 200),
        (&ACCOUNT_SID.to_owned(), &by_key, &key, 200),
        (&own, ACCOUNT_SID, &key, 401),
        (&ACCOUNT_SID.to_owned(), &own, &key, 401),
        (&own, &own, "recado_0123", 401),
        (&own, &own, "", 401),
        (&stranger, &stranger, &key, 401),
        (&stranger, &by_key, &key, 404),
    ];
    for (account, user, password, status) in cases {
        let answer = gateway.door_as(user, password, Method::GET, &path(account), &[]);
        assert_eq!(answer.status(), status, "{account} as {user}: {}", answer.text());
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Twilio API\""));
            assert_eq!((&answer.json()["code"], &answer.json()["message"]), (&json!(20003), &json!("Authenticate")));
        }
    }
    let bearer = format!("Bearer {key}");
    for headers in [vec![], vec![("authorization", bearer.as_str())]] {
        assert_eq!(gateway.request(Method::GET, &path(&own), &headers, "").status(), 401);
    }
    let form = text("Hola");
    let made = gateway.door_as(ACCOUNT_SID, &key, Method::POST, &path(ACCOUNT_SID), &form).expect(201);
    assert_eq!(made["account_sid"], ACCOUNT_SID);
    wait_for_status(&gateway, sid(&made), "delivered");
}
