//! Components of any shape, from one template.

/// What is filled into the template; by default a plugin that answers "hola".
#[derive(Clone, Debug)]
pub(super) struct Guest {
    /// What its memory begins with.
    pub(super) pages: u32,
    pub(super) schema: &'static str,
    /// The bodies of its functions, each leaving a pointer to what it gives.
    pub(super) describe: &'static str,
    pub(super) on_inbound: &'static str,
    /// More of its core module, and more imports.
    pub(super) more: &'static str,
    pub(super) imports: &'static str,
}

/// Where the texts begin, and where a function leaves what it gives.
const DATA: usize = 1024;
const GIVEN: usize = 64;
const ANSWER: &str = "hola";

impl Default for Guest {
    fn default() -> Self {
        Self { pages: 1, schema: "{}", describe: "{{manifest}}", on_inbound: "{{answer}}", more: "", imports: "" }
    }
}

impl Guest {
    pub(super) fn text(&self) -> String {
        let name = (DATA, "guest");
        let version = (name.0 + name.1.len(), "1.0.0");
        let answer = (version.0 + version.1.len(), ANSWER);
        let schema = (answer.0 + answer.1.len(), self.schema);
        let data = [name.1, version.1, answer.1, schema.1].concat();
        // By the canonical ABI: a text is its place and its length, flags and cases are a byte.
        let manifest = given(&[name.0, name.1.len(), version.0, version.1.len(), DATA, 0, 1, schema.0, schema.1.len()]);
        let action = GIVEN + 32;
        let decision = given(&[0, action, 1, 0, 0, 0, 0, 0, 0, answer.0, answer.1.len(), 0, 0]);
        include_str!("plugin.wat")
            .replace("{{describe}}", self.describe)
            .replace("{{on-inbound}}", self.on_inbound)
            .replace("{{manifest}}", &manifest)
            .replace("{{answer}}", &decision)
            .replace("{{pages}}", &self.pages.to_string())
            .replace("{{data}}", &data.replace('"', "\\22"))
            .replace("{{more}}", self.more)
            .replace("{{imports}}", self.imports)
    }

    pub(super) fn component(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap()
    }
}

/// Code that writes these words and gives their place.
fn given(words: &[usize]) -> String {
    let stores = words
        .iter()
        .enumerate()
        .map(|(position, word)| format!("(i32.store (i32.const {}) (i32.const {word}))\n", GIVEN + position * 4));
    format!("{}(i32.const {GIVEN})", stores.collect::<String>())
}
