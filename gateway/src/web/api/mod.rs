//! The API for applications, version 1. One file per resource.

mod bulk_check;
pub(super) mod bulks;
pub(super) mod channels;
pub(super) mod consents;
pub(super) mod contact_import;
pub(super) mod contacts;
pub(super) mod conversations;
pub(super) mod decided;
pub(super) mod endpoints;
pub(super) mod erasing;
pub(super) mod events;
pub(super) mod fields;
pub(super) mod lookup;
mod marks;
pub(super) mod media;
pub(super) mod message_list;
pub(super) mod messages;
pub(super) mod plugin_configs;
pub(super) mod plugins;
pub(super) mod previews;
mod reading;
pub(super) mod segments;
pub(super) mod templates;
pub(super) mod waits;

use axum::Json;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use reading::read;

use super::problem::Problem;
use crate::store::Page;

/// Which page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

const USUAL_LIMIT: u64 = 50;
const MOST: u64 = 200;

impl Paging {
    fn read(&self) -> Result<(Option<Uuid>, u64), Problem> {
        let limit = self.limit()?;
        let cursor = match &self.cursor {
            None => None,
            Some(text) => Some(id(text).ok_or_else(|| {
                Problem::invalid("cursor", "unknown-cursor", "`cursor` must be a `next_cursor` that a list gave")
            })?),
        };
        Ok((cursor, limit))
    }

    fn limit(&self) -> Result<u64, Problem> {
        let limit = self.limit.unwrap_or(USUAL_LIMIT);
        if (1..=MOST).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid("limit", "out-of-range", format!("`limit` must be 1 to {MOST}")))
    }
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}

/// One page of a list, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// Null on the last page.
    next_cursor: Option<Uuid>,
}

impl<T> List<T> {
    fn of(page: Page<T>) -> Json<Self> {
        Json(Self { items: page.items, next_cursor: page.next })
    }
}
