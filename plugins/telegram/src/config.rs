//! What an operator may set.

use serde::Deserialize;

pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "base_url": {
      "description": "Where the Bot API is; a server of one's own has another address.",
      "type": "string",
      "pattern": "^https?://[^/?#]+$"
    },
    "username": {
      "description": "The bot's name, which conversations show as what was written to.",
      "type": "string",
      "pattern": "^@?[A-Za-z0-9_]{1,64}$"
    },
    "disable_notification": {
      "description": "Messages make no sound.",
      "type": "boolean"
    }
  }
}"#;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    base_url: Option<String>,
    username: Option<String>,
    pub(crate) disable_notification: bool,
}

impl Config {
    pub(crate) fn read() -> Result<Self, String> {
        recado_sdk::channel::config_as()
    }

    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or("https://api.telegram.org")
    }

    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_deref().map(|name| name.trim_start_matches('@'))
    }
}
