//! Telegram's Bot API, as a channel: texts and pictures of the chats that a bot is in.
//!
//! Owns what Telegram's updates, methods, files and errors mean. Telegram's addresses are chats; ids of
//! messages count within a chat, so the chat stands before them.

mod config;
mod files;
mod sending;
mod updates;

use recado_sdk::channel::{
    Channel, Content, Description, Fetching, NotFound, OutboundMessage, Outcome, Parsed, Part, Refusal, Request,
    Response, Unsendable, Webhook,
};

use crate::config::Config;

/// The bot's token, which stands in the URL of every request.
const TOKEN: &str = "token";
/// What the webhook was set with as `secret_token`.
const WEBHOOK_SECRET: &str = "webhook_secret";

struct Telegram;

impl Channel for Telegram {
    fn describe() -> Description {
        // What the schema refuses is not asked for here.
        let config = Config::read().unwrap_or_default();
        Description::new("telegram", env!("CARGO_PKG_VERSION"))
            .schema(config::SCHEMA)
            .secret(TOKEN)
            .secret(WEBHOOK_SECRET)
            .host(config.base_url())
            .scheme("telegram")
            .sender(config.username().map(str::to_owned))
            .max_text_units(sending::MAX_TEXT)
            .max_media(1)
    }

    fn verify_and_parse(webhook: Webhook) -> Result<Parsed, Refusal> {
        updates::verify(&webhook)?;
        let config = Config::read().map_err(Refusal::Malformed)?;
        updates::parse(&webhook.body, &config)
    }

    fn split(message: OutboundMessage) -> Result<Vec<Content>, Unsendable> {
        sending::split(message)
    }

    fn encode(part: Part) -> Result<Request, String> {
        sending::encode(&Config::read()?, &part)
    }

    fn decode(response: Response) -> Outcome {
        sending::decode(&response)
    }

    fn fetch(url: String) -> Result<Fetching, String> {
        files::fetch(&Config::read()?, &url)
    }

    fn found(response: Response) -> Result<Request, NotFound> {
        files::found(&Config::read().map_err(NotFound::Final)?, &response)
    }
}

recado_sdk::channel!(Telegram);

#[cfg(test)]
mod tests;
