//! Saving versions of templates, and archiving templates.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QuerySelect, Set, TryInsertResult};
use uuid::Uuid;

use super::{count, millis, storable_json};
use crate::store::entities::{template_versions, templates};
use crate::store::reads::positive;
use crate::store::templates::{Mark, NewTemplate, Over, TemplateChange, find, named};
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

/// The template, locked, so that two who change it at once come one after the other.
async fn locked(transaction: &DatabaseTransaction, name: &str) -> Result<Option<templates::Model>, Error> {
    let found = named(name).lock_exclusive();
    Ok(found.one(transaction).await?)
}

fn mark(template: &templates::Model) -> Mark {
    Mark { version: positive(template.version), archived: template.archived_at.is_some() }
}

#[async_trait]
impl Operation for NewTemplate {
    type Output = TemplateChange;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<TemplateChange, Error> {
        let Some(there) = locked(transaction, &self.name).await? else {
            return match self.over {
                Over::Mark(_) | Over::Something => Ok(TemplateChange::Mismatch),
                Over::Nothing | Over::Anything => self.create(transaction).await,
            };
        };
        let current = positive(there.version);
        match self.over {
            Over::Nothing => return Ok(TemplateChange::Exists),
            Over::Mark(expected) if expected != mark(&there) => return Ok(TemplateChange::Mismatch),
            Over::Mark(_) | Over::Something | Over::Anything => {}
        }
        let is_same = find(transaction, &self.name, None).await?.is_some_and(|known| known.definition == self.kept());
        if is_same && there.archived_at.is_none() {
            return Ok(TemplateChange::Done { version: current, created: false, changed: false });
        }
        let id = there.id;
        let mut row = there.into_active_model();
        row.version = Set(count(current + 1));
        row.updated_at = Set(millis(self.at));
        row.archived_at = Set(None);
        row.update(transaction).await?;
        self.version(transaction, id, current + 1).await?;
        Ok(TemplateChange::Done { version: current + 1, created: false, changed: true })
    }
}

impl NewTemplate {
    fn kept(&self) -> serde_json::Value {
        storable_json(self.definition.clone())
    }

    async fn create(&self, transaction: &DatabaseTransaction) -> Result<TemplateChange, Error> {
        let row = templates::ActiveModel {
            id: Set(self.id),
            name: Set(self.name.clone()),
            version: Set(1),
            created_at: Set(millis(self.at)),
            updated_at: Set(millis(self.at)),
            archived_at: Set(None),
        };
        let once = OnConflict::column(templates::Column::Name).do_nothing().to_owned();
        let inserted =
            templates::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction);
        if !matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0) {
            return Err(Error::Overtaken("another gateway made the template just now".to_owned()));
        }
        self.version(transaction, self.id, 1).await?;
        Ok(TemplateChange::Done { version: 1, created: true, changed: true })
    }

    async fn version(&self, transaction: &DatabaseTransaction, template_id: Uuid, version: u32) -> Result<(), Error> {
        let row = template_versions::ActiveModel {
            id: Set(self.version_id),
            template_id: Set(template_id),
            version: Set(count(version)),
            definition: Set(self.kept()),
            created_at: Set(millis(self.at)),
        };
        template_versions::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

struct Archive {
    name: String,
    expected: Option<Mark>,
    at: Timestamp,
}

#[async_trait]
impl Operation for Archive {
    type Output = TemplateChange;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<TemplateChange, Error> {
        let Some(there) = locked(transaction, &self.name).await? else { return Ok(TemplateChange::NotFound) };
        let version = positive(there.version);
        if self.expected.is_some_and(|expected| expected != mark(&there)) {
            return Ok(TemplateChange::Mismatch);
        }
        let changed = there.archived_at.is_none();
        if changed {
            let mut row = there.into_active_model();
            row.archived_at = Set(Some(millis(self.at)));
            row.update(transaction).await?;
        }
        Ok(TemplateChange::Done { version, created: false, changed })
    }
}

impl Store {
    /// Keeps a version, unless the current one is the same. An archived template comes back by it.
    pub async fn save_template(&self, new: NewTemplate, act: Act) -> Result<TemplateChange, Error> {
        self.write_by(new, act, |change| matches!(change, TemplateChange::Done { changed: true, .. })).await
    }

    /// From now on nothing new is sent by it. The same again changes nothing.
    pub async fn archive_template(
        &self,
        name: &str,
        expected: Option<Mark>,
        at: Timestamp,
        act: Act,
    ) -> Result<TemplateChange, Error> {
        let archive = Archive { name: name.to_owned(), expected, at };
        self.write_by(archive, act, |change| matches!(change, TemplateChange::Done { changed: true, .. })).await
    }
}
