//! Keeping a plugin's configuration, and going back to that of the settings.

use async_trait::async_trait;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QuerySelect, Set, TryInsertResult};

use super::{count, millis, storable, storable_json};
use crate::store::entities::plugin_configs;
use crate::store::plugin_configs::{NewPluginConfig, PluginConfigChange};
use crate::store::reads::positive;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

struct Change {
    new: NewPluginConfig,
    act: Act,
}

#[async_trait]
impl Operation for Change {
    type Output = PluginConfigChange;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<PluginConfigChange, Error> {
        let plugin = storable(&self.new.plugin);
        let config = self.new.config.clone().map(storable_json);
        // Locked, so that two who change it at once come one after the other.
        let there = plugin_configs::Entity::find_by_id(&plugin).lock_exclusive().one(transaction).await?;
        let version = there.as_ref().map_or(0, |row| positive(row.version));
        if self.new.expected.is_some_and(|expected| expected != version) {
            return Ok(PluginConfigChange::Mismatch);
        }
        if there.as_ref().and_then(|row| row.config.as_ref()) == config.as_ref() {
            return Ok(PluginConfigChange::Same);
        }
        let row = plugin_configs::ActiveModel {
            plugin: Set(plugin),
            version: Set(count(version + 1)),
            config: Set(config),
            changed_at: Set(millis(self.act.at)),
            actor: Set(self.act.actor.kind().to_owned()),
            actor_id: Set(self.act.actor.id()),
        };
        if let Some(there) = there {
            let mut changed = there.into_active_model();
            changed.version = row.version;
            changed.config = row.config;
            changed.changed_at = row.changed_at;
            changed.actor = row.actor;
            changed.actor_id = row.actor_id;
            changed.update(transaction).await?;
        } else {
            let once = OnConflict::column(plugin_configs::Column::Plugin).do_nothing().to_owned();
            let inserted =
                plugin_configs::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction);
            if !matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0) {
                return Err(Error::Overtaken("another gateway kept a config just now".to_owned()));
            }
        }
        Ok(PluginConfigChange::Done(version + 1))
    }
}

impl Store {
    /// Keeps a plugin's configuration, or goes back to that of the settings. The same again changes nothing.
    pub async fn change_plugin_config(&self, new: NewPluginConfig, act: Act) -> Result<PluginConfigChange, Error> {
        let change = Change { new, act: act.clone() };
        self.write_by(change, act, |change| matches!(change, PluginConfigChange::Done(_))).await
    }
}
