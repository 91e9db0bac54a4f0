//! What the larger actions are made of.

use std::time::Duration;

use crate::clock::millis;
use crate::{Forward, Outgoing, Reply, StartTimer};

impl Reply {
    /// A text.
    ///
    /// ```
    /// use recado_sdk::{Decision, Reply};
    ///
    /// let menu = Reply::new("La carta:").with_media("https://example.com/menu.jpg");
    /// assert_eq!(menu.media, ["https://example.com/menu.jpg"]);
    /// let decision = Decision::proceed().reply(menu);
    /// # assert_eq!(decision.actions.len(), 1);
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), media: Vec::new() }
    }

    /// Adds a picture, sound or document by its URL.
    #[must_use]
    pub fn with_media(mut self, url: impl Into<String>) -> Self {
        self.media.push(url.into());
        self
    }
}

impl<T: Into<String>> From<T> for Reply {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl Outgoing {
    /// A text to anybody, on the channel of the conversation, from the channel's own sender, at once;
    /// until told otherwise.
    ///
    /// ```
    /// use recado_sdk::{Outgoing, clock};
    ///
    /// let reminder = Outgoing::new("+525587654321", "Mañana a las 10:00")
    ///     .with_media("https://example.com/map.png")
    ///     .channel("whatsapp")
    ///     .sender("+529983162438")
    ///     .send_at(clock::now() + 2.0 * clock::HOUR);
    /// assert_eq!(reminder.channel.as_deref(), Some("whatsapp"));
    /// # assert_eq!(reminder.sender.as_deref(), Some("+529983162438"));
    /// # assert_eq!(reminder.media.len(), 1);
    /// # assert!(reminder.send_at > Some(clock::now()));
    /// ```
    pub fn new(recipient: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            channel: None,
            sender: None,
            recipient: recipient.into(),
            text: text.into(),
            media: Vec::new(),
            send_at: None,
        }
    }

    /// Adds a picture, sound or document by its URL.
    #[must_use]
    pub fn with_media(mut self, url: impl Into<String>) -> Self {
        self.media.push(url.into());
        self
    }

    /// The channel it goes out on, as the operator named it.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// The operator's address it comes from.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// The moment it is to leave.
    #[must_use]
    pub fn send_at(mut self, moment: f64) -> Self {
        self.send_at = Some(moment);
        self
    }
}

impl Forward {
    /// To an endpoint, as the operator named it.
    ///
    /// ```
    /// use recado_sdk::Forward;
    ///
    /// let forward = Forward::to("crm").payload(r#"{"score":7}"#);
    /// assert_eq!((forward.endpoint.as_str(), forward.payload.as_deref()), ("crm", Some(r#"{"score":7}"#)));
    /// ```
    pub fn to(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), payload: None }
    }

    /// A JSON document to send along.
    #[must_use]
    pub fn payload(mut self, json: impl Into<String>) -> Self {
        self.payload = Some(json.into());
        self
    }
}

impl<T: Into<String>> From<T> for Forward {
    fn from(endpoint: T) -> Self {
        Self::to(endpoint)
    }
}

impl StartTimer {
    /// A timer that runs out so long from now.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use recado_sdk::StartTimer;
    ///
    /// let timer = StartTimer::new("reminder", Duration::from_secs(60)).payload("first");
    /// assert_eq!((timer.name.as_str(), timer.after, timer.payload.as_str()), ("reminder", 60_000.0, "first"));
    /// ```
    pub fn new(name: impl Into<String>, after: Duration) -> Self {
        Self { name: name.into(), after: millis(after), payload: String::new() }
    }

    /// What the hook is to find when it runs out.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<String>) -> Self {
        self.payload = payload.into();
        self
    }
}
