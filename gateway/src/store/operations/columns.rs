//! The columns of a table by their names, for statements that are written by hand. With `*` a statement would return
//! what there is: once a newer gateway has added a column, Postgres refuses what an older one has prepared, for as long
//! as the connection lasts.

use sea_orm::{EntityTrait, IdenStatic, Iterable};

/// All that an entity knows of, which is what its model is read from.
pub(in crate::store) fn all<E: EntityTrait>() -> String {
    let names: Vec<String> = E::Column::iter().map(|column| format!("\"{}\"", column.as_str())).collect();
    names.join(", ")
}
