//! What becomes of a text on its way, and of other small wishes.

use super::*;

fn with_service() -> Settings {
    Settings { messaging_service_sid: Some(SERVICE.to_owned()), ..settings() }
}

/// Creates a message and returns it as it is once it has ended.
async fn send(client: &Client, form: &[(&str, &str)]) -> Value {
    let form = [&[("To", ANA)], form].concat();
    let created = client.create(&form).await;
    let sid = created["sid"].as_str().unwrap().to_owned();
    client.message(&sid, |message| message.status.is_final()).await;
    client.api(Method::GET, &format!("/Messages/{sid}.json"), &[]).await.1
}

fn seen(message: &Value) -> (&str, &str) {
    (message["body"].as_str().unwrap(), message["num_segments"].as_str().unwrap())
}

#[tokio::test]
async fn smart_encoding_is_by_request_or_by_the_service() {
    let client = Client::start(with_service()).await;
    let curly = format!("“{}”", "a".repeat(78));
    let (straight, number, service) =
        (curly.replace(['“', '”'], "\""), ("From", NUMBER), ("MessagingServiceSid", SERVICE));
    let smart = |word| ("SmartEncoded", word);
    let created = client.create(&[number, ("To", ANA), ("Body", &curly), smart("true")]).await;
    assert_eq!(seen(&created), (straight.as_str(), "1"));
    for (form, expected) in [
        (&[number][..], (&curly, "2")),
        (&[number, smart("false")], (&curly, "2")),
        (&[number, smart("True")], (&straight, "1")),
        (&[service], (&straight, "1")),
        (&[service, smart("false")], (&curly, "2")),
    ] {
        let message = send(&client, &[&[("Body", curly.as_str())], form].concat()).await;
        assert_eq!(seen(&message), (expected.0.as_str(), expected.1), "{form:?}");
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let path = format!("/v1/Services/{SERVICE}");
    let headers = [("authorization", basic.as_str())];
    client.request(Method::POST, &path, &headers, Bytes::from_static(b"SmartEncoding=false")).await;
    assert_eq!(seen(&send(&client, &[("Body", &curly), service]).await), (curly.as_str(), "2"));
    assert_eq!(seen(&send(&client, &[("Body", &curly), service, smart("true")]).await), (straight.as_str(), "1"));
    // A text counts as the one that was asked for.
    let (_, told) = client.page(Method::GET, "/sandbox/creates", Value::Null).await;
    assert_eq!((&told["accepted"], &told["doubles"]), (&json!(8), &json!(7)));
}

#[tokio::test]
async fn links_are_shortened_and_lead_on_for_ninety_days() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(folder.path().join("journal"));
    let client = Client::start(Settings { keep: keep.clone(), ..with_service() }).await;
    let (long, other) = ("https://tienda.example.mx/pedido?id=1234567890&x=%C3%B1", "http://127.0.0.1:9/b");
    let body = format!("«Ve» {long}, o {other}.");
    let shorten = ("ShortenUrls", "true");
    let message = send(&client, &[("MessagingServiceSid", SERVICE), ("Body", &body), shorten]).await;
    let text = message["body"].as_str().unwrap().to_owned();
    let codes: Vec<_> = text.split(client.sandbox.url()).skip(1).filter_map(|rest| rest.get(..11)).collect();
    assert!(codes.len() == 2 && codes[0] != codes[1], "{text}");
    let url = client.sandbox.url();
    assert_eq!(text, format!("\"Ve\" {url}{}, o {url}{}.", codes[0], codes[1]));
    assert_eq!(message["num_segments"], "1");

    let plain = send(&client, &[("MessagingServiceSid", SERVICE), ("Body", long)]).await;
    assert_eq!(plain["body"], long);
    let form = [("From", NUMBER), ("To", ANA), ("Body", long), shorten];
    let (status, refusal) = client.api(Method::POST, "/Messages.json", &form).await;
    assert_eq!((status, &refusal["code"]), (400, &json!(21701)));
    let form = [("MessagingServiceSid", SERVICE), ("Body", "Ve https://a.mx/mañana"), shorten];
    let message = send(&client, &form).await;
    assert_eq!((&message["status"], &message["error_code"]), (&json!("failed"), &json!(30139)));
    client.sandbox.stop().await;

    let client = Client::start(Settings { keep, ..with_service() }).await;
    let follow = async |path: &str| {
        let response = client.request(Method::GET, path, &[], Bytes::new()).await;
        let place = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        (response.status().as_u16(), place)
    };
    assert_eq!(follow(codes[0]).await, (307, Some(long.to_owned())));
    assert_eq!(follow(codes[1]).await, (307, Some(other.to_owned())));
    assert_eq!((follow("/0123456789").await, follow("/short").await), ((404, None), (404, None)));
    client.sandbox.account.timeline.skip(90 * 24 * 3600 - 1);
    assert_eq!(follow(codes[0]).await.0, 307);
    client.sandbox.account.timeline.skip(1);
    assert_eq!(follow(codes[0]).await.0, 404);
}

#[tokio::test]
async fn a_long_text_can_be_one_mms_and_privacy_hides_what_has_left() {
    let client = Client::start(settings()).await;
    let long = "x".repeat(1000);
    let from = ("From", NUMBER);
    let message = send(&client, &[from, ("Body", &long), ("SendAsMms", "true")]).await;
    assert_eq!((seen(&message), &message["num_media"]), ((long.as_str(), "1"), &json!("0")));
    assert!(message["sid"].as_str().unwrap().starts_with("MM"), "{message}");

    let privacy = [("ContentRetention", "discard"), ("AddressRetention", "obfuscate")];
    let form = [&[from, ("Body", "1234 es tu clave")], &privacy[..]].concat();
    let created = client.create(&[&[("To", ANA)], &form[..]].concat()).await;
    assert_eq!((&created["body"], &created["to"]), (&json!("1234 es tu clave"), &json!(ANA)));
    let message = send(&client, &form).await;
    assert_eq!((&message["body"], &message["to"]), (&json!(""), &json!("+52551234XXXX")));
    // The phone has it all the same.
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    assert_eq!(state["messages"][2]["body"], "1234 es tu clave");
}

#[tokio::test]
async fn without_a_callback_of_its_own_a_message_is_reported_to_its_service() {
    let application = Application::start(|_| StatusCode::NO_CONTENT.into_response()).await;
    let client = Client::start(with_service()).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let (path, headers) = (format!("/v1/Services/{SERVICE}"), [("authorization", basic.as_str())]);
    let callback = format!("{}/service", application.url);
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("StatusCallback", &callback).finish();
    client.request(Method::POST, &path, &headers, body.into()).await;
    let own = format!("{}/own", application.url);
    for (form, expected) in [
        (&[("MessagingServiceSid", SERVICE)][..], &callback),
        (&[("MessagingServiceSid", SERVICE), ("StatusCallback", &own)], &own),
        (&[("From", NUMBER), ("StatusCallback", &own)], &own),
    ] {
        let form = [&[("To", ANA), ("Body", "hi")], form].concat();
        let created = client.create(&form).await;
        let mut report = application.next().await;
        while report.get("MessageStatus") != Some("delivered") {
            assert_eq!((report.url.as_str(), report.get("MessageSid")), (expected.as_str(), created["sid"].as_str()));
            report = application.next().await;
        }
    }
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi")]).await;
    let quiet = client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", &own)]).await;
    assert_eq!(application.next().await.get("MessageSid"), quiet["sid"].as_str());
}
