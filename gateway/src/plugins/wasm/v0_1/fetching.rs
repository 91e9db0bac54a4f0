//! The import `fetch`: counts and times, and leaves the rest to whoever may reach other hosts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bindings::recado::plugin::fetch;
use crate::plugins::wasm::host::Host;
use crate::plugins::{FetchFailure, FetchRequest, FetchResponse, Fetched};

/// The most characters of a URL that are traced.
const MAX_URL: usize = 500;

impl fetch::Host for Host {
    async fn send(&mut self, request: fetch::Request) -> wasmtime::Result<Result<fetch::Response, fetch::Failure>> {
        let (method, url) = (request.method.chars().take(16).collect(), traceable(&request.url));
        let request = FetchRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: request.timeout.map(|millis| Duration::from_millis(u64::from(millis))),
        };
        let started = Instant::now();
        let answer = match self.fetch(request).await {
            Err(FetchFailure::Budget(quota)) if self.call.fetches > self.about.limits.fetches => {
                self.note(&quota);
                return Ok(Err(fetch::Failure::Budget(quota)));
            }
            answer => answer,
        };
        let took = started.elapsed();
        self.call.fetching += took;
        self.call.effects.fetches.push(Fetched {
            method,
            url,
            status: answer.as_ref().ok().map(|response| response.status),
            error: answer.as_ref().err().map(ToString::to_string),
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
        Ok(answer.map(told).map_err(failure))
    }
}

impl Host {
    async fn fetch(&mut self, request: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        let limits = self.about.limits;
        self.call.fetches = self.call.fetches.saturating_add(1);
        if self.call.fetches > limits.fetches {
            return Err(FetchFailure::Budget(format!("{} requests in one call are the most", limits.fetches)));
        }
        let used_up =
            || FetchFailure::Budget(format!("{:?} of requests in one call are the most", limits.fetch_budget));
        let left = limits.fetch_budget.saturating_sub(self.call.fetching);
        if left.is_zero() {
            return Err(used_up());
        }
        let fetcher = Arc::clone(&self.call.fetcher);
        let answer = fetcher.fetch(&self.about.plugin, request);
        tokio::time::timeout(left, answer).await.unwrap_or_else(|_| Err(used_up()))
    }
}

/// A URL without what may be secret in it: user and password, query and fragment.
fn traceable(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let url = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    };
    url.chars().filter(|c| !c.is_control()).take(MAX_URL).collect()
}

fn told(response: FetchResponse) -> fetch::Response {
    fetch::Response { status: u32::from(response.status), headers: response.headers, body: response.body }
}

fn failure(failure: FetchFailure) -> fetch::Failure {
    match failure {
        FetchFailure::NotAllowed(text) => fetch::Failure::NotAllowed(text),
        FetchFailure::Timeout => fetch::Failure::Timeout,
        FetchFailure::TooLarge(bytes) => fetch::Failure::TooLarge(u32::try_from(bytes).unwrap_or(u32::MAX)),
        FetchFailure::Budget(text) => fetch::Failure::Budget(text),
        FetchFailure::Failed(text) => fetch::Failure::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traced_url_holds_no_credentials_and_no_query() {
        assert_eq!(traceable("https://user:pass@a.example:8/b/c?token=x#y"), "https://a.example:8/b/c");
        assert_eq!(traceable("https://a.example"), "https://a.example/");
        assert_eq!(traceable("nonsense?x\n"), "nonsense");
    }
}
