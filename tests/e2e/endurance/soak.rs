//! A gateway at half load for as long as `RECADO_TEST_SOAK_MIN` says: its memory and its open files stay what
//! they were; how long it takes, and how large its database is, is told.
#![expect(clippy::cast_precision_loss, reason = "numbers that people read")]

use std::time::{Duration, Instant};

use recado_tests::{Builder, Plugin, TestGateway, wait_up_to};

use super::load::Load;
use super::{on_postgres, variable};

/// How many are taken as fast as can be, to know what half of that is.
const WARMING_UP: u64 = 300;
const FULL_LOAD: u64 = 900;
/// At least so many samples, and one a minute.
const SAMPLES: u32 = 8;
/// By how much memory may grow from the first quarter to the last: a tenth, and 16 MiB for caches that were
/// still filling.
const MORE_MEMORY: u64 = 16 << 20;
/// And open files: no more than connections that happen to be open.
const MORE_FILES: usize = 16;

#[derive(Clone, Copy)]
struct Sample {
    memory: u64,
    files: usize,
}

#[test]
fn memory_and_files_stay_flat_at_half_load() {
    soak(TestGateway::builder().plugin(Plugin::obedient()));
}

#[test]
fn memory_and_files_stay_flat_at_half_load_on_postgres() {
    if variable("RECADO_TEST_SOAK_MIN").is_none() {
        return;
    }
    if let Some(builder) = on_postgres() {
        soak(builder);
    }
}

fn soak(builder: Builder) {
    let Some(minutes) = variable("RECADO_TEST_SOAK_MIN") else {
        eprintln!("skipped: RECADO_TEST_SOAK_MIN is not set");
        return;
    };
    let mut gateway = builder.start();
    let load = Load::new(gateway.outside());
    let mut samples = Vec::new();
    std::thread::scope(|scope| {
        let _ending = load.begin(scope);
        load.wait_for(load.allow(WARMING_UP).end);
        let began = Instant::now();
        load.wait_for(load.allow(FULL_LOAD).end);
        // From one to the next, at half of that.
        let gap = began.elapsed() * 2 / u32::try_from(FULL_LOAD).unwrap();
        eprintln!("half load is {:.0} texts and messages a second, for {minutes} minutes", 1.0 / gap.as_secs_f64());
        eprintln!("   s |  done/s |  p50 ms |  p99 ms | memory MiB | files | database MiB | log MiB");
        load.times();
        let (began, first) = (Instant::now(), WARMING_UP + FULL_LOAD);
        let every = (Duration::from_secs(minutes * 60) / SAMPLES).min(Duration::from_mins(1));
        let count = u32::try_from(minutes * 60 * 1000 / u64::try_from(every.as_millis()).unwrap()).unwrap();
        let mut allowed = 0;
        for number in 1..=count {
            keep_pace(&load, gap, began, every * number, &mut allowed);
            // From when each was to begin, so that what a slow one holds up counts as slow, too.
            let due = |which: u64| began + gap * u32::try_from(which - first).unwrap();
            let mut took: Vec<Duration> =
                load.times().iter().map(|(which, at)| at.saturating_duration_since(due(*which))).collect();
            took.sort();
            samples.push(sample(&mut gateway, &took, every * number, every));
        }
    });
    let quarter = (samples.len() / 4).max(1);
    let (early, late) = (&samples[..quarter], &samples[samples.len() - quarter..]);
    let memory = |some: &[Sample]| some.iter().map(|sample| sample.memory).sum::<u64>() / some.len() as u64;
    let files = |some: &[Sample]| some.iter().map(|sample| sample.files).max().unwrap();
    let (before, after) = (memory(early), memory(late));
    assert!(after <= before + before / 10 + MORE_MEMORY, "memory grew from {before} to {after} bytes");
    let (before, after) = (files(early), files(late));
    assert!(after <= before + MORE_FILES, "open files grew from {before} to {after}");
}

/// Allows what is due, until so long after the beginning.
fn keep_pace(load: &Load, gap: Duration, began: Instant, until: Duration, allowed: &mut u64) {
    wait_up_to((began + until).saturating_duration_since(Instant::now()), || {
        let due = u64::try_from(began.elapsed().as_nanos() / gap.as_nanos()).unwrap();
        load.allow(due.saturating_sub(*allowed));
        *allowed = due.max(*allowed);
        None::<()>
    });
}

fn sample(gateway: &mut TestGateway, took: &[Duration], at: Duration, every: Duration) -> Sample {
    let of = |share: usize| took.get(took.len() * share / 100).map_or(0, Duration::as_millis);
    let (database, log) = gateway.database_bytes();
    let process = gateway.process();
    let sample = Sample { memory: process.memory(), files: process.open_files() };
    eprintln!(
        "{:4} | {:7.1} | {:7} | {:7} | {:10.1} | {:5} | {:12.1} | {:7.1}",
        at.as_secs(),
        took.len() as f64 / every.as_secs_f64(),
        of(50),
        of(99),
        mebibytes(sample.memory),
        sample.files,
        mebibytes(database),
        mebibytes(log),
    );
    sample
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
