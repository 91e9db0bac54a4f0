//! Parameters as Twilio takes them, in a form or a query: names in Pascal case, empty is not given.

/// The pairs, in the order they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn read(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of that name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of that name that are not empty.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether it was given without a value.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && value.is_empty())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_count_as_not_given() {
        let read = Parameters::read(b"Body=&To=%2B52&MediaUrl=a&MediaUrl=&MediaUrl=b");
        assert_eq!((read.get("Body"), read.is_empty("Body")), (None, true));
        assert_eq!((read.get("To"), read.is_empty("To")), (Some("+52"), false));
        assert_eq!(read.all("MediaUrl").collect::<Vec<_>>(), ["a", "b"]);
    }
}
