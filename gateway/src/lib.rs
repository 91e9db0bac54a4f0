//! Recado: a messaging gateway with WebAssembly extensions.
//!
//! One crate made of rooms with one direction of dependency; the map is in `ARCHITECTURE.md`.

#![recursion_limit = "256"]

pub mod actions;
pub mod bench;
pub mod bulks;
pub mod callbacks;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod components;
pub mod config;
pub mod configuring;
pub mod conversations;
pub mod csv;
pub mod deciding;
pub mod delivery;
pub mod doctor;
pub mod events;
pub mod followups;
pub mod gate;
pub mod gauges;
mod images;
pub mod inbound;
pub mod journal;
pub mod lookup;
pub mod media;
pub mod message;
pub mod metrics;
pub mod outbound;
pub mod pauses;
pub mod plugins;
pub mod processing;
pub mod rates;
pub mod reconcile;
pub mod removals;
pub mod replay;
pub mod retention;
pub mod rounds;
pub mod sandbox;
pub mod spans;
pub mod store;
pub mod telemetry;
pub mod templates;
pub mod transport;
pub mod web;
pub mod workbench;
