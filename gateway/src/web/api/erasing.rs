//! Erasing a person, step by step, until nothing but ids is left.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::contacts::id_of;
use super::marks::expected;
use crate::media;
use crate::message::ContactId;
use crate::store::{self, Act, Erased, Erasure};
use crate::web::App;
use crate::web::auth::{Caller, ContactsWrite};
use crate::web::openapi::{Changed, Conflict, NotFound, Usual};
use crate::web::problem::Problem;

/// How many texts go in one transaction.
const TEXTS: usize = 100;

/// Why somebody is not erased, besides what [`Erased`] says.
#[derive(Debug, thiserror::Error)]
pub(in crate::web) enum Error {
    #[error(transparent)]
    Files(#[from] media::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Erases somebody; `act` says who does it. What was done of it when something fails is done, and the rest is when it
/// is asked for again.
pub(in crate::web) async fn erase_all(
    app: &App,
    id: ContactId,
    expected: Option<String>,
    act: impl Fn() -> Act,
) -> Result<Erased, Error> {
    let mut files_are_gone = false;
    loop {
        let act = act();
        let erasure = Erasure { id, expected: expected.clone(), limit: TEXTS, files_are_gone, at: act.at };
        match app.store.erase_contact(erasure, act).await? {
            Erased::Some => {}
            Erased::Files(files) => {
                // What must stay for now is put down with the last step, and goes later.
                app.uploads.remove_files(&files).await?;
                files_are_gone = true;
            }
            erased => {
                // What comes next may have waited for what is canceled.
                app.outbound.wake();
                return Ok(erased);
            }
        }
    }
}

/// Erases somebody: the name, what is noted and what plugins remember of them, the texts of all messages, files that
/// came from them or were sent to them alone (with their uploads and links) and notes about them; their addresses are
/// nobody's then, and their conversations closed. What waits to be sent to them is canceled. What stays are ids, numbers
/// and times of messages, so that what comes again is known as a repeat, and what they said about being written to. The
/// provider keeps its own. With `If-Match` only if it is as it was with that `ETag`.
#[utoipa::path(
    delete,
    path = "/v1/contacts/{id}",
    tag = "contacts",
    operation_id = "contacts_erase",
    security(("key" = ["contacts:write"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "There is nobody of that id any more"), Usual, NotFound, Conflict, Changed)
)]
pub(in crate::web) async fn erase(
    State(app): State<App>,
    caller: Caller<ContactsWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let id = id_of(&text)?;
    let erased = erase_all(&app, id, expected(&headers), || caller.act(&app, "contact.erased", &id)).await;
    match erased.map_err(|error| match error {
        Error::Files(error) => Problem::upload(&error),
        Error::Store(error) => Problem::store(&error),
    })? {
        Erased::Done => {
            tracing::info!(contact_id = %id, "erased");
            Ok(StatusCode::NO_CONTENT)
        }
        Erased::Mismatch => Err(Problem::changed_meanwhile("contact")),
        Erased::UnderWay => Err(Problem::under_way()),
        Erased::NotFound | Erased::Some | Erased::Files(_) => Err(Problem::not_found("contact")),
    }
}
