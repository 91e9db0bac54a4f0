//! What is old goes by itself, and what comes again afterwards is still known.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use recado_tests::{Behaviour, Plugin, TestGateway, call, form, json_request, run, wait_up_to};
use serde_json::{Value, json};

use super::going;

const CUSTOMER: &str = "+529981122334";
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// Two looks of the worker, on a busy machine.
const SOME_TIME: Duration = Duration::from_mins(1);

/// Files that are kept, but not what is being written.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let entries = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("incoming"));
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

fn due(gateway: &TestGateway) -> Value {
    run(gateway.folder(), &["--config", "test.toml", "--json", "store", "retention"], &[]).good().json()["retention"]
        .clone()
}

#[test]
fn texts_and_files_go_when_they_are_old_and_a_repeat_is_known() {
    let helper = Plugin::that("helper", Behaviour::Reply("Aqui estamos"));
    let mut gateway = TestGateway::builder().plugin(helper).config_toml("[media]\npath = \"kept\"").start();
    // By the local Twilio, so that the replies are reported: what nobody knows of yet is not done.
    gateway.text(CUSTOMER, "Un secreto");
    let sid = gateway.messages()[0]["provider_id"].as_str().unwrap().to_owned();
    assert!(gateway.messages().iter().any(|one| one["text"] == "Aqui estamos"));
    let twilio = gateway.twilio_url();
    let request = Request::post(format!("{twilio}/sandbox/media")).header("content-type", "image/gif");
    let kept = call(request.body(Bytes::from_static(GIF)).unwrap()).unwrap().expect(201);
    let text = json!({ "from": CUSTOMER, "text": "Otro secreto", "media": [kept["id"]] });
    call(json_request(http::Method::POST, &format!("{twilio}/sandbox/messages?wait=true"), &[], &text))
        .unwrap()
        .expect(201);
    gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "El tercer secreto" })).expect(202);
    let folder = gateway.folder().join("kept");
    let settled = wait_up_to(SOME_TIME, || {
        let all = gateway.messages();
        let sent = going(&all, "outbound").iter().all(|one| one["status"] == "delivered");
        (sent && files(&folder) == 1).then_some(all)
    });
    let before = settled.expect("all is done");
    assert!(due(&gateway).as_array().unwrap().iter().all(|one| one["due"].is_null() && one["days"] == 0.0));

    // A day of this gateway is a second.
    gateway.kill();
    age(&folder);
    gateway.set_config("[retention]\ntexts_days = 0.00002\nmedia_days = 0.00002\ntraces_days = 0.00002");
    let wanted = json!([before.len(), 1, null]);
    let shown = wait_up_to(SOME_TIME, || {
        let shown = due(&gateway);
        let of = |what: &str| shown.as_array().unwrap().iter().find(|one| one["what"] == what).unwrap()["due"].clone();
        (json!([of("texts"), of("media"), of("events")]) == wanted).then_some(())
    });
    assert_eq!(shown, Some(()), "{}", due(&gateway));
    gateway.restart();
    let gone = wait_up_to(SOME_TIME, || {
        let all = gateway.messages();
        (all.iter().all(|one| one["text"] == "") && files(&folder) == 0).then_some(all)
    });
    let after = gone.expect("the texts and the file are gone");
    let kept = |all: &[Value]| -> Vec<Value> {
        all.iter().map(|one| json!([one["id"], one["provider_id"], one["to"], one["created_at"]])).collect()
    };
    assert_eq!(kept(&after), kept(&before));

    let again = gateway.signed_webhook("sms/inbound", &form(&sid, CUSTOMER, "Un secreto"));
    assert_eq!(again.status(), 200);
    assert!(!again.text().contains("Aqui estamos"), "its text is gone: {}", again.text());
    let all = gateway.messages();
    assert_eq!(kept(&all), kept(&before), "it is no new message, and gets no second reply");
    assert_eq!(going(&all, "inbound").len(), 2);
}

#[test]
fn what_was_uploaded_goes_when_nobody_uses_it_and_no_link_leads_to_it() {
    let gateway = TestGateway::builder()
        .no_plugins()
        .config_toml("[media]\npath = \"kept\"\n[retention]\nuploads_days = 0.00005\nmedia_days = 0.00005")
        .start();
    let upload = |contents: &[u8]| {
        let bearer = format!("Bearer {}", gateway.key());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/pdf")];
        gateway.request(http::Method::POST, "/v1/media", &headers, contents.to_vec()).expect(201)
    };
    let send = |media: &Value| gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "media": [media] }));
    let used = upload(b"%PDF-1.4 somebody wants this");
    let once = json!({ "to": CUSTOMER, "media": [used["media"]] });
    let call = || gateway.post_with("/v1/messages", &[("idempotency-key", "the menu")], &once);
    let taken = call().expect(202);
    // The one that was used is older: it goes no later.
    let unused = upload(b"%PDF-1.4 nobody wants this");
    let folder = gateway.folder().join("kept");
    age(&folder);
    let gone = wait_up_to(SOME_TIME, || (files(&folder) == 1).then_some(()));
    assert_eq!(gone, Some(()), "{} files", files(&folder));
    let refused = send(&unused["media"]);
    assert_eq!((refused.status(), send(&used["media"]).status()), (422, 422), "{}", refused.text());
    assert_eq!(call().json()["id"], taken["id"], "the same call needs it no more");
    // Whoever fetches it for the message still gets it.
    let link = taken["media"][0]["url"].as_str().unwrap();
    let path = link.strip_prefix(&gateway.url()).unwrap();
    assert_eq!(gateway.request(http::Method::GET, path, &[], "").text(), "%PDF-1.4 somebody wants this");
}

#[test]
fn the_file_of_a_deleted_message_goes_with_it() {
    let gateway = TestGateway::builder().no_plugins().config_toml("[media]\npath = \"kept\"").start();
    let twilio = gateway.twilio_url();
    let request = Request::post(format!("{twilio}/sandbox/media")).header("content-type", "image/gif");
    let kept = call(request.body(Bytes::from_static(GIF)).unwrap()).unwrap().expect(201);
    let text = json!({ "from": CUSTOMER, "text": "Mira", "media": [kept["id"]] });
    call(json_request(http::Method::POST, &format!("{twilio}/sandbox/messages?wait=true"), &[], &text))
        .unwrap()
        .expect(201);
    let folder = gateway.folder().join("kept");
    let stored = wait_up_to(SOME_TIME, || {
        let all = gateway.messages();
        (all[0]["processed_at"].is_string() && files(&folder) == 1).then_some(())
    });
    stored.expect("the file is here");
    age(&folder);
    let page = gateway.door(http::Method::GET, "Messages.json", &[]).expect(200);
    let sid = page["messages"][0]["sid"].as_str().unwrap();
    let deleted = gateway.door(http::Method::DELETE, &format!("Messages/{sid}.json"), &[]);
    assert_eq!(deleted.status(), 204, "{}", deleted.text());
    assert_eq!(wait_up_to(SOME_TIME, || (files(&folder) == 0).then_some(())), Some(()));
}

/// As if all files had been kept two hours ago.
fn age(folder: &Path) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            age(&path);
        } else {
            let before = recado::clock::Clock::now(&recado::clock::SystemClock) - jiff::SignedDuration::from_hours(2);
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(before.into()).unwrap();
        }
    }
}
