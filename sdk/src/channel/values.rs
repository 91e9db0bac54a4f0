//! Short ways to make what a channel gives back, and to read what it is told.

use std::fmt::Display;

use super::{
    Accepted, Capabilities, Description, Event, Fetching, InboundMessage, Later, MessageStatus, Outcome, Parsed,
    ProviderError, Request, Response, Webhook,
};

impl Description {
    /// A channel of texts alone, whose addresses are phone numbers, that takes no configuration.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            config_schema: r#"{"type":"object","additionalProperties":false}"#.to_owned(),
            secrets: Vec::new(),
            hosts: Vec::new(),
            scheme: None,
            sender: None,
            capabilities: Capabilities { max_text_units: 1600, max_media: 0, receipts: false },
            extra: Vec::new(),
        }
    }

    /// The JSON Schema of its configuration.
    #[must_use]
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { config_schema: schema.into(), ..self }
    }

    /// A secret that the operator must set.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>) -> Self {
        self.secrets.push(name.into());
        self
    }

    /// Whom its requests go to, as in `https://api.example.com`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// What stands before its addresses in the gateway.
    #[must_use]
    pub fn scheme(self, scheme: impl Into<String>) -> Self {
        Self { scheme: Some(scheme.into()), ..self }
    }

    /// The address that messages are sent from.
    #[must_use]
    pub fn sender(self, sender: Option<String>) -> Self {
        Self { sender, ..self }
    }

    /// The most UTF-16 units of one request.
    #[must_use]
    pub fn max_text_units(mut self, units: u32) -> Self {
        self.capabilities.max_text_units = units;
        self
    }

    /// The most media of one request.
    #[must_use]
    pub fn max_media(mut self, media: u32) -> Self {
        self.capabilities.max_media = media;
        self
    }

    /// The provider reports what became of a message.
    #[must_use]
    pub fn receipts(mut self) -> Self {
        self.capabilities.receipts = true;
        self
    }
}

/// The first value under a name.
fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl Webhook {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The first parameter of that name in the URL.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl Parsed {
    /// It means nothing to the gateway.
    pub fn nothing() -> Self {
        Self { events: Vec::new(), answer: None }
    }

    /// One message came in.
    pub fn inbound(message: InboundMessage) -> Self {
        Self { events: vec![Event::Inbound(message)], answer: None }
    }
}

impl InboundMessage {
    /// A text, and nothing else.
    pub fn new(
        id: impl Into<String>,
        sender: impl Into<String>,
        recipient: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            sender: sender.into(),
            recipient: recipient.into(),
            text: text.into(),
            media: Vec::new(),
            consent: None,
            extra: Vec::new(),
        }
    }
}

impl Fetching {
    /// The response is the medium.
    pub fn medium(request: Request) -> Self {
        Self { request, lookup: false }
    }

    /// The response tells where the medium is.
    pub fn lookup(request: Request) -> Self {
        Self { request, lookup: true }
    }
}

impl Request {
    /// A GET of this URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".to_owned(), ..Self::post(url) }
    }

    /// A POST to this URL.
    pub fn post(url: impl Into<String>) -> Self {
        Self { method: "POST".to_owned(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What it carries.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.header("content-type", content_type) }
    }
}

impl Outcome {
    /// The provider has it, under this id.
    pub fn accepted(id: impl Display, status: MessageStatus) -> Self {
        Self::Accepted(Accepted { id: id.to_string(), status })
    }

    /// Another try is worth it, not before so many seconds if they are known.
    pub fn retry(after: Option<u32>, error: ProviderError) -> Self {
        Self::Retry(Later { after, error })
    }
}

impl ProviderError {
    /// The provider's number for it, and its words.
    pub fn new(code: impl Into<Option<i32>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Nothing is known but the response's status.
    pub fn status(response: &Response) -> Self {
        Self::new(i32::try_from(response.status).ok(), format!("HTTP {}", response.status))
    }
}
