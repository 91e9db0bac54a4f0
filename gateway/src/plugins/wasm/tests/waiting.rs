//! Deadlines count what a plugin runs, and budgets what it waits for.

use std::sync::Arc;

use super::guest::{Guest, SCRATCH, TEXT, reply, reply_found_by};
use super::imports::{FETCH, STATE};
use super::*;
use crate::plugins::{FetchFailure, FetchRequest, FetchResponse, Fetcher};

const SHORT: Duration = Duration::from_millis(50);

fn looking() -> String {
    format!("(call $get (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {SCRATCH}))")
}

/// Time stands still but for what is waited for; what runs is measured by another clock.
#[tokio::test(start_paused = true)]
async fn waiting_for_what_is_remembered_is_not_the_plugins_own_time() {
    let engine = Engine::new().unwrap();
    let guest = Guest { imports: &[STATE], ..Guest::running([looking(), looking(), reply(TEXT, 4)].concat()) };
    let plugin = load(&engine, SHORT, guest.component()).await.unwrap();
    let here = Surroundings { state: Arc::new(Slow(SHORT * 8)), ..surroundings() };
    let started = tokio::time::Instant::now();
    let called = decide_in(&plugin, "hola", &here).await;
    assert_eq!(replies(&called.result.unwrap()), ["hola"]);
    assert!(started.elapsed() >= SHORT * 16, "sixteen deadlines later");
}

#[tokio::test(start_paused = true)]
async fn but_it_may_not_wait_for_ever() {
    let engine = Engine::new().unwrap();
    let told = reply_found_by(
        &format!("(i32.load offset=8 (i32.const {SCRATCH}))"),
        &format!("(i32.load offset=12 (i32.const {SCRATCH}))"),
    );
    let code = [looking(), looking(), looking(), told].concat();
    let plugin = load(&engine, SHORT, Guest { imports: &[STATE], ..Guest::running(code) }.component()).await.unwrap();
    let here = Surroundings { state: Arc::new(Slow(Duration::from_millis(400))), ..surroundings() };
    let called = decide_in(&plugin, "hola", &here).await;
    let expected = "what the plugin remembers was not there within 1s";
    assert_eq!(replies(&called.result.unwrap()), [expected], "the third time");
    assert_eq!(called.effects.log[0].text, expected, "and the operator is told");
}

/// Answers after a while.
struct Late(Duration);

#[async_trait]
impl Fetcher for Late {
    async fn fetch(&self, _: &str, _: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        tokio::time::sleep(self.0).await;
        Ok(FetchResponse { status: 200, headers: Vec::new(), body: "tarde".to_owned() })
    }
}

#[tokio::test(start_paused = true)]
async fn requests_have_a_time_of_their_own_in_all() {
    let engine = Engine::new().unwrap();
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 3) (i32.const {}) (i32.const 9) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))",
        TEXT + 3
    );
    let guest = Guest {
        text: "GEThttp://a/hola",
        imports: &[FETCH],
        ..Guest::running([send.clone(), send.clone(), send, reply(TEXT + 12, 4)].concat())
    };
    let settings =
        Settings { hosts: vec!["a.example".to_owned()], fetch_budget_ms: 1000, ..settings(SHORT, Value::Null) };
    let plugin = WasmPlugin::load(&engine, &settings, guest.component()).await.unwrap();
    let here = Surroundings { fetcher: Arc::new(Late(Duration::from_millis(600))), ..surroundings() };
    let called = decide_in(&plugin, "hola", &here).await;
    assert_eq!(replies(&called.result.unwrap()), ["hola"]);
    let came: Vec<_> =
        called.effects.fetches.iter().map(|fetched| (fetched.status, fetched.error.as_deref())).collect();
    let used_up = Some("1s of requests in one call are the most");
    assert_eq!(came, [(Some(200), None), (None, used_up), (None, used_up)]);
}
