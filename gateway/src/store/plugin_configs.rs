//! Configurations of plugins that people changed while the gateway runs. What is in one is not the store's business.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{EntityTrait, QuerySelect};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::entities::{api_keys, plugin_configs, users};
use super::reads::{positive, time};
use super::{Error, Store};

/// A configuration to be kept, or not to be kept any more.
#[derive(Clone, Debug)]
pub struct NewPluginConfig {
    pub plugin: String,
    /// None: that of the settings is meant again.
    pub config: Option<Value>,
    /// Only if this is the version that is there; 0: if there is none.
    pub expected: Option<u32>,
}

/// What became of a wish to change a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginConfigChange {
    /// It has this version now.
    Done(u32),
    /// It was so before.
    Same,
    /// Another version is there.
    Mismatch,
}

/// What is kept of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPluginConfig {
    pub version: u32,
    /// None: that of the settings is meant again.
    pub config: Option<Value>,
    pub changed_at: Timestamp,
    pub changed_by: ChangedBy,
}

/// Who changed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedBy {
    /// `key`, `user` or `command`.
    pub actor: String,
    pub id: Option<String>,
    /// Of the key or the user.
    pub name: Option<String>,
}

impl Store {
    /// All configurations that are kept, or once were, by the plugins' names.
    pub async fn plugin_configs(&self) -> Result<BTreeMap<String, (u32, Option<Value>)>, Error> {
        let rows = plugin_configs::Entity::find().all(&self.reads).await?;
        Ok(rows.into_iter().map(|row| (row.plugin, (positive(row.version), row.config))).collect())
    }

    /// Their versions alone.
    pub async fn plugin_config_versions(&self) -> Result<BTreeMap<String, u32>, Error> {
        let columns = [plugin_configs::Column::Plugin, plugin_configs::Column::Version];
        let query = plugin_configs::Entity::find().select_only().columns(columns).into_tuple::<(String, i32)>();
        let rows = query.all(&self.reads).await?;
        Ok(rows.into_iter().map(|(plugin, version)| (plugin, positive(version))).collect())
    }

    /// What is kept of one, with who changed it last.
    pub async fn plugin_config(&self, plugin: &str) -> Result<Option<KnownPluginConfig>, Error> {
        // No name has a NUL, and no database takes one.
        let found = plugin_configs::Entity::find_by_id(plugin.replace('\0', "")).one(&self.reads).await?;
        let Some(row) = found else { return Ok(None) };
        let id = row.actor_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
        let name = match (row.actor.as_str(), id) {
            ("user", Some(id)) => users::Entity::find_by_id(id).one(&self.reads).await?.map(|user| user.name),
            ("key", Some(id)) => api_keys::Entity::find_by_id(id).one(&self.reads).await?.map(|key| key.name),
            _ => None,
        };
        Ok(Some(KnownPluginConfig {
            version: positive(row.version),
            config: row.config,
            changed_at: time(row.changed_at),
            changed_by: ChangedBy { actor: row.actor, id: row.actor_id, name },
        }))
    }
}
