//! Query parameters, whose refusal is a problem document like any other.

use axum::extract::FromRequestParts;
use axum::http::request;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// What axum's own extractor reads.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|query| Self(query.0)).map_err(|rejection| Problem::unreadable(rejection.body_text()))
    }
}
