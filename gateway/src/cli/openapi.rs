//! `recado openapi`

use anyhow::Context as _;
use clap::Args;

use super::Context;
use crate::web;

/// The API as an `OpenAPI` document.
#[derive(Debug, Args)]
pub(super) struct OpenApi {}

impl OpenApi {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let document = serde_json::to_value(web::document()).context("the document can't be written")?;
        context.output.print(&document, || format!("{document:#}"));
        Ok(())
    }
}
