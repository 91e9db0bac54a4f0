//! What asking plugins costs: one in plain Rust, and components in fresh and in reused instances; alone,
//! and as a chain of several.
//!
//! `cargo bench -p recado --bench plugins`. Against another runtime: `benches/extism/run`.

use std::sync::Arc;

use async_trait::async_trait;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use recado::actions::{Action, Decision, Flow, Verdict};
use recado::message::{Address, ContactId, ConversationId, ConversationStatus, MessageId};
use recado::plugins::wasm::{Engine, WasmPlugin};
use recado::plugins::{
    Called, Chain, ContactSeen, ConversationSeen, Effects, Failure, InboundCall, Isolation, Link, Manifest, Nothing,
    OnError, OutboundCall, Plugin, Settings, StatusCall, Surroundings, TimerCall,
};
use uuid::Uuid;

const AUTO_REPLY: &[u8] = include_bytes!("../../plugins/auto-reply.wasm");
/// The smallest there is: it replies, whatever comes.
const TINY: &str = include_str!("../../tests/harness/plugin.wat");
const REPLY: &str = "(i32.store (i32.const 128) (i32.const 0))
    (i32.store (i32.const 136) (i32.const 2048)) (i32.store (i32.const 140) (i32.const 4))
    (i32.store (i32.const 144) (i32.const 0)) (i32.store (i32.const 148) (i32.const 0))
    (call $decide (i32.const 1))";

/// The rule of `TINY` in plain Rust.
struct Native(Manifest);

fn nothing<T>() -> Called<T> {
    Called { result: Err(Failure::Failed("not for this hook".to_owned())), effects: Effects::default() }
}

#[async_trait]
impl Plugin for Native {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    async fn on_inbound(&self, _: &InboundCall, _: &Surroundings) -> Called<Decision> {
        let reply = Action::Reply { text: "hola".to_owned(), media: Vec::new() };
        Called { result: Ok(Decision { actions: vec![reply], flow: Flow::Proceed }), effects: Effects::default() }
    }

    async fn on_outbound(&self, _: &OutboundCall, _: &Surroundings) -> Called<Verdict> {
        nothing()
    }

    async fn on_status(&self, _: &StatusCall, _: &Surroundings) -> Called<Decision> {
        nothing()
    }

    async fn on_timer(&self, _: &TimerCall, _: &Surroundings) -> Called<Decision> {
        nothing()
    }
}

fn call() -> InboundCall {
    let person = Address::received("+529981112233");
    InboundCall {
        id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        sender: person.clone(),
        recipient: Address::received("+529983162438"),
        text: "Buenas tardes, ¿cuánto cuesta una consulta?".to_owned(),
        media: Vec::new(),
        received_at: Timestamp::UNIX_EPOCH,
        extra: vec![("NumSegments".to_owned(), "1".to_owned())],
        conversation: ConversationSeen {
            id: ConversationId(Uuid::nil()),
            channel: "sms".to_owned(),
            address: person,
            status: ConversationStatus::Pending,
            subject: "SMS desde +529981112233".to_owned(),
            tags: vec!["ventas".to_owned()],
            assignee: None,
            contact: ContactSeen { id: ContactId(Uuid::nil()), name: None, attributes: Vec::new() },
            inbound_count: 3,
            previous_inbound_at: Some(Timestamp::UNIX_EPOCH),
        },
    }
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

fn plugins(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine = Engine::new().expect("an engine");
    let tiny =
        wat::parse_str(TINY.replace("{data}", "hola").replace("{describing}", "").replace("{on-inbound}", REPLY))
            .expect("a component");
    let config = serde_json::json!({ "rules": [{ "keywords": ["precio", "cuesta"], "reply": "Cuesta $450." }] });
    let load = |component: &[u8], isolation, config: &serde_json::Value| {
        let settings =
            Settings { isolation: Some(isolation), config: config.clone(), ..Settings::new("bench", "bench.wasm") };
        runtime.block_on(WasmPlugin::load(&engine, &settings, component.to_vec())).expect("a plugin")
    };
    let none = serde_json::Value::Null;
    let asked: [(&str, Box<dyn Plugin>); 5] = [
        ("native", Box::new(Native(Manifest::default()))),
        ("tiny/fresh", Box::new(load(&tiny, Isolation::Call, &none))),
        ("tiny/reused", Box::new(load(&tiny, Isolation::Reuse, &none))),
        ("auto-reply/fresh", Box::new(load(AUTO_REPLY, Isolation::Call, &config))),
        ("auto-reply/reused", Box::new(load(AUTO_REPLY, Isolation::Reuse, &config))),
    ];
    let (call, here) = (call(), surroundings());
    let mut group = criterion.benchmark_group("on-inbound");
    for (name, plugin) in &asked {
        let decided = runtime.block_on(plugin.on_inbound(&call, &here)).result;
        assert!(decided.is_ok_and(|decision| !decision.actions.is_empty()), "{name}");
        group.bench_function(*name, |bencher| {
            bencher.to_async(&runtime).iter(|| plugin.on_inbound(&call, &here));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("chain");
    for (kind, isolation) in [("fresh", Isolation::Call), ("reused", Isolation::Reuse)] {
        for count in [0, 1, 3, 10] {
            let link = |number: usize| Link {
                name: format!("auto-reply-{number}"),
                on_error: OnError::Skip,
                plugin: Arc::new(load(AUTO_REPLY, isolation, &config)),
                health: Arc::default(),
            };
            let chain = Chain::new((0..count).map(link).collect());
            group.bench_function(format!("{kind}/{count}"), |bencher| {
                bencher.to_async(&runtime).iter(|| chain.on_inbound(call.clone(), &here));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, plugins);
criterion_main!(benches);
