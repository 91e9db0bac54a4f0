//! Fetching from a registry: as the distribution specification has it, and nothing but what was named.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION};
use http::{HeaderValue, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::challenge::Challenge;
use super::manifest::{self, Layer};
use super::reference::Reference;
use super::{Access, PullError};
use crate::transport::{Failure, HttpTransport, Limits, Reach, Transport};

/// The longest manifest or token, in bytes.
const MANIFEST: usize = 4 * 1024 * 1024;
/// How long a manifest, a token and a component may take.
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_mins(5);
const MOST_HOPS: u32 = 5;

/// One component that is being fetched.
pub(super) struct Pull<'a> {
    reference: &'a Reference,
    access: &'a Access,
    /// What the registry was shown so far.
    authorization: Option<HeaderValue>,
}

impl<'a> Pull<'a> {
    pub(super) fn new(reference: &'a Reference, access: &'a Access) -> Self {
        Self { reference, access, authorization: None }
    }

    /// The manifest as it is, and its SHA-256; the one that is named, if one is.
    pub(super) async fn manifest(&mut self) -> Result<(Bytes, String), PullError> {
        let Reference { tag, digest, .. } = self.reference;
        let wanted = match (digest, tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, tag) => tag.clone().unwrap_or_default(),
        };
        let bytes = self.get("manifests", &wanted, MANIFEST, SHORT).await?;
        let found = hex::encode(Sha256::digest(&bytes));
        match digest {
            Some(named) if *named != found => Err(PullError::OtherBytes { what: "the manifest" }),
            _ => Ok((bytes, found)),
        }
    }

    /// The component, which is what the manifest says.
    pub(super) async fn component(&mut self, layer: &Layer) -> Result<Bytes, PullError> {
        let bytes = self.get("blobs", &format!("sha256:{}", layer.sha256), layer.size, LONG).await?;
        if bytes.len() != layer.size || hex::encode(Sha256::digest(&bytes)) != layer.sha256 {
            return Err(PullError::OtherBytes { what: "the component" });
        }
        Ok(bytes)
    }

    async fn get(&mut self, kind: &str, name: &str, most: usize, total: Duration) -> Result<Bytes, PullError> {
        let Reference { host, repository, .. } = self.reference;
        let scheme = if self.is_open() { "http" } else { "https" };
        let url = self.url(&format!("{scheme}://{host}/v2/{repository}/{kind}/{name}"))?;
        let limits = Limits { total, response: most, ..Limits::default() };
        let mut answer = self.follow(&url, limits).await?;
        if answer.status() == 401 {
            let challenge = Challenge::read(answer.headers()).ok_or(PullError::Refused { status: 401 })?;
            self.authorization = Some(self.answer(challenge).await?);
            answer = self.follow(&url, limits).await?;
        }
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status @ (401 | 403) => Err(PullError::Refused { status }),
            404 => Err(PullError::NotThere),
            status => Err(PullError::Answered { status }),
        }
    }

    /// Through redirects. What the registry was shown stays with it; and where it leads, nobody is asked
    /// who is not on the public internet, unless the registry itself is of this machine or may be.
    async fn follow(&self, first: &Url, limits: Limits) -> Result<Response<Bytes>, PullError> {
        let mut url = first.clone();
        for _ in 0..=MOST_HOPS {
            let own = url.origin() == first.origin();
            let reach = if own || self.is_open() { Reach::Anyone } else { Reach::Public };
            let mut request = Request::get(url.as_str()).header(ACCEPT, manifest::ACCEPTED);
            if let Some(shown) = self.authorization.as_ref().filter(|_| own) {
                request = request.header(AUTHORIZATION, shown);
            }
            let answer = send(request, Limits { reach, ..limits }).await?;
            let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            match location.filter(|_| answer.status().is_redirection()) {
                None => return Ok(answer),
                Some(location) => {
                    let next = url.join(location).map_err(|error| PullError::Lost(error.to_string()))?;
                    url = self.url(next.as_str())?;
                }
            }
        }
        Err(PullError::Lost(format!("more than {MOST_HOPS} redirects")))
    }

    /// What the registry wants to be shown.
    async fn answer(&self, challenge: Challenge) -> Result<HeaderValue, PullError> {
        let Challenge::Bearer { realm, service, scope } = challenge else {
            return self.basic()?.ok_or(PullError::Refused { status: 401 });
        };
        let mut url = self.url(&realm)?;
        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.reference.repository));
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", &service);
        }
        let mut request = Request::get(url.as_str());
        if let Some(basic) = self.basic()? {
            request = request.header(AUTHORIZATION, basic);
        }
        let limits = Limits { total: SHORT, response: MANIFEST, ..Limits::default() };
        let answer = send(request, limits).await?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(PullError::Refused { status });
        }
        let malformed = |problem: String| PullError::Malformed { what: "the token", problem };
        let token: Token = serde_json::from_slice(answer.body()).map_err(|error| malformed(error.to_string()))?;
        let token = token.token.or(token.access_token).ok_or_else(|| malformed("there is none".to_owned()))?;
        secret(&format!("Bearer {}", token.expose_secret()))
    }

    fn basic(&self) -> Result<Option<HeaderValue>, PullError> {
        let (Some(user), Some(password)) = (&self.access.user, &self.access.password) else { return Ok(None) };
        let pair = format!("{user}:{}", password.expose_secret());
        secret(&format!("Basic {}", STANDARD.encode(pair))).map(Some)
    }

    /// Whether it may be asked by `http://`.
    fn is_open(&self) -> bool {
        self.access.insecure || self.reference.is_local()
    }

    fn url(&self, text: &str) -> Result<Url, PullError> {
        let url = Url::parse(text).map_err(|error| PullError::Lost(error.to_string()))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.is_open() => Ok(url),
            _ => Err(PullError::Insecure),
        }
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
}

fn secret(text: &str) -> Result<HeaderValue, PullError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| PullError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn send(request: http::request::Builder, limits: Limits) -> Result<Response<Bytes>, PullError> {
    let request = request.body(Bytes::new()).map_err(|error| PullError::Lost(error.to_string()))?;
    let sent = match HttpTransport::new(limits) {
        Ok(transport) => transport.send(request).await,
        Err(failure) => Err(failure),
    };
    sent.map_err(|failure| match failure {
        Failure::TooLong(most) => PullError::TooLong { most },
        failure => PullError::Away(failure),
    })
}
