//! Messages that an application sends.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use uuid::Uuid;

use super::client::Target;
use super::load::Traffic;

/// One message after the other, each to the next phone and with a text of its own.
pub struct Messages {
    target: Target,
    authorization: String,
    channel: String,
    phones: Vec<String>,
    run: u64,
}

#[derive(Deserialize)]
struct Taken {
    id: Uuid,
}

impl Messages {
    /// `run` tells them from those of other runs.
    pub fn new(target: Target, key: &str, channel: &str, phones: Vec<String>, run: u64) -> Self {
        Self { target, authorization: format!("Bearer {key}"), channel: channel.to_owned(), phones, run }
    }

    fn body(&self, number: u64) -> String {
        let count = u64::try_from(self.phones.len().max(1)).unwrap_or(1);
        let index = usize::try_from(number % count).unwrap_or_default();
        let phone = self.phones.get(index).map_or("", String::as_str);
        let text = text(self.run, number);
        serde_json::json!({ "to": phone, "text": text, "channel": self.channel }).to_string()
    }
}

/// How all texts of a run begin.
pub(super) fn mark(run: u64) -> String {
    format!("Tu pedido {run:016x}-")
}

pub(super) fn text(run: u64, number: u64) -> String {
    format!("{}{number} va en camino", mark(run))
}

impl Traffic for Messages {
    fn request(&self, number: u64) -> Request<Full<Bytes>> {
        let request = self.target.request(Method::POST, "/v1/messages");
        let request =
            request.header("content-type", "application/json").header("authorization", self.authorization.as_str());
        // Nothing in it could be refused; if it were, the gateway would refuse what is sent instead.
        request.body(Full::from(self.body(number))).unwrap_or_default()
    }

    fn acknowledged(&self, status: StatusCode, body: &Bytes) -> Result<Option<Uuid>, String> {
        if status != StatusCode::ACCEPTED {
            return Err(format!("answered {status}"));
        }
        let taken: Taken = serde_json::from_slice(body).map_err(|_| "answered without an id".to_owned())?;
        Ok(Some(taken.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_what_was_taken() {
        let target = Target::of("http://127.0.0.1:1").unwrap();
        let messages = Messages::new(target, "key", "sms", super::super::phones(1), 7);
        let id = "01935a5f-0000-7000-8000-000000000000";
        let body = Bytes::from(format!(r#"{{"id":"{id}","text":"{}"}}"#, text(7, 1)));
        let named = messages.acknowledged(StatusCode::ACCEPTED, &body).unwrap();
        assert_eq!(named, Some(id.parse().unwrap()));
        assert!(messages.acknowledged(StatusCode::SERVICE_UNAVAILABLE, &body).unwrap_err().contains("503"));
        assert!(messages.acknowledged(StatusCode::ACCEPTED, &Bytes::new()).is_err());
        let sent: serde_json::Value = serde_json::from_str(&messages.body(3)).unwrap();
        assert_eq!(sent, serde_json::json!({ "to": "+529981050000", "text": text(7, 3), "channel": "sms" }));
        assert!(text(7, 3).starts_with(&mark(7)) && !text(7, 3).starts_with(&mark(8)));
    }
}
