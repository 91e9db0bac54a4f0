//! `recado ready`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use serde_json::Value;

use super::Context;
use crate::transport::{HttpTransport, Limits, Transport};

#[derive(Debug, Args)]
pub(super) struct Ready {
    /// The gateway [default: `server.listen`, on this machine]
    #[arg(long, value_name = "URL", env = "RECADO_GATEWAY")]
    gateway: Option<String>,
}

impl Ready {
    /// Succeeds if it is.
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let gateway = match &self.gateway {
            Some(gateway) => gateway.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(&context.setting("server.listen")?)),
        };
        let limits = Limits { total: Duration::from_secs(4), ..Limits::default() };
        let request = http::Request::get(format!("{gateway}/readyz")).body(Bytes::new())?;
        let response = HttpTransport::new(limits)?
            .send(request)
            .await
            .with_context(|| format!("the gateway at {gateway} does not answer"))?;
        let told: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if !response.status().is_success() {
            let detail = told.get("detail").and_then(Value::as_str).unwrap_or("it gave no reason");
            bail!("the gateway at {gateway} is not ready ({}): {detail}", response.status().as_u16());
        }
        context.output.print(&told, || told.get("status").and_then(Value::as_str).unwrap_or("ready").to_owned());
        Ok(())
    }
}

/// A gateway that listens everywhere is found here.
fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()).to_string()
        }
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn a_gateway_that_listens_everywhere_is_found_on_this_machine() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "127.0.0.1:8080"),
            ("10.0.0.5:80", "10.0.0.5:80"),
            ("127.0.0.1:1", "127.0.0.1:1"),
        ] {
            assert_eq!(reachable(listen), expected);
        }
    }
}
