//! Other hosts: nobody answers, or what was written down.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Serialize;

use crate::plugins::{FetchFailure, FetchRequest, FetchResponse, Fetcher};

/// What the next request to an address that begins so comes to. It is given once.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: String,
    pub result: Result<FetchResponse, FetchFailure>,
}

/// A request that was made. Its headers are as the plugin wrote them, with no secret filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requested {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// Answers in the place of other hosts.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    answers: Vec<Answer>,
    requests: Vec<Requested>,
}

impl Answers {
    pub fn new(answers: Vec<Answer>) -> Self {
        Self(Arc::new(Mutex::new(Written { answers, requests: Vec::new() })))
    }

    /// What was asked since this was looked at the last time.
    pub fn take_requests(&self) -> Vec<Requested> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).requests)
    }
}

#[async_trait]
impl Fetcher for Answers {
    async fn fetch(&self, _: &str, request: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = written.answers.iter().position(|answer| request.url.starts_with(&answer.url));
        let FetchRequest { method, url, headers, body, .. } = request;
        let refused = format!("no answer is given for {url}; there is no network here");
        written.requests.push(Requested { method, url, headers, body });
        match found {
            Some(index) => written.answers.remove(index).result,
            None => Err(FetchFailure::NotAllowed(refused)),
        }
    }
}
