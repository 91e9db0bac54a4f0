//! What comes in: updates, one to a webhook.

use recado_sdk::channel::{Consent, InboundMessage, Parsed, Refusal, Webhook, secrets};
use serde_json::Value;

use crate::WEBHOOK_SECRET;
use crate::config::Config;
use crate::files::{self, FILES};

/// Telegram repeats here what `setWebhook` was given as `secret_token`.
const HEADER: &str = "x-telegram-bot-api-secret-token";

/// What else is a message of a person, not of the chat itself.
const OTHERS: [&str; 6] = ["location", "venue", "contact", "poll", "dice", "story"];

pub(crate) fn verify(webhook: &Webhook) -> Result<(), Refusal> {
    let told = webhook.header(HEADER).ok_or(Refusal::Unsigned)?;
    if secrets::equals(WEBHOOK_SECRET, told.as_bytes()) { Ok(()) } else { Err(Refusal::Forged) }
}

/// Edited messages, posts of channels and all other kinds of updates mean nothing here.
pub(crate) fn parse(body: &[u8], config: &Config) -> Result<Parsed, Refusal> {
    let bot = config.username().unwrap_or("bot");
    let malformed = |what: &str| Refusal::Malformed(what.to_owned());
    let update: Value = serde_json::from_slice(body).map_err(|_| malformed("the body is no JSON"))?;
    let update_id = update.get("update_id").and_then(Value::as_i64).ok_or_else(|| malformed("it has no update_id"))?;
    let Some(message) = update.get("message") else { return Ok(Parsed::nothing()) };
    let number = |path: &str| message.pointer(path).and_then(Value::as_i64);
    let chat = number("/chat/id").ok_or_else(|| malformed("the message has no chat"))?;
    let id = number("/message_id").ok_or_else(|| malformed("the message has no id"))?;
    if !is_of_a_person(message) {
        return Ok(Parsed::nothing());
    }
    let text = ["text", "caption"].into_iter().find_map(|name| message.get(name)).and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let mut inbound = InboundMessage::new(format!("{chat}:{id}"), chat.to_string(), bot, text);
    inbound.consent = consent(text, config.username());
    inbound.media = files::media(message, config);
    inbound.extra = extra(update_id, message);
    Ok(Parsed::inbound(inbound))
}

/// Telegram also makes a message of it when somebody joins, or a title changes.
fn is_of_a_person(message: &Value) -> bool {
    ["text", "caption"].into_iter().chain(FILES).chain(OTHERS).any(|name| message.get(name).is_some())
}

/// Telegram sends `/start` for whoever opens the bot, and for whoever has blocked it and comes back.
/// `/stop` is what people write to be left alone.
fn consent(text: &str, bot: Option<&str>) -> Option<Consent> {
    let command = text.split_whitespace().next()?;
    let command = match command.split_once('@') {
        // Telegram hands commands to other bots to nobody but an administrator of the group.
        Some((command, named)) if bot.is_none_or(|bot| named.eq_ignore_ascii_case(bot)) => command,
        Some(_) => return None,
        None => command,
    };
    match command {
        "/start" => Some(Consent::OptedIn),
        "/stop" => Some(Consent::OptedOut),
        _ => None,
    }
}

/// What else was told, by Telegram's names.
fn extra(update_id: i64, message: &Value) -> Vec<(String, String)> {
    let paths = [
        ("chat.type", "/chat/type"),
        ("chat.title", "/chat/title"),
        ("from.id", "/from/id"),
        ("from.username", "/from/username"),
        ("from.first_name", "/from/first_name"),
        ("from.last_name", "/from/last_name"),
        ("from.language_code", "/from/language_code"),
        ("date", "/date"),
        ("reply_to_message_id", "/reply_to_message/message_id"),
        ("media_group_id", "/media_group_id"),
    ];
    let told = |path: &str| match message.pointer(path)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut extra = vec![("update_id".to_owned(), update_id.to_string())];
    extra.extend(paths.into_iter().filter_map(|(name, path)| Some((name.to_owned(), told(path)?))));
    extra
}
