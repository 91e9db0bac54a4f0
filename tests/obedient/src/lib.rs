//! A plugin for tests that does what the messages say: commands with `;` between them.
//!
//! `count KEY` adds one to a number that all share, `next KEY` does the same by reading and writing,
//! `remember KEY VALUE` and `recall KEY` are of the conversation, `who` says what is known of the person.
//! `say TEXT`, `send NUMBER TEXT`, `tag TAG`, `assign NAME`, `note NAME VALUE`, `discard REASON`,
//! `forward ENDPOINT`, `cancel NAME` are actions. `timer NAME MILLIS COMMANDS` and `on STATUS COMMANDS` are
//! commands for later, with `/` between them. What there is to say is said in one reply.
//!
//! A message that is to be sent is counted, shouted if it has `[shout]` in it, and refused if it has
//! `[refuse]`. The words in `harm` do harm: as a command, or before a message is sent in brackets, as in
//! `[trap]`.
//!
//! It writes the contract's own records, and not by the SDK's builders, so that a fault of theirs shows.

mod harm;

use recado_sdk::state::{self, Scope};
use recado_sdk::{
    Action, Changes, Context, Conversation, Decision, Failure, Flow, Forward, Hooks, InboundMessage, Manifest,
    MessageStatus, OutboundMessage, Outgoing, Plugin, Reply, StartTimer, StatusReport, Timer, Verdict,
};

struct Obedient;

impl Plugin for Obedient {
    fn describe() -> Manifest {
        Manifest {
            name: "obedient".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Does what the messages say.".to_owned(),
            hooks: Hooks::INBOUND | Hooks::OUTBOUND | Hooks::STATUS | Hooks::TIMER,
            config_schema: r#"{"type":"object"}"#.to_owned(),
            extra: Vec::new(),
        }
    }

    fn on_inbound(message: InboundMessage, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        Run::of(&message.text, &conversation)
    }

    fn on_outbound(message: OutboundMessage, _: Option<Conversation>, _: Context) -> Result<Verdict, Failure> {
        state::add(Scope::Global, "outbound", 1.0)?;
        if message.text.contains("[refuse]") {
            return Ok(Verdict::Reject("the text says so".to_owned()));
        }
        if let Some(said) = bracketed(&message.text).and_then(|(word, rest)| harm::done(word, rest)) {
            return Ok(Verdict::Reject(said));
        }
        let shout = message.text.contains("[shout]");
        Ok(Verdict::Accept(Changes {
            text: shout.then(|| message.text.replace("[shout]", "").trim().to_uppercase()),
            media: None,
            channel: None,
            sender: None,
            send_at: None,
            tags: if shout { vec!["loud".to_owned()] } else { Vec::new() },
            flow: Flow::Proceed,
        }))
    }

    fn on_status(report: StatusReport, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        let name = name(report.status);
        state::add(Scope::Global, &format!("status {name}"), 1.0)?;
        let commands = state::get(Scope::Conversation, &format!("on {name}"))?;
        Run::of(&commands.unwrap_or_default(), &conversation)
    }

    fn on_timer(timer: Timer, conversation: Conversation, _: Context) -> Result<Decision, Failure> {
        Run::of(&timer.payload, &conversation)
    }
}

/// A word in brackets, and what follows it there.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once('[')?;
    let (command, _) = rest.split_once(']')?;
    Some(command.split_once(' ').unwrap_or((command, "")))
}

fn name(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Pending => "pending",
        MessageStatus::Unknown => "unknown",
        MessageStatus::Scheduled => "scheduled",
        MessageStatus::Accepted => "accepted",
        MessageStatus::Queued => "queued",
        MessageStatus::Sending => "sending",
        MessageStatus::Sent => "sent",
        MessageStatus::Delivered => "delivered",
        MessageStatus::Undelivered => "undelivered",
        MessageStatus::Failed => "failed",
        MessageStatus::Canceled => "canceled",
        MessageStatus::Read => "read",
    }
}

/// The commands of one message, timer or report on their way.
struct Run<'a> {
    conversation: &'a Conversation,
    actions: Vec<Action>,
    said: Vec<String>,
}

impl<'a> Run<'a> {
    fn of(commands: &str, conversation: &'a Conversation) -> Result<Decision, Failure> {
        let mut run = Self { conversation, actions: Vec::new(), said: Vec::new() };
        for command in commands.split(';').map(str::trim).filter(|command| !command.is_empty()) {
            let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
            if let Some(said) = harm::done(word, rest) {
                run.said.push(said);
            } else if !run.ask(word, rest)? {
                run.act(word, rest);
            }
        }
        if !run.said.is_empty() {
            run.actions.push(Action::Reply(Reply { text: run.said.join(", "), media: Vec::new() }));
        }
        Ok(Decision { actions: run.actions, flow: Flow::Proceed })
    }

    /// What has to do with what is remembered. False for any other command.
    fn ask(&mut self, word: &str, rest: &str) -> Result<bool, Failure> {
        match word {
            "count" => {
                let sum = state::add(Scope::Global, rest, 1.0)?;
                self.said.push(format!("{rest}={sum}"));
            }
            "next" => {
                let before = state::get(Scope::Global, rest)?;
                let next = before.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0) + 1;
                state::set(Scope::Global, rest, &next.to_string())?;
                self.said.push(format!("{rest}={next}"));
            }
            "look" => {
                let found = state::get(Scope::Global, rest)?;
                self.said.push(format!("{rest}={}", found.unwrap_or_else(|| "nothing".to_owned())));
            }
            "remember" => {
                let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                state::set(Scope::Conversation, key, value)?;
            }
            "recall" => {
                let found = state::get(Scope::Conversation, rest)?;
                self.said.push(found.unwrap_or_else(|| "nothing".to_owned()));
            }
            "on" => {
                let (status, commands) = rest.split_once(' ').unwrap_or((rest, ""));
                let commands = commands.replace('/', ";");
                state::set(Scope::Conversation, &format!("on {status}"), &commands)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn act(&mut self, word: &str, rest: &str) {
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        let action = match word {
            "say" => return self.said.push(rest.to_owned()),
            "who" => return self.said.push(self.who()),
            "send" => Action::Send(Outgoing {
                channel: None,
                sender: None,
                recipient: first.to_owned(),
                text: second.to_owned(),
                media: Vec::new(),
                send_at: None,
            }),
            "tag" => Action::Tag(rest.to_owned()),
            "assign" => Action::Assign((!rest.is_empty()).then(|| rest.to_owned())),
            "note" => {
                let value = (!second.is_empty()).then(|| second.to_owned());
                Action::SetAttribute((first.to_owned(), value))
            }
            "discard" => Action::Discard(rest.to_owned()),
            "forward" => Action::Forward(Forward { endpoint: rest.to_owned(), payload: None }),
            "cancel" => Action::CancelTimer(rest.to_owned()),
            "timer" => {
                let (after, commands) = second.split_once(' ').unwrap_or((second, ""));
                Action::StartTimer(StartTimer {
                    name: first.to_owned(),
                    after: after.parse().unwrap_or(0.0),
                    payload: commands.replace('/', ";"),
                })
            }
            _ => return,
        };
        self.actions.push(action);
    }

    fn who(&self) -> String {
        let mut known = vec![self.conversation.assignee.clone().unwrap_or_else(|| "nobody".to_owned())];
        known.extend(self.conversation.contact.attributes.iter().map(|(name, value)| format!("{name}={value}")));
        known.join(" ")
    }
}

recado_sdk::plugin!(Obedient);
