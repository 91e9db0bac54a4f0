//! The front door from outside: requests as an SDK of Twilio's makes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use crate::{Answer, TestGateway};

impl TestGateway {
    /// A request with these credentials; the body is a form.
    pub fn door_as(&self, user: &str, password: &str, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let headers = [("authorization", credentials.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.request(method, path, &headers, body)
    }

    /// A request of the key's own account, to a path below it or a whole one.
    pub fn door(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let account = self.account_sid();
        let path = match path.strip_prefix("/2010-04-01/") {
            Some(_) => path.to_owned(),
            None => format!("/2010-04-01/Accounts/{account}/{path}"),
        };
        self.door_as(account, self.key(), method, &path, form)
    }

    /// Sends a message as an SDK does.
    pub fn door_send(&self, form: &[(&str, &str)]) -> Answer {
        self.door(Method::POST, "Messages.json", form)
    }
}
