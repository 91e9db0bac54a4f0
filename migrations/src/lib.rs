//! The database schema of Recado, step by step.
//!
//! Migrations never import the gateway's entities: an old step must keep its meaning when an
//! entity changes. The rules are in this crate's README.

use sea_orm_migration::prelude::*;

mod m20261122_000001_messages;
mod m20261122_000002_delivery;
mod m20261122_000003_keys;
mod m20261124_000003_options;
mod m20261124_000004_reconcile;
mod m20261124_000005_media;
mod m20261124_000006_consents;
mod m20261124_000007_callbacks;
mod m20261124_000008_lookups;
mod m20261125_000009_services;
mod m20261125_000010_repeats;
mod m20261125_000011_removals;
mod m20261125_000012_senders;
mod m20261126_000001_plugins;
mod m20261126_000002_seen;
mod m20261126_000003_events;
mod m20261126_000004_exchanges;
mod m20261126_000005_explaining;
mod m20261128_000001_traces;
mod m20261128_000002_priorities;
mod m20261128_000003_decided;
mod m20261129_000008_endpoints;
mod m20261129_000060_retention;
mod m20261130_000001_gateways;
mod m20261130_000021_channels;
mod m20261201_000001_templates;
mod m20261201_000002_bulks;
mod m20261201_000020_consent_events;
mod m20261201_000040_console;
mod m20261201_000061_keys;
mod m20261202_000001_contacts;
mod m20261202_000002_closed;
mod m20261202_000040_stream;
mod m20261202_000041_put_off;
mod m20261203_000010_plugin_configs;
mod m20261203_000051_failing;
mod m20261203_000052_waiting;
mod m20261203_000053_assignees;
mod m20261203_000054_erased;
mod m20261204_000055_scheduled;
mod m20261205_000056_refused;
mod m20261205_000071_bulk_states;
mod m20261205_000072_deferred;
mod m20261205_000073_fewer_indexes;
mod m20261206_000001_dropped_files;
mod m20261207_000001_ended;
mod m20261207_000002_conflicts;
mod m20261207_000003_said_again;
mod m20261207_000010_commits;
mod m20261208_000001_gone;
mod m20261208_000010_taken_back;

pub use sea_orm_migration::MigrationStatus;
pub use sea_orm_migration::prelude::MigratorTrait;

/// Every step, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_messages::Migration),
            Box::new(m20261122_000002_delivery::Migration),
            Box::new(m20261122_000003_keys::Migration),
            Box::new(m20261124_000003_options::Migration),
            Box::new(m20261124_000004_reconcile::Migration),
            Box::new(m20261124_000005_media::Migration),
            Box::new(m20261124_000006_consents::Migration),
            Box::new(m20261124_000007_callbacks::Migration),
            Box::new(m20261124_000008_lookups::Migration),
            Box::new(m20261125_000009_services::Migration),
            Box::new(m20261125_000010_repeats::Migration),
            Box::new(m20261125_000011_removals::Migration),
            Box::new(m20261125_000012_senders::Migration),
            Box::new(m20261126_000001_plugins::Migration),
            Box::new(m20261126_000002_seen::Migration),
            Box::new(m20261126_000003_events::Migration),
            Box::new(m20261126_000004_exchanges::Migration),
            Box::new(m20261126_000005_explaining::Migration),
            Box::new(m20261128_000001_traces::Migration),
            Box::new(m20261128_000002_priorities::Migration),
            Box::new(m20261128_000003_decided::Migration),
            Box::new(m20261129_000008_endpoints::Migration),
            Box::new(m20261129_000060_retention::Migration),
            Box::new(m20261130_000001_gateways::Migration),
            Box::new(m20261130_000021_channels::Migration),
            Box::new(m20261201_000001_templates::Migration),
            Box::new(m20261201_000002_bulks::Migration),
            Box::new(m20261201_000020_consent_events::Migration),
            Box::new(m20261201_000040_console::Migration),
            Box::new(m20261201_000061_keys::Migration),
            Box::new(m20261202_000001_contacts::Migration),
            Box::new(m20261202_000002_closed::Migration),
            Box::new(m20261202_000040_stream::Migration),
            Box::new(m20261202_000041_put_off::Migration),
            Box::new(m20261203_000010_plugin_configs::Migration),
            Box::new(m20261203_000051_failing::Migration),
            Box::new(m20261203_000052_waiting::Migration),
            Box::new(m20261203_000053_assignees::Migration),
            Box::new(m20261203_000054_erased::Migration),
            Box::new(m20261204_000055_scheduled::Migration),
            Box::new(m20261205_000056_refused::Migration),
            Box::new(m20261205_000071_bulk_states::Migration),
            Box::new(m20261205_000072_deferred::Migration),
            Box::new(m20261205_000073_fewer_indexes::Migration),
            Box::new(m20261206_000001_dropped_files::Migration),
            Box::new(m20261207_000001_ended::Migration),
            Box::new(m20261207_000002_conflicts::Migration),
            Box::new(m20261207_000003_said_again::Migration),
            Box::new(m20261207_000010_commits::Migration),
            Box::new(m20261208_000001_gone::Migration),
            Box::new(m20261208_000010_taken_back::Migration),
        ]
    }
}
