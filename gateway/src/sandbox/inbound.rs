//! Messages from customers' phones: the webhook's form, and its delivery. What one phone sends is
//! delivered in order; phones don't wait for each other.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::account::{Account, lock};
use super::caller;
use super::cookies::Pair;
use super::create;
use super::lifecycle;
use super::message::{API_VERSION, Direction, Media, Message, Webhook};
use super::number::Number;
use super::optout::{Handling, Keyword};
use super::reply::{self, Done};
use super::services;

/// An inbound message whose webhook is still to be called.
pub(super) struct Job {
    sid: String,
    done: oneshot::Sender<Delivered>,
}

/// What the application made of a message.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) webhook: Webhook,
    pub(super) done: Done,
}

/// Takes a message from a phone. The second value tells once the webhook was answered.
pub(super) fn receive(
    account: &Arc<Account>,
    from: String,
    body: String,
    media: Vec<Media>,
) -> (String, oneshot::Receiver<Delivered>) {
    // Held over the making, so that messages are queued in the order of their ids.
    let mut phones = lock(&account.phones);
    let draft = account.draft(Direction::Inbound, from.clone(), body, media);
    let sent = Some(draft.created);
    let sid = account.ledger.add(Message { sent, ..draft }).sid.clone();
    let delivered = enqueue(account, &mut phones, from, sid.clone());
    (sid, delivered)
}

/// Why a message's webhook is not called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// There is no message from a phone by that id.
    Nobody,
    /// It was answered, and what was answered was carried out.
    Answered,
}

/// Calls the webhook of a message again whose call came to nothing, behind what its phone has sent since.
pub(super) fn again(account: &Arc<Account>, sid: &str) -> Result<oneshot::Receiver<Delivered>, Settled> {
    let mut phones = lock(&account.phones);
    let message = account.ledger.get(sid).filter(|message| message.direction == Direction::Inbound);
    let message = message.ok_or(Settled::Nobody)?;
    let from = message.from.clone().ok_or(Settled::Nobody)?;
    let answered = |webhook: &Webhook| webhook.status.is_some_and(|status| (200..300).contains(&status));
    if message.webhook.as_ref().is_some_and(|webhook| webhook.failure.is_none() && answered(webhook)) {
        return Err(Settled::Answered);
    }
    Ok(enqueue(account, &mut phones, from, sid.to_owned()))
}

fn enqueue(
    account: &Arc<Account>,
    phones: &mut HashMap<String, VecDeque<Job>>,
    from: String,
    sid: String,
) -> oneshot::Receiver<Delivered> {
    let (done, delivered) = oneshot::channel();
    let job = Job { sid, done };
    if let Some(queue) = phones.get_mut(&from) {
        queue.push_back(job);
    } else {
        phones.insert(from.clone(), [job].into());
        let worker = Arc::clone(account);
        account.spawn(async move { work(&worker, &from).await });
    }
    delivered
}

/// The parameters of the webhook, in the order in which Twilio sends them.
pub(super) fn form(account: &Account, message: &Message) -> Vec<(String, String)> {
    let (from, sid) = (message.from.as_deref().unwrap_or_default(), message.sid.as_str());
    let numbered = |index: usize, name: &str| format!("{name}{index}");
    let mut form = vec![("ToCountry".to_owned(), country(&message.to).to_owned())];
    let media = || message.media.iter().enumerate();
    form.extend(media().map(|(index, media)| (numbered(index, "MediaContentType"), media.content_type.clone())));
    let count = message.media.len().to_string();
    let mut push = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
    push("ToState", "");
    push("SmsMessageSid", sid);
    push("NumMedia", &count);
    push("ToCity", "");
    push("FromZip", "");
    push("SmsSid", sid);
    push("FromState", "");
    push("SmsStatus", message.status.as_str());
    push("FromCity", "");
    push("Body", &message.body);
    push("FromCountry", country(from));
    push("To", &message.to);
    if let Some(service) = &message.messaging_service_sid {
        push("MessagingServiceSid", service);
    }
    if let Some(keyword) = message.keyword.filter(|_| account.number_setup().opt_out == Handling::Advanced) {
        push("OptOutType", keyword.as_str());
    }
    push("ToZip", "");
    push("NumSegments", &message.num_segments);
    push("MessageSid", sid);
    push("AccountSid", &account.sid);
    push("From", from);
    let folder = format!("{}/{API_VERSION}/Accounts/{}/Messages/{sid}/Media", account.url, account.sid);
    form.extend(media().map(|(index, media)| (numbered(index, "MediaUrl"), format!("{folder}/{}", media.sid))));
    form.push(("ApiVersion".to_owned(), API_VERSION.to_owned()));
    form
}

/// Delivers what one phone has sent, until nothing is left.
async fn work(account: &Arc<Account>, phone: &str) {
    loop {
        let job = {
            let mut phones = lock(&account.phones);
            let job = phones.get_mut(phone).and_then(VecDeque::pop_front);
            if job.is_none() {
                phones.remove(phone);
            }
            job
        };
        let Some(job) = job else { return };
        if let Some(delivered) = deliver(account, &job.sid).await {
            // Whoever sent it need not have waited.
            let _ = job.done.send(delivered);
        }
    }
}

async fn deliver(account: &Arc<Account>, sid: &str) -> Option<Delivered> {
    let number = services::receiver(account, account.number_setup());
    // Only at the first call: what was heeded is not heeded again.
    if number.opt_out != Handling::Off && account.ledger.get(sid)?.webhook.is_none() {
        heed(account, sid);
    }
    let message = account.ledger.get(sid)?;
    let (webhook, done) = consult(account, &number, &message).await;
    account.ledger.change(sid, |message| {
        message.webhook = Some(webhook.clone());
        message.warnings.extend(done.warnings.iter().cloned());
    });
    Some(Delivered { webhook, done })
}

/// Does what a person asks for with a single word. The webhook hears of it all the same.
fn heed(account: &Arc<Account>, sid: &str) {
    let Some(message) = account.ledger.get(sid) else { return };
    let (Some(keyword), Some(phone)) = (Keyword::of(&message.body), message.from.clone()) else { return };
    account.ledger.change(sid, |message| message.keyword = Some(keyword));
    let was_out = account.ledger.has_opted_out(&phone);
    match keyword {
        Keyword::Stop => account.ledger.set_opted_out(&phone, true),
        Keyword::Start => account.ledger.set_opted_out(&phone, false),
        Keyword::Help => {}
    }
    // Nobody is told twice; and yes is also an answer to other questions.
    if keyword == Keyword::Help || was_out == (keyword == Keyword::Start) {
        let draft = account.draft(Direction::OutboundReply, phone, keyword.answer().to_owned(), vec![]);
        let answer = account.ledger.add(Message { in_reply_to: Some(sid.to_owned()), ..draft });
        lifecycle::start(account, &answer.sid);
    }
}

/// Calls the number's webhook, or the one that stands in for it, and carries out the answer.
async fn consult(account: &Arc<Account>, number: &Number, message: &Message) -> (Webhook, Done) {
    let own = number.inbound_url.as_ref().filter(|_| number.application_sid.is_none());
    let Some(url) = own else {
        let failure = Some("the number has no webhook".to_owned());
        return (Webhook { failure, ..Webhook::default() }, Done::default());
    };
    let (mut form, pair) = (form(account, message), Pair::of(message));
    let mut exchange = caller::call(account, &number.inbound_method.method(), url, &form, &pair).await;
    let mut url = url;
    let mut flaws: Vec<_> = exchange.misrule.take().into_iter().collect();
    let flaw = exchange.warning.clone().or_else(|| reply::flaw(&exchange.webhook));
    if let (Some(flaw), Some(fallback)) = (flaw, &number.fallback_url) {
        form.push(("ErrorCode".to_owned(), flaw.code.to_string()));
        form.push(("ErrorUrl".to_owned(), url.clone()));
        flaws.push(flaw);
        exchange = caller::call(account, &number.fallback_method.method(), fallback, &form, &pair).await;
        flaws.extend(exchange.misrule.take());
        url = fallback;
    }
    let webhook = exchange.webhook.clone();
    // Shown at once: what it leads to may take its time.
    account.ledger.change(&message.sid, |message| message.webhook = Some(webhook.clone()));
    let mut done = match create::http_url(url) {
        Some(url) => reply::execute(account, message, url, exchange).await,
        None => Done { warnings: exchange.warning.into_iter().collect(), ..Done::default() },
    };
    done.warnings.splice(..0, flaws);
    (webhook, done)
}

/// The country of a number where it is told by Twilio for sure; otherwise the parameter is empty.
fn country(number: &str) -> &'static str {
    if number.starts_with("+52") {
        "MX"
    } else if number.starts_with("+1") {
        "US"
    } else {
        ""
    }
}
