//! `recado bench`: what a gateway does under load, on a gateway of its own or on one that runs.

mod child;
mod measure;
mod own;
mod running;
mod shown;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use super::signals::{end_with_input, stop_signal};
use super::{Context, Usage};
use crate::bench::{self, Amount, Load, Report};
use measure::Measured;
use own::Own;
use running::Running;
use shown::Shown;

/// The longest that the limit is measured; it does not change.
const LIMIT: Duration = Duration::from_secs(5);

/// Measures what a gateway does under load: messages a second, how long they take, and what they cost.
///
/// Without --gateway it starts one of its own, with a database and a local Twilio that are gone afterwards.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Only texts that come in
    #[arg(long, conflicts_with = "outbound")]
    inbound: bool,
    /// Only messages that go out
    #[arg(long)]
    outbound: bool,
    /// How many messages, each way
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// As many messages as there are in so many seconds, each way
    #[arg(long, value_name = "S", conflicts_with = "messages", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// So many messages a second, whatever the answers take; without it, each connection sends the next as soon
    /// as the last is answered
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// How many connections
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4000))]
    connections: u32,
    /// How many customers there are
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=800_000))]
    phones: u32,
    #[command(flatten)]
    own: Own,
    #[command(flatten)]
    running: Running,
    /// Only take webhooks, and keep nothing
    #[arg(long, hide = true)]
    bare: bool,
}

impl Bench {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        if self.bare {
            return bare(context).await;
        }
        if self.rate.is_some_and(|rate| !rate.is_finite() || rate < 0.1) {
            bail!(Usage("`--rate` must be a number of messages a second, 0.1 or more".to_owned()));
        }
        self.own.check()?;
        let mut shown = Shown::new(context.common.json);
        // Whatever happens, what was started is ended before this is.
        let report = if self.running.is_meant() {
            self.of_running(context, &mut shown).await?
        } else {
            self.of_own(&mut shown).await?
        };
        shown.end();
        let good = report.good;
        context.output.print(&report, || report.to_string());
        if good { Ok(()) } else { bail!("something went wrong; the report says what") }
    }

    async fn of_own(&self, shown: &mut Shown) -> anyhow::Result<Report> {
        let mut started = self.own.start(self.phones).await?;
        let work = async {
            let disk = tokio::task::block_in_place(|| bench::disk(started.folder()))?;
            let limit = if self.outbound { None } else { Some(self.of_limit(&started, shown).await?) };
            let measured = self.of(started.subject(), shown).await?;
            Ok::<_, anyhow::Error>((disk, limit, measured))
        };
        let result = tokio::select! {
            result = work => result,
            () = stop_signal() => Err(anyhow::anyhow!("stopped")),
        };
        let log = started.stop().await?;
        let (disk, limit, measured) = result.map_err(|error| match log.lines.last() {
            Some(line) => error.context(format!("the gateway's log ends with {line}")),
            None => error,
        })?;
        let mut report = self.report(started.subject().described.clone(), measured, started.subject().phones.len());
        report.plugins = Some(self.own.plugins.clone());
        report.provider_latency_ms = Some(self.own.provider_latency);
        report.disk = started.on_disk().then_some(disk);
        if let (Some(inbound), Some(limit), None) = (&mut report.inbound, &limit, self.rate) {
            inbound.compare(limit);
        }
        report.limit = limit;
        report.log = Some(log);
        report.judge();
        Ok(report)
    }

    async fn of_running(&self, context: &Context, shown: &mut Shown) -> anyhow::Result<Report> {
        let subject = self.running.subject(context, self.phones).await?;
        let measured = tokio::select! {
            measured = self.of(&subject, shown) => measured?,
            () = stop_signal() => bail!("stopped; what the gateway took stays with it"),
        };
        let mut report = self.report(subject.described.clone(), measured, subject.phones.len());
        report.judge();
        Ok(report)
    }

    async fn of(&self, subject: &measure::Subject, shown: &mut Shown) -> anyhow::Result<Measured> {
        let measuring = measure::Measuring { subject, load: self.load(), warm_up: self.warm_up() };
        let mut measured = Measured::default();
        if !self.outbound {
            measured.inbound = Some(measuring.inbound(shown).await?);
        }
        if !self.inbound {
            measured.outbound = Some(measuring.outbound(shown).await?);
        }
        Ok(measured)
    }

    /// What a server of the same kind does that keeps nothing, with the same texts.
    async fn of_limit(&self, started: &own::Started, shown: &mut Shown) -> anyhow::Result<bench::Direction> {
        let (server, subject) = started.bare().await?;
        let load = self.load();
        let amount = match load.amount {
            Amount::For(time) => Amount::For(time.min(LIMIT)),
            amount @ Amount::Messages(_) => amount,
        };
        // As fast as they are answered, also where there is a rate to keep: else it would be no limit.
        let load = Load { amount, rate: None, ..load };
        let measuring = measure::Measuring { subject: &subject, load, warm_up: self.warm_up() };
        let limit = measuring.limit(shown).await?;
        drop(server);
        Ok(limit)
    }

    fn load(&self) -> Load {
        let amount = self.seconds.map_or(Amount::Messages(self.messages), |s| Amount::For(Duration::from_secs(s)));
        Load { connections: self.connections, amount, rate: self.rate }
    }

    /// How many messages go before those that are measured, so that caches are full and statements prepared.
    fn warm_up(&self) -> u64 {
        (self.messages / 10).clamp(1, 1000)
    }

    fn report(&self, gateway: String, measured: Measured, phones: usize) -> Report {
        Report {
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            gateway,
            plugins: None,
            connections: self.connections,
            phones,
            rate: self.rate,
            provider_latency_ms: None,
            disk: None,
            limit: None,
            inbound: measured.inbound,
            outbound: measured.outbound,
            log: None,
            good: false,
        }
    }
}

/// Where a folder is left to the system.
fn system_folder() -> PathBuf {
    std::env::temp_dir()
}

/// What a child process of `recado bench` does that stands for the machine's limit.
async fn bare(context: &Context) -> anyhow::Result<()> {
    end_with_input();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    context.output.print(&json!({ "message": "listening", "address": address }), || address.to_string());
    Ok(bench::bare(listener, own::AUTH_TOKEN).await?)
}
