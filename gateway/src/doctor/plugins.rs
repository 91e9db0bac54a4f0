//! The plugins: that each loads, compiles and takes its part of the settings.

use crate::channels::Finding;
use crate::config::Config;
use crate::plugins::load;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let plugins = match config.wanted_plugins(None) {
        Ok(wanted) => wanted.settings,
        Err(error) => {
            let remedy = "set the file right, or take it out of the folder (`plugin_files.folder`)";
            return vec![Finding::failed("plugins", error.to_string(), remedy)];
        }
    };
    let mut findings = Vec::with_capacity(plugins.len());
    for settings in &plugins {
        let check = format!("plugins.{}", settings.name);
        // One by one, so that each is judged.
        findings.push(match load(std::slice::from_ref(settings)).await {
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
