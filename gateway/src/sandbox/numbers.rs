//! The number's own resource, by which an application sets its webhooks.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::Uri;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::account::Account;
use super::create::is_callback;
use super::editing::sid;
use super::errors::Refusal;
use super::listing::{Entry, Listing};
use super::message::{API_VERSION, rfc2822};
use super::number::{Number, Verb};

/// The account's number, as it is listed.
struct Own<'a> {
    sid: String,
    number: &'a str,
}

impl Entry for Own<'_> {
    const KEY: &'static str = "incoming_phone_numbers";
    const FILTERS: &'static [&'static str] = &["PhoneNumber"];

    fn sid(&self) -> &str {
        &self.sid
    }

    /// Part of a number finds it too, as do stars in it.
    fn meets(&self, _: &str, wanted: &str) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        digits(self.number).contains(&digits(wanted))
    }
}

/// `GET …/IncomingPhoneNumbers.json`.
pub(super) async fn list(
    State(account): State<Arc<Account>>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let own = Own { sid: own_sid(&account.number), number: &account.number };
    Listing::read(query.as_deref())?.page(&[own], uri.path(), |_| resource(&account)).map(Json)
}

/// `GET …/IncomingPhoneNumbers/{sid}.json`.
pub(super) async fn fetch(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    if sid(&file) == own_sid(&account.number) {
        return Ok(Json(resource(&account)));
    }
    Err(Refusal::not_found(uri.path()))
}

/// `POST …/IncomingPhoneNumbers/{sid}.json`.
pub(super) async fn update(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    if sid(&file) != own_sid(&account.number) {
        return Err(Refusal::not_found(uri.path()));
    }
    let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    account.set_up_number(|number| {
        let mut changed = number.clone();
        for (name, value) in &form {
            set(&mut changed, name, value)?;
        }
        *number = changed;
        Ok(())
    })?;
    Ok(Json(resource(&account)))
}

/// Sets one parameter; an empty one clears, and one that means nothing here is passed over.
fn set(number: &mut Number, name: &str, value: &str) -> Result<(), Refusal> {
    let url = |code: u32| {
        if value.is_empty() || is_callback(value) {
            return Ok(Some(value.to_owned()).filter(|url| !url.is_empty()));
        }
        Err(Refusal::invalid(code, format!("{name} is not a valid URL: {value}")))
    };
    let verb = |code: u32| Verb::of(value).ok_or_else(|| Refusal::invalid(code, format!("{name} is GET or POST")));
    match name {
        "SmsUrl" => number.inbound_url = url(21502)?,
        "SmsMethod" => number.inbound_method = verb(21403)?,
        "SmsFallbackUrl" => number.fallback_url = url(21502)?,
        "SmsFallbackMethod" => number.fallback_method = verb(21403)?,
        "SmsApplicationSid" => number.application_sid = Some(value.to_owned()).filter(|sid| !sid.is_empty()),
        "StatusCallback" => number.status_callback = url(21502)?,
        "FriendlyName" => number.friendly_name = Some(value.to_owned()).filter(|name| !name.is_empty()),
        _ => {}
    }
    Ok(())
}

/// The same number has the same id in every run.
pub(super) fn own_sid(number: &str) -> String {
    format!("PN{:0>32}", number.trim_start_matches('+'))
}

/// The account's own resource, below which all others are.
pub(super) fn account_resource(account: &Account) -> Value {
    let uri = format!("/{API_VERSION}/Accounts/{}", account.sid);
    let made = rfc2822(account.opened);
    json!({
        "auth_token": account.signing_token().expose_secret(),
        "date_created": made,
        "date_updated": made,
        "friendly_name": "Local",
        "owner_account_sid": account.sid,
        "sid": account.sid,
        "status": "active",
        "subresource_uris": {
            "incoming_phone_numbers": format!("{uri}/IncomingPhoneNumbers.json"),
            "messages": format!("{uri}/Messages.json"),
        },
        "type": "Full",
        "uri": format!("{uri}.json"),
    })
}

fn resource(account: &Account) -> Value {
    let (setup, sid) = (account.number_setup(), own_sid(&account.number));
    let made = rfc2822(account.opened);
    json!({
        "account_sid": account.sid,
        "address_requirements": "none",
        "address_sid": null,
        "api_version": API_VERSION,
        "beta": false,
        "bundle_sid": null,
        "capabilities": { "fax": false, "mms": true, "sms": true, "voice": false },
        "date_created": made,
        "date_updated": made,
        "emergency_address_sid": null,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": setup.friendly_name.unwrap_or_else(|| account.number.clone()),
        "identity_sid": null,
        "origin": "twilio",
        "phone_number": account.number,
        "sid": sid,
        "sms_application_sid": setup.application_sid.unwrap_or_default(),
        "sms_fallback_method": setup.fallback_method,
        "sms_fallback_url": setup.fallback_url.unwrap_or_default(),
        "sms_method": setup.inbound_method,
        "sms_url": setup.inbound_url.unwrap_or_default(),
        "status": "in-use",
        "status_callback": setup.status_callback.unwrap_or_default(),
        "status_callback_method": "POST",
        "trunk_sid": null,
        "type": "local",
        "uri": format!("/{API_VERSION}/Accounts/{}/IncomingPhoneNumbers/{sid}.json", account.sid),
        "voice_application_sid": null,
        "voice_caller_id_lookup": false,
        "voice_fallback_method": "POST",
        "voice_fallback_url": null,
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": null,
    })
}
