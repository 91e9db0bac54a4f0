//! Carries out the answer to a webhook: TwiML becomes replies and further documents.
//!
//! A `<Message>` with a `statusCallback` has its statuses reported there. Its `action` is called once,
//! after the message was sent, and what that answers takes the place of the verbs that follow; but an
//! `action` that equals the `statusCallback` only says the same a second time, as the applications do
//! that want reports for SMS and MMS alike, so then it is not called and the next verbs follow.

use std::sync::Arc;

use http::Method;
use url::Url;

use super::account::Account;
use super::caller::{self, Exchange};
use super::cookies::Pair;
use super::create::{MAX_BODY, MAX_MEDIA, http_url, is_callback, is_e164};
use super::inbound;
use super::media;
use super::message::{Direction, Message, Warning, Webhook};
use super::reports;
use super::traffic;
use super::twiml::{Document, Reply, Verb};

/// The most replies to one message.
const MAX_REPLIES: usize = 10;
/// The most documents that one message may lead to.
const MAX_DOCUMENTS: usize = 50;

/// What the answer to a webhook came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) replies: Vec<String>,
    pub(super) warnings: Vec<Warning>,
}

/// A further document that is to be fetched.
struct Next {
    url: Url,
    method: Method,
    form: Vec<(String, String)>,
}

/// Carries out the answer of the webhook at `url` to `inbound`.
pub(super) async fn execute(account: &Arc<Account>, inbound: &Message, url: Url, exchange: Exchange) -> Done {
    let mut run = Run { account, inbound, done: Done::default() };
    let (mut url, mut exchange) = (url, exchange);
    for _ in 0..MAX_DOCUMENTS {
        let Some(document) = run.document(exchange) else { return run.done };
        let Some(next) = run.verbs(document, &url).await else { return run.done };
        exchange = caller::call(account, &next.method, next.url.as_str(), &next.form, &Pair::of(inbound)).await;
        run.done.warnings.extend(exchange.misrule.take());
        url = next.url;
    }
    run.warn(14106, format!("more than {MAX_DOCUMENTS} documents"));
    run.done
}

/// What is wrong with an answer, so that it can't be carried out at all.
pub(super) fn flaw(webhook: &Webhook) -> Option<Warning> {
    read(webhook).err()
}

fn read(webhook: &Webhook) -> Result<Option<Document>, Warning> {
    match webhook.content_type.as_deref() {
        _ if webhook.status == Some(204) => Ok(None),
        Some("text/xml" | "application/xml" | "text/html") => Document::parse(&webhook.body).map(Some),
        // Twilio sends plain text to the person as it stands.
        Some("text/plain") if webhook.body.is_empty() => Ok(None),
        Some("text/plain") => {
            let reply = Reply { body: webhook.body.clone(), ..Reply::default() };
            Ok(Some(Document { verbs: vec![Verb::Message(reply)], warnings: vec![] }))
        }
        other => {
            let detail = format!("the webhook answered {}, not text/xml", other.unwrap_or("no Content-Type"));
            Err(Warning::new(12300, detail))
        }
    }
}

struct Run<'a> {
    account: &'a Arc<Account>,
    inbound: &'a Message,
    done: Done,
}

impl Run<'_> {
    /// What an answer says, if it says anything.
    fn document(&mut self, exchange: Exchange) -> Option<Document> {
        let document = match exchange.warning {
            Some(warning) => Err(warning),
            None => read(&exchange.webhook),
        };
        document.unwrap_or_else(|warning| {
            self.done.warnings.push(warning);
            None
        })
    }

    /// Carries out verbs up to one that leads to another document.
    async fn verbs(&mut self, document: Document, base: &Url) -> Option<Next> {
        self.done.warnings.extend(document.warnings);
        for verb in document.verbs {
            match verb {
                Verb::Redirect { url, method } => {
                    let url = self.resolve(base, &url, 11321)?;
                    return Some(Next { url, method, form: inbound::form(self.account, self.inbound) });
                }
                Verb::Message(reply) => {
                    let (action, method) = (reply.action.clone(), reply.method.clone());
                    let action = action.filter(|action| reply.status_callback.as_ref() != Some(action));
                    let Some(sid) = self.reply(reply, base) else { continue };
                    let Some(action) = action else { continue };
                    let url = self.resolve(base, &action, 11321)?;
                    self.account.ledger.wait_until(&sid, |message| message.status.is_past_queue()).await;
                    let message = self.account.ledger.get(&sid)?;
                    return Some(Next { url, method, form: reports::form(self.account, &message) });
                }
            }
        }
        None
    }

    /// Sends one reply, unless something in it is wrong.
    fn reply(&mut self, reply: Reply, base: &Url) -> Option<String> {
        if self.done.replies.len() == MAX_REPLIES {
            self.warn(14109, format!("more than {MAX_REPLIES} replies"));
            return None;
        }
        let to = reply.to.or_else(|| self.inbound.from.clone()).unwrap_or_default();
        if !is_e164(&to) {
            self.warn(14101, format!("{to} is not a phone number"));
            return None;
        }
        if reply.from.as_ref().is_some_and(|from| *from != self.account.number) {
            self.warn(14102, "the number is not of this account".to_owned());
            return None;
        }
        let empty = reply.body.is_empty() && reply.media.is_empty();
        if empty || reply.body.encode_utf16().count() >= MAX_BODY || reply.media.len() > MAX_MEDIA {
            self.warn(14103, "a message has text or media, fewer than 1600 characters and 10 files".to_owned());
            return None;
        }
        if let Some(url) = reply.media.iter().find(|url| http_url(url).is_none()) {
            self.warn(14103, format!("{url} is not the URL of a file"));
            return None;
        }
        let status_callback = match reply.status_callback {
            Some(url) => self.resolve(base, &url, 14105).map(String::from),
            None => None,
        };
        self.send(to, reply.body, &reply.media, status_callback)
    }

    fn send(&mut self, to: String, body: String, media: &[String], status_callback: Option<String>) -> Option<String> {
        let media = media.iter().map(|url| media::attach(self.account, url)).collect();
        let draft = self.account.draft(Direction::OutboundReply, to, body, media);
        let in_reply_to = Some(self.inbound.sid.clone());
        let draft = Message { status_callback, in_reply_to, ..draft };
        let message = match traffic::send(self.account, draft) {
            Ok(message) => message,
            Err(refusal) => {
                self.warn(refusal.code, refusal.message);
                return None;
            }
        };
        self.done.replies.push(message.sid.clone());
        Some(message.sid.clone())
    }

    /// An address in a document is relative to the document's own.
    fn resolve(&mut self, base: &Url, url: &str, code: u32) -> Option<Url> {
        let resolved = base.join(url).ok().filter(|url| is_callback(url.as_str()));
        if resolved.is_none() {
            self.warn(code, format!("{url} can't be called"));
        }
        resolved
    }

    fn warn(&mut self, code: u32, detail: String) {
        self.done.warnings.push(Warning::new(code, detail));
    }
}
