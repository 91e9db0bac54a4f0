//! The plugins: that each loads, compiles and takes its part of the settings.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::channels::Finding;
use crate::plugins::wasm::Engine;
use crate::plugins::{Settings, load};

/// Of the plugins, or of why nobody can tell which they are. What is kept of their configurations counts at a start, and
/// where it does not fit, what the settings have.
pub(super) async fn examine(plugins: &Result<Vec<Settings>, String>, kept: &BTreeMap<String, Value>) -> Vec<Finding> {
    let plugins = match plugins {
        Ok(plugins) => plugins,
        Err(problem) => {
            let remedy = "set the file right, or take it out of the folder (`plugin_files.folder`)";
            return vec![Finding::failed("plugins", problem.clone(), remedy)];
        }
    };
    let mut findings = Vec::with_capacity(plugins.len());
    // It keeps nothing: whoever only looks writes nothing.
    let engine = match Engine::new() {
        Ok(engine) => engine,
        Err(error) => {
            let remedy = "give this process more memory and threads (`ulimit -a` shows what it may have)";
            return vec![Finding::failed("plugins".to_owned(), error.to_string(), remedy)];
        }
    };
    for settings in plugins {
        let check = format!("plugins.{}", settings.name);
        if let Some(config) = kept.get(&settings.name) {
            let settings = Settings { config: config.clone(), ..settings.clone() };
            if let Err(error) = load(&engine, std::slice::from_ref(&settings)).await {
                let finding =
                    format!("the configuration that was made in the console, or by the API, can't be used: {error}");
                let remedy =
                    "put it right in the console, or take it back there: until then a start goes by the settings' own";
                findings.push(Finding::warning(check.clone(), finding, remedy));
            }
        }
        // One by one, so that each is judged.
        findings.push(match load(&engine, std::slice::from_ref(settings)).await {
            Ok(chain) => {
                let manifests = chain.links().iter().map(|link| link.plugin.manifest());
                let told = manifests.map(|told| format!("{} {}, SHA-256 {}", told.name, told.version, told.digest));
                Finding::ok(check, format!("loads from {}: {}", settings.component, told.collect::<String>()))
            }
            Err(error) => {
                let remedy = "set the plugin's `component` and `config` right in the settings, or take it out of them";
                Finding::failed(check, error.to_string(), remedy)
            }
        });
    }
    findings
}
