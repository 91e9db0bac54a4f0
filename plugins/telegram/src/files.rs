//! Files that came with messages. Telegram names each by an id; `getFile` tells for an hour where it is.

use recado_sdk::channel::{Fetching, Media, NotFound, Request, Response, secrets};
use serde_json::{Value, json};

use crate::TOKEN;
use crate::config::Config;

/// The method that looks a file up, and what stands between it and the id.
const LOOKUP: &str = "/getFile?file_id=";

/// What a message may bring besides text, by Telegram's names.
pub(crate) const FILES: [&str; 8] =
    ["photo", "document", "audio", "video", "voice", "video_note", "animation", "sticker"];

/// The files of a message. An animation is told as a document, too, and is one file.
pub(crate) fn media(message: &Value, config: &Config) -> Vec<Media> {
    let mut media: Vec<Media> = Vec::new();
    for name in FILES {
        let Some(file) = message.get(name).and_then(largest) else { continue };
        let Some(id) = file.get("file_id").and_then(Value::as_str).filter(|id| is_id(id)) else { continue };
        let url = format!("{}{LOOKUP}{id}", config.base_url());
        if media.iter().any(|known| known.url == url) {
            continue;
        }
        let told = file.get("mime_type").and_then(Value::as_str);
        let content_type = told.or((name == "photo").then_some("image/jpeg")).map(str::to_owned);
        media.push(Media { url, content_type });
    }
    media
}

/// Of a picture, Telegram lists several sizes, the largest last.
fn largest(value: &Value) -> Option<&Value> {
    value.as_array().map_or(Some(value), |sizes| sizes.last())
}

/// The letters that Telegram's ids are of; nothing of them means anything in an address.
fn is_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

pub(crate) fn fetch(config: &Config, url: &str) -> Result<Fetching, String> {
    let id = url.strip_prefix(config.base_url()).and_then(|rest| rest.strip_prefix(LOOKUP)).filter(|id| is_id(id));
    let id = id.ok_or("it is no file of this bot's Bot API")?;
    let request = Request::post(format!("{}/bot{}/getFile", config.base_url(), secrets::placeholder(TOKEN)));
    Ok(Fetching::lookup(request.body("application/json", json!({ "file_id": id }).to_string())))
}

/// A path as `photos/file_1.jpg`. A Bot API server of one's own may tell a path on its disk, which begins
/// with a slash and leads nowhere here.
pub(crate) fn found(config: &Config, response: &Response) -> Result<Request, NotFound> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let described = body.get("description").and_then(Value::as_str);
    let reason = described.map_or_else(|| format!("HTTP {}", response.status), str::to_owned);
    match response.status {
        200 => {}
        429 | 500.. => return Err(NotFound::Passing(reason)),
        _ => return Err(NotFound::Final(reason)),
    }
    match body.pointer("/result/file_path").and_then(Value::as_str) {
        Some(path) if is_path(path) => {
            Ok(Request::get(format!("{}/file/bot{}/{path}", config.base_url(), secrets::placeholder(TOKEN))))
        }
        Some(_) => Err(NotFound::Final("Telegram tells a path that is none below its address".to_owned())),
        None => Err(NotFound::Final("Telegram does not tell where the file is".to_owned())),
    }
}

/// Plain names between slashes.
fn is_path(path: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use recado_sdk::channel::testing::{Host, response};

    use super::*;

    fn at(status: u32, body: &Value) -> Result<String, NotFound> {
        let response = response(status, body.to_string());
        let host = Host::new().secret(TOKEN, "1:a");
        host.run(|| found(&Config::default(), &response)).map(|request| request.url)
    }

    #[test]
    fn a_file_is_looked_up_and_then_fetched() {
        let message = json!({ "photo": [{ "file_id": "small" }, { "file_id": "AgAD-l_1" }] });
        let media = media(&message, &Config::default());
        let [picture] = &media[..] else { panic!("{media:?}") };
        assert_eq!(picture.content_type.as_deref(), Some("image/jpeg"));
        let fetching = Host::new().secret(TOKEN, "1:a").run(|| fetch(&Config::default(), &picture.url)).unwrap();
        assert!(fetching.lookup);
        assert_eq!(fetching.request.url, "https://api.telegram.org/bot{{secret:token}}/getFile");
        assert_eq!(fetching.request.body, br#"{"file_id":"AgAD-l_1"}"#);
        let url =
            at(200, &json!({ "ok": true, "result": { "file_id": "AgAD-l_1", "file_path": "photos/file_1.jpg" } }));
        assert_eq!(url.unwrap(), "https://api.telegram.org/file/bot{{secret:token}}/photos/file_1.jpg");
    }

    #[test]
    fn a_document_tells_its_type_and_an_animation_is_one_file() {
        let file = json!({ "file_id": "a1", "mime_type": "video/mp4" });
        let media = media(&json!({ "animation": file, "document": file }), &Config::default());
        assert_eq!(media.len(), 1);
        assert_eq!(media[0].content_type.as_deref(), Some("video/mp4"));
    }

    #[test]
    fn what_leads_elsewhere_is_not_fetched() {
        let urls = [
            "https://evil.example.com/getFile?file_id=a",
            "https://api.telegram.org/getFile?file_id=a&b=c",
            "https://api.telegram.org/getFile?file_id=",
            "https://api.telegram.org.evil.example.com/getFile?file_id=a",
        ];
        for url in urls {
            assert!(fetch(&Config::default(), url).is_err(), "{url}");
        }
        for path in ["/var/lib/a.jpg", "../a.jpg", "a/../b", "a?b", "a//b", "", "a b", "{{secret:token}}"] {
            let told = at(200, &json!({ "ok": true, "result": { "file_path": path } }));
            assert!(matches!(told, Err(NotFound::Final(_))), "{path}");
        }
    }

    #[test]
    fn a_lookup_may_fail_for_now_or_for_good() {
        let error = |text: &str| json!({ "ok": false, "description": text });
        let big = at(400, &error("Bad Request: file is too big"));
        assert_eq!(big, Err(NotFound::Final("Bad Request: file is too big".to_owned())));
        assert_eq!(at(429, &error("wait")), Err(NotFound::Passing("wait".to_owned())));
        assert_eq!(at(502, &json!("<html>")), Err(NotFound::Passing("HTTP 502".to_owned())));
        assert!(matches!(at(200, &json!({ "ok": true })), Err(NotFound::Final(_))));
    }
}
