//! What the outbound plugins make of a message before it is checked and stored.

use jiff::Timestamp;

use super::{Error, Outbound, Request, check_media};
use crate::deciding::{Decided, seen};
use crate::message::{Address, ContactId, ConversationId, MessageId};
use crate::plugins::{OutboundCall, Passed};
use crate::store::{NewOutbound, Rejection, Route, Schedule, Sender, StateChange, Submission, Trace};

/// What a plugin's own message follows from.
#[derive(Clone, Debug)]
pub struct Following {
    pub plugin: String,
    /// The message whose processing led to it.
    pub caused_by: MessageId,
    /// How many reports in a row led to it.
    pub hops: u32,
}

impl Outbound {
    /// All that is to be stored of a message: after the plugins, and checked. `pending` is what plugins
    /// remember that is committed together with it.
    pub async fn prepare(
        &self,
        request: Request,
        following: Option<&Following>,
        pending: &[StateChange],
    ) -> Result<Submission, Error> {
        let recipient = Address::recipient(&request.to, &self.0.region).map_err(Error::To)?;
        self.prepare_to(recipient, request, following, pending).await
    }

    /// The same for a recipient that wrote to us: any address will do.
    pub async fn prepare_to(
        &self,
        recipient: Address,
        mut request: Request,
        following: Option<&Following>,
        pending: &[StateChange],
    ) -> Result<Submission, Error> {
        self.0.uploads.publish(&mut request.media, request.send_at).await?;
        let id = MessageId(self.0.ids.next(self.0.clock.now()));
        let mut submission = if self.0.deciding.chain().wants_outbound() {
            self.passed(recipient, request, id, pending).await?
        } else {
            let seed = self.0.deciding.seed();
            let mut submission = self.submission(request, recipient, id)?;
            submission.message.seed = Some(seed);
            submission
        };
        if let Some(following) = following {
            submission.message.plugin = Some(following.plugin.clone());
            submission.message.caused_by = Some(following.caused_by);
            submission.message.hops = following.hops;
        }
        Ok(submission)
    }

    /// Makes media ready to be checked, as they will be: uploads get what looks like a link.
    pub async fn stand_in(&self, media: &mut [String]) -> Result<(), Error> {
        Ok(self.0.uploads.stand_in(media).await?)
    }

    /// Makes media ready for the provider to fetch: uploads get a link, and other addresses are looked at.
    pub async fn publish(&self, media: &mut [String]) -> Result<(), Error> {
        self.0.uploads.publish(media, None).await?;
        media.iter().try_for_each(|url| check_media(url))
    }

    async fn passed(
        &self,
        recipient: Address,
        request: Request,
        id: MessageId,
        pending: &[StateChange],
    ) -> Result<Submission, Error> {
        let seed = self.0.deciding.seed();
        let call = self.call(&recipient, &request, id).await?;
        let decided = self.0.deciding.outbound(call.clone(), seed, pending).await;
        let Decided { outcome, mut traces, state, .. } = decided;
        let mut submission = match outcome {
            Passed::Accepted { call: after, tags } => {
                let mut submission = self.accepted(&recipient, request, &call, *after, &traces).await?;
                submission.tags = tags;
                submission
            }
            Passed::Rejected { plugin, reason } => {
                let problem = format!("refused by the plugin `{plugin}`: {reason}");
                self.kept(recipient, request, &call, Rejection::Plugin { plugin, problem })
            }
            Passed::Failed { plugin, reason } => return Err(Error::NoVerdict { plugin, reason }),
        };
        if submission.message.rejected.is_some() && submission.message.options.discard_content == Some(true) {
            // Nothing more becomes of it, so that this is the moment.
            submission.message.text.clear();
            for trace in &mut traces {
                trace.decision = serde_json::json!({ "redacted": true });
            }
        }
        submission.message.seed = Some(seed);
        submission.traces = traces;
        submission.state = state;
        Ok(submission)
    }

    /// The message as the plugins see it.
    async fn call(&self, recipient: &Address, request: &Request, id: MessageId) -> Result<OutboundCall, Error> {
        let parts = &self.0;
        let name = self.channel_name(request.channel.clone())?;
        let channel = parts.channels.get(&name).ok_or_else(|| self.unknown(&name))?;
        let sender = match request.from.as_deref() {
            Some(from) if is_named(request) => Some(self.sender(from)?),
            _ => channel.sender().cloned(),
        };
        let conversation = match parts.store.open_thread(&name, recipient).await? {
            Some(thread) => {
                let previous = parts.store.previous_inbound_at(thread.conversation.id).await?;
                Some(seen(&thread, thread.conversation.inbound_count, previous))
            }
            None => None,
        };
        Ok(OutboundCall {
            id,
            channel: name,
            sender,
            recipient: recipient.clone(),
            text: request.text.clone(),
            media: request.media.clone(),
            origin: request.origin,
            send_at: request.send_at,
            created_at: parts.clock.now(),
            conversation,
        })
    }

    /// What the plugins changed is checked like the caller's own. If it can't be sent, it is as if they
    /// had refused; unless it couldn't have been sent as it was.
    async fn accepted(
        &self,
        recipient: &Address,
        request: Request,
        before: &OutboundCall,
        after: OutboundCall,
        traces: &[Trace],
    ) -> Result<Submission, Error> {
        if after == *before {
            return self.submission(request, recipient.clone(), before.id);
        }
        let mut changed = change(request.clone(), before, after);
        let published = self.0.uploads.publish(&mut changed.media, changed.send_at).await.map_err(Error::from);
        let error = match published.and_then(|()| self.submission(changed, recipient.clone(), before.id)) {
            Err(error @ Error::Store(_)) => return Err(error),
            // The plugins are not to blame.
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => error,
            submission @ Ok(_) => return submission,
        };
        self.submission(request.clone(), recipient.clone(), before.id)?;
        let plugin = traces.last().map(|trace| trace.plugin.clone()).unwrap_or_default();
        let problem = format!("the plugins, up to `{plugin}`, made of it what can't be sent: {error}");
        Ok(self.kept(recipient.clone(), request, before, Rejection::Plugin { plugin, problem }))
    }

    /// A message that is on record, and is not sent.
    fn kept(&self, recipient: Address, request: Request, call: &OutboundCall, rejection: Rejection) -> Submission {
        let parts = &self.0;
        let now = parts.clock.now();
        let sender = match &call.sender {
            Some(sender) if is_named(&request) => Sender::Named(sender.clone()),
            own => Sender::Own(own.clone()),
        };
        Submission {
            conversation_id: ConversationId(parts.ids.next(now)),
            contact_id: ContactId(parts.ids.next(now)),
            subject: parts.place.subject(&call.channel, recipient.as_str()),
            idempotency: request.idempotency,
            tags: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
            message: NewOutbound {
                id: call.id,
                channel: call.channel.clone(),
                sender,
                service: None,
                recipient,
                text: request.text,
                media: request.media,
                segments: 0,
                parts: Vec::new(),
                route: Route::Outbox,
                in_reply_to: None,
                plugin: None,
                options: request.options,
                schedule: request.send_at.filter(|at| *at > now).map_or(Schedule::Now, Schedule::At),
                priority: request.priority,
                callback: None,
                seed: None,
                rejected: Some(rejection),
                caused_by: None,
                hops: 0,
                confirms: false,
                template: request.template.map(|made_of| made_of.used),
                bulk: request.bulk,
                at: now,
            },
        }
    }
}

fn is_named(request: &Request) -> bool {
    request.from.as_ref().is_some_and(|from| !from.trim().is_empty())
}

/// What the caller asked for, with what the plugins want different.
fn change(mut request: Request, before: &OutboundCall, after: OutboundCall) -> Request {
    if after.sender != before.sender {
        request.from = after.sender.map(|sender| sender.as_str().to_owned());
        // Whether the service has the plugin's number is not known.
        request.by_service = false;
    } else if after.channel != before.channel {
        // The sender was the other channel's.
        request.from = None;
    }
    let send_at: Option<Timestamp> = after.send_at;
    Request { channel: Some(after.channel), text: after.text, media: after.media, send_at, ..request }
}
