//! The check between a client and its provider.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use bytes::Bytes;
use http::Request;
use recado_tests::call;
use serde_json::{Value, json};

use crate::tools::Tools;

/// A proxy that holds what passes against Twilio's files.
pub(crate) struct Proxy {
    child: Child,
    url: String,
}

/// Something that must have been asked: the operation by its name in Twilio's files, the answer's status (0 where
/// the connection was cut), and pieces of the request, one after the other.
pub(crate) type Asked<'a> = (&'a str, u16, &'a str);

impl Proxy {
    pub(crate) fn start(tools: &Tools) -> Self {
        let mut child = tools.script("proxy.py").stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}", port.trim()) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// In front of this provider.
    pub(crate) fn forward(&self, upstream: &str) {
        let request = Request::put(format!("{}/__upstream", self.url)).body(Bytes::from(upstream.to_owned())).unwrap();
        call(request).unwrap().expect(204);
    }

    /// What passed so far.
    pub(crate) fn report(&self) -> Value {
        let request = Request::get(format!("{}/__report", self.url)).body(Bytes::new()).unwrap();
        call(request).unwrap().expect(200)
    }

    /// Nothing was wrong, and each of these was asked.
    #[track_caller]
    pub(crate) fn settle(&self, wanted: &[Asked<'_>]) {
        let report = self.report();
        assert_eq!(report["violations"], json!([]), "{report:#}");
        for asked in wanted {
            assert!(holds(&report, *asked), "nobody asked for {asked:?}: {:#}", report["checked"]);
        }
    }
}

/// Whether something is among what passed.
pub(crate) fn holds(report: &Value, (operation, status, pieces): Asked<'_>) -> bool {
    let fits = |request: &str| {
        let after = |rest, piece| str::split_once(rest, piece).map(|(_, rest)| rest);
        pieces.split_whitespace().try_fold(request, after).is_some()
    };
    report["checked"].as_array().unwrap().iter().any(|one| {
        one["operation"] == operation
            && one["status"].as_u64().unwrap_or(0) == u64::from(status)
            && one["request"].as_str().is_some_and(fits)
    })
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
