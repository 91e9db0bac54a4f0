//! What recording a metric costs: before anybody began counting, and after.
//!
//! `cargo bench -p recado --bench metrics`

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use recado::metrics;

fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("metrics");
    let count = || metrics::WEBHOOKS.add("sms", ["inbound", "recorded"]);
    let time = || metrics::PLUGIN_SECONDS.took("auto-reply", ["inbound"], Duration::from_micros(30));
    group.bench_function("off", |bencher| bencher.iter(count));
    metrics::start();
    group.bench_function("a count", |bencher| bencher.iter(count));
    // As a gateway does, though not as often; otherwise they would pile up.
    std::thread::spawn(|| {
        loop {
            metrics::tidy();
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    group.bench_function("a time", |bencher| bencher.iter(time));
    group.finish();
}

criterion_group!(benches, recording);
criterion_main!(benches);
