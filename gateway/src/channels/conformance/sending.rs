//! What goes out: parts within the limits, one request for each, and no secret in sight.

use super::{Examples, Subject, Verdict};
use crate::channels::{Content, Outbound, Unsendable};
use crate::message::Address;
use crate::message::split::utf16_units;

pub(super) fn capabilities(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let channel = subject.channel;
    let capabilities = channel.capabilities();
    let recipient = Address::received(&examples.message.recipient);
    let foreign = Address::of_scheme("no-such-scheme", "1");
    let problems = [
        (capabilities.max_text_units == 0, "one request carries no text at all"),
        (!channel.takes(&recipient), "it does not write to the recipient of the examples"),
        (foreign.is_some_and(|foreign| channel.takes(&foreign)), "it writes to addresses of another kind"),
        (channel.kind().is_empty(), "it is of no kind"),
        (
            capabilities.answer.is_some() && channel.answer(&[]).content_type.is_empty(),
            "replies ride its answer, which has no content type",
        ),
    ];
    Verdict::of(problems.into_iter().find(|(wrong, _)| *wrong).map(|(_, problem)| problem.to_owned()))
}

/// Texts of all lengths around the limit, in several alphabets.
fn texts(limit: usize) -> Vec<String> {
    let repeated = |piece: &str, units: usize| piece.repeat(units / utf16_units(piece).max(1));
    let mut texts = vec!["hi".to_owned(), "¿Qué tal? 😀 {{x}} <b>&amp;\"'\\".to_owned()];
    for units in [limit.saturating_sub(1), limit, limit + 1, 2 * limit + 1, 5 * limit] {
        texts.extend(["a", "palabra ", "é", "😀", "👩‍👩‍👧 ", "line\n"].map(|piece| repeated(piece, units)));
    }
    texts.retain(|text| !text.trim().is_empty());
    texts
}

fn outbound(text: &str, media: Vec<String>) -> Outbound {
    Outbound { text: text.to_owned(), media, ..Outbound::default() }
}

/// White space may go where a text is cut, and nothing else.
fn written(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

pub(super) fn split(subject: &Subject<'_>, _: &Examples) -> Verdict {
    let limits = subject.channel.capabilities();
    let problem = texts(limits.max_text_units).iter().find_map(|text| {
        let units = utf16_units(text);
        let parts = match subject.channel.split(&outbound(text, Vec::new())) {
            Ok(parts) => parts,
            Err(Unsendable::TooLong { .. }) if units > limits.max_text_units => return None,
            Err(reason) => return Some(format!("a text of {units} units: {reason}")),
        };
        let longest = parts.iter().map(|part| utf16_units(&part.text)).max().unwrap_or(0);
        if longest > limits.max_text_units {
            return Some(format!("a text of {units} units has a part of {longest}"));
        }
        let joined: String = parts.iter().map(|part| part.text.as_str()).collect();
        (written(&joined) != written(text)).then(|| format!("a text of {units} units loses or gains characters"))
    });
    let empty = subject.channel.split(&outbound(" ", Vec::new())) != Err(Unsendable::Empty);
    Verdict::of(problem.or_else(|| empty.then(|| "a message without text and media is not refused".to_owned())))
}

/// Parts as they come of real messages.
fn contents(subject: &Subject<'_>, examples: &Examples) -> Vec<Content> {
    let limits = subject.channel.capabilities();
    let mut messages: Vec<Outbound> =
        texts(limits.max_text_units).iter().map(|text| outbound(text, Vec::new())).collect();
    if limits.max_media > 0 {
        messages.push(outbound("mira", vec![examples.message.media.clone()]));
        messages.push(outbound("", vec![examples.message.media.clone()]));
    }
    messages.iter().filter_map(|message| subject.channel.split(message).ok()).flatten().collect()
}

pub(super) fn encode(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    let limits = subject.channel.capabilities();
    Verdict::of(contents(subject, examples).into_iter().find_map(|content| {
        if content.media.len() > limits.max_media {
            return Some(format!("a part has {} media, and {} are the most", content.media.len(), limits.max_media));
        }
        let part = examples.part(content);
        let (first, again) = match (subject.channel.encode(&part), subject.channel.encode(&part)) {
            (Ok(first), Ok(again)) => (first, again),
            (Err(reason), _) | (_, Err(reason)) => return Some(format!("a part has no request: {reason}")),
        };
        let absolute = matches!(first.uri().scheme_str(), Some("http" | "https")) && first.uri().host().is_some();
        let same = first.uri() == again.uri() && first.body() == again.body() && first.headers() == again.headers();
        match (absolute, same) {
            (false, _) => Some("a request has no whole address".to_owned()),
            (_, false) => Some("the same part has two requests".to_owned()),
            _ => None,
        }
    }))
}

/// Neither a request before the secrets are put in, nor what is said of it, shows one.
pub(super) fn secrets(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    if subject.secrets.is_empty() {
        return Verdict::skipped("it has no secrets");
    }
    let shown = |text: &str| subject.secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret));
    let encoded = contents(subject, examples).into_iter().find_map(|content| {
        let part = examples.part(content);
        let text = match subject.draft {
            Some(draft) => draft(&part).ok()?,
            // Without such a step, secrets are in the headers that authenticate, if anywhere.
            None => {
                subject.channel.encode(&part).ok().map(|request| format!("{} {:?}", request.uri(), request.body()))?
            }
        };
        shown(&text).then(|| "a request shows a secret before it is put in".to_owned())
    });
    let said = || {
        let said = examples.webhooks.iter().filter_map(|recorded| examples.webhook(recorded).ok());
        let said = said.map(|webhook| match subject.channel.verify(webhook) {
            Ok(verified) => format!("{:?} {:?}", subject.channel.parse(&verified), verified.answer()),
            Err(refused) => refused.to_string(),
        });
        said.into_iter().any(|text| shown(&text)).then(|| "a webhook's events or refusal show a secret".to_owned())
    };
    Verdict::of(encoded.or_else(said))
}
