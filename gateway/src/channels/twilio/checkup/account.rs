//! The credentials and the account: what Twilio's answers say of them.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::Checkup;
use crate::channels::Finding;

impl Checkup {
    pub(super) fn read_credentials(&mut self, response: &Response<Bytes>) {
        let check = self.check("credentials");
        let what = if self.reach.has_key { "API key" } else { "auth token" };
        match response.status() {
            status if status.is_success() => {
                self.accepted = Some(self.sending.clone());
                self.findings.push(Finding::ok(check, format!("Twilio accepts the {what}")));
            }
            StatusCode::UNAUTHORIZED => {
                let channel = &self.target.channel;
                let remedy = if self.reach.has_key {
                    format!(
                        "check `channels.{channel}.api_key` and `channels.{channel}.api_key_secret`: the key must be \
                         one of the account `account_sid`, and may be restricted only if it allows messages"
                    )
                } else {
                    format!(
                        "check `channels.{channel}.account_sid` (TWILIO_ACCOUNT_SID) and \
                         `channels.{channel}.auth_token` (TWILIO_AUTH_TOKEN): copy both from Twilio's console"
                    )
                };
                let finding = format!("Twilio does not accept the {what} (HTTP 401)");
                self.findings.push(Finding::failed(check, finding, remedy));
                if !self.reach.has_key {
                    // The token would be refused a second time.
                    self.questions.retain(|question| !matches!(question, super::Question::Account));
                }
            }
            _ => self.refused("credentials", response),
        }
    }

    /// The token is looked at even when a key sends, since a wrong one would turn every webhook away.
    pub(super) fn read_account(&mut self, response: &Response<Bytes>, body: &Value) {
        if response.status() == StatusCode::UNAUTHORIZED {
            let finding = "Twilio does not accept the auth token (HTTP 401), so its webhooks would be refused here";
            let remedy = format!(
                "set `channels.{}.auth_token` (TWILIO_AUTH_TOKEN) to the account's primary Auth Token from Twilio's \
                 console: webhooks are signed with it, not with the API key's secret",
                self.target.channel
            );
            return self.findings.push(Finding::failed(self.check("auth_token"), finding, remedy));
        }
        if !response.status().is_success() {
            return self.refused("account", response);
        }
        if self.reach.has_key {
            self.findings.push(Finding::ok(self.check("auth_token"), "Twilio accepts the auth token, too"));
        }
        self.accepted.get_or_insert_with(|| self.reach.token.clone());
        let found = account(self.check("account"), body);
        self.findings.push(found);
    }
}

fn account(check: String, body: &Value) -> Finding {
    let word = |name: &str| body[name].as_str().unwrap_or_default().to_ascii_lowercase();
    match (word("status").as_str(), word("type").as_str()) {
        ("suspended", _) => {
            let remedy = "see in Twilio's console why (mostly the balance), and write to their support";
            Finding::failed(check, "the account is suspended: nothing is sent and no webhook comes", remedy)
        }
        ("closed", _) => {
            let remedy = "use another account: this one can't be opened again";
            Finding::failed(check, "the account is closed", remedy)
        }
        (_, "trial") => {
            let finding = "the account is a trial: it sends only to numbers verified in Twilio's console, only texts \
                           that Twilio allows trials, with a line of Twilio's own before them";
            Finding::warning(check, finding, "upgrade the account in Twilio's console before customers use it")
        }
        _ => Finding::ok(check, "the account is active"),
    }
}
