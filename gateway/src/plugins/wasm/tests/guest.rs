//! Components of any shape, from one template.

use std::fmt::Write as _;

use super::imports::Import;

/// What is filled into the template; by default a plugin that answers "hola", whatever it is asked.
#[derive(Clone, Debug)]
pub(in crate::plugins) struct Guest {
    /// What its memory begins with, of 64 KiB each.
    pub(in crate::plugins) pages: u32,
    /// The hooks it says it wants, as the contract's flags.
    pub(in crate::plugins) hooks: usize,
    /// The JSON Schema it tells, and the text that its code finds in its memory.
    pub(in crate::plugins) schema: &'static str,
    pub(in crate::plugins) text: &'static str,
    /// The bodies of its functions, each leaving the place of what it gives.
    pub(in crate::plugins) describe: String,
    pub(in crate::plugins) on_inbound: String,
    pub(in crate::plugins) on_outbound: String,
    pub(in crate::plugins) on_status: String,
    pub(in crate::plugins) on_timer: String,
    /// More of its core module.
    pub(in crate::plugins) more: &'static str,
    /// What it takes of the host besides the log.
    pub(in crate::plugins) imports: &'static [Import],
}

/// Where the text begins, and where functions leave what they give.
pub(in crate::plugins) const TEXT: usize = 1024;
const GIVEN: usize = 64;
/// Where code may keep what it likes.
pub(in crate::plugins) const SCRATCH: usize = 512;

pub(in crate::plugins) const INBOUND: usize = 1;
pub(in crate::plugins) const ALL_HOOKS: usize = 15;

const NAME: &str = "guest";
const VERSION: &str = "1.0.0";

impl Default for Guest {
    fn default() -> Self {
        let hola = reply(TEXT, "hola".len());
        Self {
            pages: 1,
            hooks: INBOUND,
            schema: "{}",
            text: "hola",
            describe: "{{manifest}}".to_owned(),
            on_inbound: hola.clone(),
            on_outbound: reject(TEXT, "hola".len()),
            on_status: hola.clone(),
            on_timer: hola,
            more: "",
            imports: &[],
        }
    }
}

impl Guest {
    /// One whose hook for what came in runs this code.
    pub(in crate::plugins) fn running(on_inbound: impl Into<String>) -> Self {
        Self { on_inbound: on_inbound.into(), ..Self::default() }
    }

    /// One that wants all hooks, and runs this code in each.
    pub(in crate::plugins) fn running_always(code: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            hooks: ALL_HOOKS,
            on_inbound: code.clone(),
            on_outbound: code.clone(),
            on_status: code.clone(),
            on_timer: code,
            ..Self::default()
        }
    }

    /// One that wants all hooks, and runs this code in each before it answers as it usually does.
    pub(in crate::plugins) fn doing_always(code: &str) -> Self {
        let usual = Self::default();
        let before = |answer: String| format!("{code} {answer}");
        Self {
            hooks: ALL_HOOKS,
            on_inbound: before(usual.on_inbound),
            on_outbound: before(usual.on_outbound),
            on_status: before(usual.on_status),
            on_timer: before(usual.on_timer),
            ..Self::default()
        }
    }

    pub(in crate::plugins) fn component(&self) -> Vec<u8> {
        wat::parse_str(self.source()).unwrap()
    }

    pub(in crate::plugins) fn source(&self) -> String {
        let mut data = String::new();
        let mut place = |text: &str| {
            let at = TEXT + data.len();
            data.push_str(text);
            [at, text.len()]
        };
        let (_, name, version, schema) = (place(self.text), place(NAME), place(VERSION), place(self.schema));
        // By the canonical ABI: a text is its place and its length, flags are a byte.
        let nothing = [TEXT, 0];
        let manifest = [&name[..], &version, &nothing, &[self.hooks], &schema, &nothing].concat();
        let manifest: Vec<String> = manifest.into_iter().map(number).collect();
        let manifest = given(&manifest.iter().map(String::as_str).collect::<Vec<_>>());
        let mut escaped = String::new();
        for byte in data.bytes() {
            write!(escaped, "\\{byte:02x}").unwrap();
        }
        let joined = |part: fn(&Import) -> String| self.imports.iter().map(part).collect::<String>();
        include_str!("plugin.wat")
            .replace("{{describe}}", &self.describe)
            .replace("{{on-inbound}}", &self.on_inbound)
            .replace("{{on-outbound}}", &self.on_outbound)
            .replace("{{on-status}}", &self.on_status)
            .replace("{{on-timer}}", &self.on_timer)
            .replace("{{manifest}}", &manifest)
            .replace("{{pages}}", &self.pages.to_string())
            .replace("{{data}}", &escaped)
            .replace("{{more}}", self.more)
            .replace("{{imports}}", &joined(Import::instance))
            .replace("{{lowered}}", &joined(Import::lowered))
            .replace("{{given}}", &joined(Import::given))
            .replace("{{taken}}", &joined(Import::taken))
    }
}

/// Code that decides on one reply with the text in this place.
pub(in crate::plugins) fn reply(text: usize, length: usize) -> String {
    reply_found_by(&number(text), &number(length))
}

/// The same, where place and length are what this code comes to.
pub(in crate::plugins) fn reply_found_by(text: &str, length: &str) -> String {
    // An `ok` with a list of one action and `proceed`; the action is a `reply` without media, and
    // what an action has begins at a multiple of eight.
    let [zero, one, action] = [0, 1, GIVEN + 16].map(number);
    given(&[&zero, &action, &one, &zero, &zero, &zero, text, length, &zero, &zero])
}

/// Code that replies with one letter: "A" and as many further as this code comes to, modulo 16.
pub(in crate::plugins) fn reply_letter(number: &str) -> String {
    let letter = format!("(i32.add (i32.const 65) (i32.and {number} (i32.const 15)))");
    format!("(i32.store8 (i32.const {SCRATCH}) {letter}) {}", reply(SCRATCH, 1))
}

/// Code that rejects an outbound message for the reason in this place.
pub(in crate::plugins) fn reject(text: usize, length: usize) -> String {
    reject_found_by(&number(text), &number(length))
}

/// The same, where place and length are what this code comes to.
pub(in crate::plugins) fn reject_found_by(text: &str, length: &str) -> String {
    // A verdict holds a float, so that what it has begins at multiples of eight.
    let [zero, one] = [0, 1].map(number);
    given(&[&zero, &zero, &one, &zero, text, length])
}

/// Code that accepts an outbound message, with these words of what is to be different, by their places.
pub(in crate::plugins) fn accept(changes: &[(usize, usize)]) -> String {
    let mut words = vec![0; 23];
    for (place, word) in changes {
        words[place / 4] = *word;
    }
    let words: Vec<String> = words.into_iter().map(number).collect();
    given(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Code that decides on so many actions, which are wherever they may be.
pub(in crate::plugins) fn actions(place: usize, count: usize) -> String {
    given(&[&number(0), &number(place), &number(count), &number(0)])
}

/// Code that fails in the given way, with the guest's text.
pub(in crate::plugins) fn failure(way: usize, length: usize) -> String {
    given(&[&number(1), &number(way), &number(TEXT), &number(length)])
}

fn number(number: usize) -> String {
    format!("(i32.const {number})")
}

/// Code that writes these words and gives their place.
fn given(words: &[&str]) -> String {
    let stores = (0..).step_by(4).zip(words);
    let stores = stores.map(|(offset, word)| format!("(i32.store offset={offset} (i32.const {GIVEN}) {word})\n"));
    format!("{}(i32.const {GIVEN})", stores.collect::<String>())
}
