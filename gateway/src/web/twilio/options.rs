//! How a message is to be sent, beside who, what and when. Pure.
//!
//! A wish is passed on, or refused with the reason: none is dropped without a word, but for `Attempt` and
//! `MaxPrice`, which change nothing at Twilio either.

use std::collections::BTreeMap;

use super::parameters::Parameters;
use super::refusal::{Refusal, UNREADABLE};
use crate::message::{ContentTemplate, Options};

pub(super) fn options(form: &Parameters) -> Result<Options, Refusal> {
    check(form)?;
    Ok(Options {
        validity: validity(form)?,
        smart_encoded: switch(form, "SmartEncoded")?,
        shorten_urls: switch(form, "ShortenUrls")?,
        risk_check: choice(form, "RiskCheck", ["enable", "disable"], UNREADABLE)?,
        provide_feedback: switch(form, "ProvideFeedback")?,
        discard_content: choice(form, "ContentRetention", ["discard", "retain"], 30029)?,
        send_as_mms: switch(form, "SendAsMms")?,
        force_delivery: switch(form, "ForceDelivery")?,
        traffic_type: form.get("TrafficType").map(str::to_owned),
        fallback_from: form.get("FallbackFrom").map(str::to_owned),
        persistent_action: form.all("PersistentAction").map(str::to_owned).collect(),
        labels: labels(form)?,
        content: content(form)?,
    })
}

/// What can't be had here, and what need not be passed on.
fn check(form: &Parameters) -> Result<(), Refusal> {
    // A StatusCallback goes before it at Twilio, too.
    if form.get("ApplicationSid").is_some() && form.get("StatusCallback").is_none() {
        let message = "ApplicationSid is not supported: reports would go past the gateway to the application's \
                       address; name that in StatusCallback";
        return Err(Refusal::invalid(UNREADABLE, message));
    }
    if choice(form, "AddressRetention", ["obfuscate", "retain"], 30030)? == Some(true) {
        let message = "AddressRetention=obfuscate is not supported: the gateway knows conversations by their numbers, \
                       and finds a message whose answer was lost by its recipient";
        return Err(Refusal::invalid(30030, message));
    }
    if let Some(attempt) = form.get("Attempt").filter(|text| !text.parse().is_ok_and(|count: u32| count > 0)) {
        return Err(unreadable("Attempt", attempt));
    }
    let is_price = |text: &str| text.parse().is_ok_and(|price: f64| price.is_finite() && price >= 0.0);
    if form.get("MaxPrice").is_some_and(|price| !is_price(price)) {
        return Err(Refusal::invalid(21627, "Max Price must be a valid float"));
    }
    Ok(())
}

fn unreadable(name: &str, written: &str) -> Refusal {
    Refusal::invalid(UNREADABLE, format!("The {name} {written} can't be read"))
}

fn switch(form: &Parameters, name: &str) -> Result<Option<bool>, Refusal> {
    let Some(written) = form.get(name) else { return Ok(None) };
    let read = written.to_ascii_lowercase().parse().ok();
    read.map(Some).ok_or_else(|| unreadable(name, written))
}

/// Whether it is the first of two words, or the other; `code` is the number of what is neither.
fn choice(form: &Parameters, name: &str, [yes, no]: [&str; 2], code: u32) -> Result<Option<bool>, Refusal> {
    match form.get(name) {
        None => Ok(None),
        Some(word) if word == yes => Ok(Some(true)),
        Some(word) if word == no => Ok(Some(false)),
        Some(word) => Err(Refusal::invalid(code, format!("{name} is {yes} or {no}, not {word}"))),
    }
}

fn labels(form: &Parameters) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(written) = form.get("Tags") else { return Ok(BTreeMap::new()) };
    let message = "Tags is not a JSON object of texts";
    serde_json::from_str(written).map_err(|_| Refusal::invalid(UNREADABLE, message))
}

fn validity(form: &Parameters) -> Result<Option<u32>, Refusal> {
    let Some(written) = form.get("ValidityPeriod") else { return Ok(None) };
    let seconds = written.parse().ok().filter(|seconds| (1..=36_000).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        Refusal::invalid(21624, format!("The validity period {written} is not between 1 and 36000 seconds"))
    })
}

fn content(form: &Parameters) -> Result<Option<ContentTemplate>, Refusal> {
    let variables = form.get("ContentVariables");
    let Some(sid) = form.get("ContentSid") else {
        return match variables {
            Some(_) => Err(Refusal::invalid(21654, "ContentSid Required")),
            None => Ok(None),
        };
    };
    let digits = sid.strip_prefix("HX").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::invalid(21655, "The ContentSid is Invalid"));
    }
    let variables = variables.map(serde_json::from_str).transpose();
    let variables = variables.map_err(|_| Refusal::invalid(21656, "The ContentVariables Parameter is invalid"))?;
    Ok(Some(ContentTemplate { sid: sid.to_owned(), variables: variables.unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Options, u32> {
        options(&Parameters::read(query.as_bytes())).map_err(|refusal| refusal.code)
    }

    const TEMPLATE: &str = "HX0123456789abcdef0123456789abcdef";

    #[test]
    fn every_wish_is_read() {
        let query = format!(
            "ValidityPeriod=60&SmartEncoded=true&ShortenUrls=False&RiskCheck=disable&ProvideFeedback=true\
             &ContentRetention=discard&SendAsMms=True&ForceDelivery=true&TrafficType=free&FallbackFrom=%2B15005550006\
             &PersistentAction=geo:20.2,-87.4&PersistentAction=other&Tags={{\"campaign\":\"mayo\"}}\
             &ContentSid={TEMPLATE}&ContentVariables={{\"1\":\"Ana\"}}"
        );
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let expected = Options {
            validity: Some(60),
            smart_encoded: Some(true),
            shorten_urls: Some(false),
            risk_check: Some(false),
            provide_feedback: Some(true),
            discard_content: Some(true),
            send_as_mms: Some(true),
            force_delivery: Some(true),
            traffic_type: Some("free".to_owned()),
            fallback_from: Some("+15005550006".to_owned()),
            persistent_action: vec!["geo:20.2,-87.4".to_owned(), "other".to_owned()],
            labels: pair("campaign", "mayo"),
            content: Some(ContentTemplate { sid: TEMPLATE.to_owned(), variables: pair("1", "Ana") }),
        };
        assert_eq!(read(&query), Ok(expected));
        let without_effect = "Attempt=2&MaxPrice=0.05&AddressRetention=retain&Unknown=1\
                              &ApplicationSid=AP1&StatusCallback=https://example.com";
        assert_eq!(read(without_effect), Ok(Options::default()));
        assert_eq!(read("ContentRetention=retain").map(|options| options.discard_content), Ok(Some(false)));
    }

    #[test]
    fn what_can_not_be_had_is_refused_in_twilios_numbers() {
        for (query, code) in [
            ("ValidityPeriod=0".to_owned(), 21624),
            ("ValidityPeriod=36001".to_owned(), 21624),
            ("ValidityPeriod=1h".to_owned(), 21624),
            ("ContentVariables={}".to_owned(), 21654),
            ("ContentSid=HX1".to_owned(), 21655),
            (format!("ContentSid={TEMPLATE}&ContentVariables=x"), 21656),
            (format!("ContentSid={TEMPLATE}&ContentVariables={{\"1\":2}}"), 21656),
            ("SmartEncoded=maybe".to_owned(), 20001),
            ("SendAsMms=1".to_owned(), 20001),
            ("ForceDelivery=yes".to_owned(), 20001),
            ("RiskCheck=true".to_owned(), 20001),
            ("Tags=campaign".to_owned(), 20001),
            ("Tags={\"campaign\":1}".to_owned(), 20001),
            ("Attempt=0".to_owned(), 20001),
            ("MaxPrice=cheap".to_owned(), 21627),
            ("ContentRetention=forget".to_owned(), 30029),
            ("AddressRetention=forget".to_owned(), 30030),
            ("AddressRetention=obfuscate".to_owned(), 30030),
            ("ApplicationSid=AP1".to_owned(), 20001),
        ] {
            assert_eq!(read(&query), Err(code), "{query}");
        }
    }
}
