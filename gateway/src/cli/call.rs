//! Calling a running gateway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, Usage};
use crate::transport::{HttpTransport, Limits, Transport};

/// Where a development gateway leaves how to reach it, below its data folder.
pub(super) const DEV_FILE: &str = "dev.json";
/// Its data folder, unless somebody names another: not the one that the settings have for other gateways.
pub(super) const DEV_DATA: &str = "data/dev";

/// Which running gateway a command speaks to.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The gateway [default: that of `recado dev`, or `server.listen`]
    #[arg(long, value_name = "URL", env = "RECADO_GATEWAY")]
    gateway: Option<String>,
    /// An API key [default: that of `recado dev`]
    #[arg(long, env = "RECADO_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The data folder of `recado dev`
    #[arg(long, default_value = DEV_DATA)]
    data: PathBuf,
}

impl At {
    /// From flags and environment, else from the development gateway of `data`.
    pub(super) fn reach(&self, context: &Context) -> anyhow::Result<Reach> {
        let dev = Reach::read(&self.data);
        let Some(key) = self.key.clone().or_else(|| dev.as_ref().map(|dev| dev.key.clone())) else {
            let text =
                "no API key: give --key or RECADO_API_KEY (`recado key create` makes one), or start `recado dev`";
            bail!(Usage(text.to_owned()));
        };
        let gateway = match (&self.gateway, dev) {
            (Some(gateway), _) => gateway.trim_end_matches('/').to_owned(),
            (None, Some(dev)) => dev.gateway,
            (None, None) => format!("http://{}", context.setting("server.listen")?),
        };
        Ok(Reach { gateway, key, password: None })
    }
}

/// A gateway and the key that lets one in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Reach {
    pub(super) gateway: String,
    pub(super) key: String,
    /// Of the owner of a development gateway's console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
}

impl Reach {
    /// What the development gateway of this data folder left.
    pub(super) fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data.join(DEV_FILE)).ok()?).ok()
    }

    /// Leaves it, readable by its owner alone.
    pub(super) fn write(&self, data: &Path) -> std::io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = data.join(DEV_FILE);
        let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())
    }

    /// Sends a JSON body and gives the JSON answer; a problem document becomes an error.
    pub(super) async fn post(&self, path: &str, body: &Value, language: &str) -> anyhow::Result<Value> {
        self.send(path, "application/json", body.to_string().into(), language).await
    }

    /// The same, so that it has no second effect under the same key; true when it had been made before.
    pub(super) async fn post_once(
        &self,
        path: &str,
        body: &Value,
        key: &str,
        language: &str,
    ) -> anyhow::Result<(Value, bool)> {
        let request = http::Request::post(format!("{}{path}", self.gateway))
            .header("content-type", "application/json")
            .header("accept-language", language)
            .header("idempotency-key", key)
            .body(body.to_string().into())?;
        let (headers, answer) = self.exchange(request).await?;
        Ok((answer, headers.contains_key("idempotency-replayed")))
    }

    /// Puts a JSON body in place of what is there; only of what has this `ETag`, if there is one.
    pub(super) async fn put(
        &self,
        path: &str,
        body: &Value,
        etag: Option<&str>,
        language: &str,
    ) -> anyhow::Result<Value> {
        let mut request = http::Request::put(format!("{}{path}", self.gateway))
            .header("content-type", "application/json")
            .header("accept-language", language);
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        self.call(request.body(body.to_string().into())?).await
    }

    /// Uploads a file and gives what the gateway says of it.
    pub(super) async fn upload(&self, contents: Vec<u8>, kind: &str, language: &str) -> anyhow::Result<Value> {
        self.send("/v1/media", kind, contents.into(), language).await
    }

    async fn send(&self, path: &str, kind: &str, body: Bytes, language: &str) -> anyhow::Result<Value> {
        let request = http::Request::post(format!("{}{path}", self.gateway))
            .header("content-type", kind)
            .header("accept-language", language)
            .body(body)?;
        self.call(request).await
    }

    /// The JSON that is there; a problem document becomes an error.
    pub(super) async fn get(&self, path: &str, language: &str) -> anyhow::Result<Value> {
        let request = http::Request::get(format!("{}{path}", self.gateway)).header("accept-language", language);
        self.call(request.body(Bytes::new())?).await
    }

    async fn call(&self, request: http::Request<Bytes>) -> anyhow::Result<Value> {
        Ok(self.exchange(request).await?.1)
    }

    async fn exchange(&self, mut request: http::Request<Bytes>) -> anyhow::Result<(http::HeaderMap, Value)> {
        let key = http::HeaderValue::try_from(format!("Bearer {}", self.key))?;
        request.headers_mut().insert(http::header::AUTHORIZATION, key);
        let limits = Limits { total: Duration::from_secs(40), ..Limits::default() };
        let response = HttpTransport::new(limits)?
            .send(request)
            .await
            .with_context(|| format!("the gateway at {} does not answer", self.gateway))?;
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status().is_success() {
            return Ok((response.headers().clone(), answer));
        }
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("it gave no reason");
        bail!("the gateway refused ({}): {detail}", response.status().as_u16());
    }
}
