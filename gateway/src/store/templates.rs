//! Templates as they are kept: by name, with all versions that each had. What is in one is not the store's business.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::entities::{template_versions, templates};
use super::reads::{Page, cut, positive, time};
use super::searching::like;
use super::{Error, Store};

/// Which template a message was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsedTemplate {
    pub name: String,
    pub version: u32,
}

pub(super) fn used_template(name: Option<String>, version: Option<i32>) -> Option<UsedTemplate> {
    Some(UsedTemplate { name: name?, version: positive(version?) })
}

/// A version to be kept.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// Of the template, should it be new.
    pub id: Uuid,
    pub version_id: Uuid,
    pub name: String,
    pub definition: Value,
    /// Whether it may be there already.
    pub over: Over,
    pub at: Timestamp,
}

/// What a version that is to be kept may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// There must be no such template.
    Nothing,
    Anything,
    /// There must be one.
    Something,
    /// It must stand here.
    Mark(Mark),
}

/// Where a template stands: it is another one after every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub version: u32,
    pub archived: bool,
}

/// One version of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTemplate {
    pub id: Uuid,
    pub name: String,
    pub version: u32,
    /// The number of the current version.
    pub current: u32,
    pub definition: Value,
    /// When this version was saved.
    pub saved_at: Timestamp,
    /// When the first was.
    pub created_at: Timestamp,
    pub archived_at: Option<Timestamp>,
}

impl KnownTemplate {
    pub fn mark(&self) -> Mark {
        Mark { version: self.current, archived: self.archived_at.is_some() }
    }
}

/// What became of a wish to change a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateChange {
    /// The current version is this one now; or was it before, and nothing changed.
    Done { version: u32, created: bool, changed: bool },
    /// There is none of that name.
    NotFound,
    /// There is one of that name, perhaps archived.
    Exists,
    /// It stands elsewhere, or is not there.
    Mismatch,
}

pub(super) fn known(template: templates::Model, version: template_versions::Model) -> KnownTemplate {
    KnownTemplate {
        id: template.id,
        name: template.name,
        version: positive(version.version),
        current: positive(template.version),
        definition: version.definition,
        saved_at: time(version.created_at),
        created_at: time(template.created_at),
        archived_at: template.archived_at.map(time),
    }
}

/// No name has a NUL, and no database takes one.
pub(super) fn named(name: &str) -> sea_orm::Select<templates::Entity> {
    templates::Entity::find().filter(templates::Column::Name.eq(name.replace('\0', "")))
}

/// A version of a template, or its current one.
pub(super) async fn find(
    database: &impl ConnectionTrait,
    name: &str,
    version: Option<u32>,
) -> Result<Option<KnownTemplate>, Error> {
    let found = named(name).one(database).await?;
    let Some(template) = found else { return Ok(None) };
    let number = match version {
        None => template.version,
        Some(version) => i32::try_from(version).unwrap_or(i32::MAX),
    };
    let version = template_versions::Entity::find()
        .filter(template_versions::Column::TemplateId.eq(template.id))
        .filter(template_versions::Column::Version.eq(number))
        .one(database)
        .await?;
    Ok(version.map(|version| known(template, version)))
}

impl Store {
    /// A version of a template, or its current one; of archived ones, too.
    pub async fn template(&self, name: &str, version: Option<u32>) -> Result<Option<KnownTemplate>, Error> {
        find(&self.snapshot().await?, name, version).await
    }

    /// The current versions, newest template first: of those that are archived, or of the others.
    pub async fn templates(
        &self,
        archived: bool,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<KnownTemplate>, Error> {
        self.find_templates(archived, "", after, limit).await
    }

    /// As `templates`, but only those with this in their names.
    pub async fn find_templates(
        &self,
        archived: bool,
        piece: &str,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<KnownTemplate>, Error> {
        let column = templates::Column::ArchivedAt;
        let mut query = templates::Entity::find()
            .filter(if archived { column.is_not_null() } else { column.is_null() })
            .order_by_desc(templates::Column::Id)
            .limit(limit + 1);
        if let Some(after) = after {
            query = query.filter(templates::Column::Id.lt(after));
        }
        if !piece.is_empty() {
            query = query.filter(like("templates.name", &piece.to_lowercase().replace('\0', "")));
        }
        let snapshot = self.snapshot().await?;
        let (rows, next) = cut(query.all(&snapshot).await?, limit, |row| row.id);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let version = template_versions::Entity::find()
                .filter(template_versions::Column::TemplateId.eq(row.id))
                .filter(template_versions::Column::Version.eq(row.version))
                .one(&snapshot)
                .await?;
            items.extend(version.map(|version| known(row, version)));
        }
        Ok(Page { items, next })
    }

    /// The names of those that are not archived, in order.
    pub async fn template_names(&self, limit: u64) -> Result<Vec<String>, Error> {
        let query = templates::Entity::find()
            .select_only()
            .column(templates::Column::Name)
            .filter(templates::Column::ArchivedAt.is_null())
            .order_by_asc(templates::Column::Name)
            .limit(limit);
        Ok(query.into_tuple().all(&self.reads).await?)
    }

    /// All versions of a template, newest first; none where there is no such template. The cursor is a version's.
    pub async fn template_versions(
        &self,
        name: &str,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Option<Page<KnownTemplate>>, Error> {
        let snapshot = self.snapshot().await?;
        let found = named(name).one(&snapshot).await?;
        let Some(template) = found else { return Ok(None) };
        let mut query = template_versions::Entity::find()
            .filter(template_versions::Column::TemplateId.eq(template.id))
            .order_by_desc(template_versions::Column::Version)
            .limit(limit + 1);
        if let Some(after) = after {
            let before = template_versions::Entity::find_by_id(after).one(&snapshot).await?;
            query = query.filter(template_versions::Column::Version.lt(before.map_or(0, |row| row.version)));
        }
        let (rows, next) = cut(query.all(&snapshot).await?, limit, |row| row.id);
        let items = rows.into_iter().map(|row| known(template.clone(), row)).collect();
        Ok(Some(Page { items, next }))
    }
}
