//! The Telegram component behind the trait: what it says, and what becomes of a call that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;

use super::guest::DeadlinePassed;
use super::turns::{Caller, OURS, STRANGERS, Turn};
use super::{ComponentChannel, LoadError, Loader};
use crate::channels::component::Settings;
use crate::channels::conformance::{Examples, Subject, Verdict, check};
use crate::channels::{
    Channel, Content, Hop, NotFound, Outbound, Outcome, Part, Refused, Unencodable, Unsendable, Webhook,
};
use crate::message::{Address, Options, PartId};

const EXAMPLES: &str = include_str!("../../../plugins/telegram/examples.toml");
const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

fn settings() -> Settings {
    let mut settings = Settings::new("builtin:telegram");
    settings.config = serde_json::json!({ "username": "recado_bot" });
    for (name, value) in [("token", TOKEN), ("webhook_secret", "example_Secret-1")] {
        settings.secrets.insert(name.to_owned(), SecretString::from(value));
    }
    settings
}

/// What an operator has is random.
fn loader() -> Loader {
    Loader::new(b"0123456789abcdef")
}

fn channel() -> ComponentChannel {
    loader().channel("tg", &settings()).unwrap()
}

fn part(text: &str) -> Part {
    Part {
        id: PartId(uuid::Uuid::nil()),
        sender: None,
        service: None,
        recipient: Address::recipient("telegram:1111111", "MX").unwrap(),
        content: Content { text: text.to_owned(), media: Vec::new() },
        options: Options::default(),
        send_at: None,
        status_callback: String::new(),
    }
}

fn webhook() -> Webhook {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-telegram-bot-api-secret-token", "example_Secret-1".parse().unwrap());
    let body = Bytes::from_static(br#"{"update_id":1,"message":{"message_id":7,"chat":{"id":5},"text":"hi"}}"#);
    let url = "https://recado.example/webhooks/tg/inbound".to_owned();
    Webhook { method: http::Method::POST, url, headers, body }
}

#[test]
fn telegram_conforms() {
    let channel = channel();
    let examples = Examples::read(EXAMPLES).unwrap();
    let draft =
        |part: &Part| channel.draft(part).map(|draft| format!("{draft:?} {}", String::from_utf8_lossy(&draft.body)));
    let secrets = vec![TOKEN.to_owned(), "example_Secret-1".to_owned()];
    let checks = check(&Subject { channel: &channel, secrets, draft: Some(&draft) }, &examples);
    assert!(checks.iter().all(|check| check.verdict == Verdict::Passed), "{checks:#?}");
}

#[test]
fn the_token_is_put_in_on_the_way_out() {
    let channel = channel();
    let request = channel.encode(&part("¡Hola!")).unwrap();
    assert_eq!(request.uri().to_string(), format!("https://api.telegram.org/bot{TOKEN}/sendMessage"));
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body, serde_json::json!({ "chat_id": "1111111", "text": "¡Hola!" }));
    assert_eq!(channel.sender().unwrap().as_str(), "telegram:recado_bot");
    assert!(channel.takes(&part("").recipient) && !channel.takes(&Address::received("+14155550100")));
}

#[test]
fn what_people_write_never_becomes_a_secret() {
    let channel = channel();
    for text in ["my {{secret:token}}", "{{secret:token:30313233}}", "{{secret:token:}}"] {
        let body: serde_json::Value = serde_json::from_slice(channel.encode(&part(text)).unwrap().body()).unwrap();
        assert_eq!(body["text"], text);
    }
}

#[test]
fn what_the_channel_can_not_do_is_refused_by_name() {
    let channel = channel();
    let options = Options { traffic_type: Some("free".to_owned()), ..Options::default() };
    let wished = Outbound { text: "hi".to_owned(), options, ..Outbound::default() };
    assert!(matches!(channel.split(&wished), Err(Unsendable::Option { option: "traffic_type", .. })));
    let media = vec!["https://files.example.com/a.jpg".to_owned(); 11];
    let many = Outbound { media, ..Outbound::default() };
    assert!(matches!(channel.split(&many), Err(Unsendable::TooManyMedia { count: 11, limit: 10 })));
}

/// Each call fails by itself, and says so in the way that loses nothing.
fn fails(channel: &ComponentChannel, reason: &str) {
    let refused = channel.verify(webhook()).unwrap_err();
    assert!(matches!(&refused, Refused::Broken(text) if text.contains(reason)), "{refused}");
    let split = channel.split(&Outbound { text: "hi".to_owned(), ..Outbound::default() });
    assert!(matches!(&split, Err(Unsendable::Broken(text)) if text.contains(reason)), "{split:?}");
    let encoded = channel.encode(&part("hi"));
    assert!(matches!(&encoded, Err(Unencodable::Broken(text)) if text.contains(reason)), "{encoded:?}");
    let asked = channel.media_request("https://api.telegram.org/getFile?file_id=a", Hop::First);
    assert!(matches!(&asked, Err(NotFound::Passing(text)) if text.contains(reason)), "{asked:?}");
    let outcome = channel.decode(&http::Response::new(Bytes::new()));
    let told = |error: &crate::message::ProviderError| error.message.clone().unwrap_or_default().contains(reason);
    assert!(matches!(&outcome, Outcome::Unknown { error } if told(error)), "{outcome:?}");
}

#[test]
fn a_call_that_takes_too_long_or_too_much_fails_alone() {
    let mut channel = channel();
    assert_eq!(channel.verify(webhook()).unwrap().events().len(), 1);
    channel.limits().memory = 1024;
    fails(&channel, "more memory than its limit of 1024 bytes");
    channel.limits().memory = 16 * 1024 * 1024;
    assert!(channel.verify(webhook()).is_ok(), "the next call has its own limits");
    // Enough to read that the clock has moved on.
    channel.limits().deadline = Duration::ZERO;
    let long = Outbound { text: "word ".repeat(400_000), ..Outbound::default() };
    let split = channel.split(&long);
    assert!(
        matches!(&split, Err(Unsendable::Broken(text)) if text.contains("deadline")),
        "{:?}",
        split.map(|parts| parts.len())
    );
}

#[test]
fn a_call_that_traps_fails_alone() {
    let mut channel = channel();
    channel.limits().memory = 256 * 1024 * 1024;
    channel.limits().deadline = Duration::from_mins(1);
    // More than the host copies out of a component at once, which ends the call as any trap does.
    let long = Outbound { text: "palabra ".repeat(600_000), ..Outbound::default() };
    let split = channel.split(&long);
    assert!(
        matches!(&split, Err(Unsendable::Broken(text)) if text.contains("trapped")),
        "{:?}",
        split.map(|parts| parts.len())
    );
    assert!(channel.verify(webhook()).is_ok());
}

#[test]
fn a_medium_is_looked_up_with_the_token_and_then_fetched() {
    let channel = channel();
    let asked = channel.media_request("https://api.telegram.org/getFile?file_id=AgAD-1", Hop::First).unwrap();
    assert!(asked.lookup && asked.chosen);
    assert_eq!(asked.request.uri().to_string(), format!("https://api.telegram.org/bot{TOKEN}/getFile"));
    let response = |status: u16, body: &'static str| {
        http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    };
    let found = channel.media_found(&response(200, r#"{"ok":true,"result":{"file_path":"photos/1.jpg"}}"#)).unwrap();
    assert!(!found.lookup && found.chosen);
    assert_eq!(found.request.uri().to_string(), format!("https://api.telegram.org/file/bot{TOKEN}/photos/1.jpg"));
    let gone = channel.media_found(&response(400, r#"{"ok":false,"description":"file is too big"}"#)).unwrap_err();
    assert_eq!(gone, NotFound::Final("file is too big".to_owned()));
    for url in ["https://api.telegram.org/getFile?file_id={{secret:token}}", "https://example.com/a.jpg"] {
        assert!(matches!(channel.media_request(url, Hop::First), Err(NotFound::Final(_))), "{url}");
    }
    let led = |url: &str| channel.media_request(url, Hop::Redirected);
    assert!(matches!(led("https://example.com/a.jpg"), Err(NotFound::Elsewhere)));
    assert!(led("https://api.telegram.org/elsewhere").is_ok_and(|request| !request.lookup && !request.chosen));
}

#[test]
fn the_operator_says_where_a_component_may_send_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.wasm");
    std::fs::write(&path, super::builtin::builtin("telegram").unwrap()).unwrap();
    let mut settings = settings();
    settings.component = path.display().to_string();
    let load = |hosts: &[&str], loader: Loader| {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        loader.channel("tg", &Settings { hosts, ..settings.clone() }).map(drop)
    };
    let unnamed = Err(LoadError::UnnamedHost("https://api.telegram.org".to_owned()));
    assert_eq!(load(&[], loader()), unnamed);
    assert_eq!(load(&["https://api.telegram.org.example.com", "http://api.telegram.org"], loader()), unnamed);
    assert_eq!(load(&["telegram"], loader()), Err(LoadError::BadHost("telegram".to_owned())));
    assert_eq!(load(&["https://api.telegram.org/"], loader()), Ok(()));
    assert_eq!(load(&[], loader().of_any_host()), Ok(()));
}

/// So many turns are taken.
fn taken(channel: &ComponentChannel, caller: Caller, count: usize) -> Vec<Turn<'_>> {
    (0..count).map(|_| channel.guest.about.turns.now(caller).unwrap()).collect()
}

fn sent() -> http::Response<Bytes> {
    http::Response::new(Bytes::from_static(br#"{"ok":true,"result":{"message_id":8,"chat":{"id":1111111}}}"#))
}

#[test]
fn more_calls_than_one_channel_may_have_are_sent_away() {
    let mut channel = channel();
    channel.limits().turns.lose_patience();
    let mut all = (taken(&channel, Caller::Stranger, STRANGERS), taken(&channel, Caller::Gateway, OURS));
    fails(&channel, "as many calls of it are under way as there may be");
    drop((all.0.pop(), all.1.pop()));
    assert!(channel.verify(webhook()).is_ok() && channel.verify(webhook()).is_ok());
    assert!(channel.encode(&part("hi")).is_ok() && channel.encode(&part("hi")).is_ok());
}

#[test]
fn webhooks_take_no_turns_of_what_the_gateway_asks_for() {
    let channel = channel();
    let forged = taken(&channel, Caller::Stranger, STRANGERS);
    assert!(matches!(channel.verify(webhook()), Err(Refused::Broken(_))));
    assert!(matches!(channel.decode(&sent()), Outcome::Accepted { .. }));
    assert!(channel.encode(&part("hi")).is_ok());
    drop(forged);
    let _ours = taken(&channel, Caller::Gateway, OURS);
    assert!(channel.verify(webhook()).is_ok());
}

#[test]
fn what_the_gateway_asks_for_waits_for_its_turn() {
    let channel = channel();
    let turns = &channel.guest.about.turns;
    let asks: [&(dyn Fn() -> bool + Sync); 3] = [
        &|| matches!(channel.decode(&sent()), Outcome::Accepted { .. }),
        &|| channel.encode(&part("hi")).is_ok(),
        &|| channel.split(&Outbound { text: "hi".to_owned(), ..Outbound::default() }).is_ok(),
    ];
    for ask in asks {
        let mut all = taken(&channel, Caller::Gateway, OURS);
        std::thread::scope(|scope| {
            let asked = scope.spawn(ask);
            while turns.waiting() == 0 {
                assert!(!asked.is_finished(), "it does not wait");
                std::thread::yield_now();
            }
            drop(all.pop());
            assert!(asked.join().unwrap());
        });
    }
}

#[test]
fn an_answer_is_read_again_where_the_time_was_too_short() {
    let mut channel = channel();
    let limits = channel.limits();
    (limits.deadline, limits.memory) = (Duration::from_millis(1), 256 * 1024 * 1024);
    let long =
        Bytes::from(format!(r#"{{"ok":true,"result":{{"message_id":8,"text":"{}"}}}}"#, "palabra ".repeat(400_000)));
    // Each time it has twice as much.
    let outcome = channel.decode(&http::Response::new(long));
    let Outcome::Unknown { error } = &outcome else { panic!("{outcome:?}") };
    assert!(error.message.as_deref().is_some_and(|text| text.contains("its deadline of 4ms")), "{error:?}");

    channel.limits().deadline = Duration::from_secs(2);
    let told = super::telling::response(&sent());
    let tries = std::cell::Cell::new(0);
    let read = channel.guest.read(|provider, store| {
        tries.set(tries.get() + 1);
        if tries.get() < 3 { Err(DeadlinePassed.into()) } else { provider.call_decode(store, &told) }
    });
    assert!(read.is_ok(), "{:?}", read.err());
    // What fails at the answer itself fails each time.
    tries.set(0);
    let read = channel.guest.read(|_, _| -> wasmtime::Result<()> {
        tries.set(tries.get() + 1);
        Err(wasmtime::Error::msg("unreachable"))
    });
    assert!(read.is_err());
    assert_eq!(tries.get(), 1);
}

/// Whoever waits on the same thread goes on while a call runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_slow_call_holds_nobody_else_up() {
    let mut channel = channel();
    channel.limits().memory = 256 * 1024 * 1024;
    let long = Outbound { text: "palabra ".repeat(400_000), ..Outbound::default() };
    let (begun, running) = tokio::sync::oneshot::channel();
    let seen = Arc::new(AtomicBool::new(false));
    let looks = Arc::clone(&seen);
    let slow = tokio::spawn(async move {
        begun.send(()).unwrap();
        // The limit is for where it does not work.
        (0..50).any(|_| channel.split(&long).is_ok() && looks.load(Ordering::Relaxed))
    });
    running.await.unwrap();
    // Has no other thread to run on than the one that the calls are made on.
    tokio::spawn(async move { seen.store(true, Ordering::Relaxed) }).await.unwrap();
    assert!(slow.await.unwrap(), "what came in between had to wait for the calls");
}

#[test]
fn what_is_no_channel_is_not_loaded() {
    let loader = Loader::default();
    let mut settings = settings();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.wasm");
    std::fs::write(&path, wat::parse_str("(component)").unwrap()).unwrap();
    settings.component = path.display().to_string();
    assert!(matches!(loader.channel("tg", &settings), Err(LoadError::NoChannel(_))));
    std::fs::write(&path, wat::parse_str("(module)").unwrap()).unwrap();
    assert!(matches!(loader.channel("tg", &settings), Err(LoadError::NoChannel(_))));
    // Larger than any memory, and never read to its end.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(loader.channel("tg", &settings), Err(LoadError::NoChannel(_))));
    settings.component = folder.path().join("none.wasm").display().to_string();
    assert!(matches!(loader.channel("tg", &settings), Err(LoadError::Unreadable(_))));
}

#[test]
fn settings_that_do_not_fit_the_component_name_their_key() {
    let loader = Loader::default();
    let load = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        loader.load("tg", &settings).map(|channel: Arc<dyn Channel>| channel.kind()).map_err(|(key, _)| key)
    };
    assert_eq!(load(&|_| {}), Ok("component"));
    let key = |change: &dyn Fn(&mut Settings)| load(change).unwrap_err();
    assert_eq!(key(&|settings| drop(settings.secrets.remove("token"))), "secrets.token");
    assert_eq!(
        key(&|settings| drop(settings.secrets.insert("tokn".to_owned(), SecretString::from("a")))),
        "secrets.tokn"
    );
    assert_eq!(key(&|settings| settings.config = serde_json::json!({ "usrname": "a" })), "config");
    assert_eq!(
        key(&|settings| settings.config = serde_json::json!({ "base_url": "https://a.example/path" })),
        "config"
    );
    assert_eq!(key(&|settings| settings.sha256 = Some("00".to_owned())), "sha256");
    assert_eq!(key(&|settings| settings.component = "builtin:pigeon".to_owned()), "component");
}

#[test]
fn the_example_is_a_channel() {
    let example: toml::Table = include_str!("../../../config/examples/telegram.toml").parse().unwrap();
    let mut settings: crate::channels::Settings = example["channels"]["telegram"].clone().try_into().unwrap();
    settings.resolve(|name| name.starts_with("TELEGRAM_").then_some("110201543:abc")).unwrap();
    let crate::channels::Settings::Component(settings) = settings else { panic!("another kind") };
    assert_eq!(Loader::default().channel("telegram", &settings).unwrap().name(), "telegram");
}
