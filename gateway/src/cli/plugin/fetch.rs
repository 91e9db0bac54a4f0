//! `recado plugin fetch`

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use serde_json::json;

use crate::cli::{Context, Usage};
use crate::plugins::registry::{Access, Reference, fetch};

#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// Where it is: oci:// and what follows, as in `oci://registry.example.com/team/plugin:1.0.0`
    component: String,
    /// Who asks the registry
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The user's password
    #[arg(long, env = "RECADO_REGISTRY_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Ask the registry by http://
    #[arg(long)]
    insecure: bool,
}

impl Fetch {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let reference = Reference::parse(&self.component).map_err(|error| Usage(error.to_string()))?;
        let password = self.password.clone().map(SecretString::from);
        let access = Access { user: self.user.clone(), password, insecure: self.insecure };
        let folder = PathBuf::from(context.setting("plugin_files.fetched")?);
        let fetched = fetch(&reference, None, &access, &folder).await?;
        let (component, sha256, bytes) = (reference.to_string(), &fetched.sha256, fetched.bytes.len());
        let value = json!({ "component": component, "sha256": sha256, "bytes": bytes, "folder": folder });
        context.output.print(&value, || {
            format!(
                "fetched {bytes} bytes, and kept them in {}; under [[plugins]] write\n\n\
                 component = \"{component}\"\nsha256 = \"{sha256}\"",
                folder.display()
            )
        });
        Ok(())
    }
}
