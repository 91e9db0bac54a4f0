//! What may be done with messages after they were made; and the same in XML.

use super::*;

const MISSING: &str = "SM00000000000000000000000000000000";

async fn sent(client: &Client, to: &str) -> String {
    let created = client.create(&[("From", NUMBER), ("To", to), ("Body", "hi")]).await;
    let sid = created["sid"].as_str().unwrap().to_owned();
    client.message(&sid, |message| message.status.is_final()).await;
    sid
}

#[tokio::test]
async fn a_text_is_redacted_and_what_was_sent_is_not_canceled() {
    let client = Client::start(settings()).await;
    let sid = sent(&client, ANA).await;
    let path = format!("/Messages/{sid}.json");
    for (form, expected) in [
        (&[][..], (400, 30400)),
        (&[("Body", "other")], (400, 30400)),
        (&[("Status", "sent")], (400, 30400)),
        (&[("Body", ""), ("Status", "canceled")], (400, 30400)),
        (&[("Status", "canceled")], (400, 30409)),
    ] {
        let (status, refusal) = client.api(Method::POST, &path, form).await;
        assert_eq!((status, refusal["code"].as_u64().unwrap()), expected, "{form:?}");
    }
    let (status, redacted) = client.api(Method::POST, &path, &[("Body", "")]).await;
    let seen = ["body", "status", "num_segments"].map(|name| redacted[name].as_str().unwrap().to_owned());
    assert_eq!((status, seen), (200, ["", "delivered", "1"].map(str::to_owned)));
    let (_, fetched) = client.api(Method::GET, &path, &[]).await;
    assert_eq!(fetched, redacted);
    let (status, refusal) = client.api(Method::POST, &format!("/Messages/{MISSING}.json"), &[("Body", "")]).await;
    assert_eq!((status, &refusal["code"]), (404, &json!(20404)));
}

#[tokio::test]
async fn only_what_is_complete_is_deleted_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(folder.path().join("journal"));
    let client = Client::start(Settings { keep: keep.clone(), ..settings() }).await;
    let gone = sent(&client, ANA).await;
    let kept = sent(&client, LUIS).await;
    let slow = json!({ "segments_per_second": 1 });
    client.page(Method::PUT, "/sandbox/number", slow).await;
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "first")]).await;
    let waiting = client.create(&[("From", NUMBER), ("To", ANA), ("Body", "second")]).await;
    let waiting = waiting["sid"].as_str().unwrap().to_owned();
    let (status, refusal) = client.api(Method::DELETE, &format!("/Messages/{waiting}.json"), &[]).await;
    assert_eq!((status, &refusal["code"]), (409, &json!(20009)));
    assert_eq!(client.api(Method::DELETE, &format!("/Messages/{gone}.json"), &[]).await, (204, Value::Null));
    assert_eq!(client.api(Method::DELETE, &format!("/Messages/{gone}.json"), &[]).await.0, 404);
    assert_eq!(client.api(Method::GET, &format!("/Messages/{kept}.json"), &[]).await.0, 200);
    client.sandbox.stop().await;

    let client = Client::start(Settings { keep, ..settings() }).await;
    assert_eq!(client.api(Method::GET, &format!("/Messages/{gone}.json"), &[]).await.0, 404);
    assert_eq!(client.api(Method::GET, &format!("/Messages/{kept}.json"), &[]).await.0, 200);
}

#[tokio::test]
async fn media_are_deleted_with_the_last_message_that_has_them() {
    let client = Client::start(settings()).await;
    let png = [("content-type", "image/png")];
    let response = client.request(Method::POST, "/sandbox/media", &png, Bytes::from_static(b"p")).await;
    let uploaded: Value = serde_json::from_slice(response.body()).unwrap();
    let media = uploaded["id"].as_str().unwrap();
    let mut messages = Vec::new();
    for _ in 0..2 {
        let message = json!({ "from": ANA, "media": [media] });
        let (_, answer) = client.page(Method::POST, "/sandbox/messages?wait=true", message).await;
        messages.push(answer["sid"].as_str().unwrap().to_owned());
    }
    let file = format!("/sandbox/media/{media}");
    let served = async || client.request(Method::GET, &file, &[], Bytes::new()).await.status().as_u16();
    let of = |message: &str| format!("/Messages/{message}/Media/{media}.json");
    assert_eq!(client.api(Method::DELETE, &of(&messages[0]), &[]).await.0, 204);
    assert_eq!(client.api(Method::DELETE, &of(&messages[0]), &[]).await.0, 404);
    let (_, list) = client.api(Method::GET, &format!("/Messages/{}/Media.json", messages[0]), &[]).await;
    assert_eq!((&list["media_list"], served().await), (&json!([]), 200));
    assert_eq!(client.api(Method::DELETE, &format!("/Messages/{}.json", messages[1]), &[]).await.0, 204);
    assert_eq!(served().await, 404);
}

#[tokio::test]
async fn feedback_is_taken_and_told_in_the_message() {
    let client = Client::start(settings()).await;
    let form = [("From", NUMBER), ("To", ANA), ("Body", "hi"), ("ProvideFeedback", "true")];
    let created = client.create(&form).await;
    let sid = created["sid"].as_str().unwrap();
    assert_eq!(created["subresource_uris"]["feedback"], Value::Null);
    let path = format!("/2010-04-01/Accounts/{SID}/Messages/{sid}/Feedback.json");
    let (status, refusal) = client.api(Method::POST, &path, &[("Outcome", "maybe")]).await;
    assert_eq!((status, &refusal["code"]), (400, &json!(20001)));
    assert_eq!(client.api(Method::POST, &path, &[]).await.1["outcome"], "confirmed");
    let expected = json!({
        "account_sid": SID, "date_created": "Mon, 23 Nov 2026 00:37:22 +0000",
        "date_updated": "Mon, 23 Nov 2026 00:37:22 +0000", "message_sid": sid, "outcome": "unconfirmed", "uri": path,
    });
    assert_eq!(client.api(Method::POST, &path, &[("Outcome", "unconfirmed")]).await, (200, expected));
    let (_, message) = client.api(Method::GET, &format!("/Messages/{sid}.json"), &[]).await;
    assert_eq!(message["subresource_uris"]["feedback"], path);
    assert_eq!(client.api(Method::POST, &format!("/Messages/{MISSING}/Feedback.json"), &[]).await.0, 404);
}

#[tokio::test]
async fn a_page_before_is_the_one_that_was_seen_before() {
    let client = Client::start(settings()).await;
    for index in 0..5 {
        client.create(&[("From", NUMBER), ("To", ANA), ("Body", &index.to_string())]).await;
    }
    let bodies = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap().iter();
        messages.map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    };
    let get = async |path: &str| client.api(Method::GET, path, &[]).await.1;
    let first = get("/Messages.json?PageSize=2").await;
    let second = get(first["next_page_uri"].as_str().unwrap()).await;
    let third = get(second["next_page_uri"].as_str().unwrap()).await;
    assert_eq!((bodies(&second), bodies(&third)), (vec!["2".to_owned(), "1".to_owned()], vec!["0".to_owned()]));
    assert_eq!((&third["next_page_uri"], &third["start"], &third["end"]), (&Value::Null, &json!(4), &json!(4)));
    assert_eq!((&first["previous_page_uri"], &first["page_size"]), (&Value::Null, &json!(2)));
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "new")]).await;
    assert_eq!(bodies(&get(third["previous_page_uri"].as_str().unwrap()).await), bodies(&second));
    assert_eq!(bodies(&get(first["first_page_uri"].as_str().unwrap()).await), ["new", "4"]);
    assert_eq!(get(third["uri"].as_str().unwrap()).await, third);
}

#[tokio::test]
async fn without_json_in_the_path_the_answer_is_xml() {
    let client = Client::start(settings()).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let get = async |path: &str, authorization: &str| {
        let headers = [("authorization", authorization)];
        let path = format!("/2010-04-01/Accounts/{SID}/{path}");
        let response = client.request(Method::GET, &path, &headers, Bytes::new()).await;
        assert_eq!(response.headers()["content-type"], "application/xml");
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    let sid = sent(&client, ANA).await;
    for (path, expected) in [
        (format!("Messages/{sid}"), vec!["<TwilioResponse><Message>", "<Status>delivered</Status>", "<Price/>"]),
        ("Messages".to_owned(), vec!["<Messages ", " pagesize=\"50\"", "<Message>", "<Body>hi</Body>"]),
        (format!("Messages/{sid}/Media"), vec!["<MediaList ", "</MediaList>"]),
        ("IncomingPhoneNumbers".to_owned(), vec!["<IncomingPhoneNumber>", "<SmsMethod>POST</SmsMethod>"]),
    ] {
        let (status, text) = get(&path, &basic).await;
        assert!(status == 200 && expected.iter().all(|part| text.contains(part)), "{path}: {status} {text}");
    }
    let (status, text) = get(&format!("Messages/{MISSING}"), &basic).await;
    assert!(status == 404 && text.contains("<RestException>") && text.contains("<Code>20404</Code>"), "{text}");
    let (status, text) = get("Messages", "Basic x").await;
    assert!(status == 401 && text.contains("<Code>20003</Code>"), "{text}");
}
