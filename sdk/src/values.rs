//! Short ways to make what a plugin gives back.

use std::fmt::Display;

use crate::{Action, Changes, ConversationStatus, Decision, Failure, Flow, Hooks, Manifest, Reply, Verdict};

/// The schema of a plugin that takes no configuration.
const NO_CONFIG: &str =
    r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}"#;

impl Manifest {
    /// A plugin that wants inbound messages and takes no configuration, until told otherwise.
    ///
    /// ```
    /// use recado_sdk::{Hooks, Manifest};
    ///
    /// let manifest = Manifest::new("greeter", "1.0.0").description("Greets newcomers.").schema(r#"{"type":"object"}"#);
    /// assert_eq!(manifest.name, "greeter");
    /// assert_eq!(manifest.hooks, Hooks::INBOUND);
    /// assert_eq!(manifest.config_schema, r#"{"type":"object"}"#);
    /// ```
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: String::new(),
            hooks: Hooks::INBOUND,
            config_schema: NO_CONFIG.to_owned(),
            extra: Vec::new(),
        }
    }

    /// The hooks it wants to be called for.
    #[must_use]
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// One sentence for the operator.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The JSON Schema (2020-12) that the operator's configuration must fit.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.config_schema = schema.into();
        self
    }
}

impl Decision {
    /// Nothing so far, and the next plugin is asked, too.
    ///
    /// ```
    /// use recado_sdk::{Action, ConversationStatus, Decision, Flow};
    ///
    /// let decision = Decision::proceed().reply("Cuesta $450.").tag("price").set_status(ConversationStatus::Active);
    /// assert_eq!(decision.flow, Flow::Proceed);
    /// assert_eq!(
    ///     decision.actions,
    ///     [Action::reply("Cuesta $450."), Action::tag("price"), Action::SetStatus(ConversationStatus::Active)],
    /// );
    /// ```
    pub fn proceed() -> Self {
        Self { actions: Vec::new(), flow: Flow::Proceed }
    }

    /// Nothing so far, and no further plugin is asked.
    ///
    /// ```
    /// use recado_sdk::{Decision, Flow};
    ///
    /// assert_eq!(Decision::stop().flow, Flow::Stop);
    /// ```
    pub fn stop() -> Self {
        Self { actions: Vec::new(), flow: Flow::Stop }
    }

    /// Sends something back to the sender: a text, or a [`Reply`] with media.
    #[must_use]
    pub fn reply(self, reply: impl Into<Reply>) -> Self {
        self.action(Action::reply(reply))
    }

    /// Labels the conversation. Later plugins of the chain see the label.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.action(Action::tag(tag))
    }

    /// Takes a label off the conversation.
    #[must_use]
    pub fn untag(self, tag: impl Into<String>) -> Self {
        self.action(Action::untag(tag))
    }

    /// Says where the conversation stands from now on.
    #[must_use]
    pub fn set_status(self, status: ConversationStatus) -> Self {
        self.action(Action::SetStatus(status))
    }

    /// Records a name and a JSON document in the message's trace.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// let decision = Decision::proceed().custom("score", r#"{"spam":0.2}"#);
    /// assert_eq!(decision.actions, [Action::custom("score", r#"{"spam":0.2}"#)]);
    /// ```
    #[must_use]
    pub fn custom(self, name: impl Into<String>, json: impl Into<String>) -> Self {
        self.action(Action::custom(name, json))
    }

    /// Asks for one more action, after those asked for before.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }
}

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
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject(reason.into())
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

impl Default for Decision {
    fn default() -> Self {
        Self::proceed()
    }
}

impl Action {
    /// Something back to the sender: a text, or a [`Reply`] with media.
    pub fn reply(reply: impl Into<Reply>) -> Self {
        Self::Reply(reply.into())
    }

    /// A label for the conversation.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::Tag(tag.into())
    }

    /// A label to take off the conversation.
    pub fn untag(tag: impl Into<String>) -> Self {
        Self::Untag(tag.into())
    }

    /// A name and a JSON document for the message's trace.
    pub fn custom(name: impl Into<String>, json: impl Into<String>) -> Self {
        Self::Custom((name.into(), json.into()))
    }
}

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

impl Failure {
    /// The configuration passed the schema, but makes no sense.
    ///
    /// ```
    /// use recado_sdk::Failure;
    ///
    /// let port: Result<u16, Failure> = "eighty".parse().map_err(Failure::bad_config);
    /// assert_eq!(port, Err(Failure::BadConfig("invalid digit found in string".to_owned())));
    /// ```
    pub fn bad_config(reason: impl Display) -> Self {
        Self::BadConfig(reason.to_string())
    }

    /// Anything else. The reason goes to the log and the trace.
    pub fn failed(reason: impl Display) -> Self {
        Self::Failed(reason.to_string())
    }
}
