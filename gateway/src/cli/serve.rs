//! `recado serve`

use anyhow::Context as _;
use clap::Args;
use figment::value::Value;

use super::gateway::Gateway;
use super::signals::{StopSignals, StoppedAtOnce, end_with_input, outlive_hangups};
use super::{Context, apart};
use crate::{telemetry, web};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port to listen on [default: `server.listen`]
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Stop at once when standard input ends, as it does when whoever started this has ended
    #[arg(long, hide = true)]
    tied: bool,
}

impl Serve {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        if self.tied {
            end_with_input();
        }
        let listen = self.listen.map(|listen| ("server.listen".to_owned(), Value::from(listen.to_string())));
        let sources = context.sources(listen.into_iter().collect());
        let config = sources.load()?;
        apart::for_real(&config)?;
        telemetry::start(&config.log)?;
        let hint = "choose another address with --listen, as in --listen 127.0.0.1:9090";
        let bound = web::Bound::bind(config.server.listen).await.context(hint)?;
        let address = bound.address();
        let source = Box::new(move || sources.plugins().map_err(|error| error.to_string()));
        let mut signals = StopSignals::listen()?;
        outlive_hangups()?;
        // Its database may be away for long.
        let gateway = tokio::select! {
            gateway = Box::pin(Gateway::start(&config, source, bound)) => gateway?,
            () = signals.next() => return Ok(()),
        };
        tracing::info!(%address, "listening");
        signals.next().await;
        tracing::info!("stopping");
        tokio::select! {
            () = gateway.stop() => Ok(()),
            () = signals.next() => Err(StoppedAtOnce.into()),
        }
    }
}
