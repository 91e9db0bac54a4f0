//! What a plugin says of itself.

use crate::{Hooks, Manifest};

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

    /// The hooks it wants to be called for. A hook that is not named is never called, whatever code
    /// there is for it.
    ///
    /// ```
    /// use recado_sdk::{Hooks, Manifest};
    ///
    /// let manifest = Manifest::new("reminder", "1.0.0").hooks(Hooks::INBOUND | Hooks::TIMER);
    /// assert!(manifest.hooks.contains(Hooks::TIMER));
    /// ```
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

    /// The JSON Schema (2020-12) that the operator's configuration must fit. Give every property a
    /// `title`, a `description`, a `default` and `examples`: forms are made of them.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.config_schema = schema.into();
        self
    }
}
