//! What Recado promises, shown on the real program.

#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod authoring;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod bulk_command;
#[cfg(test)]
mod bulk_failures;
#[cfg(test)]
mod bulks;
#[cfg(test)]
mod channel_pauses;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod consents;
#[cfg(test)]
mod console;
#[cfg(test)]
mod console_access;
#[cfg(test)]
mod console_answers;
#[cfg(test)]
mod console_bulks;
#[cfg(test)]
mod console_checks;
#[cfg(test)]
mod console_consents;
#[cfg(test)]
mod console_endpoints;
#[cfg(test)]
mod console_files;
#[cfg(test)]
mod console_hostile;
#[cfg(test)]
mod console_imports;
#[cfg(test)]
mod console_people;
#[cfg(test)]
mod console_roles;
#[cfg(test)]
mod console_templates;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod development;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod endurance;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod events;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod founding;
#[cfg(test)]
mod front_door;
#[cfg(test)]
mod front_door_callbacks;
#[cfg(test)]
mod front_door_feedback;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_webhooks;
#[cfg(test)]
mod http;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod lookup;
#[cfg(test)]
mod media;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod opted_out;
#[cfg(test)]
mod options;
#[cfg(test)]
mod outbound;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod plugin_configs;
#[cfg(test)]
mod plugin_crashes;
#[cfg(test)]
mod plugin_decisions;
#[cfg(test)]
mod plugin_harm;
#[cfg(test)]
mod plugin_hooks;
#[cfg(test)]
mod plugin_reloads;
#[cfg(test)]
mod plugin_timers;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod postgres_away;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod recalls;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod removals;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod services;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod telegram;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod webhooks;

use std::sync::atomic::{AtomicU32, Ordering};

use recado_tests::TestGateway;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::Value;

/// A new message id as Twilio writes them.
#[cfg(test)]
fn message_sid() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("SM{:032x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The messages that went a way, in the order they were given.
#[cfg(test)]
fn going<'a>(messages: &'a [Value], direction: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["direction"].as_str().unwrap_or_default().starts_with(direction)).collect()
}

/// The one number that this query of the gateway's database gives, for what no API shows.
#[cfg(test)]
fn number(gateway: &TestGateway, sql: &str) -> i64 {
    let url = match gateway.database_url() {
        url if url.starts_with("sqlite") => {
            format!("sqlite://{}?mode=ro", gateway.folder().join("recado.db").display())
        }
        url => url,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::connect(url).await.unwrap();
        let statement = Statement::from_string(database.get_database_backend(), sql);
        database.query_one_raw(statement).await.unwrap().unwrap().try_get("", "number").unwrap()
    })
}
