//! What goes out: one method of the Bot API a part, and what its answer means.

use recado_sdk::channel::{
    Content, Later, MessageStatus, OutboundMessage, Outcome, Part, ProviderError, Request, Response, Unsendable,
    secrets, split_text,
};
use serde_json::{Value, json};

use crate::TOKEN;
use crate::config::Config;

/// The most characters of a text, and of what stands below a picture.
pub(crate) const MAX_TEXT: u32 = 4096;
const MAX_CAPTION: usize = 1024;

/// What Telegram says of whoever blocked the bot.
const BLOCKED: &str = "blocked by the user";

/// Each medium is a message of its own. A text that fits stands below the first, a longer one comes after
/// them all.
pub(crate) fn split(message: OutboundMessage) -> Result<Vec<Content>, Unsendable> {
    let OutboundMessage { text, media, .. } = message;
    let says = !text.trim().is_empty();
    if !says && media.is_empty() {
        return Err(Unsendable::Empty);
    }
    let is_caption = !media.is_empty() && text.encode_utf16().count() <= MAX_CAPTION;
    let mut contents: Vec<Content> =
        media.into_iter().map(|url| Content { text: String::new(), media: vec![url] }).collect();
    match contents.first_mut() {
        Some(first) if is_caption && says => first.text = text,
        _ if says => {
            let texts = split_text(&text, MAX_TEXT as usize).into_iter().filter(|text| !text.trim().is_empty());
            contents.extend(texts.map(|text| Content { text, media: Vec::new() }));
        }
        _ => {}
    }
    Ok(contents)
}

pub(crate) fn encode(config: &Config, part: &Part) -> Result<Request, String> {
    let Part { recipient, content, .. } = part;
    let (method, mut body) = match content.media.as_slice() {
        [] => ("sendMessage", json!({ "chat_id": recipient, "text": content.text })),
        [url] => {
            let (method, name) = method(url);
            let mut body = json!({ "chat_id": recipient });
            body[name] = json!(url);
            if !content.text.is_empty() {
                body["caption"] = json!(content.text);
            }
            (method, body)
        }
        several => return Err(format!("one request carries one medium, not {}", several.len())),
    };
    if config.disable_notification {
        body["disable_notification"] = json!(true);
    }
    let url = format!("{}/bot{}/{method}", config.base_url(), secrets::placeholder(TOKEN));
    Ok(Request::post(url).body("application/json", body.to_string()))
}

/// By its address, since Telegram takes each kind by another method: what is no known kind is a picture.
fn method(url: &str) -> (&'static str, &'static str) {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("pdf" | "zip") => ("sendDocument", "document"),
        Some("gif") => ("sendAnimation", "animation"),
        Some("mp4") => ("sendVideo", "video"),
        Some("mp3" | "m4a") => ("sendAudio", "audio"),
        _ => ("sendPhoto", "photo"),
    }
}

pub(crate) fn decode(response: &Response) -> Outcome {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if (200..300).contains(&response.status) {
        return accepted(&body, response);
    }
    let described = body.get("description").and_then(Value::as_str);
    let error = match described {
        Some(description) => ProviderError::new(i32::try_from(response.status).ok(), description),
        None => ProviderError::status(response),
    };
    match response.status {
        // A server error may come after the message was made, a time-out of a proxy too.
        ..300 | 408 | 500.. => Outcome::Unknown(error),
        // Telegram has no number for it. Other reasons are no wish of a person: a group that sent the bot
        // away, an account that is gone, somebody who never wrote.
        403 if error.message.contains(BLOCKED) => Outcome::OptedOut(error),
        429 => Outcome::Retry(Later { after: retry_after(&body, response), error }),
        // A wrong token is not found, as it stands in the address; and a redirect leads elsewhere.
        300..=399 | 401 | 404 => Outcome::Fault(error),
        _ => Outcome::Rejected(error),
    }
}

fn accepted(body: &Value, response: &Response) -> Outcome {
    let number = |path: &str| body.pointer(path).and_then(Value::as_i64);
    let ok = body.get("ok") == Some(&Value::Bool(true));
    if let (true, Some(chat), Some(id)) =
        (ok, number("/result/chat/id"), number("/result/message_id").filter(|id| *id != 0))
    {
        return Outcome::accepted(format!("{chat}:{id}"), MessageStatus::Sent);
    }
    let text = format!("HTTP {}, but no message in the answer", response.status);
    Outcome::Unknown(ProviderError::new(None, text))
}

/// In seconds.
fn retry_after(body: &Value, response: &Response) -> Option<u32> {
    let told = body.pointer("/parameters/retry_after").and_then(Value::as_u64);
    let told = told.and_then(|seconds| u32::try_from(seconds).ok());
    told.or_else(|| response.header("retry-after")?.trim().parse().ok())
}
