//! What of an operator's settings reaches beyond this machine and its network: a development gateway leaves it out unless
//! it is asked to reach out.

use url::Url;

use crate::config::Config;
use crate::plugins;
use crate::transport::is_private;

/// Leaves out the endpoints and the collector of spans that are elsewhere; their keys.
pub(super) fn turn(config: &mut Config) -> Vec<String> {
    let (near, far) = std::mem::take(&mut config.endpoints).into_iter().partition(|(_, one)| is_near(&one.url));
    config.endpoints = near;
    let mut left_out: Vec<String> = far.into_keys().map(|name| format!("endpoints.{name}")).collect();
    let collector = &mut config.telemetry.otlp_endpoint;
    if !collector.is_empty() && !is_near(collector) {
        collector.clear();
        left_out.push("telemetry.otlp_endpoint".to_owned());
    }
    left_out
}

/// Leaves out the hosts that plugins may ask elsewhere, but for those that the settings call private; their keys.
pub(super) fn turn_plugins(settings: &mut [plugins::Settings]) -> Vec<String> {
    let mut left_out = Vec::new();
    for plugin in settings {
        let before = plugin.hosts.len();
        plugin.hosts.retain(|host| is_near(host) || is_near(&format!("https://{host}")));
        if plugin.hosts.len() < before {
            left_out.push(format!("plugins.{}.hosts", plugin.name));
        }
    }
    left_out
}

fn is_near(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host().is_some_and(|host| is_private(&host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_or_in_its_network_is_near() {
        for (url, near) in [
            ("http://127.0.0.1:9000/recado", true),
            ("https://localhost/", true),
            ("http://app.localhost:3000", true),
            ("http://192.168.1.7/x", true),
            ("http://[::1]:4318", true),
            ("https://crm.example.com/recado", false),
            ("http://203.0.114.9:4318", false),
            ("localhost:4318", false),
            ("", false),
        ] {
            assert_eq!(is_near(url), near, "{url}");
        }
    }

    #[test]
    fn of_a_plugins_hosts_only_those_nearby_stay() {
        let plugin = |name: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            let private_hosts = vec!["http://erp:8080".to_owned()];
            plugins::Settings { hosts, private_hosts, ..plugins::Settings::new(name, "builtin:router") }
        };
        let mut settings = [
            plugin("far", &["api.example.com", "https://x.example.com:8443", "*.example.org"]),
            plugin("both", &["localhost", "127.0.0.1:8080", "https://8.8.8.8"]),
            plugin("near", &["http://10.0.0.5:8080"]),
            plugin("alone", &[]),
        ];
        assert_eq!(turn_plugins(&mut settings), ["plugins.far.hosts", "plugins.both.hosts"]);
        let kept: [&[&str]; 4] = [&[], &["localhost", "127.0.0.1:8080"], &["http://10.0.0.5:8080"], &[]];
        assert_eq!(settings.each_ref().map(|plugin| plugin.hosts.clone()), kept);
        assert!(settings.iter().all(|plugin| plugin.private_hosts.len() == 1));
        assert!(turn_plugins(&mut settings).is_empty());
    }
}
