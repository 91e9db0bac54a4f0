//! Who may come in, and for which channels: HTTP Basic with an API key as the password.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::channels::Channels;
use crate::channels::twilio::resource::id_after;
use crate::message::Scope;
use crate::web::App;
use crate::web::auth::{hash_key, may};

/// A caller with a valid key, and the account it calls itself.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) key_id: Uuid,
    /// As it stands in the path; all answers say it.
    pub(super) account: String,
    /// What this account is: one real account's channels, or all.
    pub(super) channels: Vec<String>,
}

/// The password is compared as its hash, by the database, so that its time tells nothing of use.
pub(super) async fn let_in(
    app: &App,
    headers: &HeaderMap,
    account: &str,
    path: &str,
    writes: bool,
) -> Result<Access, Refusal> {
    let (user, key) = credentials(headers).ok_or_else(Refusal::unauthorized)?;
    let key = app.keys.enter(&hash_key(&key), app.clock.now()).await.map_err(|why| Refusal::no_entry(&why))?;
    let key_id = key.id;
    let by_key = id_after(&user, "SK") == Some(key_id);
    if !by_key && user != account {
        return Err(Refusal::unauthorized());
    }
    let channels = channels_of(&app.channels, account, key_id);
    if channels.is_empty() {
        // As Twilio: a key that is good is told that the account is not its own; another's name with
        // this password is no account at all.
        return Err(if by_key { Refusal::not_found(path) } else { Refusal::unauthorized() });
    }
    let scope = if writes { Scope::MessagesWrite } else { Scope::MessagesRead };
    if !may(&key, scope) {
        return Err(Refusal::not_allowed(scope));
    }
    Ok(Access { key_id, account: account.to_owned(), channels })
}

/// The user and the password of the header.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// All channels for the key's own account; those of a real account for that one.
fn channels_of(channels: &Channels, account: &str, key_id: Uuid) -> Vec<String> {
    let own = id_after(account, "AC") == Some(key_id);
    let is_of = |name: &str| channels.get(name).is_some_and(|channel| channel.known_as().account == Some(account));
    channels.names().filter(|name| own || is_of(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn credentials_are_those_of_http_basic() {
        let good = format!("Basic {}", STANDARD.encode("AC1:recado_a:b"));
        assert_eq!(credentials(&header(&good)), Some(("AC1".to_owned(), "recado_a:b".to_owned())));
        assert!(credentials(&header(&good.replace("Basic", "bAsIc"))).is_some());
        for bad in ["", "Basic", "Basic !", "Bearer recado_a", &format!("Basic {}", STANDARD.encode("no colon"))] {
            assert_eq!(credentials(&header(bad)), None, "{bad}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }
}
