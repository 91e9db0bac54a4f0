//! What a run came to: for programs as JSON, and for people as a table.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use serde::Serialize;

use super::checks::Checked;
use super::latency::Spread;
use super::limits::Disk;
use super::load::Ran;
use super::machine::{Memory, Used};

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub version: &'static str,
    /// `release`, or `debug`: many times slower, so that nothing can be told by it.
    pub build: &'static str,
    /// The processors of this machine, which the gateway shares with the load, the local Twilio and the database.
    pub processors: usize,
    /// What the gateway keeps messages in, or where it is.
    pub gateway: String,
    /// Those that are asked; null where somebody else has chosen them.
    pub plugins: Option<Vec<String>>,
    pub connections: u32,
    pub phones: usize,
    /// So many a second were asked for; null is as many as it takes.
    pub rate: Option<f64>,
    /// How long the provider takes to answer; null if it is not ours to say.
    pub provider_latency_ms: Option<u64>,
    pub disk: Option<Disk>,
    /// Webhooks that are only read and verified, by a server of the same kind: what no gateway can exceed here.
    pub limit: Option<Direction>,
    pub inbound: Option<Direction>,
    pub outbound: Option<Outbound>,
    /// What the gateway's log has to say, beside what it always says: up to ten lines.
    pub log: Option<Failures>,
    /// Nothing went wrong.
    pub good: bool,
}

/// One direction.
#[derive(Clone, Debug, Serialize)]
pub struct Direction {
    pub messages: u64,
    pub seconds: f64,
    pub per_second: f64,
    /// From when it was to be sent until it was acknowledged.
    pub latency_ms: Option<Spread>,
    /// Null where it can't be measured.
    pub cost: Option<Cost>,
    /// Messages a second, as a share of the limit's; only where both were as many as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_limit: Option<f64>,
    pub errors: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
}

/// What goes out, which does not end with being acknowledged.
#[derive(Clone, Debug, Serialize)]
pub struct Outbound {
    #[serde(flatten)]
    pub accepted: Direction,
    /// Of those that arrived: in a second, from the first request until the last final status was on record.
    pub delivered_per_second: f64,
    /// From when it was to be sent until the gateway had it on record that it was; by whole milliseconds.
    pub sent_ms: Option<Spread>,
    pub delivered_ms: Option<Spread>,
}

/// What a message costs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// The gateway's processor time, in microseconds a message.
    pub processor_us: f64,
    /// The same of who made the load, which has the local Twilio in it, and of all others on this machine, as a
    /// database server.
    pub load_us: f64,
    pub elsewhere_us: f64,
    /// The gateway's, in bytes, at the end.
    pub memory: Option<Memory>,
}

/// What went wrong in the log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Failures {
    pub errors: u64,
    pub warnings: u64,
    pub lines: Vec<String>,
}

impl Cost {
    /// Of so many messages.
    pub fn of(used: Used, memory: Option<Memory>, messages: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of messages are small")]
        let each = |time: Duration| if messages == 0 { 0.0 } else { time.as_secs_f64() * 1e6 / messages as f64 };
        Self {
            processor_us: each(used.gateway),
            load_us: each(used.here),
            elsewhere_us: each(used.elsewhere()),
            memory,
        }
    }
}

impl Direction {
    pub fn of(ran: &Ran, cost: Option<Cost>) -> Self {
        Self {
            messages: u64::try_from(ran.acknowledged.len()).unwrap_or(u64::MAX),
            seconds: ran.took.as_secs_f64(),
            per_second: ran.per_second(),
            latency_ms: ran.latencies.spread(),
            cost,
            of_limit: None,
            errors: ran.errors.clone(),
            checked: None,
        }
    }

    /// Compares it with the limit.
    pub fn compare(&mut self, limit: &Direction) {
        self.of_limit = (limit.per_second > 0.0).then(|| self.per_second / limit.per_second);
    }

    fn is_good(&self) -> bool {
        self.messages > 0 && self.errors.is_empty() && self.checked.is_none_or(|checked| checked.is_good())
    }
}

impl Report {
    /// Whether nothing went wrong.
    pub fn judge(&mut self) {
        let both = self.inbound.iter().chain(self.outbound.as_ref().map(|outbound| &outbound.accepted));
        let log = self.log.as_ref().is_none_or(|log| log.errors == 0);
        self.good = log && both.chain(&self.limit).all(Direction::is_good);
    }
}

/// `line` of a table: what, how many, how long, and at what cost.
fn row(
    to: &mut fmt::Formatter<'_>,
    what: &str,
    per_second: Option<f64>,
    spread: Option<Spread>,
    cost: Option<Cost>,
) -> fmt::Result {
    write!(to, "{what:<20}")?;
    match per_second {
        Some(per_second) => write!(to, "{per_second:>12.0}")?,
        None => write!(to, "{:>12}", "")?,
    }
    match spread {
        Some(Spread { p50, p90, p99, max }) => write!(to, "{p50:>10.2}{p90:>10.2}{p99:>10.2}{max:>10.2}")?,
        None => write!(to, "{:>10}{:>10}{:>10}{:>10}", "-", "-", "-", "-")?,
    }
    if let Some(Cost { processor_us, memory, .. }) = cost {
        write!(to, "{processor_us:>12.0}")?;
        if let Some(Memory { now, most }) = memory {
            write!(to, "{:>8}{:>8}", now >> 20, most >> 20)?;
        }
    }
    writeln!(to)
}

impl Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugins = match self.plugins.as_deref() {
            None => String::new(),
            Some([]) => "; no plugins".to_owned(),
            Some(plugins) => format!("; {}", plugins.join(", ")),
        };
        writeln!(
            to,
            "recado {} ({} build), {} processors; {}{plugins}; {} connections, {} phones{}",
            self.version,
            self.build,
            self.processors,
            self.gateway,
            self.connections,
            self.phones,
            self.rate.map(|rate| format!(", {rate} a second")).unwrap_or_default()
        )?;
        if let Some(Disk { syncs_per_second, sync_ms: Some(Spread { p50, p99, .. }) }) = self.disk {
            writeln!(
                to,
                "the disk takes {syncs_per_second:.0} commits a second, one by one: p50 {p50:.2} ms, p99 {p99:.2} ms"
            )?;
        }
        writeln!(
            to,
            "\n{:<20}{:>12}{:>10}{:>10}{:>10}{:>10}{:>12}{:>8}{:>8}",
            "", "messages/s", "p50 ms", "p90", "p99", "max", "µs/message", "MiB", "most"
        )?;
        for (what, one) in [("limit", &self.limit), ("inbound", &self.inbound)] {
            if let Some(one) = one {
                row(to, what, Some(one.per_second), one.latency_ms, one.cost)?;
            }
        }
        if let Some(Outbound { accepted, delivered_per_second, sent_ms, delivered_ms }) = &self.outbound {
            row(to, "outbound  accepted", Some(accepted.per_second), accepted.latency_ms, None)?;
            row(to, "          sent", None, *sent_ms, None)?;
            row(to, "          delivered", Some(*delivered_per_second), *delivered_ms, accepted.cost)?;
        }
        writeln!(to)?;
        self.remarks(to)
    }
}

impl Report {
    fn remarks(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(limit), Some(inbound)) = (&self.limit, &self.inbound) {
            if let Some(share) = inbound.of_limit {
                writeln!(to, "inbound: {share:.2} of the limit's messages a second")?;
            }
            if let (Some(limit), Some(inbound)) = (limit.cost, inbound.cost)
                && limit.processor_us > 0.0
            {
                writeln!(
                    to,
                    "inbound: {:.1} times the limit's processor time",
                    inbound.processor_us / limit.processor_us
                )?;
            }
        }
        let outbound = self.outbound.as_ref().map(|outbound| &outbound.accepted);
        for (what, one) in [("inbound", self.inbound.as_ref()), ("outbound", outbound)] {
            let Some(one) = one else { continue };
            if one.cost.is_none() {
                writeln!(to, "{what}: processor time and memory were not measured")?;
            }
            for (reason, count) in &one.errors {
                writeln!(to, "{what}: {count} × {reason}")?;
            }
            if let Some(checked) = one.checked {
                checks(to, what, &checked)?;
            }
        }
        if let Some(Failures { errors, warnings, lines }) = &self.log
            && errors + warnings > 0
        {
            writeln!(to, "the gateway's log has {errors} errors and {warnings} warnings:")?;
            lines.iter().try_for_each(|line| writeln!(to, "  {line}"))?;
        }
        write!(to, "{}", if self.good { "all is well" } else { "not all is well" })
    }
}

fn checks(to: &mut fmt::Formatter<'_>, what: &str, checked: &Checked) -> fmt::Result {
    let Checked { acknowledged, lost, doubled, unfinished, failed, sent_twice, sent_never } = checked;
    write!(to, "{what}: of {acknowledged} acknowledged, lost {lost}, doubled {doubled}, unfinished {unfinished}")?;
    if what == "outbound" {
        write!(to, ", failed {failed}")?;
        match (sent_twice, sent_never) {
            (Some(twice), Some(never)) => write!(to, ", sent twice {twice}, sent never {never}")?,
            _ => write!(to, "; what the provider has was not compared")?,
        }
    }
    writeln!(to)
}

#[cfg(test)]
mod tests {
    use super::super::latency::Latencies;
    use super::*;

    fn report() -> Report {
        let millis = Duration::from_millis;
        let times = Latencies::of((1..=100).map(millis).collect());
        let acknowledged = (0..100).map(|number| (number, Duration::ZERO, None)).collect();
        let ran = Ran { began: None, took: millis(500), latencies: times, acknowledged, errors: BTreeMap::new() };
        let used = Used { gateway: millis(8), here: millis(4), machine: millis(15) };
        let cost = Some(Cost::of(used, Some(Memory { now: 40 << 20, most: 44 << 20 }), 100));
        let checked = Some(Checked { acknowledged: 100, ..Checked::default() });
        let limit = Direction { per_second: 400.0, ..Direction::of(&ran, cost) };
        let mut inbound = Direction { checked, ..Direction::of(&ran, cost) };
        inbound.compare(&limit);
        let mut report = Report {
            version: "0.1.0",
            build: "release",
            processors: 2,
            gateway: "SQLite".to_owned(),
            plugins: Some(vec![]),
            connections: 64,
            phones: 1000,
            rate: None,
            provider_latency_ms: Some(0),
            disk: None,
            limit: Some(limit),
            inbound: Some(inbound),
            outbound: None,
            log: Some(Failures::default()),
            good: false,
        };
        report.judge();
        report
    }

    #[test]
    fn costs_are_by_message_and_shares_are_of_the_limit() {
        let report = report();
        let inbound = report.inbound.as_ref().unwrap();
        let cost = inbound.cost.unwrap();
        assert_eq!((inbound.per_second, inbound.of_limit), (200.0, Some(0.5)));
        let near = |value: f64, wanted: f64| (value - wanted).abs() < 0.001;
        assert!(near(cost.processor_us, 80.0) && near(cost.load_us, 40.0) && near(cost.elsewhere_us, 30.0));
        let text = report.to_string();
        for wanted in ["0.50 of the limit", "1.0 times the limit", "lost 0, doubled 0", "50.00", "99.00", "all is well"]
        {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
        assert!(!text.contains("outbound"));
    }

    #[test]
    fn nothing_that_went_wrong_is_hidden() {
        type Harm = fn(&mut Report);
        let harms: [(Harm, &str); 4] = [
            (|report| report.inbound.as_mut().unwrap().checked.as_mut().unwrap().lost = 3, "lost 3"),
            (
                |report| report.inbound.as_mut().unwrap().errors = [("answered 503".to_owned(), 2)].into(),
                "2 × answered 503",
            ),
            (|report| report.log = Some(Failures { errors: 1, warnings: 0, lines: vec!["oh".to_owned()] }), "1 errors"),
            (|report| report.inbound.as_mut().unwrap().messages = 0, "not all is well"),
        ];
        for (harm, wanted) in harms {
            let mut report = report();
            assert!(report.good);
            harm(&mut report);
            report.judge();
            let text = report.to_string();
            assert!(!report.good && text.contains(wanted) && text.ends_with("not all is well"), "{wanted}:\n{text}");
        }
        let mut report = report();
        report.inbound.as_mut().unwrap().cost = None;
        assert!(report.to_string().contains("not measured"));
    }
}
