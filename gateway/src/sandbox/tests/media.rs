//! Media: where they are, and how they are listed.

use super::*;

async fn upload(client: &Client) -> String {
    let png = [("content-type", "image/png")];
    let response = client.request(Method::POST, "/sandbox/media", &png, Bytes::from_static(b"p")).await;
    serde_json::from_slice::<Value>(response.body()).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn pictures_are_served_to_the_application_with_a_password() {
    let application =
        Application::start(|_| twiml("<Message><Media>http://127.0.0.1:9/cat.png</Media></Message>")).await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n");
    let response = client.request(Method::POST, "/sandbox/media", &[("content-type", "image/png")], png.clone()).await;
    let uploaded: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(response.status().as_u16(), 201, "{uploaded}");
    let media = json!([uploaded["id"], uploaded["url"]]);
    let message = json!({ "from": ANA, "media": media });
    let (_, answer) = client.page(Method::POST, "/sandbox/messages?wait=true", message).await;
    let sid = answer["sid"].as_str().unwrap();
    assert!(sid.starts_with("MM"), "{sid}");

    let webhook = application.next().await;
    let seen = ["NumMedia", "MediaContentType0", "MediaContentType1", "Body"].map(|name| webhook.get(name).unwrap());
    assert_eq!(seen, ["2", "image/png", "image/png", ""]);
    let names: Vec<_> = webhook.form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[1], names[names.len() - 2]), ("MediaContentType0", "MediaUrl1"));
    let path = webhook.get("MediaUrl0").unwrap().strip_prefix(client.sandbox.url()).unwrap();
    assert_eq!(client.request(Method::GET, path, &[], Bytes::new()).await.status().as_u16(), 401);
    let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let headers = [("authorization", basic.as_str())];
    let place = async |path: &str| {
        let redirect = client.request(Method::GET, path, &headers, Bytes::new()).await;
        (redirect.status().as_u16(), redirect.headers()["location"].to_str().unwrap().to_owned())
    };
    let (status, signed) = place(path).await;
    let signed = signed.strip_prefix(client.sandbox.url()).unwrap();
    assert!(status == 307 && signed.starts_with("/media/"), "{signed}");
    // There the password is no more asked for, nor of any use.
    let picture = client.request(Method::GET, signed, &[], Bytes::new()).await;
    assert_eq!((picture.body(), &picture.headers()["content-type"]), (&png, &"image/png".parse().unwrap()));
    assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
    let (_, list) = client.api(Method::GET, &format!("/Messages/{sid}/Media.json"), &[]).await;
    assert_eq!(list["media_list"][0]["sid"], uploaded["id"]);
    assert_eq!(client.api(Method::GET, list["media_list"][0]["uri"].as_str().unwrap(), &[]).await.0, 200);

    let reply = answer["replies"][0].as_str().unwrap();
    let (_, list) = client.api(Method::GET, &format!("/Messages/{reply}/Media.json"), &[]).await;
    let elsewhere = list["media_list"][0]["uri"].as_str().unwrap().trim_end_matches(".json");
    assert_eq!(place(elsewhere).await, (307, "http://127.0.0.1:9/cat.png".to_owned()));
}

#[tokio::test]
async fn an_address_of_a_file_is_signed_and_ends_after_four_hours() {
    let client = Client::start(settings()).await;
    let media = upload(&client).await;
    let (account, sid) = (&client.sandbox.account, media.as_str());
    let address =
        files::address(account, sid, &HeaderMap::new()).strip_prefix(client.sandbox.url()).unwrap().to_owned();
    let get = async |path: &str| client.request(Method::GET, path, &[], Bytes::new()).await.status().as_u16();
    assert_eq!(get(&address).await, 200);
    let (place, _) = address.split_once('?').unwrap();
    let (later, other) = (address.replace("Expires=1", "Expires=2"), address.replace(sid, "ME1"));
    for forged in [place, &format!("{place}?Expires=99999999999"), &later, &other] {
        assert_eq!(get(forged).await, 403, "{forged}");
    }
    account.timeline.skip(4 * 3600 - 1);
    assert_eq!(get(&address).await, 200);
    account.timeline.skip(1);
    assert_eq!(get(&address).await, 403);
    let gone = files::address(account, "ME1", &HeaderMap::new()).strip_prefix(client.sandbox.url()).unwrap().to_owned();
    assert_eq!(get(&gone).await, 404);
}

#[tokio::test]
async fn media_are_listed_by_date_and_in_pages() {
    let client = Client::start(settings()).await;
    let mut media = Vec::new();
    for _ in 0..3 {
        media.push(upload(&client).await);
    }
    let message = json!({ "from": ANA, "media": media });
    let (_, answer) = client.page(Method::POST, "/sandbox/messages?wait=true", message).await;
    let path = format!("/Messages/{}/Media.json", answer["sid"].as_str().unwrap());
    let list = async |path: &str| {
        let (status, page) = client.api(Method::GET, path, &[]).await;
        assert_eq!(status, 200, "{path}: {page}");
        let entries = page["media_list"].as_array().unwrap();
        let sids: Vec<_> = entries.iter().map(|entry| entry["sid"].as_str().unwrap().to_owned()).collect();
        (sids, page["next_page_uri"].as_str().map(str::to_owned))
    };
    assert_eq!(list(&path).await, (media.clone(), None));
    let (first, next) = list(&format!("{path}?PageSize=2")).await;
    assert_eq!(first, media[..2]);
    assert_eq!(list(&next.unwrap()).await, (media[2..].to_vec(), None));
    for (filter, expected) in [
        ("DateCreated=2026-11-23", 3),
        ("DateCreated=2026-11-22", 0),
        ("DateCreated%3E=2026-11-23", 3),
        ("DateCreated%3E=2026-11-24", 0),
        ("DateCreated%3C=2026-11-23", 3),
        ("DateCreated%3C=2026-11-22", 0),
        ("DateCreated%3E=2026-11-23&DateCreated%3C=2026-11-23", 3),
        ("DateSent%3E=2030-01-01", 3),
    ] {
        assert_eq!(list(&format!("{path}?{filter}")).await.0.len(), expected, "{filter}");
    }
    for (query, code) in [("PageSize=1001", 20007), ("PageToken=x", 21481), ("PageToken=PAME1", 21481)] {
        let (status, refusal) = client.api(Method::GET, &format!("{path}?{query}"), &[]).await;
        assert_eq!((status, &refusal["code"]), (400, &json!(code)), "{query}");
    }
}
