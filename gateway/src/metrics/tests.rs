//! The table keeps to Prometheus' conventions, and what is written from it keeps to the table.

use std::collections::BTreeSet;

use super::*;

const DASHBOARD: &str = include_str!("../../../config/examples/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../../config/examples/prometheus-alerts.yml");
const PAGE: &str = include_str!("../../METRICS.md");

#[test]
fn names_are_as_prometheus_wants_them() {
    let mut names = BTreeSet::new();
    for metric in TABLE {
        let name = metric.name();
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.starts_with("recado_") || name == "process_start_time_seconds", "{name}");
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
        assert_eq!(metric.kind() == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(metric.unit() == "seconds", name.ends_with("_seconds"), "{name}");
        assert_eq!(metric.unit() == "bytes", name.ends_with("_bytes"), "{name}");
        assert!(metric.help().ends_with('.') && metric.help().len() > 20, "{name}");
        if let Kind::Histogram(buckets) = metric.kind() {
            assert!(buckets.is_sorted() && buckets.len() > 4, "{name}");
        }
    }
}

#[test]
fn what_is_recorded_shows_with_its_labels_help_and_buckets() {
    start();
    WEBHOOKS.expect("one", ["inbound", "repeat"]);
    WEBHOOKS.add("one", ["inbound", "recorded"]);
    WEBHOOKS.add("one", ["inbound", "recorded"]);
    QUEUE_SECONDS.took("one", ["bulk"], std::time::Duration::from_secs(2));
    BUILD.set("9.9.9", [], 1.0);
    PROCESSING_SECONDS.record("one", [], 3.0);
    tidy();
    let page = render();
    for line in [
        "# TYPE recado_webhooks_total counter",
        "recado_webhooks_total{channel=\"one\",kind=\"inbound\",outcome=\"recorded\"} 2",
        "recado_webhooks_total{channel=\"one\",kind=\"inbound\",outcome=\"repeat\"} 0",
        "recado_queue_seconds_bucket{channel=\"one\",priority=\"bulk\",le=\"1\"} 0",
        "recado_queue_seconds_bucket{channel=\"one\",priority=\"bulk\",le=\"5\"} 1",
        "recado_queue_seconds_sum{channel=\"one\",priority=\"bulk\"} 2",
        "recado_processing_seconds_bucket{channel=\"one\",le=\"5\"} 1",
        "recado_build_info{version=\"9.9.9\"} 1",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is not in\n{page}");
    }
    assert!(page.contains(&format!("# HELP recado_webhooks_total {}", WEBHOOKS.help())), "{page}");
}

#[test]
fn names_without_end_are_counted_as_one() {
    static MANY: Family<::metrics::Counter, 0> =
        Family::new("recado_many_total", Kind::Counter, "", &["channel"], "Of this test.");
    start();
    for number in 0..1500 {
        MANY.add(&number.to_string(), []);
    }
    let page = render();
    assert!(page.contains("recado_many_total{channel=\"other\"} 500"), "all that is beyond the limit");
    assert!(
        page.contains("recado_many_total{channel=\"999\"} 1") && !page.contains("recado_many_total{channel=\"1000\"}")
    );
}

/// The words of a text that may be metrics.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("recado_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// Whether the real page would have a series of this name.
fn exists(name: &str) -> bool {
    TABLE.iter().any(|metric| match metric.kind() {
        Kind::Histogram(_) => {
            ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(metric.name()))
        }
        _ => name == metric.name(),
    })
}

#[test]
fn the_dashboard_and_the_alerts_name_only_what_there_is() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(target["expr"].as_str().unwrap());
        }
    }
    assert!(queries.len() > 15, "the dashboard shows something");
    let alerts: Vec<&str> =
        ALERTS.lines().filter_map(|line| line.trim_start().strip_prefix("expr:")).map(str::trim).collect();
    assert!(alerts.len() > 8, "there are alerts");
    for query in queries.iter().chain(&alerts) {
        let names = named(query);
        assert!(!names.is_empty() || query.contains("up{"), "{query} asks for nothing of ours");
        for name in names {
            assert!(exists(&name), "{name} is no metric, in {query}");
        }
    }
    for name in named(ALERTS).iter().chain(&named(DASHBOARD)) {
        assert!(exists(name), "{name} is no metric");
    }
}

#[test]
fn the_page_about_them_is_the_table() {
    let mut page = vec![String::from(
        "# Metrics\n\n`GET /metrics` is for Prometheus; `[server] metrics_token` and README.md say who may read it. \
         Histograms have\n`_bucket`, `_sum` and `_count`. Labels are names from the settings and words of the \
         program, never a number or an id.\n\n| metric | kind | labels | what it tells |\n|---|---|---|---|\n",
    )];
    for metric in TABLE {
        let kind = match metric.kind() {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<String> = metric.labels().iter().map(|label| format!("`{label}`")).collect();
        page.push(format!("| `{}` | {kind} | {} | {} |\n", metric.name(), labels.join(", "), metric.help()));
    }
    let page = page.concat();
    assert_eq!(PAGE, page, "gateway/METRICS.md is to be:\n{page}");
}
