//! How a registry asks who one is: `WWW-Authenticate`. Pure.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user and a password.
    Basic,
    /// A token from somebody else.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// The one that is understood; a token before a password.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let texts: Vec<&str> =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let bearer = texts.iter().find_map(|text| bearer(text));
        bearer.or_else(|| texts.iter().any(|text| after(text, "basic").is_some()).then_some(Self::Basic))
    }
}

fn bearer(text: &str) -> Option<Challenge> {
    let mut rest = after(text, "bearer")?;
    let (mut realm, mut service, mut scope) = (None, None, None);
    while let Some((name, value, next)) = parameter(rest) {
        match name.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            "service" => service = Some(value),
            "scope" => scope = Some(value),
            _ => {}
        }
        rest = next;
    }
    Some(Challenge::Bearer { realm: realm?, service, scope })
}

/// What follows the name of the scheme.
fn after<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    word.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The first `name=value`, with or without quotes, and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.trim_start_matches([' ', ',']).split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = rest.split_once(',').unwrap_or((rest, ""));
        return Some((name.trim(), value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((name.trim(), value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
        }
        Challenge::read(&headers)
    }

    fn asks(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let (service, scope) = (service.map(str::to_owned), scope.map(str::to_owned));
        Challenge::Bearer { realm: realm.to_owned(), service, scope }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let scope = "repository:team/plugin:pull,push";
        let usual =
            format!(r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="{scope}""#);
        let expected = Some(asks("https://auth.example.com/token", Some("registry.example.com"), Some(scope)));
        assert_eq!(read(&[&usual]), expected);
        assert_eq!(read(&["Basic realm=\"x\"", &usual]), expected, "a token before a password");
        assert_eq!(read(&["bearer realm=https://a/t , error=\"x\""]), Some(asks("https://a/t", None, None)));
        assert_eq!(read(&[r#"Bearer service="a \"b\"", realm="r""#]), Some(asks("r", Some("a \"b\""), None)));
        assert_eq!(read(&["BASIC"]), Some(Challenge::Basic));
        for nothing in ["Negotiate", "Bearer service=\"x\"", "Bearer realm=\"never ends", "", "Bearer"] {
            assert_eq!(read(&[nothing]), None, "{nothing}");
        }
        assert_eq!(read(&[]), None);
    }
}
