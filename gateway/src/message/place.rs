//! The people and the place a gateway works for.

use super::Locale;

/// What plugins are told of where they run, and what a new conversation is called.
#[derive(Clone, Debug)]
pub struct Place {
    /// A BCP 47 tag, as in `es-MX`.
    pub locale: String,
    /// An IANA name, as in `America/Cancun`.
    pub time_zone: String,
    /// The subject of a new conversation; `{channel}` and `{sender}` are filled in. None is the
    /// usual one in the place's language.
    pub subject: Option<String>,
}

impl Place {
    /// The subject of a new conversation with this address on this channel.
    pub fn subject(&self, channel: &str, address: &str) -> String {
        let usual = match Locale::from_tag(&self.locale) {
            Locale::Es => "{channel} desde {sender}",
            Locale::En => "{channel} from {sender}",
        };
        let pattern = self.subject.as_deref().unwrap_or(usual);
        pattern.replace("{channel}", &channel.to_uppercase()).replace("{sender}", address)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn subjects_follow_the_pattern_or_the_language() {
        let subject = |locale: &str, pattern: Option<&str>| {
            let subject = pattern.map(str::to_owned);
            Place { locale: locale.to_owned(), time_zone: "America/Cancun".to_owned(), subject }
                .subject("sms", "+529981112233")
        };
        assert_eq!(subject("es-MX", None), "SMS desde +529981112233");
        assert_eq!(subject("en-US", None), "SMS from +529981112233");
        assert_eq!(subject("es-MX", Some("De {sender} por {channel}")), "De +529981112233 por SMS");
    }
}
