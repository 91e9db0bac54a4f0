//! What a refusal looks like of loading plugins, and of their configurations.

use axum::http::StatusCode;

use super::{FieldError, Problem};
use crate::plugins::ReloadError;
use crate::{configuring, plugins};

impl Problem {
    pub(in crate::web) fn reload(error: &ReloadError) -> Self {
        if let ReloadError::Away(_) = error {
            tracing::error!(%error, "the plugins were not reloaded; the ones before stay in force");
            return Self::unavailable();
        }
        let detail = format!("the plugins before stay in force: {error}");
        if let ReloadError::Refused(_) = error {
            return Self::new(
                StatusCode::CONFLICT,
                "too-different",
                "The plugins would decide too differently",
                detail,
            );
        }
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-reloaded", "The plugins were not reloaded", detail)
    }

    pub(in crate::web) fn configuring(error: &configuring::Error) -> Self {
        use configuring::Error;
        match error {
            Error::Unknown => Self::not_found("plugin"),
            Error::Changed => Self::changed_meanwhile("plugin's config"),
            Error::Misfits(misfits) => Self::misfits(misfits),
            Error::Chain(error) => {
                let detail = format!("the config before stays in force: {error}");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-loaded", "The plugin was not loaded with it", detail)
            }
            Error::Store(error) => Self::store(error),
        }
    }

    fn misfits(misfits: &[plugins::wasm::Misfit]) -> Self {
        let details: Vec<String> =
            misfits.iter().map(|misfit| format!("`{}`: {}", misfit.pointer, misfit.problem)).collect();
        let mut problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is not valid", details.join("; "));
        let error = |misfit: &plugins::wasm::Misfit| FieldError {
            pointer: misfit.pointer.clone(),
            code: misfit.keyword.clone(),
            detail: misfit.problem.clone(),
        };
        problem.errors = misfits.iter().map(error).collect();
        problem
    }
}
