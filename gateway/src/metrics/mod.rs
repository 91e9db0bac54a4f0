//! What is counted and timed of a gateway, for Prometheus.
//!
//! Like the log, they are the process's: [`start`] begins counting, and before it recording costs a look at
//! one word. Every metric is a line of [`table`]; other rooms name it and record. Labels are few by nature:
//! names from the settings and words of this program, never a number or an id. Knows no other room.

mod family;
mod pending;
pub mod table;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use ::metrics::{KeyName, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub use family::{Described, Family, Kind};
pub use pending::Pending;
pub use table::*;

/// What Prometheus is told that the page is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

static STARTED: OnceLock<Started> = OnceLock::new();

struct Started {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// Begins counting, for the whole process. A second call changes nothing.
pub fn start() {
    STARTED.get_or_init(|| {
        let recorder = build();
        let handle = recorder.handle();
        Started { recorder, handle }
    });
}

/// What has been counted so far, as Prometheus reads it; nothing before the start.
pub fn render() -> String {
    STARTED.get().map(|started| started.handle.render()).unwrap_or_default()
}

/// To be called every few seconds: what was timed is put into its buckets, also if nobody ever asks.
pub fn tidy() {
    if let Some(started) = STARTED.get() {
        started.handle.run_upkeep();
    }
}

fn recorder() -> Option<&'static PrometheusRecorder> {
    STARTED.get().map(|started| &started.recorder)
}

/// With the help and the buckets of every metric of the table.
fn build() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for metric in TABLE {
        if let Kind::Histogram(buckets) = metric.kind() {
            let name = Matcher::Full(metric.name().to_owned());
            // It refuses only a list without buckets, and the table has none.
            builder = match builder.set_buckets_for_metric(name, buckets) {
                Ok(builder) => builder,
                Err(_) => PrometheusBuilder::new(),
            };
        }
    }
    let recorder = builder.build_recorder();
    for metric in TABLE {
        let (name, help) = (KeyName::from(metric.name()), metric.help().into());
        match metric.kind() {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
        }
    }
    recorder
}
