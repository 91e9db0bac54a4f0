//! Making Twilio forget: the request that removes a text or a message, and what its answer says.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::rest::{self, Rest};
use crate::channels::NotRemoved;
use crate::message::{ProviderError, Removal};

impl Rest {
    /// None for what can't be a message's id.
    pub(super) fn remove(&self, sid: &str, removal: Removal) -> Option<Request<Bytes>> {
        let uri = self.message(sid, ".json")?;
        Some(match removal {
            Removal::Text => self.post(uri, "Body=".to_owned()),
            Removal::Message => {
                let mut request = self.get(&uri, None);
                *request.method_mut() = Method::DELETE;
                request
            }
        })
    }
}

/// Believed only if Twilio itself says it: a proxy's page may have any status.
pub(super) fn decode(removal: Removal, response: &Response<Bytes>) -> Result<(), NotRemoved> {
    let status = response.status();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let gone = match (status, removal) {
        (StatusCode::NOT_FOUND, _) => body.is_object(),
        (status, Removal::Text) => status.is_success() && body["body"] == "",
        (status, Removal::Message) => status == StatusCode::NO_CONTENT,
    };
    if gone {
        return Ok(());
    }
    let error = if status.is_success() {
        let message = format!("HTTP {}, but not the answer of Twilio's that says so", status.as_u16());
        ProviderError { code: None, message: Some(message) }
    } else {
        rest::error(status, response.body())
    };
    Err(NotRemoved { after: rest::retry_after(response.headers()), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twilios_own_word_counts() {
        let missing = r#"{"status":404,"message":"The requested resource was not found"}"#;
        let incomplete = r#"{"code":20009,"message":"not complete","status":409}"#;
        let cases = [
            (200, r#"{"sid":"SM1","body":""}"#, true, false),
            (200, r#"{"sid":"SM1","body":"hola"}"#, false, false),
            (200, "<html>", false, false),
            (204, "", false, true),
            (404, missing, true, true),
            (404, "<html>not found</html>", false, false),
            (409, incomplete, false, false),
            (401, r#"{"code":20003,"message":"Authenticate"}"#, false, false),
            (500, "", false, false),
        ];
        for (status, body, text, message) in cases {
            let response = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            let gone = [Removal::Text, Removal::Message].map(|removal| decode(removal, &response).is_ok());
            assert_eq!(gone, [text, message], "{status} {body}");
        }
        let response = Response::builder().status(409).header("retry-after", "60").body(incomplete.into()).unwrap();
        let refused = decode(Removal::Message, &response).unwrap_err();
        assert_eq!((refused.error.code, refused.after.map(|after| after.as_secs())), (Some(20009), Some(60)));
    }
}
