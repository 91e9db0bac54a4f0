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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> FetchRequest {
        let (method, url) = ("GET".to_owned(), url.to_owned());
        FetchRequest { method, url, headers: Vec::new(), body: None, timeout: None }
    }

    fn answer(url: &str, body: &str) -> Answer {
        let response = FetchResponse { status: 200, headers: Vec::new(), body: body.to_owned() };
        Answer { url: url.to_owned(), result: Ok(response) }
    }

    #[tokio::test]
    async fn each_answer_is_given_once_and_nobody_else_answers() {
        let answers = Answers::new(vec![answer("https://a.example/", "one"), answer("https://a.example/b", "two")]);
        let ask = async |url: &str| answers.fetch("a", request(url)).await.map(|response| response.body);
        assert_eq!(ask("https://a.example/b?c").await, Ok("one".to_owned()), "the first that fits");
        assert_eq!(ask("https://a.example/b").await, Ok("two".to_owned()));
        let refused = ask("https://a.example/b").await.unwrap_err().to_string();
        assert!(refused.contains("https://a.example/b") && refused.contains("no network"), "{refused}");
        assert_eq!((answers.take_requests().len(), answers.take_requests().len()), (3, 0));
    }
}
