//! Why a message is not taken.

use crate::channels::Unsendable;
use crate::gate::Refusal;
use crate::message::{MessageId, phone};
use crate::templates::Fault;
use crate::{media, store};

/// Why a message was not taken. Nothing was stored, unless a plugin or the gate refused it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`to` is not a number that can be written to")]
    To(phone::Refusal),
    #[error("`to` is no address that the channel `{channel}` writes to")]
    OtherAddress { channel: String },
    #[error("`from` must be a number, a short code, or a name of at most 11 letters, digits and spaces")]
    From,
    #[error("there is no channel `{name}`; there are: {known}")]
    UnknownChannel { name: String, known: String },
    #[error("`text` has a NUL character, which no provider carries")]
    Nul,
    #[error("`media`: {0}")]
    Media(String),
    #[error("`send_at` is more than a year ahead")]
    TooFarAhead,
    #[error("the uploads can't be shown to the provider: {0}")]
    Uploads(media::Error),
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    /// With pointers into the wish.
    #[error("the template can't be sent: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Template(Vec<Fault>),
    #[error("this idempotency key was used before for a call with another body")]
    KeyReused,
    /// It is kept under this id with the explanation, and not sent; of a bulk send nothing is stored.
    #[error("{refusal}")]
    Gate { refusal: Refusal, kept: Option<MessageId> },
    #[error("the bulk send does not wait for this recipient any more")]
    NotAwaited,
    /// Nothing was stored: it may be sent another time.
    #[error("the plugin `{plugin}` must look at what is sent, and gave no verdict: {reason}")]
    NoVerdict { plugin: String, reason: String },
    /// It is kept under this id with the explanation, and not sent.
    #[error("{problem}")]
    Rejected { id: MessageId, problem: String },
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Whether another try may help, since it is nothing about the message: a plugin that must look at it fails, or the
    /// channel itself, or uploads can't be got at. What the store says is not meant.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoVerdict { .. } | Self::Unsendable(Unsendable::Broken(_)) | Self::Uploads(_))
    }
}

impl From<media::Error> for Error {
    fn from(error: media::Error) -> Self {
        match error {
            media::Error::NoUpload(_) => Self::Media(error.to_string()),
            media::Error::Store(error) => Self::Store(error),
            other => Self::Uploads(other),
        }
    }
}
