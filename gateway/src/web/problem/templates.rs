//! What a refusal looks like of templates, and of bulk sends.

use axum::http::StatusCode;

use super::{FieldError, Problem};
use crate::message::Locale;
use crate::templates::Fault;
use crate::{bulks, outbound};

impl Problem {
    /// What is wrong with a template or with what it is sent with, below a pointer.
    pub(in crate::web) fn faults(below: &str, faults: &[Fault]) -> Self {
        let details: Vec<&str> = faults.iter().map(|fault| fault.detail.as_str()).collect();
        let mut problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is not valid", details.join("; "));
        problem.errors = faults
            .iter()
            .map(|Fault { pointer, code, detail }| FieldError {
                pointer: format!("{below}{pointer}"),
                code: code.clone(),
                detail: detail.clone(),
            })
            .collect();
        problem
    }

    /// What `If-Match` named is not what is there.
    pub(in crate::web) fn changed_meanwhile(what: &str) -> Self {
        let detail = format!("the {what} is not as `If-Match` has it: get it again, and look what changed");
        Self::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile", "It was changed meanwhile", detail)
    }

    pub(in crate::web) fn exists(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "exists", "There is one of that name", detail).field("/name", "exists")
    }

    pub(in crate::web) fn bulk(error: &bulks::Error, locale: Locale) -> Self {
        use bulks::Error;
        match error {
            Error::HowMany(_) => Self::invalid("/recipients", "how-many", error.to_string()),
            Error::TooFarAhead => Self::invalid("/send_at", "too-far-ahead", error.to_string()),
            Error::Message(error) => Self::outbound(error, locale),
            Error::KeyReused => Self::outbound(&outbound::Error::KeyReused, locale),
            Error::NotFound => Self::not_found("bulk send"),
            Error::Over(_) => Self::over(error.to_string()),
            Error::Store(error) => Self::store(error),
            Error::Broken(_) => {
                tracing::error!(%error, "a bulk send was not taken");
                Self::internal()
            }
        }
    }

    pub(super) fn over(detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, "over", "It has come to its end", detail)
    }
}
