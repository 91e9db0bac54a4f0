//! What a plugin must not do, done on purpose: one word each.

use std::hint::black_box;

use recado_sdk::fetch::{Failure, Request};
use recado_sdk::log;
use recado_sdk::state::{self, Scope};

/// More than the host takes of anything.
const MANY: u32 = 1_000;

/// Does the harm that this word means, and gives what there is to say of it, if it lives; nothing for any
/// other word.
pub(crate) fn done(word: &str, rest: &str) -> Option<String> {
    match word {
        "trap" => std::process::abort(),
        "loop" => loop {
            black_box(());
        },
        "swell" => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "dive" => Some(deeper(0).to_string()),
        "bloat" => Some("x".repeat(2_000_000)),
        "chatter" => {
            (0..MANY).for_each(|_| log::info("and on"));
            Some("chattered".to_owned())
        }
        "hoard" => {
            let kept = (0..MANY).filter(|number| state::set(Scope::Global, &format!("hoard {number}"), "x").is_ok());
            Some(format!("hoarded {}", kept.count()))
        }
        "fetch" => Some(match Request::get(rest).send() {
            Ok(response) => format!("fetched {}", response.status),
            Err(Failure::NotAllowed(reason) | Failure::Failed(reason)) => format!("not fetched: {reason}"),
            Err(failure) => format!("not fetched: {failure:?}"),
        }),
        _ => None,
    }
}

/// Ends when the stack does.
#[expect(unconditional_recursion, reason = "the harm that is meant")]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    black_box(deeper(depth + 1)) + room[0]
}
