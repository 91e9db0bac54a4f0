//! How a message is to be sent, where the caller has a wish of its own.
//!
//! Owns the words for it. What a provider makes of them, and which of them it has, is its
//! channel's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is not set is left to the channel's settings, and then to the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How long the provider may keep the message in its queue, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<u32>,
    /// Whether characters that cost a larger alphabet are replaced by similar ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smart_encoded: Option<bool>,
    /// Whether links are replaced by short ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorten_urls: Option<bool>,
    /// Whether the provider looks for fraud before it sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_check: Option<bool>,
    /// Whether the provider shall be told later that the message served its purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provide_feedback: Option<bool>,
    /// Whether the text is forgotten, here and by the provider, once the message has come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discard_content: Option<bool>,
    /// Whether it goes as one MMS, however long the text and also without media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_as_mms: Option<bool>,
    /// Whether it is tried also where the recipient seems not to be able to get it, such as a landline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_delivery: Option<bool>,
    /// What kind of traffic it is billed as, in the provider's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_type: Option<String>,
    /// Who sends it as SMS where the service's richer sender does not reach the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_from: Option<String>,
    /// What goes along on channels other than SMS and MMS, such as `geo:…` for a place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub persistent_action: Vec<String>,
    /// What the provider keeps with the message for reports of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A template kept by the provider, instead of a text and media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentTemplate>,
}

/// A template that the provider keeps, and what is put into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentTemplate {
    /// The provider's id of it, as in Twilio's `HX…`.
    pub sid: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

impl Options {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
