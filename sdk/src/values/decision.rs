//! What a plugin asks for.

use crate::{Action, ConversationStatus, Decision, Flow, Forward, Outgoing, Reply, StartTimer};

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

    /// Sends something back to the person of the conversation: a text, or a [`Reply`] with media.
    #[must_use]
    pub fn reply(self, reply: impl Into<Reply>) -> Self {
        self.action(Action::reply(reply))
    }

    /// Sends something to anybody. It passes the outbound plugins, as all that is sent does.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision, Outgoing};
    ///
    /// let note = Outgoing::new("+525587654321", "Nueva queja").channel("sms");
    /// let decision = Decision::proceed().send(note.clone());
    /// assert_eq!(decision.actions, [Action::Send(note)]);
    /// ```
    #[must_use]
    pub fn send(self, outgoing: Outgoing) -> Self {
        self.action(Action::Send(outgoing))
    }

    /// Labels the conversation. Later plugins of the chain see the label.
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.action(Action::tag(tag))
    }

    /// Takes a label off the conversation.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// assert_eq!(Decision::proceed().untag("new").actions, [Action::untag("new")]);
    /// ```
    #[must_use]
    pub fn untag(self, tag: impl Into<String>) -> Self {
        self.action(Action::untag(tag))
    }

    /// Says who looks after the conversation.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// assert_eq!(Decision::proceed().assign("ana").actions, [Action::assign("ana")]);
    /// ```
    #[must_use]
    pub fn assign(self, to: impl Into<String>) -> Self {
        self.action(Action::assign(to))
    }

    /// Says that nobody looks after the conversation.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// assert_eq!(Decision::proceed().unassign().actions, [Action::unassign()]);
    /// ```
    #[must_use]
    pub fn unassign(self) -> Self {
        self.action(Action::unassign())
    }

    /// Says where the conversation stands from now on.
    #[must_use]
    pub fn set_status(self, status: ConversationStatus) -> Self {
        self.action(Action::SetStatus(status))
    }

    /// Notes something about the contact, for people and for other plugins.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// let decision = Decision::proceed().set_attribute("language", "en").remove_attribute("trial");
    /// assert_eq!(decision.actions, [Action::set_attribute("language", "en"), Action::remove_attribute("trial")]);
    /// ```
    #[must_use]
    pub fn set_attribute(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.action(Action::set_attribute(name, value))
    }

    /// Takes back what was noted about the contact.
    #[must_use]
    pub fn remove_attribute(self, name: impl Into<String>) -> Self {
        self.action(Action::remove_attribute(name))
    }

    /// Tells an application, by an endpoint that the operator named: the endpoint's name, or a
    /// [`Forward`] with a payload.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision, Forward};
    ///
    /// let decision = Decision::proceed().forward("crm").forward(Forward::to("alerts").payload(r#"{"level":2}"#));
    /// assert_eq!(decision.actions[1], Action::forward(Forward::to("alerts").payload(r#"{"level":2}"#)));
    /// ```
    #[must_use]
    pub fn forward(self, forward: impl Into<Forward>) -> Self {
        self.action(Action::forward(forward))
    }

    /// Starts a timer of this plugin in this conversation, or moves the one of the same name. When
    /// it runs out, [`Plugin::on_timer`](crate::Plugin::on_timer) is called, once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use recado_sdk::{Action, Decision, StartTimer};
    ///
    /// let reminder = StartTimer::new("reminder", Duration::from_secs(3600));
    /// let decision = Decision::proceed().start_timer(reminder.clone());
    /// assert_eq!(decision.actions, [Action::StartTimer(reminder)]);
    /// ```
    #[must_use]
    pub fn start_timer(self, timer: StartTimer) -> Self {
        self.action(Action::StartTimer(timer))
    }

    /// Takes a timer back, if it runs.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// assert_eq!(Decision::proceed().cancel_timer("reminder").actions, [Action::cancel_timer("reminder")]);
    /// ```
    #[must_use]
    pub fn cancel_timer(self, name: impl Into<String>) -> Self {
        self.action(Action::cancel_timer(name))
    }

    /// Gives no reply, neither this plugin's nor another's, and does not count the message as unread.
    /// The message stays on record, with this reason. Only for messages that came in.
    ///
    /// ```
    /// use recado_sdk::{Action, Decision};
    ///
    /// assert_eq!(Decision::stop().discard("spam").actions, [Action::discard("spam")]);
    /// ```
    #[must_use]
    pub fn discard(self, reason: impl Into<String>) -> Self {
        self.action(Action::discard(reason))
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

    /// Leaves the plugins after this one out.
    ///
    /// ```
    /// use recado_sdk::Decision;
    ///
    /// assert_eq!(Decision::proceed().reply("Hola").and_stop(), Decision::stop().reply("Hola"));
    /// ```
    #[must_use]
    pub fn and_stop(mut self) -> Self {
        self.flow = Flow::Stop;
        self
    }
}

impl Default for Decision {
    fn default() -> Self {
        Self::proceed()
    }
}

impl Action {
    /// Something back to the person: a text, or a [`Reply`] with media.
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

    /// Who looks after the conversation.
    pub fn assign(to: impl Into<String>) -> Self {
        Self::Assign(Some(to.into()))
    }

    /// That nobody looks after the conversation.
    pub fn unassign() -> Self {
        Self::Assign(None)
    }

    /// Something to note about the contact.
    pub fn set_attribute(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::SetAttribute((name.into(), Some(value.into())))
    }

    /// What is no longer to be noted about the contact.
    pub fn remove_attribute(name: impl Into<String>) -> Self {
        Self::SetAttribute((name.into(), None))
    }

    /// An endpoint to tell: its name, or a [`Forward`] with a payload.
    pub fn forward(forward: impl Into<Forward>) -> Self {
        Self::Forward(forward.into())
    }

    /// The name of a timer to take back.
    pub fn cancel_timer(name: impl Into<String>) -> Self {
        Self::CancelTimer(name.into())
    }

    /// Why the message is of no interest.
    pub fn discard(reason: impl Into<String>) -> Self {
        Self::Discard(reason.into())
    }

    /// A name and a JSON document for the message's trace.
    pub fn custom(name: impl Into<String>, json: impl Into<String>) -> Self {
        Self::Custom((name.into(), json.into()))
    }
}
