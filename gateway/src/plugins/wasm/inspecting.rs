//! Looking at a component as a gateway would before it loads it, for whoever wrote it: all that is wrong
//! with it at once, and what is only unwise.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::configuring::{check_config, config};
use super::loading::LOAD_DEADLINE;
use super::versions::Said;
use super::{Engine, LoadError, WasmPlugin};
use crate::plugins::{Hooks, Settings};

/// From here on a component is slow to load and to keep.
const LARGE: usize = 20 * 1024 * 1024;

/// What a component says of itself, and what there is to say of it.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub name: String,
    pub version: String,
    pub description: String,
    /// As the manifest names them.
    pub hooks: Hooks,
    /// Those that it has.
    pub exported: Hooks,
    pub schema: Value,
    pub wasi: bool,
    pub bytes: usize,
    pub sha256: String,
    pub compile_ms: u64,
    /// Its trial call, in a fresh instance.
    pub trial_micros: u64,
    /// A gateway would refuse it, or never call it.
    pub problems: Vec<String>,
    /// It would work.
    pub warnings: Vec<String>,
}

/// Compiles a component, makes an instance and asks what it is. The error is why nothing more is known.
pub async fn inspect(engine: &Engine, settings: &Settings, bytes: Vec<u8>) -> Result<Inspection, LoadError> {
    let size = bytes.len();
    let started = Instant::now();
    let (plugin, said) = WasmPlugin::open(LOAD_DEADLINE, engine, settings, bytes.clone()).await?;
    let first = started.elapsed();
    // What is compiled already is not compiled again: the rest is linking and the trial call.
    let started = Instant::now();
    let again = WasmPlugin::open(LOAD_DEADLINE, engine, settings, bytes).await;
    let trial = started.elapsed();
    drop(again);
    let contract = plugin.instances.contract();
    let one = |hooks: Hooks| contract.missing(hooks).is_none();
    let exported = Hooks {
        inbound: one(Hooks { inbound: true, ..Hooks::default() }),
        outbound: one(Hooks { outbound: true, ..Hooks::default() }),
        status: one(Hooks { status: true, ..Hooks::default() }),
        timer: one(Hooks { timer: true, ..Hooks::default() }),
    };
    let (schema, problems, warnings) = judge(&said, exported, settings, size);
    let Said { name, version, description, hooks, .. } = said;
    Ok(Inspection {
        name,
        version,
        description,
        hooks,
        exported,
        schema,
        wasi: plugin.about.wasi,
        bytes: size,
        sha256: plugin.manifest.digest.clone(),
        compile_ms: millis(first.saturating_sub(trial)),
        trial_micros: u64::try_from(trial.as_micros()).unwrap_or(u64::MAX),
        problems,
        warnings,
    })
}

/// What SDKs export that leave no hook out: then only the manifest says which are meant.
const ALL: Hooks = Hooks { inbound: true, outbound: true, status: true, timer: true };

fn judge(said: &Said, exported: Hooks, settings: &Settings, size: usize) -> (Value, Vec<String>, Vec<String>) {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    if !is_name(&said.name) {
        problems.push(format!(
            "its name is `{}`; a name is of lower-case letters and digits, with hyphens between words",
            said.name
        ));
    }
    if !is_version(&said.version) {
        problems.push(format!("its version is `{}`; a version is like `1.0.0`", said.version));
    }
    if said.description.trim().is_empty() {
        warnings.push("it has no description; operators see it in lists".to_owned());
    }
    for (hook, interface, wanted, there) in [
        ("inbound", "inbound", said.hooks.inbound, exported.inbound),
        ("outbound", "outbound", said.hooks.outbound, exported.outbound),
        ("status", "status", said.hooks.status, exported.status),
        ("timer", "timers", said.hooks.timer, exported.timer),
    ] {
        if wanted && !there {
            problems.push(LoadError::MissingHook(interface).to_string());
        }
        if there && !wanted && exported != ALL {
            warnings.push(format!("it has the hook `{hook}`, but its manifest does not name it: it is never called"));
        }
    }
    if said.hooks == Hooks::default() {
        problems.push("its manifest names no hooks: it would never be called".to_owned());
    }
    let schema = serde_json::from_str(&said.config_schema).unwrap_or_default();
    match check_config(&said.config_schema, &config(settings)) {
        Err(error @ LoadError::BadConfig { .. }) if settings.config.is_null() => {
            warnings.push(format!("without configuration a gateway refuses it: {error}"));
        }
        Err(error) => problems.push(error.to_string()),
        Ok(()) => warnings.extend(unexplained(&schema)),
    }
    if size > LARGE {
        warnings.push(format!("it has {size} bytes: it takes long to compile"));
    }
    (schema, problems, warnings)
}

/// The properties that say nothing to an operator.
fn unexplained(schema: &Value) -> Option<String> {
    let properties = schema["properties"].as_object()?;
    let silent = properties.iter().filter(|(_, property)| property["description"].as_str().is_none());
    let names: Vec<String> = silent.map(|(name, _)| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("its config schema gives no `description` of {}", names.join(", ")))
}

fn is_name(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(is_word)
}

/// Three numbers, and what may follow them.
fn is_version(version: &str) -> bool {
    let (numbers, rest) = match version.find(['-', '+']) {
        Some(at) => version.split_at(at),
        None => (version, ""),
    };
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let is_rest = rest.is_empty()
        || rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte));
    numbers.split('.').count() == 3 && numbers.split('.').all(is_number) && is_rest
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, version: &str, hooks: Hooks, schema: &str) -> Said {
        let (name, version, config_schema) = (name.to_owned(), version.to_owned(), schema.to_owned());
        Said { name, version, description: "Greets.".to_owned(), hooks, config_schema }
    }

    fn judged(said: &Said, exported: Hooks) -> (Vec<String>, Vec<String>) {
        let (_, problems, warnings) = judge(said, exported, &Settings::new("a", "a.wasm"), 1_000);
        (problems, warnings)
    }

    const INBOUND: Hooks = Hooks { inbound: true, outbound: false, status: false, timer: false };

    #[test]
    fn a_plugin_that_is_well_made_has_nothing_said_of_it() {
        let schema = r#"{"properties":{"text":{"type":"string","description":"What to say."}}}"#;
        for exported in [INBOUND, ALL] {
            assert_eq!(judged(&said("my-plugin2", "1.0.0-rc.1", INBOUND, schema), exported), (vec![], vec![]));
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let hooks = Hooks { timer: true, ..Hooks::default() };
        let (problems, warnings) = judged(&said("My Plugin", "1.0", hooks, "{"), INBOUND);
        for (problem, part) in problems.iter().zip(["`My Plugin`", "like `1.0.0`", "recado:plugin/timers@", "schema"]) {
            assert!(problem.contains(part), "{problem}");
        }
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(warnings[0].contains("`inbound`") && warnings.len() == 1, "{warnings:?}");
        let (problems, _) = judged(&said("a", "1.0.0", Hooks::default(), "{}"), Hooks::default());
        assert!(problems[0].contains("never be called"), "{problems:?}");
    }

    #[test]
    fn what_is_unwise_is_said_and_no_problem() {
        let schema = r#"{"required":["key"],"properties":{"key":{}}}"#;
        let (problems, warnings) = judged(&said("a", "1.0.0", INBOUND, schema), INBOUND);
        assert!(problems.is_empty() && warnings[0].contains("without configuration"), "{warnings:?}");
        let (_, warnings) = judged(&said("a", "1.0.0", INBOUND, r#"{"properties":{"key":{}}}"#), INBOUND);
        assert!(warnings[0].contains("`key`"), "{warnings:?}");
    }

    #[test]
    fn names_and_versions_are_told_apart() {
        for good in ["a", "auto-reply", "a2-3"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a--b", "2a", "a_b", "día"] {
            assert!(!is_name(bad), "{bad}");
        }
        for good in ["0.1.0", "10.20.30", "1.0.0-alpha.1+build"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.0-", "1.0.0 beta"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
