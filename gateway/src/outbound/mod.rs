//! The flow of what goes out: plugins, check, split, store; taking back what has not left yet; and telling the
//! provider what came of it. Sending is the business of [`crate::delivery`].

mod cancel;
mod error;
mod feedback;
mod passing;
mod recalling;
mod retry;
mod templating;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use crate::channels::{self, Channel, Channels};
use crate::clock::{Clock, Ids};
use crate::deciding::Deciding;
use crate::media::{UPLOAD, Uploads};
use crate::message::{Address, ContactId, ConversationId, MessageId, Options, PartId, Place, Priority, Status};
use crate::spans::{self, Span};
use crate::store::{
    self, BulkPlace, Callback, Idempotency, Message, NewOutbound, NewPart, Route, Schedule, Sender, Store, Submission,
    Submitted,
};
use crate::transport::Transport;

pub use crate::plugins::Origin;
pub use cancel::CancelError;
pub use error::Error;
pub use feedback::FeedbackError;
pub use passing::Following;
pub use retry::RetryError;
pub use templating::{Templated, Wish};

/// What a caller wants sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// As the caller wrote it; parsed with the default region.
    pub to: String,
    /// Null for the channel's own sender.
    pub from: Option<String>,
    /// Whether it goes by the channel's service, where that has one, also from a named sender.
    pub by_service: bool,
    pub channel: Option<String>,
    pub text: String,
    pub media: Vec<String>,
    /// When it is to leave, if not at once.
    pub send_at: Option<Timestamp>,
    pub options: Options,
    pub priority: Priority,
    pub idempotency: Option<Idempotency>,
    /// Where the caller is told what becomes of it.
    pub callback: Option<Callback>,
    pub origin: Origin,
    /// What the text was made of.
    pub template: Option<Templated>,
    /// The recipient of a bulk send whom it is for.
    pub bulk: Option<BulkPlace>,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: MessageId,
    /// As it was stored; nothing when the same call had been made before.
    pub message: Option<Box<Message>>,
}

impl Taken {
    fn before(id: MessageId) -> Self {
        Self { id, message: None }
    }
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Parts>);

/// What the way out is made of.
pub struct Parts {
    pub store: Store,
    pub deciding: Deciding,
    pub channels: Channels,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub place: Place,
    pub region: String,
    pub transport: Arc<dyn Transport>,
    pub outbox: Arc<Notify>,
    pub uploads: Uploads,
    /// Says which message a worker is done with for now.
    pub settled: broadcast::Sender<MessageId>,
}

impl Outbound {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Takes a message. When this returns, it is on disk and will be sent.
    pub async fn submit(&self, mut request: Request) -> Result<Taken, Error> {
        if let Some(before) = self.before(&request).await? {
            return Ok(Taken::before(before));
        }
        self.0.uploads.publish(&mut request.media, request.send_at).await?;
        let (began, mut turn) = (std::time::Instant::now(), None);
        for _ in 0..TRIES {
            let submission = self.prepare(request.clone(), None, &[]).await?;
            let rejected = submission.message.rejected.clone();
            match self.0.store.submit(submission).await? {
                Submitted::Stored(message) => {
                    let id = message.id;
                    if let Some(rejection) = rejected {
                        tracing::info!(message_id = %id, plugin = rejection.plugin(), "a plugin refused a message");
                        return Err(Error::Rejected { id, problem: rejection.problem() });
                    }
                    self.0.outbox.notify_one();
                    spans::record(|| submitted(id, began.elapsed()));
                    return Ok(Taken { id, message: Some(message) });
                }
                Submitted::Before(id) => return Ok(Taken::before(self.again(id).await?)),
                Submitted::KeyReused => return Err(Error::KeyReused),
                Submitted::NotAwaited => return Err(Error::NotAwaited),
                Submitted::Refused { refusal, kept } => {
                    let id = kept.map(|id| id.to_string());
                    tracing::info!(message_id = id, code = refusal.code(), "the gate refused a message");
                    return Err(Error::Gate { refusal, kept });
                }
                Submitted::Stale if turn.is_none() => turn = Some(self.0.deciding.turn().await),
                Submitted::Stale => {}
            }
        }
        Err(store::Error::Unavailable("what the plugins remember changed again and again".to_owned()).into())
    }

    /// An id for what is made at that time.
    pub fn new_id(&self, now: Timestamp) -> uuid::Uuid {
        self.0.ids.next(now)
    }

    /// Whether a message could be sent as it is, before any plugin is asked: to whom it would go.
    pub fn check(&self, request: Request) -> Result<Address, Error> {
        let recipient = Address::recipient(&request.to, &self.0.region).map_err(Error::To)?;
        let id = MessageId(self.0.ids.next(self.0.clock.now()));
        Ok(self.submission(request, recipient, id)?.message.recipient)
    }

    /// Something that waited may be sent now.
    pub fn wake(&self) {
        self.0.outbox.notify_one();
    }

    /// A call that was made before is not put to the plugins again, and needs no upload that may have gone since.
    async fn before(&self, request: &Request) -> Result<Option<MessageId>, Error> {
        let Some(idempotency) = &request.idempotency else { return Ok(None) };
        let has_uploads = request.media.iter().any(|item| item.starts_with(UPLOAD));
        if !has_uploads && !self.0.deciding.chain().wants_outbound() {
            return Ok(None);
        }
        self.called(idempotency).await
    }

    async fn called(&self, idempotency: &Idempotency) -> Result<Option<MessageId>, Error> {
        match self.0.store.called_before(idempotency).await? {
            Some(Submitted::Before(id)) => Ok(Some(self.again(id).await?)),
            Some(Submitted::KeyReused) => Err(Error::KeyReused),
            _ => Ok(None),
        }
    }

    /// A repeat of a call comes to what the first came to, unless the gate refused that.
    async fn again(&self, id: MessageId) -> Result<MessageId, Error> {
        let message = self.0.store.message(id).await?;
        match message.filter(|message| message.rejected_by.is_some()) {
            Some(message) => Err(Error::Rejected { id, problem: message.error_message.unwrap_or_default() }),
            None => Ok(id),
        }
    }

    /// All checks of a message that no plugin is asked about any more, and what is stored of it.
    fn submission(&self, request: Request, recipient: Address, id: MessageId) -> Result<Submission, Error> {
        let parts = &self.0;
        let name = self.channel_name(request.channel)?;
        let channel = parts.channels.get(&name).ok_or_else(|| self.unknown(&name))?;
        if !channel.takes(&recipient) {
            return Err(Error::OtherAddress { channel: name });
        }
        let sender = match request.from.filter(|from| !from.trim().is_empty()) {
            Some(from) => Sender::Named(self.sender(&from)?),
            // Unknown while the provider picks one, as a Messaging Service does.
            None => Sender::Own(channel.sender().cloned()),
        };
        let by_service = request.by_service || sender.address().is_none();
        let service = channel.known_as().service.filter(|_| by_service).map(str::to_owned);
        if request.text.contains('\0') {
            return Err(Error::Nul);
        }
        for url in &request.media {
            check_media(url)?;
        }
        // Where the provider has a template of its own for it, that goes instead of the text, which stays on record.
        let provided = request.template.as_ref().and_then(|made_of| made_of.content(&name, &request.text));
        let provided = provided.filter(|_| request.media.is_empty() && request.options.content.is_none()).cloned();
        let mut options = request.options;
        let text = request.text;
        let carried = if provided.is_some() { String::new() } else { text.clone() };
        options.content = provided.or(options.content);
        let content = channels::Outbound { text: carried, media: request.media, options, service: service.clone() };
        let cut = channel.split(&content)?;
        let now = parts.clock.now();
        let schedule = match request.send_at {
            Some(at) if at.as_second() - now.as_second() > FARTHEST => return Err(Error::TooFarAhead),
            // The provider's service keeps it, where there is one, and keeps no order among several.
            Some(at)
                if service.as_deref() == channel.known_as().service
                    && cut.len() == 1
                    && takes(channel.as_ref(), now, at) =>
            {
                Schedule::AtProvider(at)
            }
            Some(at) if at > now => Schedule::At(at),
            _ => Schedule::Now,
        };
        let new_parts: Vec<NewPart> = cut
            .into_iter()
            .map(|part| NewPart {
                id: PartId(parts.ids.next(now)),
                segments: channel.segments(&part.text, &content.options),
                text: part.text,
                media: part.media,
            })
            .collect();
        Ok(Submission {
            conversation_id: ConversationId(parts.ids.next(now)),
            contact_id: ContactId(parts.ids.next(now)),
            subject: parts.place.subject(&name, recipient.as_str()),
            idempotency: request.idempotency,
            tags: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
            message: NewOutbound {
                id,
                channel: name,
                sender,
                service,
                recipient,
                text,
                media: content.media,
                segments: new_parts.iter().map(|part| part.segments).sum(),
                parts: new_parts,
                route: Route::Outbox,
                in_reply_to: None,
                plugin: None,
                options: content.options,
                schedule,
                priority: request.priority,
                callback: request.callback,
                seed: None,
                rejected: None,
                caused_by: None,
                hops: 0,
                confirms: false,
                template: request.template.map(|made_of| made_of.used),
                bulk: request.bulk,
                at: now,
            },
        })
    }

    /// A number as written at home, or what else can stand as a sender.
    fn sender(&self, from: &str) -> Result<Address, Error> {
        let number = Address::recipient(from, &self.0.region).ok();
        number.or_else(|| Address::sender(from)).ok_or(Error::From)
    }

    /// The only channel needs no naming.
    fn channel_name(&self, name: Option<String>) -> Result<String, Error> {
        if let Some(name) = name {
            return Ok(name);
        }
        let mut names = self.0.channels.names();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.to_owned()),
            _ => Err(self.unknown("")),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.0.channels.names().collect();
        Error::UnknownChannel { name: name.to_owned(), known: known.join(", ") }
    }

    /// The message once every part has an answer from the provider, or as it stands when the
    /// time is up.
    pub async fn wait_sent(&self, id: MessageId, within: Duration) -> Result<Option<Message>, store::Error> {
        let mut settled = self.0.settled.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let message = self.0.store.message(id).await?;
            let waiting =
                message.as_ref().is_some_and(|message| message.parts.iter().any(|part| part.status == Status::Pending));
            if !waiting || tokio::time::Instant::now() >= deadline {
                return Ok(message);
            }
            heard(&mut settled, id, deadline.min(tokio::time::Instant::now() + LOOK)).await;
        }
    }
}

/// Until a worker here is done with this message for now, or it is time to look anyway.
async fn heard(settled: &mut broadcast::Receiver<MessageId>, id: MessageId, until: tokio::time::Instant) {
    // Somebody who missed some does not know whether this one was among them.
    while let Ok(Ok(other)) = tokio::time::timeout_at(until, settled.recv()).await
        && other != id
    {}
}

/// A worker of another gateway is not heard here: so who waits for a message looks this often at least.
const LOOK: Duration = Duration::from_millis(500);

/// How often the plugins are asked about one message, while what they remember changes meanwhile.
const TRIES: u32 = 20;

/// The farthest that a message may be planned ahead, in seconds: a typing mistake in the year shows.
const FARTHEST: i64 = 366 * 24 * 60 * 60;

fn takes(channel: &dyn Channel, now: Timestamp, at: Timestamp) -> bool {
    channel.capabilities().schedule.is_some_and(|schedule| schedule.takes(now, at))
}

/// The provider fetches media itself, so only an address it can reach makes sense.
fn check_media(text: &str) -> Result<(), Error> {
    if text.chars().any(char::is_control) {
        return Err(Error::Media("a URL has a control character".to_owned()));
    }
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        Ok(_) => Err(Error::Media("must be http or https URLs".to_owned())),
        Err(error) => Err(Error::Media(format!("a URL can't be read: {error}"))),
    }
}

/// The trace of what no text led to begins here.
fn submitted(id: MessageId, took: Duration) -> Span {
    let attributes = vec![("recado.message.id", id.to_string())];
    Span { trace: id.0, place: spans::Place::First, name: "submit", took, attributes, failed: false }
}

#[cfg(test)]
mod tests;
