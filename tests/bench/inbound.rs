//! What plugins cost the whole gateway: real processes, real HTTP, a database each.
//!
//! `cargo bench -p recado-tests --bench inbound` measures, and prints a table and a line of JSON. Everything is
//! measured in turns in one run, so that the ratios count although the machine is noisy; the databases lie in
//! memory, where nothing hides what plugins cost. `-- --seconds N` is how long each turn lasts (3).
#![expect(clippy::print_stdout, reason = "a program that measures and says so")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use recado_tests::{Behaviour, Plugin, TestGateway, form};
use serde_json::{Value, json};

/// Conversations that text at the same time.
const PHONES: u64 = 8;
const TURNS: usize = 5;
/// What the hostile plugin loops at; no other text here has its length.
const POISON: &str = "loop";

static MESSAGES: AtomicU64 = AtomicU64::new(1);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|word| word == "--seconds").and_then(|at| arguments.get(at + 1));
    let turn = Duration::from_secs(given.and_then(|seconds| seconds.parse().ok()).unwrap_or(3));
    let throughput = throughput(turn);
    let start = start();
    let hostile = hostile(turn);
    println!("{}", json!({ "throughput": throughput, "start": start, "hostile": hostile }));
}

/// The shipped plugins, with rules that are all looked at and none of which fits: what they cost is all there
/// is to see, and not the replies they lead to.
fn shipped(number: usize) -> Plugin {
    match number % 3 {
        0 => Plugin::builtin("auto-reply").config(&json!({
            "text": "", "rules": [{ "keywords": ["precio", "lista"], "reply": "La lista." }, { "keywords": ["cita"], "reply": "¿Cuándo?" }],
        })),
        1 => Plugin::builtin("router").config(&json!({
            "inbound": { "routes": [
                { "when": { "sender": ["+1"] }, "then": { "tag": ["norte"] } },
                { "when": { "regex": "(?i)^pedido +[0-9]{4,6}$" }, "then": { "tag": ["pedidos"] } },
            ] },
        })),
        _ => Plugin::builtin("auto-reply").config(&json!({
            "text": "", "rules": [{ "keywords": ["horario"], "reply": "De 9 a 18." }],
        })),
    }
}

fn gateway(plugins: usize) -> TestGateway {
    let mut builder = TestGateway::builder().no_plugins();
    for number in 0..plugins {
        builder = builder.plugin(shipped(number).named(&format!("plugin-{number}")));
    }
    builder.start()
}

/// How long one text took to be answered.
fn text(gateway: &TestGateway, phone: u64, text: &str) -> Duration {
    let number = MESSAGES.fetch_add(1, Ordering::Relaxed);
    let message = form(&format!("SM{number:032x}"), &format!("+52998{phone:07}"), text);
    let started = Instant::now();
    let answer = gateway.signed_webhook("sms/inbound", &message);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    started.elapsed()
}

/// Texts from several phones at once until the time is over; how long each took.
fn load(gateway: &TestGateway, turn: Duration, first: u64, count: u64) -> Vec<Duration> {
    let until = Instant::now() + turn;
    std::thread::scope(|scope| {
        let phones: Vec<_> = (first..first + count)
            .map(|phone| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    while Instant::now() < until {
                        took.push(text(gateway, phone, "Buenas tardes, ¿tienen servicio a domicilio?"));
                    }
                    took
                })
            })
            .collect();
        phones.into_iter().flat_map(|phone| phone.join().unwrap_or_default()).collect()
    })
}

#[derive(Default)]
struct Seen {
    per_second: Vec<f64>,
    processor_micros: Vec<f64>,
}

fn throughput(turn: Duration) -> Value {
    let counts = [0, 1, 3, 10];
    let mut gateways: Vec<_> = counts.iter().map(|count| (*count, gateway(*count), Seen::default())).collect();
    for round in 0..=TURNS {
        for (_, gateway, seen) in &mut gateways {
            let before = gateway.process().processor_time();
            let started = Instant::now();
            let messages = float(load(gateway, turn, 1, PHONES).len());
            let (elapsed, used) = (started.elapsed(), gateway.process().processor_time().saturating_sub(before));
            // The first round only warms up.
            if round > 0 {
                seen.per_second.push(messages / elapsed.as_secs_f64());
                seen.processor_micros.push(used.as_secs_f64() * 1e6 / messages);
            }
        }
    }
    println!("plugins   messages/s   of none   processor/message");
    let (all, cost) = (median(&gateways[0].2.per_second), median(&gateways[0].2.processor_micros));
    let mut rows = Vec::new();
    for (count, _, seen) in &gateways {
        let (rate, micros) = (median(&seen.per_second), median(&seen.processor_micros));
        println!("{count:>7} {rate:>12.0} {:>8.1} % {micros:>12.0} µs (+{:.0})", rate / all * 100.0, micros - cost);
        rows.push(json!({ "plugins": count, "per_second": rate, "processor_us": micros }));
    }
    rows.into()
}

/// From the start of the process until it listens, with what compiling left from the start before.
fn start() -> Value {
    let mut gateways = [gateway(0), gateway(10)].map(|gateway| (gateway, Vec::new()));
    for _ in 0..=TURNS * 2 {
        for (gateway, took) in &mut gateways {
            gateway.kill();
            let started = Instant::now();
            gateway.restart();
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [none, ten] = gateways.map(|(_, took)| median(&took[1..]));
    println!("start: {none:.0} ms without plugins, {ten:.0} ms with ten (+{:.0})", ten - none);
    json!({ "none_ms": none, "ten_ms": ten })
}

/// What others wait while one conversation's messages make a plugin run for ever; and, for comparison, while another
/// program is as busy, since that takes a processor as well.
fn hostile(turn: Duration) -> Value {
    let length = u32::try_from(POISON.len()).unwrap_or_default();
    let plugin = Plugin::that("hostile", Behaviour::LoopAt(length));
    let gateway = TestGateway::builder().no_plugins().plugin(plugin).allow_errors().start();
    let (mut calm, mut busy, mut disturbed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=TURNS {
        let quiet = load(&gateway, turn, 1, 2);
        let until = Instant::now() + turn;
        let beside = std::thread::scope(|scope| {
            scope.spawn(|| {
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
            });
            load(&gateway, turn, 1, 2)
        });
        let until = Instant::now() + turn;
        let loud = std::thread::scope(|scope| {
            scope.spawn(|| {
                while Instant::now() < until {
                    text(&gateway, 99, POISON);
                }
            });
            load(&gateway, turn, 1, 2)
        });
        if round > 0 {
            calm.extend(quiet);
            busy.extend(beside);
            disturbed.extend(loud);
        }
    }
    let [(calm_50, calm_99), (_, busy_99), (loud_50, loud_99)] = [calm, busy, disturbed].map(|mut took| {
        took.sort_unstable();
        let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
        (at(50), at(99))
    });
    println!(
        "others' texts: p50 {calm_50:.2} ms, p99 {calm_99:.2} ms; beside a plugin that loops: p50 {loud_50:.2} ms, p99 {loud_99:.2} ms ({:.2} ×); beside another program that does: p99 {busy_99:.2} ms ({:.2} ×)",
        loud_99 / calm_99,
        busy_99 / calm_99
    );
    json!({ "calm_p50_ms": calm_50, "calm_p99_ms": calm_99, "busy_p99_ms": busy_99, "hostile_p50_ms": loud_50, "hostile_p99_ms": loud_99 })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
fn float(count: usize) -> f64 {
    count as f64
}
