//! The commands: what they take, and the wiring behind them. They decide nothing.

mod apart;
mod audit;
mod bench;
mod bulk;
mod call;
mod channel;
mod check;
mod consent;
mod contact;
mod dev;
mod doctor;
mod endpoint;
mod existing;
mod explain;
mod gateway;
mod inwards;
mod key;
mod lookup;
mod migrate;
mod openapi;
mod opening;
mod output;
mod plugin;
mod random;
mod ready;
mod reloading;
mod replay;
mod retry;
mod send;
mod serve;
mod signals;
mod store;
mod template;
mod transports;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::channels::BadSettings;
use crate::config::{Config, Environment, Error, Sources};
use crate::message::Locale;
use crate::plugins::ChainError;
use output::Output;

/// A messaging gateway with WebAssembly extensions.
#[derive(Debug, Parser)]
#[command(name = "recado", version, about, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// The settings file [default: config/recado.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "RECADO_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine, without any account: gateway, local Twilio, phones
    Dev(dev::Dev),
    /// Run the gateway
    Serve(serve::Serve),
    /// Bring the database's schema up to date, or look at it
    Migrate(migrate::Migrate),
    /// Copy a database into another, or back it up
    Store(store::StoreCommand),
    /// Check or show the settings
    Config(check::ConfigCommand),
    /// Send a message through a running gateway
    Send(send::Send),
    /// Send to many through a running gateway, and see how far it has come
    Bulk(bulk::BulkCommand),
    /// Look a number up at the provider, through a running gateway
    Lookup(lookup::Lookup),
    /// Check everything the gateway needs, here and at the provider
    Doctor(doctor::Doctor),
    /// Ask a running gateway whether it is ready
    Ready(ready::Ready),
    /// Explain a phone number
    Phone(check::Phone),
    /// Count a text's SMS segments, as Twilio bills them
    Segments(check::Segments),
    /// Make, list and revoke API keys
    Key(key::Key),
    /// List what was done by hand, and by whom
    Audit(audit::Audit),
    /// Print the API as an `OpenAPI` document
    Openapi(openapi::OpenApi),
    /// Let people into the console, and lock them out
    User(user::UserCommand),
    /// Pause and resume channels; check what they must do
    Channel(channel::ChannelCommand),
    /// Show and put down who wants messages and who does not
    Consent(consent::ConsentCommand),
    /// Show, merge and bring along the people that a running gateway knows
    Contact(contact::ContactCommand),
    /// Show the endpoints of a running gateway and what they are told; enable and replay
    Endpoint(endpoint::EndpointCommand),
    /// Show, save and preview the templates of a running gateway
    Template(template::TemplateCommand),
    /// Write, try and build plugins; show and reload those of a running gateway
    Plugin(plugin::Plugin),
    /// Try again what the gateway had stopped trying to send
    Retry(retry::Retry),
    /// Measure how many messages a gateway takes and sends, and what that costs
    Bench(bench::Bench),
    /// Say all that happened to one message, and why
    Explain(explain::Explain),
    /// Put recorded messages to other plugins, and show what would be different
    Replay(replay::Replay),
}

/// Exit codes besides 0: it failed, or it was called wrongly.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.common.json);
    let context = Context { common: cli.common, environment: Environment::of_process(), output };
    let result = match cli.command {
        Command::Dev(command) => command.run(&context).await,
        Command::Serve(command) => command.run(&context).await,
        Command::Migrate(command) => command.run(&context).await,
        Command::Store(command) => command.run(&context).await,
        Command::Config(command) => command.run(&context).await,
        Command::Send(command) => command.run(&context).await,
        Command::Bulk(command) => command.run(&context).await,
        Command::Lookup(command) => command.run(&context).await,
        Command::Doctor(command) => command.run(&context).await,
        Command::Ready(command) => command.run(&context).await,
        Command::Phone(command) => command.run(&context),
        Command::Segments(command) => {
            command.run(&context);
            Ok(())
        }
        Command::Key(command) => command.run(&context).await,
        Command::Audit(command) => command.run(&context).await,
        Command::Openapi(command) => command.run(&context),
        Command::User(command) => command.run(&context).await,
        Command::Channel(command) => command.run(&context).await,
        Command::Consent(command) => command.run(&context).await,
        Command::Contact(command) => command.run(&context).await,
        Command::Endpoint(command) => command.run(&context).await,
        Command::Template(command) => command.run(&context).await,
        Command::Plugin(command) => command.run(&context).await,
        Command::Retry(command) => command.run(&context).await,
        Command::Bench(command) => command.run(&context).await,
        Command::Explain(command) => command.run(&context).await,
        Command::Replay(command) => command.run(&context).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes, unless the error's own text tells them already.
            output.error(&format!("{error:#}"));
            ExitCode::from(
                if error.is::<Error>() || error.is::<ChainError>() || error.is::<BadSettings>() || error.is::<Usage>() {
                    USAGE
                } else {
                    FAILED
                },
            )
        }
    }
}

/// A command that was called wrongly.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// What every command is given.
struct Context {
    common: Common,
    environment: Environment,
    output: Output,
}

impl Context {
    fn sources(&self, flags: Vec<(String, figment::value::Value)>) -> Sources {
        Sources { file: self.common.config.clone(), environment: self.environment.clone(), flags }
    }

    fn config(&self) -> Result<Config, Error> {
        self.sources(Vec::new()).load()
    }

    /// A single setting, for commands that shall work before the others are right.
    fn setting(&self, key: &str) -> Result<String, Error> {
        let figment = self.sources(Vec::new()).figment()?;
        Ok(figment.extract_inner(key).unwrap_or_default())
    }

    fn locale(&self) -> Result<Locale, Error> {
        Ok(Locale::from_tag(&self.setting("defaults.locale")?))
    }
}

#[cfg(test)]
mod tests;
