//! The flow of what goes out: check, split, store. Sending is the business of
//! [`crate::delivery`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::channels::{self, Channels, Unsendable};
use crate::clock::{Clock, Ids};
use crate::message::{Address, ContactId, ConversationId, MessageId, PartId, Place, Status, phone};
use crate::store::{self, Idempotency, Message, NewOutbound, NewPart, Route, Store, Submission, Submitted};

/// What a caller wants sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// As the caller wrote it; parsed with the default region.
    pub to: String,
    /// Null for the channel's own sender.
    pub from: Option<String>,
    pub channel: Option<String>,
    pub text: String,
    pub media: Vec<String>,
    pub idempotency: Option<Idempotency>,
}

/// Why a message was not taken. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`to` is not a number that can be written to")]
    To(phone::Refusal),
    #[error("`from` is not a number that can be written from")]
    From(phone::Refusal),
    #[error("there is no channel `{name}`; there are: {known}")]
    UnknownChannel { name: String, known: String },
    #[error("`text` has a NUL character, which no provider carries")]
    Nul,
    #[error("`media`: {0}")]
    Media(String),
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    #[error("this idempotency key was used before for a call with another body")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Parts>);

/// What the way out is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub place: Place,
    pub region: String,
    pub outbox: Arc<Notify>,
    /// Says which message a worker is done with for now.
    pub settled: broadcast::Sender<MessageId>,
}

impl Outbound {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Takes a message. When this returns, it is on disk and will be sent; the flag is true
    /// when the same call had been made before.
    pub async fn submit(&self, request: Request) -> Result<(MessageId, bool), Error> {
        let submission = self.submission(request)?;
        match self.0.store.submit(submission).await? {
            Submitted::Stored(id) => {
                self.0.outbox.notify_one();
                Ok((id, false))
            }
            Submitted::Before(id) => Ok((id, true)),
            Submitted::KeyReused => Err(Error::KeyReused),
        }
    }

    fn submission(&self, request: Request) -> Result<Submission, Error> {
        let parts = &self.0;
        let recipient = Address::parse(&request.to, &parts.region).map_err(Error::To)?;
        let name = self.channel_name(request.channel)?;
        let channel = parts.channels.get(&name).ok_or_else(|| self.unknown(&name))?;
        let sender = match request.from.filter(|from| !from.trim().is_empty()) {
            Some(from) => Some(Address::parse(&from, &parts.region).map_err(Error::From)?),
            // Unknown while the provider picks one, as a Messaging Service does.
            None => channel.sender().cloned(),
        };
        if request.text.contains('\0') {
            return Err(Error::Nul);
        }
        for url in &request.media {
            check_media(url)?;
        }
        let content = channels::Outbound { text: request.text, media: request.media };
        let cut = channel.split(&content)?;
        let now = parts.clock.now();
        let id = MessageId(parts.ids.next(now));
        let new_parts: Vec<NewPart> = cut
            .into_iter()
            .map(|content| NewPart::new(PartId(parts.ids.next(now)), content.text, content.media))
            .collect();
        Ok(Submission {
            conversation_id: ConversationId(parts.ids.next(now)),
            contact_id: ContactId(parts.ids.next(now)),
            subject: parts.place.subject(&name, recipient.as_str()),
            idempotency: request.idempotency,
            message: NewOutbound {
                id,
                channel: name,
                sender,
                recipient,
                text: content.text,
                media: content.media,
                segments: new_parts.iter().map(|part| part.segments).sum(),
                parts: new_parts,
                route: Route::Outbox,
                in_reply_to: None,
                plugin: None,
                at: now,
            },
        })
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
            // Which message it was does not matter: a look is cheap, and some may be missed.
            let _ = tokio::time::timeout_at(deadline, settled.recv()).await;
        }
    }
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
