//! Components of any shape, from one template.

use std::fmt::Write as _;

/// What is filled into the template; by default a plugin that answers "hola".
#[derive(Clone, Debug)]
pub(in crate::plugins) struct Guest {
    /// What its memory begins with, of 64 KiB each.
    pub(in crate::plugins) pages: u32,
    /// The JSON Schema it tells, and the text that its code finds in its memory.
    pub(in crate::plugins) schema: &'static str,
    pub(in crate::plugins) text: &'static str,
    /// The bodies of its functions, each leaving the place of what it gives.
    pub(in crate::plugins) describe: String,
    pub(in crate::plugins) on_inbound: String,
    /// More of its core module, and more imports.
    pub(in crate::plugins) more: &'static str,
    pub(in crate::plugins) imports: &'static str,
}

/// Where the text begins, and where functions leave what they give.
pub(in crate::plugins) const TEXT: usize = 1024;
const GIVEN: usize = 64;

const NAME: &str = "guest";
const VERSION: &str = "1.0.0";

impl Default for Guest {
    fn default() -> Self {
        Self {
            pages: 1,
            schema: "{}",
            text: "hola",
            describe: "{{manifest}}".to_owned(),
            on_inbound: reply(TEXT, "hola".len()),
            more: "",
            imports: "",
        }
    }
}

impl Guest {
    /// One whose hook runs this code.
    pub(in crate::plugins) fn running(on_inbound: impl Into<String>) -> Self {
        Self { on_inbound: on_inbound.into(), ..Self::default() }
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
        let manifest = [&name[..], &version, &nothing, &[1], &schema, &nothing].concat();
        let manifest: Vec<String> = manifest.into_iter().map(number).collect();
        let manifest = given(&manifest.iter().map(String::as_str).collect::<Vec<_>>());
        let mut escaped = String::new();
        for byte in data.bytes() {
            write!(escaped, "\\{byte:02x}").unwrap();
        }
        include_str!("plugin.wat")
            .replace("{{describe}}", &self.describe)
            .replace("{{on-inbound}}", &self.on_inbound)
            .replace("{{manifest}}", &manifest)
            .replace("{{pages}}", &self.pages.to_string())
            .replace("{{data}}", &escaped)
            .replace("{{more}}", self.more)
            .replace("{{imports}}", self.imports)
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
