//! Whether the account, its number and its messaging service are set up for the gateway.
//!
//! Owns which questions are put to Twilio and in which order; what the answers mean is in the files below.
//! Does no I/O: somebody else carries the requests.

mod account;
mod membership;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::errors::known;
use super::hosts::Hosts;
use super::rest::{self, Sender};
use super::{Twilio, signature};
use crate::channels::{self, Finding, Target};
use crate::message::Locale;
use webhook::{NUMBER, SERVICE};

/// Who the account is, beyond what sending needs.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) account: String,
    /// The header that authenticates by the token, which signs webhooks also where sending goes by a key.
    pub(super) token: HeaderValue,
    pub(super) has_key: bool,
}

/// The most numbers of a pool that are looked at, and the most services.
const POOL: usize = 20;
const SERVICES: usize = 50;

pub(super) struct Checkup {
    target: Target,
    reach: Reach,
    hosts: Hosts,
    sending: HeaderValue,
    signing: Option<SecretString>,
    /// The credentials that Twilio took, for what is asked after that.
    accepted: Option<HeaderValue>,
    questions: VecDeque<Question>,
    asked: Option<Question>,
    findings: Vec<Finding>,
    /// The channel's number, until it is known whether a service answers for it.
    own: Option<Value>,
}

#[derive(Clone, Debug)]
enum Question {
    /// Whether sending would be let in: something small that every kind of key may ask for.
    Credentials,
    /// The account, by its token.
    Account,
    /// The number that messages are sent from.
    Own(String),
    /// A number of the service's pool.
    Pooled(String),
    Service(String),
    /// The account's services, one of which may have the channel's number.
    Services,
    /// Whether this one has it.
    Member(Value),
    Pool {
        service: String,
        /// Whether texts go where each number says.
        by_number: bool,
    },
}

impl Checkup {
    pub(super) fn new(twilio: &Twilio, target: Target) -> Self {
        let mut checkup = Self {
            target,
            reach: twilio.reach.clone(),
            hosts: twilio.hosts.clone(),
            sending: twilio.rest.authorization.clone(),
            signing: twilio.tokens.first().cloned(),
            accepted: None,
            questions: [Question::Credentials, Question::Account].into(),
            asked: None,
            findings: Vec::new(),
            own: None,
        };
        match &twilio.rest.sender {
            Sender::Service(sid) => checkup.questions.push_back(Question::Service(sid.clone())),
            Sender::Address(address) if is_number(address.as_str()) => {
                checkup.questions.push_back(Question::Own(address.as_str().to_owned()));
            }
            Sender::Address(_) => {
                let finding = "the sender is no phone number, so Twilio has no webhook settings of it to look at";
                let check = checkup.check("number");
                checkup.findings.push(Finding::skipped(check, finding));
            }
        }
        checkup
    }

    /// The name of a check, after the settings it is about.
    fn check(&self, what: &str) -> String {
        format!("channels.{}.{what}", self.target.channel)
    }

    fn request(&self, question: &Question) -> Option<Request<Bytes>> {
        let Hosts { api, messaging, .. } = &self.hosts;
        let account = format!("{api}/2010-04-01/Accounts/{}", self.reach.account);
        let other = self.accepted.as_ref();
        match question {
            Question::Credentials => rest::get(&format!("{account}/Messages.json?PageSize=1"), &self.sending),
            Question::Account => rest::get(&format!("{account}.json"), &self.reach.token),
            Question::Own(number) => {
                let digits = number.trim_start_matches('+');
                rest::get(&format!("{account}/IncomingPhoneNumbers.json?PhoneNumber=%2B{digits}"), other?)
            }
            Question::Pooled(sid) => rest::get(&format!("{account}/IncomingPhoneNumbers/{sid}.json"), other?),
            Question::Service(sid) => rest::get(&format!("{messaging}/v1/Services/{sid}"), other?),
            Question::Services => rest::get(&format!("{messaging}/v1/Services?PageSize={SERVICES}"), other?),
            Question::Member(service) => rest::get(&self.membership(service)?, other?),
            Question::Pool { service, .. } => {
                rest::get(&format!("{messaging}/v1/Services/{service}/PhoneNumbers?PageSize={POOL}"), other?)
            }
        }
    }

    fn read(&mut self, question: Question, response: &Response<Bytes>) {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        match question {
            Question::Credentials => self.read_credentials(response),
            Question::Account => self.read_account(response, &body),
            Question::Own(number) => self.read_own(&number, response, &body),
            Question::Pooled(sid) => self.read_pooled(&sid, response, &body),
            Question::Service(sid) => self.read_service(&sid, response, &body),
            Question::Services => self.read_services(response, &body),
            Question::Member(service) => self.read_member(&service, response),
            Question::Pool { by_number, .. } => self.read_pool(by_number, response, &body),
        }
    }

    fn read_own(&mut self, number: &str, response: &Response<Bytes>, body: &Value) {
        if !response.status().is_success() {
            return self.refused("number", response);
        }
        // Part of a number finds it too.
        let mut all = body["incoming_phone_numbers"].as_array().into_iter().flatten();
        if let Some(found) = all.find(|found| found["phone_number"] == number) {
            self.read_number(number, found);
            self.own = Some(found.clone());
            return self.questions.push_back(Question::Services);
        }
        let finding = format!("{number} is not a number of the account");
        let remedy = format!(
            "set `channels.{}.from` (TWILIO_PHONE_NUMBER) to a number of the account, or `account_sid` to the \
             account that has it",
            self.target.channel
        );
        self.findings.push(Finding::failed(self.check("number"), finding, remedy));
    }

    fn read_pooled(&mut self, sid: &str, response: &Response<Bytes>, body: &Value) {
        match body["phone_number"].as_str() {
            Some(number) if response.status().is_success() => {
                self.read_number(number, body);
                self.compare_number(body);
            }
            _ if response.status() == StatusCode::NOT_FOUND => {
                let finding = format!("{sid} of the service's pool is not a number of this account");
                let remedy = "take it out of the service in Twilio's console, or use the account that has it";
                self.findings.push(Finding::warning(self.check("number"), finding, remedy));
            }
            _ => self.refused("number", response),
        }
    }

    fn read_number(&mut self, number: &str, resource: &Value) {
        let check = self.check("number");
        self.findings.push(if resource["capabilities"]["sms"] == Value::Bool(false) {
            let remedy = "buy a number that can, or set another one as the sender";
            Finding::failed(check, format!("{number} can't send or take texts"), remedy)
        } else {
            Finding::ok(check, format!("{number} is the account's and takes texts"))
        });
    }

    fn compare_number(&mut self, resource: &Value) {
        let [sid, number] = ["sid", "phone_number"].map(|name| resource[name].as_str().unwrap_or_default());
        let account = &self.reach.account;
        let url = format!("{}/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json", self.hosts.api);
        let found = self.compare(number, resource, &NUMBER, &url);
        self.findings.push(found);
    }

    fn read_service(&mut self, sid: &str, response: &Response<Bytes>, body: &Value) {
        let check = self.check("service");
        if response.status() == StatusCode::NOT_FOUND {
            let remedy = format!(
                "copy `channels.{}.messaging_service_sid` (TWILIO_MESSAGING_SERVICE_SID) from Twilio's console",
                self.target.channel
            );
            return self.findings.push(Finding::failed(check, "the account has no such messaging service", remedy));
        }
        if !response.status().is_success() {
            return self.refused("service", response);
        }
        self.findings.push(Finding::ok(check, "the messaging service is the account's"));
        let by_number = body["use_inbound_webhook_on_number"] == Value::Bool(true);
        if !by_number {
            let url = format!("{}/v1/Services/{sid}", self.hosts.messaging);
            let found = self.compare("the messaging service", body, &SERVICE, &url);
            self.findings.push(found);
        }
        self.questions.push_back(Question::Pool { service: sid.to_owned(), by_number });
    }

    fn read_pool(&mut self, by_number: bool, response: &Response<Bytes>, body: &Value) {
        if !response.status().is_success() {
            return self.refused("pool", response);
        }
        let numbers: Vec<&Value> = body["phone_numbers"].as_array().into_iter().flatten().collect();
        let check = self.check("pool");
        self.findings.push(if numbers.is_empty() {
            let remedy = "add a number to the messaging service in Twilio's console";
            Finding::failed(check, "the messaging service has no numbers to send from", remedy)
        } else if body["meta"]["next_page_url"].is_string() {
            Finding::ok(check, format!("the messaging service has over {POOL} numbers; the first were looked at"))
        } else {
            Finding::ok(check, format!("the messaging service has {} number(s)", numbers.len()))
        });
        if by_number {
            let sids = numbers.iter().filter_map(|number| number["sid"].as_str());
            self.questions.extend(sids.map(|sid| Question::Pooled(sid.to_owned())));
        }
    }

    /// Holds the webhook's settings against what they should be.
    fn compare(&self, whose: &str, resource: &Value, names: &webhook::Names, url: &str) -> Finding {
        let check = self.check("webhook");
        match &self.target.inbound_url {
            None => {
                Finding::skipped(check, "while `server.public_url` is not set, what Twilio should call is not known")
            }
            Some(inbound) if webhook::is_local(inbound) && !webhook::is_local(&self.hosts.api) => {
                Finding::skipped(check, "`server.public_url` is an address of this machine, which Twilio can't call")
            }
            Some(inbound) => {
                let right: Vec<&str> =
                    [inbound].into_iter().chain(&self.target.shared_url).map(String::as_str).collect();
                let compared = webhook::compare(resource, names, &right);
                webhook::finding(check, whose, &compared, |form| rest::post(url, self.accepted.as_ref()?, form))
            }
        }
    }

    /// An answer that says neither yes nor no.
    fn refused(&mut self, what: &str, response: &Response<Bytes>) {
        let (finding, remedy) = refusal(response);
        self.findings.push(Finding::failed(self.check(what), finding, remedy));
    }
}

impl channels::Checkup for Checkup {
    fn next(&mut self) -> Option<Request<Bytes>> {
        while let Some(question) = self.questions.pop_front() {
            if let Some(request) = self.request(&question) {
                self.asked = Some(question);
                return Some(request);
            }
            let finding = "not looked at, since Twilio did not accept the credentials";
            let what = if matches!(question, Question::Service(_)) { "service" } else { "number" };
            self.findings.push(Finding::skipped(self.check(what), finding));
        }
        // No service answers for it.
        if let Some(number) = self.own.take() {
            self.compare_number(&number);
        }
        None
    }

    fn take(&mut self, answer: Result<&Response<Bytes>, String>) {
        match (self.asked.take(), answer) {
            (Some(question), Ok(response)) => self.read(question, response),
            (_, Err(reason)) => {
                self.questions.clear();
                let remedy = format!(
                    "check that this machine reaches {}, and `channels.{}.base_url`",
                    self.hosts.api, self.target.channel
                );
                let finding = format!("Twilio gives no answer: {reason}");
                self.findings.push(Finding::failed(self.check("provider"), finding, remedy));
            }
            (None, Ok(_)) => {}
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    fn fixed(&self, response: &Response<Bytes>) -> Result<(), String> {
        if response.status().is_success() {
            return Ok(());
        }
        let (finding, remedy) = refusal(response);
        Err(format!("{finding}; {remedy}"))
    }

    /// Without a message id it can't be read, so that nothing is kept of it.
    fn webhook(&self, url: &str, genuine: bool) -> Option<Request<Bytes>> {
        let token = self.signing.as_ref().filter(|_| genuine).map_or("", |token| token.expose_secret());
        let pairs = [("AccountSid".to_owned(), self.reach.account.clone())];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        request.header("x-twilio-signature", signature::sign(token, url, &pairs)).body(body.into()).ok()
    }
}

/// What Twilio said, and what can be done about it.
fn refusal(response: &Response<Bytes>) -> (String, String) {
    let error = rest::error(response.status(), response.body());
    let status = response.status().as_u16();
    match (error.code.and_then(known), error.code) {
        (Some(known), _) => {
            let told = known.explanation(Locale::En);
            (format!("{} (HTTP {status}, Twilio's error {})", told.title, known.code), told.remedy.to_owned())
        }
        (None, Some(code)) => {
            let remedy = format!("see https://www.twilio.com/docs/errors/{code}");
            (format!("Twilio refused (HTTP {status}, error {code})"), remedy)
        }
        (None, None) => {
            let remedy = "try again; if it stays so, see https://status.twilio.com and the channel's `base_url`";
            (format!("Twilio answered HTTP {status}"), remedy.to_owned())
        }
    }
}

fn is_number(address: &str) -> bool {
    address.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}
