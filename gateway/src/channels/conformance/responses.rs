//! What a response means: nothing is sent twice, and nothing is thought sent that was not.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::examples::Answered;
use super::{Examples, Subject, Verdict};
use crate::channels::{BROKEN, Outcome};
use crate::message::ProviderError;

const BODIES: [&[u8]; 8] = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"<html>",
    b"\xff\xfe",
    br#"{"ok":true,"result":null}"#,
    br#"{"code":"x","error":{}}"#,
];

fn response(status: u16, body: &[u8]) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Any status with any body comes to something, and always to the same.
pub(super) fn total(subject: &Subject<'_>, _: &Examples) -> Verdict {
    let deep = b"[".repeat(10_000);
    let bodies = || BODIES.into_iter().chain([deep.as_slice()]);
    let mut all = (100..600).step_by(7).flat_map(|status| bodies().map(move |body| (status, body)));
    Verdict::of(all.find_map(|(status, body)| {
        let response = response(status, body);
        let (first, again) = (subject.channel.decode(&response), subject.channel.decode(&response));
        let broken = matches!(&first, Outcome::Unknown { error } if is_broken(error));
        match (broken, first == again) {
            (true, _) => Some(format!("HTTP {status} with a body of {} bytes breaks it", body.len())),
            (_, false) => Some(format!("HTTP {status} was read in two ways")),
            _ => None,
        }
    }))
}

fn is_broken(error: &ProviderError) -> bool {
    error.message.as_deref().is_some_and(|message| message.starts_with(BROKEN))
}

pub(super) fn too_many(subject: &Subject<'_>, _: &Examples) -> Verdict {
    let again = |body: &&[u8]| {
        let outcome = subject.channel.decode(&response(429, body));
        !matches!(outcome, Outcome::Retry { .. } | Outcome::Busy { .. })
    };
    let wrong = BODIES.iter().any(again);
    Verdict::of(wrong.then(|| "HTTP 429 is not tried again".to_owned()))
}

pub(super) fn server_errors(subject: &Subject<'_>, _: &Examples) -> Verdict {
    let known = |status: &u16| {
        BODIES.iter().any(|body| !matches!(subject.channel.decode(&response(*status, body)), Outcome::Unknown { .. }))
    };
    let wrong = [500, 502, 503, 504, 520].into_iter().find(known);
    Verdict::of(wrong.map(|status| format!("HTTP {status} may come after the message was sent, and is not unknown")))
}

pub(super) fn without_id(subject: &Subject<'_>, _: &Examples) -> Verdict {
    let wrong =
        BODIES.iter().find(|body| !matches!(subject.channel.decode(&response(200, body)), Outcome::Unknown { .. }));
    Verdict::of(wrong.map(|body| format!("HTTP 200 with {:?} is not unknown", String::from_utf8_lossy(body))))
}

pub(super) fn recorded(subject: &Subject<'_>, examples: &Examples) -> Verdict {
    if examples.responses.is_empty() {
        return Verdict::skipped("there are no recorded responses");
    }
    Verdict::of(examples.responses.iter().find_map(|answered| {
        let response = answered.response().ok()?;
        let difference = difference(answered, &subject.channel.decode(&response))?;
        Some(format!("{}: {difference}", answered.name))
    }))
}

fn difference(answered: &Answered, outcome: &Outcome) -> Option<String> {
    let (word, id, after, error) = match outcome {
        Outcome::Accepted { provider_id, .. } => ("accepted", Some(provider_id), None, None),
        Outcome::Retry { after, error } => ("retry", None, *after, Some(error)),
        Outcome::Busy { after, error, .. } => ("busy", None, *after, Some(error)),
        Outcome::Rejected { error } => ("rejected", None, None, Some(error)),
        Outcome::OptedOut { error } => ("opted_out", None, None, Some(error)),
        Outcome::Fault { error, .. } => ("fault", None, None, Some(error)),
        Outcome::Unknown { error } => ("unknown", None, None, Some(error)),
    };
    let code = error.and_then(|error| error.code);
    let wanted_after = answered.after_s.map(Duration::from_secs);
    if word != answered.outcome {
        Some(format!("it is {word}, not {}", answered.outcome))
    } else if answered.id.is_some() && answered.id.as_ref() != id {
        Some(format!("its id is {id:?}"))
    } else if answered.code.is_some() && answered.code != code {
        Some(format!("its code is {code:?}"))
    } else if wanted_after.is_some() && wanted_after != after {
        Some(format!("it is tried again after {after:?}"))
    } else {
        None
    }
}
