//! All metrics there are: name, kind, unit, labels and what it tells.
//!
//! `gateway/METRICS.md` is this table, and a test compares the two.

use ::metrics::{Counter, Gauge, Histogram};

use super::{Described, Family, Kind};

const FAST: Kind = Kind::Histogram(&[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
]);
const USUAL: Kind =
    Kind::Histogram(&[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0]);
const LONG: Kind =
    Kind::Histogram(&[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 36_000.0]);
const BATCH: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]);

/// In short: what most of them are.
const fn counter<const N: usize>(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family<Counter, N> {
    Family::new(name, Kind::Counter, "", labels, help)
}

const fn gauge<const N: usize>(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family<Gauge, N> {
    Family::new(name, Kind::Gauge, unit, labels, help)
}

const fn seconds<const N: usize>(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family<Histogram, N> {
    Family::new(name, kind, "seconds", labels, help)
}

pub static WEBHOOKS: Family<Counter, 2> = counter(
    "recado_webhooks_total",
    &["channel", "kind", "outcome"],
    "What webhooks brought (kind inbound, status), and those of which nothing was taken (kind unread). Outcomes: recorded, repeat, journaled; forged (no or a wrong signature), malformed, unknown-channel, busy (answered 503), failed.",
);
pub static WEBHOOK_SECONDS: Family<Histogram, 0> =
    seconds("recado_webhook_seconds", USUAL, &["channel"], "From a webhook's head to its answer.");
pub static RECORDING_SECONDS: Family<Histogram, 0> =
    seconds("recado_recording_seconds", USUAL, &[], "How long a webhook waits until what it brought is committed.");
pub static PROCESSING_SECONDS: Family<Histogram, 0> =
    seconds("recado_processing_seconds", USUAL, &["channel"], "Plugins, plan and commit of one text that came in.");
pub static QUEUE_SECONDS: Family<Histogram, 1> = seconds(
    "recado_queue_seconds",
    LONG,
    &["channel", "priority"],
    "From when a part was due until it was claimed to be sent.",
);
pub static PROVIDER_SECONDS: Family<Histogram, 0> = seconds(
    "recado_provider_seconds",
    USUAL,
    &["channel"],
    "How long the provider takes to answer a request that sends.",
);
pub static ATTEMPTS: Family<Counter, 2> = counter(
    "recado_attempts_total",
    &["channel", "outcome", "class"],
    "Tries to send a part. Outcomes: accepted, retry, held, rejected, given-up, opted-out, unknown. Classes: none, retry, busy, rejected, opted-out, fault, unknown (what the provider said); not-connected, timed-out, cut-off, unreadable (no answer); not-sent (nothing was asked).",
);
pub static MESSAGES: Family<Counter, 2> = counter(
    "recado_messages_total",
    &["channel", "direction", "status"],
    "Messages that came to have a status: an outbound one counts once for each that it went through.",
);
pub static REFUSALS: Family<Counter, 1> = counter(
    "recado_gate_refusals_total",
    &["channel", "code"],
    "Messages that the gate did not let out, whoever wanted them sent. Codes: opted-out, quiet-hours, frequency-cap.",
);
pub static COMMIT_OPERATIONS: Family<Histogram, 0> =
    Family::new("recado_commit_operations", BATCH, "", &[], "How many writes share a commit.");
pub static COMMIT_SECONDS: Family<Histogram, 1> = seconds(
    "recado_commit_seconds",
    USUAL,
    &["outcome"],
    "One transaction of the writer, from its begin to its commit (done) or its end without one (failed).",
);
pub static WRITES_WAITING: Family<Gauge, 0> =
    gauge("recado_writes_waiting", "", &[], "Writes that wait for the writer (database.queue is the most).");
pub static DATABASE_UP: Family<Gauge, 0> = gauge(
    "recado_database_up",
    "",
    &[],
    "1 if the database answered when it was looked at last; with 0, what it tells below is old.",
);
pub static OUTBOUND_DUE: Family<Gauge, 1> = gauge(
    "recado_outbound_due",
    "",
    &["channel", "priority"],
    "Parts that are due and wait to be sent; of each sender 10000 at the most are counted.",
);
pub static OUTBOUND_OLDEST: Family<Gauge, 1> = gauge(
    "recado_outbound_oldest_due_seconds",
    "seconds",
    &["channel", "priority"],
    "For how long the part that is due for longest has been; 0 if none is.",
);
pub static OUTBOUND_SENDING: Family<Gauge, 0> = gauge(
    "recado_outbound_sending",
    "",
    &[],
    "Parts that are being sent, by any gateway; 10000 at the most are counted.",
);
pub static UNPROCESSED: Family<Gauge, 0> = gauge(
    "recado_inbound_unprocessed",
    "",
    &[],
    "Texts that are recorded and not processed yet; 10000 at the most are counted.",
);
pub static UNPROCESSED_OLDEST: Family<Gauge, 0> = gauge(
    "recado_inbound_oldest_unprocessed_seconds",
    "seconds",
    &[],
    "For how long the oldest of them has been recorded; 0 if there is none.",
);
pub static PLUGIN_SECONDS: Family<Histogram, 1> = seconds(
    "recado_plugin_call_seconds",
    FAST,
    &["plugin", "hook"],
    "One call of a plugin, with all that it waits for.",
);
pub static PLUGIN_FAILURES: Family<Counter, 1> = counter(
    "recado_plugin_failures_total",
    &["plugin", "reason"],
    "Calls that gave no decision. Reasons: deadline, waiting, memory, tables, trapped, too-much, failed, bad-config; disabled (it was not asked).",
);
pub static PLUGIN_DISABLED: Family<Gauge, 0> =
    gauge("recado_plugin_disabled", "", &["plugin"], "1 while a plugin is not asked, since it failed again and again.");
pub static CHANNEL_PAUSED: Family<Gauge, 1> = gauge(
    "recado_channel_paused",
    "",
    &["channel", "by"],
    "1 while a channel sends nothing: by fault (its account, sender or settings, or a provider that answers nobody), by busy (the provider asked to wait), by hand.",
);
pub static JOURNAL_ENTRIES: Family<Gauge, 0> =
    gauge("recado_journal_entries", "", &[], "What came in and waits on this machine for the database.");
pub static JOURNAL_BYTES: Family<Gauge, 0> =
    gauge("recado_journal_bytes", "bytes", &[], "How much of journal.max_bytes that takes.");
pub static JOURNAL_OLDEST: Family<Gauge, 0> = gauge(
    "recado_journal_oldest_seconds",
    "seconds",
    &[],
    "For how long the oldest of it has waited; 0 if nothing does.",
);
pub static EVENTS: Family<Counter, 1> = counter(
    "recado_events_total",
    &["endpoint", "outcome"],
    "Tries to tell an endpoint an event. Outcomes: delivered, retry, given-up, gone.",
);
pub static EVENTS_WAITING: Family<Gauge, 0> = gauge(
    "recado_events_waiting",
    "",
    &["endpoint"],
    "Events that an endpoint is still to be told; 10000 at the most are counted.",
);
pub static ENDPOINT_DISABLED: Family<Gauge, 0> = gauge(
    "recado_endpoint_disabled",
    "",
    &["endpoint"],
    "1 while an endpoint is told nothing, since it failed for too long or is gone.",
);
pub static BUILD: Family<Gauge, 0> = gauge("recado_build_info", "", &["version"], "Always 1; the version is a label.");
pub static START: Family<Gauge, 0> = gauge(
    "process_start_time_seconds",
    "seconds",
    &[],
    "When this process started, in seconds since 1970, as Prometheus calls it.",
);

pub static TABLE: &[&dyn Described] = &[
    &WEBHOOKS,
    &WEBHOOK_SECONDS,
    &RECORDING_SECONDS,
    &PROCESSING_SECONDS,
    &QUEUE_SECONDS,
    &PROVIDER_SECONDS,
    &ATTEMPTS,
    &MESSAGES,
    &REFUSALS,
    &COMMIT_OPERATIONS,
    &COMMIT_SECONDS,
    &WRITES_WAITING,
    &DATABASE_UP,
    &OUTBOUND_DUE,
    &OUTBOUND_OLDEST,
    &OUTBOUND_SENDING,
    &UNPROCESSED,
    &UNPROCESSED_OLDEST,
    &PLUGIN_SECONDS,
    &PLUGIN_FAILURES,
    &PLUGIN_DISABLED,
    &CHANNEL_PAUSED,
    &JOURNAL_ENTRIES,
    &JOURNAL_BYTES,
    &JOURNAL_OLDEST,
    &EVENTS,
    &EVENTS_WAITING,
    &ENDPOINT_DISABLED,
    &BUILD,
    &START,
];
