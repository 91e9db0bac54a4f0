//! Texts from customers, as webhooks of Twilio's. What they have in common is written and signed beforehand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use uuid::Uuid;

use super::client::Target;
use super::load::Traffic;

/// The webhooks of one channel.
#[derive(Clone, Debug)]
pub struct Webhooks {
    pub target: Target,
    /// The path of the channel's inbound webhook.
    pub path: String,
    /// The URL that is signed: what the gateway takes for its own.
    pub url: String,
    pub account_sid: String,
    pub auth_token: SecretString,
    /// The channel's own number.
    pub number: String,
}

/// One text after the other, each from the next phone.
pub struct Texts {
    webhooks: Webhooks,
    phones: Vec<String>,
    run: u64,
    signing: Hmac<Sha1>,
    beginning: String,
}

const TEXT: &str = "Buenas tardes, ¿tienen servicio a domicilio?";

impl Texts {
    /// `run` tells them from those of other runs.
    pub fn new(webhooks: Webhooks, phones: Vec<String>, run: u64) -> Option<Self> {
        // HMAC takes a key of any length; the type can't say so.
        let mut signing = Hmac::<Sha1>::new_from_slice(webhooks.auth_token.expose_secret().as_bytes()).ok()?;
        signing.update(webhooks.url.as_bytes());
        // In the order in which they are signed, up to the first that is of one text alone.
        for (name, value) in
            [("AccountSid", webhooks.account_sid.as_str()), ("ApiVersion", "2010-04-01"), ("Body", TEXT)]
        {
            signing.update(name.as_bytes());
            signing.update(value.as_bytes());
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("ToCountry", "MX").append_pair("NumMedia", "0").append_pair("SmsStatus", "received");
        form.append_pair("Body", TEXT).append_pair("FromCountry", "MX").append_pair("To", &webhooks.number);
        form.append_pair("NumSegments", "1").append_pair("AccountSid", &webhooks.account_sid);
        form.append_pair("ApiVersion", "2010-04-01");
        Some(Self { phones, run, signing, beginning: form.finish(), webhooks })
    }

    /// The provider's id of a text.
    pub fn sid(&self, number: u64) -> String {
        sid(self.run, number)
    }

    fn phone(&self, number: u64) -> &str {
        let count = u64::try_from(self.phones.len().max(1)).unwrap_or(1);
        let index = usize::try_from(number % count).unwrap_or_default();
        self.phones.get(index).map_or("", String::as_str)
    }

    /// The body of a text's webhook, and its signature.
    fn signed(&self, number: u64) -> (String, String) {
        let (sid, phone) = (self.sid(number), self.phone(number));
        let mut signing = self.signing.clone();
        let own = [
            ("From", phone),
            ("FromCountry", "MX"),
            ("MessageSid", &sid),
            ("NumMedia", "0"),
            ("NumSegments", "1"),
            ("SmsMessageSid", &sid),
            ("SmsSid", &sid),
            ("SmsStatus", "received"),
            ("To", &self.webhooks.number),
            ("ToCountry", "MX"),
        ];
        for (name, value) in own {
            signing.update(name.as_bytes());
            signing.update(value.as_bytes());
        }
        // A number is a plus sign and digits.
        let plain = phone.trim_start_matches('+');
        let body = format!("{}&SmsMessageSid={sid}&SmsSid={sid}&MessageSid={sid}&From=%2B{plain}", self.beginning);
        (body, STANDARD.encode(signing.finalize().into_bytes()))
    }
}

pub(super) fn sid(run: u64, number: u64) -> String {
    format!("SM{run:016x}{number:016x}")
}

impl Traffic for Texts {
    fn request(&self, number: u64) -> Request<Full<Bytes>> {
        let (body, signature) = self.signed(number);
        let request = self.webhooks.target.request(Method::POST, &self.webhooks.path);
        let request = request
            .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
            .header("x-twilio-signature", signature);
        // Nothing in it could be refused; if it were, the gateway would refuse what is sent instead.
        request.body(Full::from(body)).unwrap_or_default()
    }

    fn acknowledged(&self, status: StatusCode, _body: &Bytes) -> Result<Option<Uuid>, String> {
        if status == StatusCode::OK { Ok(None) } else { Err(format!("answered {status}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::twilio::signature;

    #[test]
    fn a_text_is_signed_as_twilio_signs() {
        let url = "http://127.0.0.1:1/webhooks/sms/inbound";
        let webhooks = Webhooks {
            target: Target::of("http://127.0.0.1:1").unwrap(),
            path: "/webhooks/sms/inbound".to_owned(),
            url: url.to_owned(),
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: SecretString::from("token"),
            number: "+529983162438".to_owned(),
        };
        let texts = Texts::new(webhooks, super::super::phones(2), 0xabc).unwrap();
        for number in [0, 1, 7, u64::MAX] {
            let (body, made) = texts.signed(number);
            let parameters: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            assert_eq!(signature::sign("token", url, &parameters), made);
            let one = |name: &str| parameters.iter().find(|(known, _)| known == name).unwrap().1.clone();
            assert_eq!(one("MessageSid"), texts.sid(number));
            assert_eq!(one("From"), ["+529981050000", "+529981050001"][usize::try_from(number % 2).unwrap()]);
            assert_eq!(texts.sid(number).len(), 34);
        }
        assert_ne!(texts.signed(1), texts.signed(3));
    }
}
