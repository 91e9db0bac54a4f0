//! `recado key`

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::{SpanRelativeTo, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::random::random_key;
use super::{Context, existing};
use crate::callbacks::token;
use crate::clock::{Clock, Ids, SystemClock};
use crate::message::Scope;
use crate::store::{self, Act, Actor, ApiKey, NewKey, Store};
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
        /// What it may be used for, as in messages:write [default: everything]
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// After how long it lets nobody in any more, as in `90d` or `12h`
        #[arg(long, value_name = "TIME")]
        expires_in: Option<jiff::Span>,
        /// How many requests a second it may make
        #[arg(long, value_name = "REQUESTS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        per_second: Option<u32>,
    },
    /// List the keys, without the keys themselves
    List,
    /// Lock a key out, within a second
    Revoke { id: Uuid },
}

impl Key {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        // The first key may come before the first start.
        let store = match self.what {
            What::Create { .. } => Store::open(&settings).await?.0,
            _ => existing::open(&settings).await?,
        };
        let (now, ids) = (SystemClock.now(), Ids::default());
        let act = |action, id: Uuid| {
            let actor = Actor::Command(context.environment.account());
            Act { id: ids.next(now), at: now, actor, action, subject: id.to_string() }
        };
        match &self.what {
            What::Create { name, scopes, expires_in, per_second } => {
                let (id, key) = (ids.next(now), random_key()?);
                let new = NewKey {
                    id,
                    name: name.clone(),
                    hash: hash_key(&key),
                    scopes: (!scopes.is_empty()).then(|| scopes.clone()),
                    expires_at: expires_in.map(|span| after(now, span)).transpose()?,
                    per_second: *per_second,
                    at: now,
                };
                let expires_at = new.expires_at;
                store.create_key(new, act("key.created", id)).await?;
                let (account_sid, auth_token) = (format!("AC{}", id.simple()), token(&hash_key(&key)));
                let made = json!({
                    "id": id, "name": name, "key": key, "account_sid": account_sid, "auth_token": auth_token,
                    "expires_at": expires_at
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
                context.output.print(&keys, || keys.iter().map(|key| line(key, now)).collect::<Vec<_>>().join("\n"));
            }
            What::Revoke { id } => {
                if !store.revoke_key(*id, act("key.revoked", *id)).await? {
                    bail!("there is no key {id} that could be revoked; `recado key list` shows which there are");
                }
                context.output.print(&json!({ "id": id, "revoked": true }), || format!("{id} is locked out"));
            }
        }
        Ok(())
    }
}

/// A day has 24 hours here, whatever clocks are put forward.
fn after(now: Timestamp, span: jiff::Span) -> anyhow::Result<Timestamp> {
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).context("--expires-in")?;
    if duration.is_zero() || duration.is_negative() {
        bail!("--expires-in must be a time that is still to come, as in `90d` or `12h`");
    }
    now.checked_add(duration).context("--expires-in")
}

fn line(key: &ApiKey, now: Timestamp) -> String {
    let scopes = match &key.scopes {
        None => "everything".to_owned(),
        Some(scopes) => scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","),
    };
    let more = [
        key.per_second.map(|per_second| format!("{per_second} requests/s")),
        Some(key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at:.0}"))),
        key.expires_at.map(|at| format!("{} {at:.0}", if at <= now { "expired" } else { "expires" })),
        key.revoked_at.map(|at| format!("revoked {at:.0}")),
    ];
    let line = vec![key.id.to_string(), key.name.clone(), scopes, format!("made {:.0}", key.created_at)];
    line.into_iter().chain(more.into_iter().flatten()).collect::<Vec<_>>().join("  ")
}
