//! What a component is told, in the words of the contract.

use bytes::Bytes;
use http::HeaderMap;

use super::guest::bindings::recado::channel::types;
use crate::channels::{Outbound, Part, Webhook};

pub(super) fn webhook(webhook: &Webhook) -> types::Webhook {
    let without_fragment = webhook.url.split('#').next().unwrap_or_default();
    let (before, query) = without_fragment.split_once('?').unwrap_or((without_fragment, ""));
    let path = before
        .split_once("://")
        .map_or(before, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    types::Webhook {
        method: webhook.method.as_str().to_owned(),
        url: webhook.url.clone(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: headers(&webhook.headers),
        body: webhook.body.to_vec(),
    }
}

pub(super) fn response(response: &http::Response<Bytes>) -> types::Response {
    types::Response {
        status: u32::from(response.status().as_u16()),
        headers: headers(response.headers()),
        body: response.body().to_vec(),
    }
}

/// Those that are text.
fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

pub(super) fn outbound(outbound: &Outbound) -> types::OutboundMessage {
    types::OutboundMessage { text: outbound.text.clone(), media: outbound.media.clone(), extra: Vec::new() }
}

/// The component sees addresses without their scheme.
pub(super) fn part(part: &Part) -> types::Part {
    types::Part {
        id: part.id.to_string(),
        sender: part.sender.as_ref().map(|sender| sender.without_scheme().to_owned()),
        recipient: part.recipient.without_scheme().to_owned(),
        content: types::Content { text: part.content.text.clone(), media: part.content.media.clone() },
        status_callback: part.status_callback.clone(),
        extra: Vec::new(),
    }
}
