//! One call of a plugin, each way: in plain Rust, as a component in a fresh and in a reused instance, and with
//! Extism in both. All do the same work (`rules`) for the same message, in turns and in one process; the
//! best of many rounds is what counts, so that a busy machine does not.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that measures and says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use recado::message::{Address, ContactId, ConversationId, ConversationStatus, MessageId};
use recado::plugins::wasm::{Engine, WasmPlugin};
use recado::plugins::{
    ContactSeen, ConversationSeen, InboundCall, Isolation, Nothing, Plugin, Settings, Surroundings, authoring,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const TEXT: &str = "Buenas tardes, ¿cuánto cuesta una consulta?";
const ROUNDS: usize = 15;
/// How long one way is measured in one round.
const SLICE: Duration = Duration::from_millis(150);

/// What an Extism plugin is told: the same as a component, as JSON.
#[derive(Serialize)]
struct Told {
    id: String,
    channel: String,
    sender: String,
    recipient: String,
    text: String,
    media: Vec<String>,
    received_at: f64,
    extra: Vec<(String, String)>,
    conversation: ToldConversation,
}

#[derive(Serialize)]
struct ToldConversation {
    id: String,
    channel: String,
    address: String,
    status: &'static str,
    subject: String,
    tags: Vec<String>,
    inbound_count: u32,
    previous_inbound_at: Option<f64>,
}

#[derive(Deserialize)]
struct Decided {
    reply: Option<String>,
    tags: Vec<String>,
}

fn call() -> InboundCall {
    let person = Address::received("+529981112233");
    InboundCall {
        id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        sender: person.clone(),
        recipient: Address::received("+529983162438"),
        text: TEXT.to_owned(),
        media: Vec::new(),
        received_at: Timestamp::UNIX_EPOCH,
        extra: vec![("NumSegments".to_owned(), "1".to_owned())],
        conversation: ConversationSeen {
            id: ConversationId(Uuid::nil()),
            channel: "sms".to_owned(),
            address: person,
            status: ConversationStatus::Pending,
            subject: "SMS desde +529981112233".to_owned(),
            tags: vec!["nuevo".to_owned()],
            assignee: None,
            contact: ContactSeen { id: ContactId(Uuid::nil()), name: None, attributes: Vec::new() },
            inbound_count: 3,
            previous_inbound_at: Some(Timestamp::UNIX_EPOCH),
        },
    }
}

fn told(call: &InboundCall) -> Told {
    let seen = &call.conversation;
    Told {
        id: call.id.0.to_string(),
        channel: call.channel.clone(),
        sender: call.sender.as_str().to_owned(),
        recipient: call.recipient.as_str().to_owned(),
        text: call.text.clone(),
        media: Vec::new(),
        received_at: millis(call.received_at),
        extra: call.extra.clone(),
        conversation: ToldConversation {
            id: seen.id.0.to_string(),
            channel: seen.channel.clone(),
            address: seen.address.as_str().to_owned(),
            status: "pending",
            subject: seen.subject.clone(),
            tags: seen.tags.clone(),
            inbound_count: seen.inbound_count,
            previous_inbound_at: seen.previous_inbound_at.map(millis),
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit for 280,000 years")]
fn millis(at: Timestamp) -> f64 {
    at.as_millisecond() as f64
}

fn surroundings() -> Surroundings {
    Surroundings {
        now: Timestamp::UNIX_EPOCH,
        seed: 7,
        locale: "es-MX".to_owned(),
        time_zone: "America/Cancun".to_owned(),
        state: Arc::new(Nothing),
        fetcher: Arc::new(Nothing),
    }
}

/// One way to ask, and the least that one call took so far, in microseconds.
struct Way<'a> {
    name: &'static str,
    ask: Box<dyn FnMut() + 'a>,
    best: f64,
}

impl Way<'_> {
    fn round(&mut self) {
        let (started, mut calls) = (Instant::now(), 0_u32);
        while started.elapsed() < SLICE {
            for _ in 0..16 {
                (self.ask)();
            }
            calls += 16;
        }
        self.best = self.best.min(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
}

/// The component, of its sources as they are.
fn component() -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = here.join("target/guests");
    std::fs::create_dir_all(&out).unwrap();
    let environment = authoring::Environment::of_process();
    let options = authoring::Options { out: Some(out), quiet: true, environment };
    let built = authoring::build(&here.join("component"), &options).unwrap();
    std::fs::read(built.path).unwrap()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let module = arguments.next().unwrap();
    let json = arguments.next().filter(|flag| flag == "--json").and_then(|_| arguments.next()).map(PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = Engine::new().unwrap();
    let component = component();
    let load = |isolation| {
        let settings = Settings { isolation: Some(isolation), ..Settings::new("priced", "priced.wasm") };
        runtime.block_on(WasmPlugin::load(&engine, &settings, component.clone())).unwrap()
    };
    let (fresh, reused) = (load(Isolation::Call), load(Isolation::Reuse));
    let (call, here) = (call(), surroundings());
    let told = told(&call);

    let manifest = extism::Manifest::new([extism::Wasm::data(std::fs::read(module).unwrap())]).with_timeout(Duration::from_millis(200));
    let compiled = extism::CompiledPlugin::new(extism::PluginBuilder::new(manifest)).unwrap();
    let mut kept = extism::Plugin::new_from_compiled(&compiled).unwrap();
    let ask = |plugin: &mut extism::Plugin| {
        let answer: Vec<u8> = plugin.call("on_inbound", serde_json::to_vec(&told).unwrap()).unwrap();
        let decided: Decided = serde_json::from_slice(&answer).unwrap();
        assert!(decided.reply.is_some() && decided.tags == ["ventas"]);
    };
    let asked = |plugin: &WasmPlugin| {
        let decided = runtime.block_on(plugin.on_inbound(&call, &here)).result.unwrap();
        assert_eq!(decided.actions.len(), 2);
    };
    let mut ways = [
        ("plain Rust", Box::new(|| drop(std::hint::black_box(rules::decide(std::hint::black_box(TEXT))))) as Box<dyn FnMut()>),
        ("component, fresh instance", Box::new(|| asked(&fresh))),
        ("component, reused instance", Box::new(|| asked(&reused))),
        ("extism, fresh instance", Box::new(|| ask(&mut extism::Plugin::new_from_compiled(&compiled).unwrap()))),
        ("extism, reused instance", Box::new(|| ask(&mut kept))),
    ]
    .map(|(name, ask)| Way { name, ask, best: f64::INFINITY });
    for _ in 0..ROUNDS {
        ways.iter_mut().for_each(Way::round);
    }
    for way in &ways {
        println!("{:<28} {:>9.2} µs", way.name, way.best);
    }
    let [_, fresh, reused, their_fresh, their_reused] = ways.map(|way| way.best);
    println!("extism / component, fresh    {:>9.1} ×", their_fresh / fresh);
    println!("extism / component, reused   {:>9.1} ×", their_reused / reused);
    if let Some(path) = json {
        let figures = serde_json::json!({
            "component_fresh_us": fresh, "component_reused_us": reused,
            "extism_fresh_us": their_fresh, "extism_reused_us": their_reused,
        });
        std::fs::write(path, figures.to_string()).unwrap();
    }
}
