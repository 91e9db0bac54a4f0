//! Messages that the application sends.

use super::*;

#[tokio::test]
async fn a_created_message_is_sent_delivered_and_reported() {
    let application = Application::start(|_| StatusCode::NO_CONTENT.into_response()).await;
    let client = Client::start(settings()).await;
    let callback = format!("{}/status?part=7", application.url);
    let form = [("From", NUMBER), ("To", ANA), ("Body", "¿Qué tal? 👍"), ("StatusCallback", &callback)];
    let created = client.create(&form).await;
    let sid = created["sid"].as_str().unwrap().to_owned();
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    let uri = format!("/2010-04-01/Accounts/{SID}/Messages/{sid}");
    let mut expected = json!({
        "account_sid": SID, "api_version": "2010-04-01", "body": "¿Qué tal? 👍",
        "date_created": "Mon, 23 Nov 2026 00:37:22 +0000", "date_sent": null,
        "date_updated": "Mon, 23 Nov 2026 00:37:22 +0000", "direction": "outbound-api", "error_code": null,
        "error_message": null, "from": NUMBER, "messaging_service_sid": null, "num_media": "0", "num_segments": "1",
        "price": null, "price_unit": "USD", "sid": sid, "status": "queued",
        "subresource_uris": { "media": format!("{uri}/Media.json") }, "to": ANA, "uri": format!("{uri}.json"),
    });
    assert_eq!(created, expected);

    let sent = application.next().await;
    assert!(sent.is_signed() && sent.url == callback, "{sent:?}");
    assert_eq!(sent.headers["user-agent"], "TwilioProxy/1.1");
    let pairs = |status: &str| {
        let status = ("SmsStatus".to_owned(), status.to_owned());
        let rest = [
            ("SmsSid", sid.as_str()),
            ("MessageStatus", &status.1),
            ("To", ANA),
            ("MessageSid", &sid),
            ("AccountSid", SID),
            ("From", NUMBER),
            ("ApiVersion", "2010-04-01"),
        ];
        let mut pairs: Vec<_> = rest.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        pairs.insert(1, status);
        pairs
    };
    assert_eq!(sent.form, pairs("sent"));
    let delivered = application.next().await;
    let date = ("RawDlrDoneDate".to_owned(), "2611230037".to_owned());
    assert_eq!(delivered.form, [pairs("delivered"), vec![date]].concat());

    expected["subresource_uris"]["feedback"] = format!("{uri}/Feedback.json").into();
    expected["status"] = "delivered".into();
    expected["date_sent"] = "Mon, 23 Nov 2026 00:37:22 +0000".into();
    assert_eq!(client.api(Method::GET, &format!("{uri}.json"), &[]).await, (200, expected));
}

#[tokio::test]
async fn a_messaging_service_picks_the_sender_later() {
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(Settings { messaging_service_sid: Some(SERVICE.to_owned()), ..settings() }).await;
    let form = [("MessagingServiceSid", SERVICE), ("To", ANA), ("Body", "hi"), ("StatusCallback", &application.url)];
    let created = client.create(&form).await;
    let seen = ["status", "from", "num_segments", "messaging_service_sid"].map(|name| created[name].clone());
    assert_eq!(seen, [json!("accepted"), Value::Null, json!("0"), json!(SERVICE)]);
    let queued = application.next().await;
    let seen = ["MessageStatus", "From", "MessagingServiceSid"].map(|name| queued.get(name));
    assert_eq!(seen, [Some("queued"), Some(NUMBER), Some(SERVICE)]);
    let sid = created["sid"].as_str().unwrap();
    assert_eq!(application.statuses(sid).await, ["sent", "delivered"]);
    let (_, fetched) = client.api(Method::GET, &format!("/Messages/{sid}.json"), &[]).await;
    assert_eq!((&fetched["from"], &fetched["num_segments"]), (&json!(NUMBER), &json!("1")));
}

#[tokio::test]
async fn carriers_report_the_error_that_a_number_ends_in() {
    let application = Application::start(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    let client = Client::start(settings()).await;
    for (to, statuses, code) in
        [("+529981130003", &["sent", "undelivered"][..], 30003), ("+529981130036", &["failed"], 30036)]
    {
        let created =
            client.create(&[("From", NUMBER), ("To", to), ("Body", "hi"), ("StatusCallback", &application.url)]).await;
        let sid = created["sid"].as_str().unwrap();
        assert_eq!(application.statuses(sid).await, statuses, "{to}");
        let message = client.message(sid, |message| message.warnings.len() == statuses.len()).await;
        assert_eq!(message["error_code"], code);
        assert_eq!(codes(&message["warnings"]), vec![11200; statuses.len()]);
    }
}

#[tokio::test]
async fn errors_come_in_twilios_form() {
    let client = Client::start(settings()).await;
    let (status, refusal) =
        client.api(Method::POST, "/Messages.json", &[("From", NUMBER), ("To", "x"), ("Body", "a")]).await;
    let expected = json!({
        "code": 21211, "message": "The 'To' number x is not a valid phone number.",
        "more_info": "https://www.twilio.com/docs/errors/21211", "status": 400,
    });
    assert_eq!((status, refusal), (400, expected));
    let other = format!("/2010-04-01/Accounts/AC{}/Messages.json", "0".repeat(32));
    for (method, path, expected) in [
        (Method::GET, "/Messages/SM00000000000000000000000000000000.json", (404, 20404)),
        (Method::GET, "/Messages/SM00000000000000000000000000000000/Media.json", (404, 20404)),
        (Method::GET, "/Calls.json", (404, 20404)),
        (Method::GET, other.as_str(), (404, 20404)),
        (Method::PUT, "/Messages.json", (405, 20004)),
        (Method::GET, "/Messages.json?PageSize=1001", (400, 20007)),
        (Method::GET, "/Messages.json?PageToken=x", (400, 21481)),
        (Method::GET, "/Messages.json?PageToken=PASM1", (400, 21481)),
        (Method::GET, "/IncomingPhoneNumbers.json?PageSize=1001", (400, 20007)),
    ] {
        let (status, refusal) = client.api(method, path, &[]).await;
        assert_eq!((status, refusal["code"].as_u64().unwrap()), expected, "{path}: {refusal}");
    }
    let path = format!("/2010-04-01/Accounts/{SID}/Messages.json");
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    for credentials in
        [None, Some(basic(&format!("{SID}:12346"))), Some(basic("AC1:12345")), Some("Bearer x".to_owned())]
    {
        let headers: Vec<_> = credentials.iter().map(|value| ("authorization", value.as_str())).collect();
        let response = client.request(Method::GET, &path, &headers, Bytes::new()).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status().as_u16(), &body["code"]), (401, &json!(20003)), "{credentials:?}");
        assert!(response.headers().contains_key("www-authenticate"));
        assert!(response.headers()["twilio-request-id"].to_str().unwrap().starts_with("RQ"));
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let client = Client::start(settings()).await;
    for index in 0..5 {
        let to = if index == 1 { LUIS } else { ANA };
        client.create(&[("From", NUMBER), ("To", to), ("Body", &index.to_string())]).await;
    }
    let (mut bodies, mut path) = (Vec::new(), "/Messages.json?To=%2B525512345678&PageSize=2".to_owned());
    loop {
        let (_, page) = client.api(Method::GET, &path, &[]).await;
        let shown =
            page["messages"].as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap().to_owned());
        bodies.push(shown.collect::<Vec<_>>());
        // A message that comes in meanwhile shifts nothing.
        client.create(&[("From", NUMBER), ("To", ANA), ("Body", "new")]).await;
        match page["next_page_uri"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(bodies, [["4", "3"], ["2", "0"]]);
    let count = async |query: &str| {
        let (_, page) = client.api(Method::GET, &format!("/Messages.json?{query}"), &[]).await;
        page["messages"].as_array().unwrap().len()
    };
    assert_eq!(count("From=%2B529983162438&To=%2B528187654321").await, 1);
    assert_eq!(count("DateSent%3E=2026-11-24").await, 0);
    assert_eq!(count("DateSent%3C=2026-11-22").await, 0);
    let all = client.sandbox.account.ledger.all();
    for message in &all {
        client.message(&message.sid, |message| message.status.is_final()).await;
    }
    for filter in ["DateSent%3E=2026-11-23", "DateSent%3C=2026-11-23", "DateSent=2026-11-23"] {
        assert_eq!(count(filter).await, all.len(), "{filter}");
    }
    assert_eq!(count("PageSize=3&Page=2").await, 1);
}
