//! The tables that a copy takes along, in an order in which each finds the rows that it refers to.
//!
//! What a table is made of is read from its entity. A test compares the list with the schema, so that a table,
//! a column or a kind of column that is not here is noticed when it is added.

use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

use crate::store::entities;

/// What a column holds, as both databases have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Uuid,
    Integer,
    BigInteger,
    Text,
    /// Copied as it is written, to the last blank.
    Json,
    Boolean,
    Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Column {
    pub(in crate::store) name: String,
    /// None: no kind that a copy knows.
    pub(in crate::store) kind: Option<Kind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    pub(in crate::store) columns: Vec<Column>,
    /// Where the columns of the primary key are among them, in the key's order.
    pub(in crate::store) key: Vec<usize>,
}

pub(in crate::store) fn all() -> Vec<Table> {
    macro_rules! tables {
        ($($table:ident),* $(,)?) => { vec![$(of::<entities::$table::Entity>()),*] };
    }
    tables![
        api_keys,
        contacts,
        addresses,
        conversations,
        messages,
        media,
        traces,
        parts,
        attempts,
        observations,
        idempotency_keys,
        consents,
        consent_events,
        callbacks,
        lookups,
        removals,
        plugin_state,
        plugin_configs,
        stream,
        timers,
        reports,
        endpoints,
        events,
        gateways,
        pauses,
        pulls,
        uploads,
        media_links,
        dropped_files,
        retention,
        retention_held,
        audit,
        users,
        sessions,
        notes,
        authors,
        templates,
        template_versions,
        bulks,
        bulk_recipients,
    ]
}

fn of<E: EntityTrait>() -> Table {
    let names: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
    let columns = E::Column::iter()
        .map(|column| Column { name: column.as_str().to_owned(), kind: kind(column.def().get_column_type()) });
    let place = |key: E::PrimaryKey| names.iter().position(|name| *name == key.into_column().as_str());
    Table {
        name: E::default().table_name().to_owned(),
        columns: columns.collect(),
        key: E::PrimaryKey::iter().filter_map(place).collect(),
    }
}

fn kind(of: &sea_orm::ColumnType) -> Option<Kind> {
    use sea_orm::ColumnType;
    match of {
        ColumnType::Uuid => Some(Kind::Uuid),
        ColumnType::Integer => Some(Kind::Integer),
        ColumnType::BigInteger => Some(Kind::BigInteger),
        ColumnType::String(_) | ColumnType::Text => Some(Kind::Text),
        ColumnType::Json => Some(Kind::Json),
        ColumnType::Boolean => Some(Kind::Boolean),
        ColumnType::Blob | ColumnType::VarBinary(_) => Some(Kind::Bytes),
        _ => None,
    }
}
