//! What goes on outside a gateway while it is killed and started again: customers who text it and
//! applications that send, each until somebody has taken what they bring.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::{ACCOUNT_SID, AUTH_TOKEN, Answer, Must, basic, call, give_up, json_request, wait_up_to};

/// How long it may take until something is taken: longer than any gateway of a test is away.
const PATIENCE: Duration = Duration::from_mins(3);

/// The local Twilio and a gateway, from outside. Cheap to clone, and good for any thread.
#[derive(Clone, Debug)]
pub struct Outside {
    pub(crate) twilio: String,
    pub(crate) gateway: String,
    pub(crate) key: String,
}

impl Outside {
    /// Texts the gateway from a customer's phone. The local Twilio calls the webhook, with the same
    /// `MessageSid`, until the gateway has taken it; that is returned.
    pub fn text(&self, from: &str, text: &str) -> String {
        let url = format!("{}/sandbox/messages?wait=true", self.twilio);
        let sent = call(json_request(Method::POST, &url, &[], &json!({ "from": from, "text": text })));
        let sent = sent.must("the local Twilio").expect(201);
        let sid = sent["sid"].as_str().must("a message's id").to_owned();
        let is_taken = |answer: &Value| answer["webhook"]["status"] == 200;
        if is_taken(&sent) {
            return sid;
        }
        let url = format!("{}/sandbox/messages/{sid}/again", self.twilio);
        let again = || call(json_request(Method::POST, &url, &[], &Value::Null)).must("the local Twilio").expect(200);
        let taken = wait_up_to(PATIENCE, || is_taken(&again()).then_some(()));
        taken.must(&format!("{sid} was never taken"));
        sid
    }

    /// Sends a message as an application, with the same `Idempotency-Key` until the gateway has taken it;
    /// the message as it was then.
    pub fn send(&self, idempotency_key: &str, message: &Value) -> Value {
        let url = format!("{}/v1/messages", self.gateway);
        let bearer = format!("Bearer {}", self.key);
        // A connection for each, so that a balancer spreads them.
        let headers =
            [("authorization", bearer.as_str()), ("idempotency-key", idempotency_key), ("connection", "close")];
        let taken = wait_up_to(PATIENCE, || {
            let answer = call(json_request(Method::POST, &url, &headers, message)).ok()?;
            match answer.status() {
                202 => Some(answer.json()),
                500.. => None,
                status => give_up(&format!("answered {status}: {}", answer.text())),
            }
        });
        taken.must(&format!("{idempotency_key} was never taken"))
    }

    /// All messages that the local Twilio has, oldest first, however many.
    pub fn ledger(&self) -> Vec<Value> {
        let mut path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json?PageSize=1000");
        let mut all = Vec::new();
        loop {
            let page = self.page(&path).expect(200);
            all.extend(page["messages"].as_array().must("a page of messages").iter().cloned());
            let Some(next) = page["next_page_uri"].as_str() else { break };
            next.clone_into(&mut path);
        }
        all.reverse();
        all
    }

    fn page(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.twilio));
        let request = request.header("authorization", basic(ACCOUNT_SID, AUTH_TOKEN));
        call(request.body(Bytes::new()).must("a request")).must("the local Twilio")
    }
}
