//! What somebody at the console does with hands and eyes.

use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::Locator;
use recado_tests::{call, json_request};
use serde_json::{Value, json};

use super::{Desk, PLAIN};
use crate::driver::find;

/// axe-core 4.14.1, by Deque Systems, under the licence beside it.
const AXE: &str = include_str!("../axe/axe.min.js");

impl Desk {
    pub(super) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.console)).await.expect("the page");
    }

    pub(super) async fn click(&self, css: &str) {
        // As with typing; what was replaced before it could be clicked was not clicked.
        for _ in 0..10 {
            if find(&self.client, css).await.click().await.is_ok() {
                return;
            }
        }
        panic!("{}: {css} can't be clicked", self.name);
    }

    pub(super) async fn key(&self, key: &str) {
        self.client.active_element().await.expect("focus").send_keys(key).await.expect("a key");
    }

    pub(super) async fn type_into(&self, css: &str, text: &str) {
        // What is found may be replaced before it is typed into, by a page that comes or by what is new on it.
        for _ in 0..10 {
            let field = find(&self.client, css).await;
            if field.clear().await.is_ok() && field.send_keys(text).await.is_ok() {
                return;
            }
        }
        panic!("{}: nothing can be typed into {css}", self.name);
    }

    /// What stands there, if it is there.
    pub(super) async fn shown(&self, css: &str) -> Option<String> {
        self.client.find(Locator::Css(css)).await.ok()?.text().await.ok()
    }

    /// Looks until the words are there: some of what is looked at comes later, or is replaced meanwhile.
    pub(super) async fn see(&self, css: &str, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = self.shown(css).await;
            if text.as_ref().is_some_and(|text| text.contains(words)) {
                return;
            }
            if Instant::now() >= deadline {
                let source = self.client.source().await.unwrap_or_default();
                panic!("{}: {css} shows {text:?}, not {words:?}\n{source}", self.name);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Somebody texts the gateway, which has answered by then.
    pub(super) async fn text(&self, from: &'static str, text: &str) {
        let url = format!("{}/sandbox/messages?wait=true", self.phones);
        let body = json!({ "from": from, "text": text });
        let sent = tokio::task::spawn_blocking(move || call(json_request(http::Method::POST, &url, &[], &body)));
        sent.await.expect("a task").expect("the local Twilio").expect(201);
    }

    /// Nothing that axe finds serious, and nothing that sticks out of the screen.
    pub(super) async fn look_through(&self, page: &str) {
        self.picture(page).await;
        let scrolls = "return document.documentElement.scrollWidth";
        let width = self.client.execute(scrolls, Vec::new()).await.expect("a width").as_u64().expect("a number");
        assert!(width <= u64::from(self.width), "{page} on a {}: {width} wide", self.name);
        if self.name == PLAIN {
            return;
        }
        self.client.execute(AXE, Vec::new()).await.expect("axe");
        let run = "const done = arguments[0]; axe.run(document).then(found => done(found.violations.map(one => \
                   [one.impact, one.id, one.nodes.map(node => node.html + ' ' + node.failureSummary)])), error => done(String(error)));";
        let found = self.client.execute_async(run, Vec::new()).await.expect("what axe found");
        let found = found.as_array().unwrap_or_else(|| panic!("{page}: {found}")).clone();
        let bad: Vec<&Value> = found.iter().filter(|one| one[0] == "serious" || one[0] == "critical").collect();
        assert!(bad.is_empty(), "{page} on a {}: {bad:#?}", self.name);
    }

    pub(super) async fn picture(&self, page: &str) {
        let Some(folder) = &self.pictures else { return };
        let picture = self.client.screenshot().await.expect("a screenshot");
        let file: &Path = &folder.join(format!("{page}-{}.png", self.name));
        std::fs::write(file, picture).expect("a file");
    }
}
