//! What this machine can do at the most, so that what a gateway does can be compared: webhooks that are only
//! read and verified, and a disk that is only waited for.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use serde::Serialize;
use tokio::net::TcpListener;

use super::latency::{Latencies, Spread};
use super::load::per_second;
use crate::channels::twilio::signature;

/// Takes webhooks for as long as it is let: reads the form, checks the signature, says nothing, stores nothing.
pub async fn bare(listener: TcpListener, auth_token: &str) -> io::Result<()> {
    let url = format!("http://{}", listener.local_addr()?);
    let tokens: &'static [SecretString] = vec![SecretString::from(auth_token)].leak();
    loop {
        let (stream, _) = listener.accept().await?;
        // Where it can't be set, answers just wait for more to come.
        let _ = stream.set_nodelay(true);
        let url = url.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, url.clone(), tokens));
            // A connection that breaks off concerns its client alone.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    base: String,
    tokens: &[SecretString],
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let parameters: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let signature = head.headers.get("x-twilio-signature").map_or(&[][..], http::HeaderValue::as_bytes);
    let is_signed = signature::verify(tokens, &format!("{base}{}", head.uri), &parameters, signature);
    let mut answer = Response::new(Full::from(if is_signed { "<Response/>" } else { "" }));
    *answer.status_mut() = if is_signed { StatusCode::OK } else { StatusCode::FORBIDDEN };
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/xml"));
    Ok(answer)
}

/// How fast a folder's disk says that something is on it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Disk {
    pub syncs_per_second: f64,
    pub sync_ms: Option<Spread>,
}

/// As much as is written at a time: a page of a database.
const PAGE: [u8; 4096] = [0x5a; 4096];
/// For how long it is tried.
const LONG_ENOUGH: Duration = Duration::from_millis(500);

/// Writes one page after the other to the end of a file, and waits for the disk each time, as a database does that
/// commits one message at a time.
pub fn disk(folder: &Path) -> io::Result<Disk> {
    let path = folder.join("disk");
    let mut file = std::fs::File::create(&path)?;
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < LONG_ENOUGH {
        let before = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    let syncs_per_second = per_second(times.len(), began.elapsed());
    std::fs::remove_file(path)?;
    Ok(Disk { syncs_per_second, sync_ms: Latencies::of(times).spread() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Amount, Load, Target, Texts, Webhooks, drive, phones};
    use super::*;

    /// The real client against the real server.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_signed_is_acknowledged_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { bare(listener, "token").await });
        let path = "/webhooks/sms/inbound".to_owned();
        let webhooks = |token: &str| Webhooks {
            target: Target::of(&base).unwrap(),
            url: format!("{base}{path}"),
            path: path.clone(),
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: SecretString::from(token),
            number: "+529983162438".to_owned(),
        };
        for (token, good, bad) in [("token", 40, 0), ("another", 0, 40)] {
            let texts = Arc::new(Texts::new(webhooks(token), phones(3), 1).unwrap());
            let load = Load { connections: 4, amount: Amount::Messages(40), rate: None };
            let mut told = 0;
            let ran = drive(&webhooks(token).target, &texts, load, 5, &mut |answered| told = answered).await.unwrap();
            assert_eq!((ran.acknowledged.len(), ran.errors.values().sum::<u64>(), told), (good, bad, 40), "{ran:?}");
            let mut numbers: Vec<u64> = ran.acknowledged.iter().map(|(number, ..)| *number).collect();
            numbers.sort_unstable();
            assert!(good == 0 || numbers == (5..45).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_soon() {
        let texts =
            Arc::new(super::super::Messages::new(Target::of("http://127.0.0.1:1").unwrap(), "", "sms", phones(1), 1));
        let load = Load { connections: 1, amount: Amount::Messages(1), rate: None };
        let stopped =
            drive(&Target::of("http://127.0.0.1:1").unwrap(), &texts, load, 0, &mut |_| {}).await.unwrap_err();
        assert!(stopped.to_string().contains("no connection"), "{stopped}");
    }

    #[test]
    fn a_disk_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(folder.path()).unwrap();
        assert!(disk.syncs_per_second > 1.0 && disk.sync_ms.unwrap().p50 > 0.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
