//! `recado key`

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use super::gateway::random_key;
use crate::callbacks::token;
use crate::clock::{Clock, Ids, SystemClock};
use crate::store::{self, Store};
use crate::web::hash_key;

#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Make a key; it is shown this once
    Create {
        /// Who it is for
        #[arg(long)]
        name: String,
    },
    /// List the keys, without the keys themselves
    List,
    /// Lock a key out
    Revoke { id: Uuid },
}

impl Key {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        let (store, _recordings) = Store::open(&settings).await?;
        let now = SystemClock.now();
        match &self.what {
            What::Create { name } => {
                let (id, key) = (Ids::default().next(now), random_key()?);
                store.create_key(id, name.clone(), hash_key(&key), now).await?;
                let (account_sid, auth_token) = (format!("AC{}", id.simple()), token(&hash_key(&key)));
                let made = json!({
                    "id": id, "name": name, "key": key, "account_sid": account_sid, "auth_token": auth_token
                });
                context.output.print(&made, || {
                    format!(
                        "{key}\nThis is shown only once. Its id, to revoke it by: {id}\n\n\
                         With an SDK of Twilio: the account {account_sid}, with the key as its password.\n\
                         Callbacks are signed with the token {auth_token}"
                    )
                });
            }
            What::List => {
                let keys = store.keys().await?;
                context.output.print(&keys, || {
                    let lines = keys.iter().map(|key| {
                        let revoked = key.revoked_at.map(|at| format!("  revoked {at:.0}")).unwrap_or_default();
                        format!("{}  {}  made {:.0}{revoked}", key.id, key.name, key.created_at)
                    });
                    lines.collect::<Vec<_>>().join("\n")
                });
            }
            What::Revoke { id } => {
                if !store.revoke_key(*id, now).await? {
                    bail!("there is no key {id} that could be revoked; `recado key list` shows which there are");
                }
                context.output.print(&json!({ "id": id, "revoked": true }), || format!("{id} is locked out"));
            }
        }
        Ok(())
    }
}
