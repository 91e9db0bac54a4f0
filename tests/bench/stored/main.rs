//! What stored messages cost: the same work on a database with ten thousand and on one with millions.
//!
//! `cargo bench -p recado-tests --bench stored` fills two SQLite files, and two databases of the Postgres server
//! that `RECADO_TEST_POSTGRES` names, starts a real gateway on each, and measures both in turns in one run, so
//! that the ratios count although the machine is noisy. It prints a table and a line of JSON for each kind of
//! database. `-- --rows N` is how many messages the large one has (5,000,000), `-- --turns N` how often all is
//! measured (5). Files lie in `TMPDIR`, on Postgres where the server has its own: count on 2 KB a message.
//!
//! Traffic is with as many people on both sides, and then with anybody (`load.rs`, `With`).
//!
//! The gateways have no plugins, for what these cost does not depend on what is stored. Processor time is the gateway's and, on
//! Postgres, that of its server for the gateway's connections.
#![expect(clippy::print_stdout, reason = "a program that measures and says so")]
#![expect(clippy::expect_used, reason = "a program for the workshop: what can't be done ends it")]

mod fill;
mod load;
mod questions;

use std::time::{Duration, Instant};

use recado::clock::{Clock, SystemClock};
use recado_tests::TestGateway;
use sea_orm::{Database, DatabaseConnection};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use fill::Filling;
use load::Cost;

const SMALL: i64 = 10_000;
/// What a large database may cost more.
const ALLOWED: f64 = 1.2;

/// A gateway on a filled database.
struct Side {
    filling: Filling,
    gateway: TestGateway,
    database: DatabaseConnection,
    questions: questions::Asker,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: i64| {
        let given = arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
        given.and_then(|number| number.parse().ok()).unwrap_or(usual)
    };
    let (rows, turns) = (number("--rows", 5_000_000), number("--turns", 5));
    let runtime = Runtime::new().expect("a runtime");
    for postgres in [false, true] {
        let builder = || {
            let builder = TestGateway::builder().no_plugins().on_disk().allow_unsent().allow_errors();
            if postgres { builder.postgres() } else { Some(builder) }
        };
        let kind = if postgres { "Postgres" } else { "SQLite" };
        if arguments.iter().any(|word| word == "--only") && !arguments.iter().any(|word| word == kind) {
            continue;
        }
        let Some(sides) = [SMALL, rows].into_iter().map(|rows| Some(side(&runtime, builder()?, rows))).collect() else {
            println!("{kind}: RECADO_TEST_POSTGRES names no server");
            continue;
        };
        compare(&runtime, kind, sides, turns);
    }
}

fn side(runtime: &Runtime, builder: recado_tests::Builder, rows: i64) -> Side {
    let mut gateway = builder.start();
    gateway.kill();
    let filling = Filling::new(rows, SystemClock.now().as_millisecond());
    let started = Instant::now();
    let url = gateway.database_url();
    runtime.block_on(filling.fill(&url)).expect("a filled database");
    let (bytes, _) = gateway.database_bytes();
    println!("{rows} messages: filled in {:.0} s, {} MB", started.elapsed().as_secs_f64(), bytes / 1_000_000);
    gateway.restart();
    let database = runtime.block_on(Database::connect(&url)).expect("the database");
    let questions = runtime.block_on(questions::Asker::open(&url));
    Side { filling, gateway, database, questions }
}

fn compare(runtime: &Runtime, kind: &str, mut sides: Vec<Side>, turns: i64) {
    let mut seen: Vec<Vec<(String, Vec<Cost>)>> = sides.iter().map(|_| Vec::new()).collect();
    for turn in 0..=turns {
        for work in load::WORKS {
            for (side, seen) in sides.iter_mut().zip(&mut seen) {
                let cost = load::measure(runtime, side, work, turn);
                note(seen, work.name(), cost, turn);
            }
        }
        for name in questions::NAMES {
            for (side, seen) in sides.iter_mut().zip(&mut seen) {
                let took = runtime.block_on(side.questions.ask(name));
                note(seen, name, Cost::of_wall(took), turn);
            }
        }
    }
    print(kind, &seen, &sides);
}

fn note(seen: &mut Vec<(String, Vec<Cost>)>, name: &str, cost: Cost, turn: i64) {
    let at = seen.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
        seen.push((name.to_owned(), Vec::new()));
        seen.len() - 1
    });
    // The first turn only warms up.
    if turn > 0 {
        seen[at].1.push(cost);
    }
}

fn print(kind: &str, seen: &[Vec<(String, Vec<Cost>)>], sides: &[Side]) {
    let [small, large] = seen else { return };
    println!("\n{kind}, {} and {} messages: medians of the turns", sides[0].filling.rows, sides[1].filling.rows);
    println!(
        "{:<44} {:>9} {:>9} {:>6}   {:>8} {:>8} {:>6}   {:>8} {:>8}",
        "", "µs", "µs", "", "p50 ms", "p50 ms", "", "p99 ms", "p99 ms"
    );
    let mut rows: Vec<Value> = Vec::new();
    for ((name, small), (_, large)) in small.iter().zip(large) {
        let of = |costs: &[Cost], what: fn(&Cost) -> f64| median(costs.iter().map(what).collect());
        let both = |what| (of(small, what), of(large, what));
        let (micros, p50, p99) = (both(|cost| cost.micros), both(|cost| cost.p50), both(|cost| cost.p99));
        let ratio = micros.1 / micros.0;
        let mark = if ratio > ALLOWED { '!' } else { ' ' };
        println!(
            "{name:<44} {:>9.1} {:>9.1} {ratio:>5.2}{mark}   {:>8.3} {:>8.3} {:>6.2}   {:>8.2} {:>8.2}",
            micros.0,
            micros.1,
            p50.0,
            p50.1,
            p50.1 / p50.0,
            p99.0,
            p99.1
        );
        let rate = both(|cost| cost.per_second);
        rows.push(json!({
            "what": name, "processor_us": micros, "ratio": ratio, "p50_ms": p50, "p99_ms": p99, "per_second": rate,
        }));
    }
    println!(
        "µs: processor time of the gateway and its database for one message or request; of questions, the time they took"
    );
    println!(
        "{}",
        json!({ "database": kind, "messages": [sides[0].filling.rows, sides[1].filling.rows], "rows": rows })
    );
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
