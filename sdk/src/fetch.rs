//! Requests to the hosts that the operator allowed to this plugin, and to no other.
//!
//! The answer is waited for, and the wait counts towards the plugin's deadline. A call may make four
//! requests. What a request does at the other side is not undone when the call fails afterwards, and
//! a message that is decided again makes it again.
//!
//! ```
//! use recado_sdk::{fetch, testing};
//!
//! let mut host = testing::Host::new().answer("https://crm.example.com/", testing::response(200, r#"{"vip":true}"#));
//! let response = host.run(|| {
//!     fetch::Request::get("https://crm.example.com/contacts/42")
//!         // The operator's secret; the gateway puts it in, and the plugin never sees it.
//!         .header("authorization", "Bearer {{secret:crm}}")
//!         .send()
//! })?;
//! assert!(response.is_success());
//! assert_eq!(response.body, r#"{"vip":true}"#);
//! assert_eq!(host.requests()[0].url, "https://crm.example.com/contacts/42");
//! # Ok::<_, fetch::Failure>(())
//! ```

use std::time::Duration;

#[doc(inline)]
pub use crate::bindings::recado::plugin::fetch::{Failure, Request, Response};

impl Request {
    /// A request of any method.
    ///
    /// ```
    /// let request = recado_sdk::fetch::Request::new("PATCH", "https://crm.example.com/contacts/42");
    /// assert_eq!(request.method, "PATCH");
    /// ```
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: None, timeout: None }
    }

    /// A question. The [module's page](self) has an example.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Something for the other side to take.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let request = recado_sdk::fetch::Request::post("https://crm.example.com/notes")
    ///     .header("content-type", "text/plain")
    ///     .body("llamó otra vez")
    ///     .timeout(Duration::from_millis(250));
    /// assert_eq!((request.body.as_deref(), request.timeout), (Some("llamó otra vez"), Some(250)));
    /// ```
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header. In its value `{{secret:NAME}}` stands for a secret that the operator set.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What is sent along.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The longest to wait for the answer; without it, what the operator set.
    #[must_use]
    pub fn timeout(mut self, length: Duration) -> Self {
        self.timeout = Some(u32::try_from(length.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Sends a value of a type of yours along, as JSON. With the feature `json`.
    ///
    /// ```
    /// use recado_sdk::fetch::Request;
    ///
    /// let request = Request::post("https://crm.example.com/notes").json(&["llamó", "otra vez"])?;
    /// assert_eq!(request.body.as_deref(), Some(r#"["llamó","otra vez"]"#));
    /// assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<Self, serde_json::Error> {
        Ok(self.header("content-type", "application/json").body(serde_json::to_string(value)?))
    }

    /// Asks, and waits for the answer. Any answer is one: look at its status.
    pub fn send(&self) -> Result<Response, Failure> {
        crate::host::fetch::send(self)
    }
}

impl Response {
    /// Whether the status is one of the 200s.
    ///
    /// ```
    /// assert!(recado_sdk::testing::response(204, "").is_success());
    /// assert!(!recado_sdk::testing::response(404, "").is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in whatever case.
    ///
    /// ```
    /// let mut response = recado_sdk::testing::response(200, "");
    /// response.headers.push(("Content-Type".to_owned(), "text/html".to_owned()));
    /// assert_eq!(response.header("content-type"), Some("text/html"));
    /// assert_eq!(response.header("etag"), None);
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as a type of yours. With the feature `json`.
    ///
    /// ```
    /// let response = recado_sdk::testing::response(200, "[1,2]");
    /// assert_eq!(response.json::<Vec<u32>>()?, [1, 2]);
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

impl From<Failure> for crate::Failure {
    /// So that `?` works in a hook.
    ///
    /// ```
    /// use recado_sdk::{Failure, fetch};
    ///
    /// let failure = Failure::from(fetch::Failure::NotAllowed("https://example.com".to_owned()));
    /// assert_eq!(failure, Failure::failed("fetch: not allowed: https://example.com"));
    /// ```
    fn from(failure: Failure) -> Self {
        Self::failed(match failure {
            Failure::NotAllowed(text) => format!("fetch: not allowed: {text}"),
            Failure::Timeout => "fetch: no answer in time".to_owned(),
            Failure::TooLarge(bytes) => format!("fetch: the answer is longer than {bytes} bytes"),
            Failure::Budget(text) | Failure::Failed(text) => format!("fetch: {text}"),
        })
    }
}
