//! Why a message is not sent, in words that are the same for everybody who wants to send one.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::message::Locale;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `everywhere` where an opting out counts on all channels.
    #[error("the recipient has opted out of messages on {}", if *everywhere { "all channels" } else { "this channel" })]
    OptedOut { since: Timestamp, everywhere: bool },
    #[error("it is night where the recipient is ({time_zone}), until {until}")]
    QuietHours { until: Timestamp, time_zone: String },
    #[error("the recipient was sent {limit} in {} already, which is the most", window.in_english())]
    FrequencyCap { limit: u32, window: Window },
}

/// What a cap is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Day,
    Week,
}

impl Window {
    fn in_english(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "seven days",
        }
    }

    fn in_spanish(self) -> &'static str {
        match self {
            Self::Day => "24 horas",
            Self::Week => "siete días",
        }
    }
}

impl Refusal {
    /// The same everywhere: in problems, traces and documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OptedOut { .. } => "opted-out",
            Self::QuietHours { .. } => "quiet-hours",
            Self::FrequencyCap { .. } => "frequency-cap",
        }
    }

    /// What is told to whoever wanted to send it, with what can be done.
    pub fn detail(&self, locale: Locale) -> String {
        match (self, locale) {
            (Self::OptedOut { since, everywhere }, Locale::Es) => {
                let to = if *everywhere { "a un canal suyo" } else { "a este canal" };
                format!(
                    "se dio de baja el {since}; vuelve cuando esa persona envía START o INICIAR {to}, o cuando alguien \
                     anota que lo pidió, con la prueba"
                )
            }
            (Self::OptedOut { since, everywhere }, Locale::En) => {
                let to = if *everywhere { "any channel" } else { "this channel" };
                format!(
                    "opted out at {since}; that ends when the person texts START to {to}, or when somebody puts down \
                     that they asked for it, with the proof"
                )
            }
            (Self::QuietHours { until, time_zone }, Locale::Es) => {
                format!("es hora de silencio para esa persona ({time_zone}) hasta {until}; envíalo después")
            }
            (Self::QuietHours { until, time_zone }, Locale::En) => {
                format!("these are quiet hours for that person ({time_zone}) until {until}; send it after that")
            }
            (Self::FrequencyCap { limit, window }, Locale::Es) => {
                format!("ya recibió {limit} mensajes en {}, que es el máximo", window.in_spanish())
            }
            (Self::FrequencyCap { limit, window }, Locale::En) => {
                format!("was sent {limit} messages in {} already, which is the most", window.in_english())
            }
        }
    }

    /// What a trace keeps of it, besides whom the message was for.
    pub fn explained(&self) -> Value {
        let mut told = json!({ "verdict": "refused", "code": self.code(), "reason": self.to_string() });
        let more = match self {
            Self::OptedOut { since, .. } => vec![("consent", json!("opted_out")), ("since", json!(since))],
            Self::QuietHours { until, time_zone } => {
                vec![("until", json!(until)), ("time_zone", json!(time_zone))]
            }
            Self::FrequencyCap { limit, .. } => vec![("limit", json!(limit))],
        };
        if let Some(fields) = told.as_object_mut() {
            fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        told
    }
}
