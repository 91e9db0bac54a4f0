//! The Messaging Service that the channel's number may be in, though the channel does not name it: one
//! with a webhook of its own takes the texts to all of its numbers.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::webhook::SERVICE;
use super::{Checkup, Question, SERVICES};
use crate::channels::{Finding, State};

impl Checkup {
    /// Where a service would have the channel's number.
    pub(super) fn membership(&self, service: &Value) -> Option<String> {
        let (service, number) = (service["sid"].as_str()?, self.own.as_ref()?["sid"].as_str()?);
        Some(format!("{}/v1/Services/{service}/PhoneNumbers/{number}", self.hosts.messaging))
    }

    /// Only those with a webhook of their own matter.
    pub(super) fn read_services(&mut self, response: &Response<Bytes>, body: &Value) {
        let check = self.check("service");
        if !response.status().is_success() {
            let finding = format!(
                "whether the number is in a messaging service, whose webhook would go before its own, can't be seen \
                 (HTTP {})",
                response.status().as_u16()
            );
            return self.findings.push(Finding::skipped(check, finding));
        }
        if body["meta"]["next_page_url"].is_string() {
            let finding = format!("the account has over {SERVICES} messaging services; the first were looked at");
            self.findings.push(Finding::skipped(check, finding));
        }
        let services = body["services"].as_array().into_iter().flatten();
        let own_webhook = services.filter(|service| service["use_inbound_webhook_on_number"] != Value::Bool(true));
        self.questions.extend(own_webhook.cloned().map(Question::Member));
    }

    /// A number is in one service at the most.
    pub(super) fn read_member(&mut self, service: &Value, response: &Response<Bytes>) {
        match response.status() {
            StatusCode::NOT_FOUND => {}
            status if status.is_success() => {
                self.questions.retain(|question| !matches!(question, Question::Member(_)));
                let Some(number) = self.own.take() else { return };
                let found = self.compare_service(service, number["phone_number"].as_str().unwrap_or_default());
                self.findings.push(found);
            }
            _ => self.refused("service", response),
        }
    }

    /// Where its texts go is not changed from here: it may have other numbers, for another application.
    fn compare_service(&self, service: &Value, number: &str) -> Finding {
        let sid = service["sid"].as_str().unwrap_or_default();
        let whose = format!("the messaging service {sid}, which takes the texts to {number}");
        let found = self.compare(&whose, service, &SERVICE, &format!("{}/v1/Services/{sid}", self.hosts.messaging));
        if found.state != State::Failed {
            return found;
        }
        let remedy = format!(
            "in Twilio's console, let the service leave incoming messages to each number's own webhook (*Defer to \
             sender's webhook*), or take {number} out of it, and look again; or, if all of its numbers are for this \
             gateway, set its webhook to {}",
            self.target.inbound_url.as_deref().unwrap_or_default()
        );
        Finding { remedy: Some(remedy), fix: None, ..found }
    }
}
