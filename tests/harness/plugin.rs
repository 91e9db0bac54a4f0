//! Plugins for tests: those that come with Recado, and small ones that behave as a test needs.

use std::path::Path;

use serde_json::Value;
use toml::Table;

use crate::{Must, give_up};

/// A plugin, and how the gateway is to treat it.
#[derive(Clone, Debug)]
pub struct Plugin {
    name: String,
    source: Source,
    settings: Table,
}

#[derive(Clone, Debug)]
enum Source {
    Builtin(String),
    File(&'static str),
    Text(String),
}

/// What a small plugin does with every message.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Replies with this text; it may hold no quotes and no backslashes.
    Reply(&'static str),
    /// Runs for ever.
    Loop,
    /// Runs for ever when a text has this many bytes, and does nothing about any other.
    LoopAt(u32),
    /// Takes memory for ever.
    Allocate,
    Trap,
    /// Runs this code when it is asked what it is, before it says so; replies nothing.
    Describing(&'static str),
}

const TEMPLATE: &str = include_str!("plugin.wat");

impl Plugin {
    /// One that comes with Recado.
    pub fn builtin(name: &str) -> Self {
        Self { name: name.to_owned(), source: Source::Builtin(name.to_owned()), settings: Table::new() }
    }

    /// One that does what the messages say; `tests/obedient` has its words.
    pub fn obedient() -> Self {
        let component = concat!(env!("CARGO_MANIFEST_DIR"), "/harness/obedient.wasm");
        Self { name: "obedient".to_owned(), source: Source::File(component), settings: Table::new() }
    }

    pub fn that(name: &str, behaviour: Behaviour) -> Self {
        let (data, code) = match behaviour {
            Behaviour::Reply(text) => (text, reply(text.len())),
            Behaviour::Loop => ("", "(loop $again (br $again)) unreachable".to_owned()),
            Behaviour::LoopAt(bytes) => ("", loop_at(bytes)),
            Behaviour::Allocate => ("", ALLOCATE.to_owned()),
            Behaviour::Trap => ("", "unreachable".to_owned()),
            Behaviour::Describing(_) => ("", "(call $decide (i32.const 0))".to_owned()),
        };
        let describing = if let Behaviour::Describing(code) = behaviour { code } else { "" };
        let text = TEMPLATE.replace("{data}", data).replace("{on-inbound}", &code).replace("{describing}", describing);
        Self::text(name, &text)
    }

    /// The same with a JSON Schema of its configuration, which it does not go by.
    #[must_use]
    pub fn schema(self, schema: &Value) -> Self {
        let text = schema.to_string();
        let escaped: String = text.bytes().fold(String::new(), |escaped, byte| format!("{escaped}\\{byte:02x}"));
        let Source::Text(wat) = self.source else { give_up("only a component in text has room for a schema") };
        let none = "(i32.store (i32.const 28) (i32.const 1044)) (i32.store (i32.const 32) (i32.const 2))";
        let own = format!(
            "(i32.store (i32.const 28) (i32.const 8192)) (i32.store (i32.const 32) (i32.const {}))",
            text.len()
        );
        let data = "(data (i32.const 2048)";
        let wat = wat.replace(none, &own).replace(data, &format!("(data (i32.const 8192) \"{escaped}\")\n    {data}"));
        Self { source: Source::Text(wat), ..self }
    }

    /// A component in text.
    pub fn text(name: &str, wat: &str) -> Self {
        Self { name: name.to_owned(), source: Source::Text(wat.to_owned()), settings: Table::new() }
    }

    /// The same under another name, and so with a memory of its own.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    #[must_use]
    pub fn config(self, config: &Value) -> Self {
        let config = toml::Value::try_from(config).must("a plugin's settings");
        self.setting("config", config)
    }

    /// Any other setting under `[[plugins]]`.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// Its place in the settings; a component goes to a file of its name in the folder.
    pub fn install(&self, folder: &Path) -> Table {
        let component = match &self.source {
            Source::Builtin(name) => format!("builtin:{name}"),
            Source::File(path) => (*path).to_owned(),
            Source::Text(wat) => write(folder, &self.name, wat),
        };
        let mut settings = self.settings.clone();
        settings.insert("name".to_owned(), self.name.clone().into());
        settings.insert("component".to_owned(), component.into());
        settings
    }
}

/// A component's file, made from its text.
fn write(folder: &Path, name: &str, wat: &str) -> String {
    let path = folder.join(format!("{name}.wasm"));
    let bytes = wat::parse_str(wat).must("the text of a component");
    std::fs::write(&path, bytes).must("a component's file");
    path.display().to_string()
}

/// One action at 128: a reply (0), its text at 2048, no media.
fn reply(length: usize) -> String {
    format!(
        "(i32.store (i32.const 128) (i32.const 0))
      (i32.store (i32.const 136) (i32.const 2048)) (i32.store (i32.const 140) (i32.const {length}))
      (i32.store (i32.const 144) (i32.const 0)) (i32.store (i32.const 148) (i32.const 0))
      (call $decide (i32.const 1))"
    )
}

/// Page after page; and as a compiled language does, it aborts once there are no more.
/// The length of the text is the tenth word of what the call points to.
fn loop_at(bytes: u32) -> String {
    format!(
        "(if (i32.eq (i32.load (i32.add (local.get $call) (i32.const 36))) (i32.const {bytes}))
          (then (loop $again (br $again))))
        (call $decide (i32.const 0))"
    )
}

const ALLOCATE: &str = "(loop $again
        (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      unreachable";
