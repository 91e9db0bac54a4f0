//! The small wishes of a request to send: what is switched on or off, or chosen from a few words. Pure.

use serde::{Deserialize, Serialize};

use super::create::value;
use super::errors::Refusal;

/// What is asked for beside who, what and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// Not said: as the Messaging Service is set up.
    pub(super) smart_encoded: Option<bool>,
    pub(super) shorten_urls: bool,
    /// One MMS, however long the text.
    pub(super) send_as_mms: bool,
    pub(super) privacy: Privacy,
}

/// What the API no longer tells of a message once it has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Privacy {
    pub(super) discards_text: bool,
    pub(super) obfuscates_recipient: bool,
}

impl Wishes {
    pub(super) fn read(form: &[(String, String)], service: Option<&str>) -> Result<Self, Refusal> {
        let wishes = Self {
            smart_encoded: switch(form, "SmartEncoded")?,
            shorten_urls: switch(form, "ShortenUrls")?.unwrap_or(false),
            send_as_mms: switch(form, "SendAsMms")?.unwrap_or(false),
            privacy: Privacy {
                discards_text: word(form, "ContentRetention", &["retain", "discard"], 30029)? == Some("discard"),
                obfuscates_recipient: word(form, "AddressRetention", &["retain", "obfuscate"], 30030)?
                    == Some("obfuscate"),
            },
        };
        check(form)?;
        if wishes.shorten_urls && service.is_none() {
            return Err(Refusal::invalid(21701, "ShortenUrls needs a MessagingServiceSid, whose domain the links get"));
        }
        Ok(wishes)
    }
}

/// Those that make no difference here, since nothing is billed and nobody pumps messages.
fn check(form: &[(String, String)]) -> Result<(), Refusal> {
    switch(form, "ProvideFeedback")?;
    switch(form, "ForceDelivery")?;
    word(form, "RiskCheck", &["enable", "disable"], Refusal::UNREADABLE)?;
    word(form, "TrafficType", &["free"], Refusal::UNREADABLE)?;
    if let Some(attempt) =
        value(form, "Attempt").filter(|attempt| !attempt.parse().is_ok_and(|attempt: u32| attempt > 0))
    {
        return Err(Refusal::unreadable("Attempt", attempt));
    }
    let is_price = |price: &str| price.parse().is_ok_and(|price: f64| price.is_finite() && price >= 0.0);
    if value(form, "MaxPrice").is_some_and(|price| !is_price(price)) {
        return Err(Refusal::invalid(21627, "Max Price must be a valid float"));
    }
    Ok(())
}

/// `true` or `false`, in any case of letters.
fn switch(form: &[(String, String)], name: &str) -> Result<Option<bool>, Refusal> {
    let Some(written) = value(form, name) else { return Ok(None) };
    let read = written.to_ascii_lowercase().parse().ok();
    read.map(Some).ok_or_else(|| Refusal::unreadable(name, written))
}

/// One of these words, or a refusal with this number.
fn word<'a>(form: &'a [(String, String)], name: &str, words: &[&str], code: u32) -> Result<Option<&'a str>, Refusal> {
    match value(form, name) {
        Some(written) if !words.contains(&written) => {
            Err(Refusal::invalid(code, format!("{name} is {}, not {written}", words.join(" or "))))
        }
        written => Ok(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, service: Option<&str>) -> Result<Wishes, u32> {
        let form: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Wishes::read(&form, service).map_err(|refusal| refusal.code)
    }

    #[test]
    fn wishes_are_read() {
        assert_eq!(read("", None), Ok(Wishes::default()));
        let all = "SmartEncoded=True&ShortenUrls=true&SendAsMms=true&ContentRetention=discard\
                   &AddressRetention=obfuscate&ProvideFeedback=true&ForceDelivery=false&RiskCheck=disable\
                   &TrafficType=free&Attempt=2&MaxPrice=0.05";
        let privacy = Privacy { discards_text: true, obfuscates_recipient: true };
        let wishes = Wishes { smart_encoded: Some(true), shorten_urls: true, send_as_mms: true, privacy };
        assert_eq!(read(all, Some("MG")), Ok(wishes));
        let off = "SmartEncoded=false&ShortenUrls=false&SendAsMms=FALSE&ContentRetention=retain\
                   &AddressRetention=retain&RiskCheck=enable";
        assert_eq!(read(off, None), Ok(Wishes { smart_encoded: Some(false), ..Wishes::default() }));
    }

    #[test]
    fn what_can_not_be_read_is_refused() {
        for (query, code) in [
            ("SmartEncoded=yes", 20001),
            ("SmartEncoded=1", 20001),
            ("ShortenUrls=on", 20001),
            ("SendAsMms=maybe", 20001),
            ("ProvideFeedback=si", 20001),
            ("ForceDelivery=x", 20001),
            ("RiskCheck=true", 20001),
            ("TrafficType=paid", 20001),
            ("Attempt=0", 20001),
            ("Attempt=first", 20001),
            ("Attempt=1.5", 20001),
            ("MaxPrice=cheap", 21627),
            ("MaxPrice=NaN", 21627),
            ("MaxPrice=-1", 21627),
            ("ContentRetention=forget", 30029),
            ("ContentRetention=Discard", 30029),
            ("AddressRetention=discard", 30030),
        ] {
            assert_eq!(read(query, Some("MG")), Err(code), "{query}");
        }
        assert_eq!(read("ShortenUrls=true", None), Err(21701));
    }
}
