//! The phone page, driven in a real browser against the real `recado dev`.
//!
//! Needs chromedriver and a Chromium; `RECADO_TEST_CHROMEDRIVER` names the former.

#[cfg(test)]
mod console;
#[cfg(test)]
mod driver;

use std::time::{Duration, Instant};

use driver::{Driver, dev, find};
use fantoccini::Client;
use recado_tests::Log;
use serde_json::Value;

const GREETING: &str = "Gracias por tu mensaje. Te responderemos pronto.";

/// A part of the phone in that place, from 1.
fn phone(place: u32, css: &str) -> String {
    format!(".phone:nth-of-type({place}) {css}")
}

async fn write(client: &Client, place: u32, text: &str) {
    find(client, &phone(place, "[data-testid=message-input]")).await.send_keys(text).await.expect("typing");
    find(client, &phone(place, "[data-testid=send-button]:not([disabled])")).await.click().await.expect("a click");
}

/// Looks until the words are there: a new bubble fades in, and is not seen before.
async fn see(client: &Client, place: u32, css: &str, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = find(client, &phone(place, css)).await.text().await.unwrap_or_default();
        if text.contains(words) {
            return;
        }
        assert!(Instant::now() < deadline, "phone {place} shows {text:?}, not {words:?}");
    }
}

const DELIVERED: &str = "[data-testid=bubble][data-direction^=outbound][data-status=delivered]";
const WRITTEN: &str = "[data-testid=bubble][data-direction=inbound]";

#[test]
fn in_the_browser_a_text_is_answered_the_reply_delivered_and_all_is_there_after_a_restart() {
    let Some(driver) = Driver::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::default();
    let (process, reach) = dev(folder.path(), &log);
    runtime.block_on(async {
        let client = driver.open(&folder.path().join("profile"), 1280, 800, &[]).await;
        let result = tokio::spawn(first_visit(client.clone(), reach, folder.path().to_owned())).await;
        client.close().await.expect("closing");
        result.expect("the first visit");
    });
    drop(process);
    let (_process, reach) = dev(folder.path(), &log);
    runtime.block_on(async {
        let client = driver.open(&folder.path().join("profile"), 390, 844, &[]).await;
        let result = tokio::spawn(after_the_restart(client.clone(), reach)).await;
        client.close().await.expect("closing");
        result.expect("the visit after the restart");
    });
}

async fn first_visit(client: Client, reach: Value, folder: std::path::PathBuf) {
    client.goto(reach["phones"].as_str().expect("a URL")).await.expect("the page");
    write(&client, 1, "Hola, ¿tienen citas?").await;
    see(&client, 1, WRITTEN, "Hola, ¿tienen citas?").await;
    see(&client, 1, DELIVERED, GREETING).await;
    see(&client, 1, WRITTEN, "webhook 200").await;

    // Another customer beside the first: each sees only their own thread.
    let number = find(&client, &phone(2, "[data-testid=customer-number]")).await;
    number.clear().await.expect("clearing");
    number.send_keys("+52 984 555 0101\u{e007}").await.expect("typing");
    write(&client, 2, "Soy otra persona").await;
    see(&client, 2, DELIVERED, GREETING).await;
    see(&client, 2, ".thread", "Soy otra persona").await;
    let thread = find(&client, &phone(2, ".thread")).await.text().await.expect("its text");
    assert!(!thread.contains("citas"), "{thread}");

    // A picture.
    let picture = folder.join("picture.png");
    std::fs::write(&picture, client.screenshot().await.expect("a screenshot")).expect("a file");
    let input = find(&client, &phone(3, "[data-testid=picture-input]")).await;
    input.send_keys(&picture.to_string_lossy()).await.expect("choosing");
    write(&client, 3, "Mira").await;
    find(&client, &phone(3, &format!("{WRITTEN} img"))).await;
    see(&client, 3, DELIVERED, GREETING).await;

    let messages = list(&reach).await;
    let media = messages.iter().find(|message| message["text"] == "Mira").expect("the picture's message");
    assert_eq!(media["media"][0]["content_type"], "image/png");
    assert!(messages.iter().any(|message| message["from"] == "+529845550101"));
    let delivered = messages.iter().filter(|message| message["status"] == "delivered").count();
    assert_eq!(delivered, 3, "{messages:?}");
}

async fn after_the_restart(client: Client, reach: Value) {
    client.goto(reach["phones"].as_str().expect("a URL")).await.expect("the page");
    see(&client, 1, DELIVERED, GREETING).await;
    assert_eq!(list(&reach).await.len(), 6, "what was recorded is still there");
    let width = client.execute("return document.documentElement.scrollWidth", Vec::new()).await.expect("a width");
    assert!(width.as_u64().expect("a number") <= 390, "nothing sticks out of a narrow screen: {width}");
}

async fn list(reach: &Value) -> Vec<Value> {
    let (gateway, key) = (reach["gateway"].as_str().expect("a URL"), reach["key"].as_str().expect("a key"));
    let request = http::Request::get(format!("{gateway}/v1/messages"))
        .header("authorization", format!("Bearer {key}"))
        .body(bytes::Bytes::new())
        .expect("a request");
    let answer = tokio::task::spawn_blocking(move || recado_tests::call(request)).await.expect("a task");
    answer.expect("the gateway").expect(200)["items"].as_array().expect("a list").clone()
}
