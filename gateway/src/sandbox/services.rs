//! The account's Messaging Service as a resource: its webhook, and the numbers that it sends from.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde_json::{Value, json};

use super::account::{Account, lock};
use super::create::is_callback;
use super::errors::Refusal;
use super::number::{Number, Verb};
use super::numbers;

/// How the service is set up. It is not kept over a restart.
#[derive(Clone, Debug)]
pub(super) struct Service {
    friendly_name: Option<String>,
    inbound_request_url: Option<String>,
    inbound_method: Verb,
    fallback_url: Option<String>,
    fallback_method: Verb,
    pub(super) status_callback: Option<String>,
    pub(super) smart_encoding: bool,
    /// Texts go to the service's own webhook, not to that of the number they were sent to.
    own_webhook: bool,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            friendly_name: None,
            inbound_request_url: None,
            inbound_method: Verb::Post,
            fallback_url: None,
            fallback_method: Verb::Post,
            status_callback: None,
            smart_encoding: true,
            own_webhook: false,
        }
    }
}

/// `GET /v1/Services/{sid}`.
pub(super) async fn fetch(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path(sid): Path<String>,
) -> Result<Json<Value>, Refusal> {
    own(&account, &sid, &uri)?;
    Ok(Json(resource(&account, &sid)))
}

/// `POST /v1/Services/{sid}`.
pub(super) async fn update(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path(sid): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    own(&account, &sid, &uri)?;
    let mut changed = lock(&account.service).clone();
    for (name, value) in form_urlencoded::parse(&body) {
        set(&mut changed, &name, &value)?;
    }
    *lock(&account.service) = changed;
    Ok(Json(resource(&account, &sid)))
}

/// `GET /v1/Services/{sid}/PhoneNumbers`.
pub(super) async fn pool(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path(sid): Path<String>,
) -> Result<Json<Value>, Refusal> {
    own(&account, &sid, &uri)?;
    let here = format!("{}/v1/Services/{sid}/PhoneNumbers", account.url);
    Ok(Json(only_page("phone_numbers", &here, &[pooled(&account, &sid)])))
}

/// `GET /v1/Services/{sid}/PhoneNumbers/{number}`, by the number's own id.
pub(super) async fn member(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((sid, number)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    own(&account, &sid, &uri)?;
    if number != numbers::own_sid(&account.number) {
        return Err(Refusal::not_found(uri.path()));
    }
    Ok(Json(pooled(&account, &sid)))
}

/// `GET /v1/Services`.
pub(super) async fn list(State(account): State<Arc<Account>>) -> Json<Value> {
    let all: Vec<Value> = account.messaging_service_sid.iter().map(|sid| resource(&account, sid)).collect();
    Json(only_page("services", &format!("{}/v1/Services", account.url), &all))
}

/// The number as a member of the service.
fn pooled(account: &Account, service: &str) -> Value {
    let number = numbers::own_sid(&account.number);
    let made = account.opened.to_string();
    json!({
        "account_sid": account.sid,
        "capabilities": ["SMS", "MMS"],
        "country_code": "MX",
        "date_created": made,
        "date_updated": made,
        "phone_number": account.number,
        "service_sid": service,
        "sid": number,
        "url": format!("{}/v1/Services/{service}/PhoneNumbers/{number}", account.url),
    })
}

fn only_page(key: &str, here: &str, items: &[Value]) -> Value {
    let first = format!("{here}?PageSize=50&Page=0");
    json!({
        "meta": {
            "first_page_url": first, "key": key, "next_page_url": null, "page": 0, "page_size": 50,
            "previous_page_url": null, "url": first,
        },
        key: items,
    })
}

/// The number as it answers texts: with the service's webhook, where that takes the place of its own.
pub(super) fn receiver(account: &Account, number: Number) -> Number {
    let service = lock(&account.service).clone();
    if account.messaging_service_sid.is_none() || !service.own_webhook {
        return number;
    }
    Number {
        inbound_url: service.inbound_request_url,
        inbound_method: service.inbound_method,
        fallback_url: service.fallback_url,
        fallback_method: service.fallback_method,
        application_sid: None,
        ..number
    }
}

fn own(account: &Account, sid: &str, uri: &Uri) -> Result<(), Refusal> {
    if account.messaging_service_sid.as_deref() == Some(sid) {
        return Ok(());
    }
    Err(Refusal::not_found(uri.path()))
}

/// Sets one parameter; an empty one clears, and one that means nothing here is passed over.
fn set(service: &mut Service, name: &str, value: &str) -> Result<(), Refusal> {
    let url = || {
        if value.is_empty() || is_callback(value) {
            return Ok(Some(value.to_owned()).filter(|url| !url.is_empty()));
        }
        Err(Refusal::invalid(20001, format!("{name} is not a valid URL: {value}")))
    };
    let verb = || Verb::of(value).ok_or_else(|| Refusal::invalid(20001, format!("{name} is GET or POST")));
    match name {
        "FriendlyName" => service.friendly_name = Some(value.to_owned()).filter(|name| !name.is_empty()),
        "InboundRequestUrl" => service.inbound_request_url = url()?,
        "InboundMethod" => service.inbound_method = verb()?,
        "FallbackUrl" => service.fallback_url = url()?,
        "FallbackMethod" => service.fallback_method = verb()?,
        "StatusCallback" => service.status_callback = url()?,
        "SmartEncoding" => service.smart_encoding = value.eq_ignore_ascii_case("true"),
        "UseInboundWebhookOnNumber" => service.own_webhook = !value.eq_ignore_ascii_case("true"),
        _ => {}
    }
    Ok(())
}

fn resource(account: &Account, sid: &str) -> Value {
    let service = lock(&account.service).clone();
    let made = account.opened.to_string();
    let here = format!("{}/v1/Services/{sid}", account.url);
    json!({
        "account_sid": account.sid,
        "area_code_geomatch": true,
        "date_created": made,
        "date_updated": made,
        "fallback_method": service.fallback_method,
        "fallback_to_long_code": true,
        "fallback_url": service.fallback_url,
        "friendly_name": service.friendly_name.unwrap_or_else(|| "Local".to_owned()),
        "inbound_method": service.inbound_method,
        "inbound_request_url": service.inbound_request_url,
        "links": { "phone_numbers": format!("{here}/PhoneNumbers") },
        "mms_converter": true,
        "scan_message_content": "inherit",
        "sid": sid,
        "smart_encoding": service.smart_encoding,
        "status_callback": service.status_callback,
        "sticky_sender": true,
        "synchronous_validation": false,
        "url": here,
        "us_app_to_person_registered": false,
        "usecase": "undeclared",
        "use_inbound_webhook_on_number": !service.own_webhook,
        "validity_period": 36_000,
    })
}
