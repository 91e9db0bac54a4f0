//! The channel as a whole, from the outside: what comes in, what goes out, what it is set up with.

mod claiming;
mod feedback;
mod fixtures;
mod listing;
mod media;
mod outcomes;
mod sending;
mod settings;
mod vectors;
mod webhooks;

use super::*;
use crate::channels::{Channel, Settings as AnyChannel};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SERVICE: &str = "MG00000000000000000000000000000001";
const KEY: &str = "SK00000000000000000000000000000001";

/// Settings as an operator writes them, on top of the least there must be.
fn settings(more: &str) -> Settings {
    let least = format!("kind = 'twilio'\naccount_sid = '{ACCOUNT}'\nauth_token = '12345'\nfrom = '+15558675310'\n");
    let mut table: toml::Table = least.parse().unwrap();
    table.extend(more.parse::<toml::Table>().unwrap());
    let AnyChannel::Twilio(settings) = table.try_into().unwrap() else { panic!("another kind") };
    settings
}

fn channel(more: &str) -> Twilio {
    Twilio::build(&settings(more)).unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A form as Twilio posts it, signed with the token of [`settings`].
fn posted(url: &str, parameters: &[(String, String)]) -> Webhook {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    headers.insert("x-twilio-signature", signature::sign("12345", url, parameters).parse().unwrap());
    Webhook { method: http::Method::POST, url: url.to_owned(), headers, body: body.into() }
}
