//! Requests of plugins to other hosts: to those that the operator allowed, and to no other.
//!
//! Decides who may ask whom, and fills in secrets; the exchange itself is the transport's. What a
//! plugin or a trace gets to see of a failure is written here, never by the other side.

mod hosts;
mod policy;
mod request;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde::Serialize;

pub(super) use hosts::AllowedHost;

use super::{FetchFailure, FetchRequest, FetchResponse, Fetcher, Settings};
use crate::transport;
use policy::Policy;

/// Carries out what plugins ask of other hosts. Without settings, nobody may ask anybody.
#[derive(Default)]
pub struct LiveFetcher {
    plugins: BTreeMap<String, (Policy, Counters)>,
}

/// How often a plugin asked other hosts since plugins were last loaded, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FetchCounts {
    /// Whatever the status.
    pub answered: u64,
    /// Not to this host, not with this secret, or not a request at all.
    pub refused: u64,
    pub timed_out: u64,
    pub failed: u64,
    /// Of answers.
    pub bytes: u64,
}

impl LiveFetcher {
    /// The error is the plugin's name and why it can ask nobody.
    pub fn new(settings: &[Settings]) -> Result<Self, (String, transport::Failure)> {
        let allowed = settings.iter().filter(|plugin| !(plugin.hosts.is_empty() && plugin.private_hosts.is_empty()));
        let plugins = allowed.map(|plugin| {
            let policy = Policy::new(plugin).map_err(|failure| (plugin.name.clone(), failure))?;
            Ok((plugin.name.clone(), (policy, Counters::default())))
        });
        Ok(Self { plugins: plugins.collect::<Result<_, _>>()? })
    }

    /// By the plugin's name; those that may ask nobody are left out.
    pub fn counts(&self) -> Vec<(&str, FetchCounts)> {
        self.plugins.iter().map(|(name, (_, counters))| (name.as_str(), counters.read())).collect()
    }
}

#[async_trait]
impl Fetcher for LiveFetcher {
    async fn fetch(&self, plugin: &str, request: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        let Some((policy, counters)) = self.plugins.get(plugin) else {
            return Err(FetchFailure::NotAllowed("the plugin's settings name no `hosts`".to_owned()));
        };
        let answer = policy.fetch(request).await;
        counters.count(&answer);
        answer
    }
}

#[derive(Default)]
struct Counters {
    answered: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    fn count(&self, answer: &Result<FetchResponse, FetchFailure>) {
        let counter = match answer {
            Ok(response) => {
                self.bytes.fetch_add(u64::try_from(response.body.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
                &self.answered
            }
            Err(FetchFailure::NotAllowed(_)) => &self.refused,
            Err(FetchFailure::Timeout) => &self.timed_out,
            Err(FetchFailure::TooLarge(_) | FetchFailure::Budget(_) | FetchFailure::Failed(_)) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> FetchCounts {
        FetchCounts {
            answered: self.answered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
