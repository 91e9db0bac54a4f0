//! What a plugin says to a message that is about to be sent.

use crate::{Changes, Flow, Verdict};

impl Verdict {
    /// The message goes out as it is.
    ///
    /// ```
    /// use recado_sdk::{Changes, Verdict};
    ///
    /// assert_eq!(Verdict::accept(), Verdict::Accept(Changes::default()));
    /// ```
    pub fn accept() -> Self {
        Self::Accept(Changes::default())
    }

    /// The message is not sent.
    ///
    /// ```
    /// assert_eq!(recado_sdk::Verdict::reject("no such country"), recado_sdk::Verdict::Reject("no such country".to_owned()));
    /// ```
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject(reason.into())
    }
}

impl From<Changes> for Verdict {
    /// The message goes out with these changes.
    fn from(changes: Changes) -> Self {
        Self::Accept(changes)
    }
}

impl Changes {
    /// Nothing is different, until told otherwise.
    ///
    /// ```
    /// use recado_sdk::{Changes, Verdict, clock};
    ///
    /// let changes = Changes::new()
    ///     .text("Hola, Ana")
    ///     .media(["https://example.com/menu.jpg"])
    ///     .channel("whatsapp")
    ///     .sender("+529983162438")
    ///     .send_at(clock::now() + clock::HOUR)
    ///     .tag("later")
    ///     .and_stop();
    /// assert_eq!(changes.tags, ["later"]);
    /// let verdict = Verdict::from(changes);
    /// # assert!(matches!(verdict, Verdict::Accept(changes) if changes.text.as_deref() == Some("Hola, Ana")));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Another text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Other media, by their URLs, in place of those there are.
    #[must_use]
    pub fn media<T: Into<String>>(mut self, urls: impl IntoIterator<Item = T>) -> Self {
        self.media = Some(urls.into_iter().map(Into::into).collect());
        self
    }

    /// Another channel, as the operator named it.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// Another sender.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Another moment to leave.
    #[must_use]
    pub fn send_at(mut self, moment: f64) -> Self {
        self.send_at = Some(moment);
        self
    }

    /// One more label for the conversation.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Leaves the plugins after this one out.
    #[must_use]
    pub fn and_stop(mut self) -> Self {
        self.flow = Flow::Stop;
        self
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            text: None,
            media: None,
            channel: None,
            sender: None,
            send_at: None,
            tags: Vec::new(),
            flow: Flow::Proceed,
        }
    }
}
