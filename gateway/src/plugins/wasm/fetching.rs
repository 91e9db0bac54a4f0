//! The import `fetch`: counts, and leaves the rest to whoever may reach other hosts.

use std::time::{Duration, Instant};

use super::host::Host;
use super::host::bindings::recado::plugin::fetch;
use crate::plugins::{FetchFailure, FetchRequest, Fetched};

/// The most requests of one call.
const MAX_FETCHES: u32 = 4;

impl fetch::Host for Host {
    async fn send(&mut self, request: fetch::Request) -> wasmtime::Result<Result<fetch::Response, fetch::Failure>> {
        if self.fetches >= MAX_FETCHES {
            let text = format!("{MAX_FETCHES} requests in one call are the most");
            return Ok(Err(fetch::Failure::Budget(text)));
        }
        self.fetches += 1;
        let url = request.url.split(['?', '#']).next().unwrap_or_default();
        let mut fetched = Fetched {
            method: request.method.clone(),
            url: url.chars().filter(|c| !c.is_control()).take(500).collect(),
            status: None,
            error: None,
            millis: 0,
        };
        let started = Instant::now();
        let request = FetchRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: request.timeout.map(|millis| Duration::from_millis(u64::from(millis))),
        };
        let answer = self.fetcher.fetch(&self.plugin, request).await;
        fetched.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &answer {
            Ok(response) => fetched.status = Some(response.status),
            Err(failure) => fetched.error = Some(failure.to_string()),
        }
        self.effects.fetches.push(fetched);
        Ok(answer
            .map(|response| fetch::Response {
                status: u32::from(response.status),
                headers: response.headers,
                body: response.body,
            })
            .map_err(|failure| match failure {
                FetchFailure::NotAllowed(text) => fetch::Failure::NotAllowed(text),
                FetchFailure::Timeout => fetch::Failure::Timeout,
                FetchFailure::TooLarge(bytes) => fetch::Failure::TooLarge(u32::try_from(bytes).unwrap_or(u32::MAX)),
                FetchFailure::Budget(text) => fetch::Failure::Budget(text),
                FetchFailure::Failed(text) => fetch::Failure::Failed(text),
            }))
    }
}
