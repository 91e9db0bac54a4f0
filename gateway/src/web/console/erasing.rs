//! Erasing a person by hand, from their page.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::contact::{Kept, whole};
use super::page;
use super::path::Path;
use super::posted::Posted;
use super::trouble::{Trouble, redirect};
use super::words::ContactWords;
use crate::message::ContactId;
use crate::store::{Erased, Role};
use crate::web::App;
use crate::web::api::erasing::{self, erase_all};

/// `POST /console/contacts/{id}/erase`: as by the API, and only once somebody said that they mean it.
pub(super) async fn erase(State(app): State<App>, Path(id): Path<Uuid>, posted: Posted) -> Result<Response, Trouble> {
    posted.visitor.must_be(Role::Owner)?;
    let visitor = &posted.visitor;
    let words = ContactWords::of(visitor.session.user.locale);
    let wrong = if posted.fields.get("sure") == "yes" {
        let act = || visitor.act(&app, "contact.erased", &id);
        match erase_all(&app, ContactId(id), None, act).await.map_err(trouble)? {
            Erased::Done => {
                tracing::info!(contact_id = %id, user_id = %visitor.session.user.id, "erased");
                return Ok(redirect(&format!("{}?erased=yes", app.console.0.base), posted.is_partial));
            }
            Erased::UnderWay => words.under_way,
            // Nothing was expected, and the other two are no ends.
            Erased::NotFound | Erased::Mismatch | Erased::Some | Erased::Files(_) => return Err(Trouble::NotFound),
        }
    } else {
        words.not_sure
    };
    let kept = Kept { is_erasing: true, ..Kept::default() };
    page::refused(&Box::pin(whole(&app, visitor, id, Some(wrong), kept)).await?)
}

fn trouble(error: erasing::Error) -> Trouble {
    match error {
        erasing::Error::Store(error) => error.into(),
        erasing::Error::Files(error) => {
            tracing::error!(%error, "a person's files were not removed");
            Trouble::Internal
        }
    }
}
