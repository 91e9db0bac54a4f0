//! `recado user`

use std::io::{BufRead, IsTerminal};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::random::random;
use super::{Context, Usage, existing};
use crate::clock::{Clock, Ids, SystemClock};
use crate::message::Locale;
use crate::store::{self, Act, Actor, NewUser, Role, Store, User};
use crate::web::{Passwords, SHORTEST_PASSWORD, is_name};

#[derive(Debug, Args)]
pub(super) struct UserCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Let somebody in; the password is asked for, or read from standard input
    Create {
        /// What they are called: one word
        #[arg(long)]
        name: String,
        /// What they may do: owner everything, agent answer people, viewer only look
        #[arg(long, value_enum, default_value_t = Able::Agent)]
        role: Able,
        /// The language of their pages: es or en [default: that of `defaults.locale`]
        #[arg(long)]
        locale: Option<Locale>,
    },
    /// Who may come in, and who was locked out
    List,
    /// Give somebody another password; whoever is signed in with the one before is not any more
    Password {
        #[arg(long)]
        name: String,
    },
    /// Lock somebody out, at once
    Disable {
        #[arg(long)]
        name: String,
        /// Let them in again instead
        #[arg(long)]
        undo: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Able {
    Owner,
    Agent,
    Viewer,
}

impl From<Able> for Role {
    fn from(able: Able) -> Self {
        match able {
            Able::Owner => Self::Owner,
            Able::Agent => Self::Agent,
            Able::Viewer => Self::Viewer,
        }
    }
}

impl UserCommand {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let figment = context.sources(Vec::new()).figment()?;
        let settings: store::Settings = figment.extract_inner("database")?;
        // The first one may come before the first start.
        let store = match self.what {
            What::Create { .. } => Store::open(&settings).await?.0,
            _ => existing::open(&settings).await?,
        };
        let account = context.environment.account();
        match &self.what {
            What::Create { name, role, locale } => {
                if !is_name(name) {
                    let text = format!("`{name}` is no name: write 1 to 40 letters, digits, dots, hyphens");
                    bail!(Usage(text));
                }
                let locale = locale.map_or_else(|| context.locale(), Ok)?;
                let password = hashed(ask()?).await?;
                let made = create(&store, name, password, (*role).into(), locale, account).await?;
                if !made {
                    bail!(
                        "there is somebody called `{name}`; `recado user password --name {name}` changes the password"
                    );
                }
                let role = Role::from(*role).as_str();
                let told = json!({ "name": name, "role": role, "locale": locale });
                context.output.print(&told, || format!("{name} may come in as {role}"));
            }
            What::List => {
                let users = store.users().await?;
                context.output.print(&users, || users.iter().map(line).collect::<Vec<_>>().join("\n"));
            }
            What::Password { name } => {
                let user = find(&store, name).await?;
                let act = act(account, "user.password_set", user.id);
                store.set_password(user.id, hashed(ask()?).await?, act).await?;
                let told = json!({ "name": name });
                context.output.print(&told, || format!("{name} has another password, and has to sign in again"));
            }
            What::Disable { name, undo } => {
                let user = find(&store, name).await?;
                let action = if *undo { "user.enabled" } else { "user.disabled" };
                let since = (!undo).then(|| SystemClock.now());
                store.disable_user(user.id, since, act(account, action, user.id)).await?;
                let told = json!({ "name": name, "disabled": !undo });
                let state = if *undo { "may come in again" } else { "is locked out" };
                context.output.print(&told, || format!("{name} {state}"));
            }
        }
        Ok(())
    }
}

fn line(user: &User) -> String {
    let disabled = user.disabled_at.map(|at| format!("  locked out {at:.0}")).unwrap_or_default();
    format!("{}  {}  {}  since {:.0}{disabled}", user.name, user.role.as_str(), user.locale, user.created_at)
}

async fn find(store: &Store, name: &str) -> anyhow::Result<User> {
    let found = store.user_named(name).await?;
    found.with_context(|| format!("there is nobody called `{name}`; `recado user list` shows who there is"))
}

/// From the terminal, unseen; or the first line of standard input. Never an argument, which others could read.
fn ask() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Again: ")? != first {
            bail!("the two are not the same");
        }
        return Ok(first);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn hashed(password: String) -> anyhow::Result<String> {
    if password.chars().count() < SHORTEST_PASSWORD {
        bail!(Usage(format!("a password needs {SHORTEST_PASSWORD} characters at least")));
    }
    Ok(Passwords::default().hash(password, random()?).await?)
}

/// Something done by the command of this account, on record.
fn act(account: Option<String>, action: &'static str, user: Uuid) -> Act {
    let at = SystemClock.now();
    Act { id: Ids::default().next(at), at, actor: Actor::Command(account), action, subject: user.to_string() }
}

async fn create(
    store: &Store,
    name: &str,
    password: String,
    role: Role,
    locale: Locale,
    account: Option<String>,
) -> anyhow::Result<bool> {
    let at = SystemClock.now();
    let id = Ids::default().next(at);
    let new = NewUser { id, name: name.to_owned(), password, role, locale, at };
    Ok(store.create_user(new, act(account, "user.created", id)).await?)
}

/// The name of the owner that `recado dev` makes.
pub(super) const DEV_OWNER: &str = "dev";

/// Sees to it that the owner of a development gateway has this password, and stays signed in if they had it.
pub(super) async fn let_owner_in(
    store: &Store,
    password: &str,
    locale: Locale,
    account: Option<String>,
) -> anyhow::Result<()> {
    let passwords = Passwords::default();
    let Some(user) = store.user_named(DEV_OWNER).await? else {
        let hash = passwords.hash(password.to_owned(), random()?).await?;
        create(store, DEV_OWNER, hash, Role::Owner, locale, account).await?;
        return Ok(());
    };
    if !passwords.is_right(password.to_owned(), Some(user.password)).await {
        let hash = passwords.hash(password.to_owned(), random()?).await?;
        store.set_password(user.id, hash, act(account, "user.password_set", user.id)).await?;
    }
    Ok(())
}
