//! What must be zero, by the gateway's own record and by the local Twilio's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use recado_tests::{NUMBER, Outside, TestGateway, wait_up_to};
use serde_json::Value;

use super::load::{Acknowledged, CUSTOMERS};
use crate::going;
use crate::journal::{customer, everything};

/// For so long nothing may become of anything: longer than a question to the provider is left alone that a gateway
/// took and was killed over (a minute), and than what is unknown then takes to be sent again.
const RECOVERY: Duration = Duration::from_mins(4);
/// Looking at everything takes a while, too.
const LOOK: Duration = Duration::from_secs(2);

/// What went wrong, one line for each case.
#[derive(Debug, Default, PartialEq)]
struct Zeros {
    acknowledged_and_lost: Vec<String>,
    processed_twice: Vec<String>,
    sent_twice: Vec<String>,
    sent_never: Vec<String>,
    out_of_order: Vec<String>,
}

/// Waits until all is done, and looks at all of it.
pub(super) fn all_are_zero(gateway: &TestGateway, outside: &Outside, acknowledged: &Acknowledged) {
    let texts: usize = acknowledged.texts.iter().map(Vec::len).sum();
    let messages: usize = acknowledged.messages.iter().map(Vec::len).sum();
    let mut all = Vec::new();
    let settled = |all: &[Value]| {
        let processed = going(all, "inbound").iter().filter(|one| one["processed_at"].is_string()).count();
        let delivered = going(all, "outbound").iter().filter(|one| one["status"] == "delivered").count();
        (processed, delivered)
    };
    let (mut reached, mut since) = ((0, 0), Instant::now());
    // What does not settle shows below.
    while since.elapsed() < RECOVERY {
        all = everything(gateway);
        let now = settled(&all);
        if now.0 >= texts && now.1 >= texts + messages {
            break;
        }
        if now != reached {
            (reached, since) = (now, Instant::now());
        }
        let _ = wait_up_to(LOOK, || None::<()>);
    }
    let found = Found { gateway, all: &all, ledger: &outside.ledger() };
    let mut zeros = Zeros::default();
    found.of_the_texts(acknowledged, &mut zeros);
    found.of_the_messages(acknowledged, &mut zeros);
    found.of_the_creates(texts, messages, &mut zeros);
    assert_eq!(zeros, Zeros::default(), "of {texts} texts and {messages} messages: {zeros:#?}");
    let counted = super::super::plugin_hooks::says(gateway, "+529985569999", "look total; look outbound");
    assert!(counted.starts_with(&format!("total={texts}, outbound={messages}")), "{counted}");
    eprintln!("{texts} texts and {messages} messages: lost 0, processed twice 0, sent twice 0, sent never 0, in order");
}

struct Found<'a> {
    gateway: &'a TestGateway,
    /// What the gateway has.
    all: &'a [Value],
    /// What the local Twilio has, oldest first.
    ledger: &'a [Value],
}

impl Found<'_> {
    /// Each text is here once, in order, was processed once and after the one before, and has its one reply.
    fn of_the_texts(&self, acknowledged: &Acknowledged, zeros: &mut Zeros) {
        let mut inbound: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for message in going(self.all, "inbound") {
            inbound.entry(message["provider_id"].as_str().unwrap()).or_default().push(message);
        }
        let mut replies: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for message in going(self.all, "outbound") {
            replies.entry(message["in_reply_to"].as_str().unwrap_or_default()).or_default().push(message);
        }
        for (number, sids) in acknowledged.texts.iter().enumerate() {
            let mut before = Timestamp::MIN;
            for (count, sid) in sids.iter().enumerate() {
                let named = format!("text {count} of customer {number} ({sid})");
                let here = inbound.get(sid.as_str()).map_or(&[][..], Vec::as_slice);
                let [message] = here else {
                    let list =
                        if here.is_empty() { &mut zeros.acknowledged_and_lost } else { &mut zeros.processed_twice };
                    list.push(named);
                    continue;
                };
                let processed_at = message["processed_at"].as_str().map(|text| text.parse::<Timestamp>().unwrap());
                let Some(processed_at) = processed_at else {
                    zeros.acknowledged_and_lost.push(format!("{named} is not processed"));
                    continue;
                };
                if processed_at < before {
                    zeros.out_of_order.push(format!("{named} was processed before the one before it"));
                }
                before = processed_at;
                let own = replies.get(message["id"].as_str().unwrap()).map_or(&[][..], Vec::as_slice);
                let [reply] = own else {
                    let list =
                        if own.is_empty() { &mut zeros.acknowledged_and_lost } else { &mut zeros.processed_twice };
                    list.push(format!("{named} has {} replies", own.len()));
                    continue;
                };
                // `total=N, LAST, text NUMBER COUNT`
                let said: Vec<&str> = reply["text"].as_str().unwrap().split(", ").collect();
                let last = count.checked_sub(1).map_or("nothing".to_owned(), |last| last.to_string());
                if said.get(1) != Some(&last.as_str()) {
                    zeros.out_of_order.push(format!("{named} was processed after {said:?}"));
                }
            }
        }
    }

    /// Each message is here once.
    fn of_the_messages(&self, acknowledged: &Acknowledged, zeros: &mut Zeros) {
        let ids: BTreeSet<&str> = self.all.iter().map(|message| message["id"].as_str().unwrap()).collect();
        for (id, text) in acknowledged.messages.iter().flatten() {
            if !ids.contains(id.as_str()) {
                zeros.acknowledged_and_lost.push(text.clone());
            }
        }
    }

    /// Each reply and each message reached the provider once, and nothing else did; those to one person in
    /// the order in which they came to be.
    fn of_the_creates(&self, texts: usize, messages: usize, zeros: &mut Zeros) {
        let ours = going(self.all, "outbound");
        if ours.len() != texts + messages {
            zeros.sent_twice.push(format!("{} outbound messages are on record", ours.len()));
        }
        let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (place, sent) in self.ledger.iter().enumerate().filter(|(_, sent)| sent["direction"] != "inbound") {
            places.entry((sent["to"].as_str().unwrap(), sent["body"].as_str().unwrap())).or_default().push(place);
        }
        let mut reached: [Vec<(usize, &Value)>; CUSTOMERS] = Default::default();
        for message in ours {
            let (to, text) = (message["to"].as_str().unwrap(), message["text"].as_str().unwrap());
            assert_eq!(message["from"], NUMBER);
            let sent = places.remove(&(to, text)).unwrap_or_default();
            let part = &message["parts"][0];
            let named = format!("{text:?} to {to}, {part}");
            match sent.as_slice() {
                [] => zeros.sent_never.push(named),
                [place] => {
                    if message["status"] != "delivered" {
                        zeros.sent_never.push(format!("not known to have arrived: {named}"));
                    }
                    let number = (0..CUSTOMERS).find(|number| customer(*number) == to).unwrap();
                    reached[number].push((*place, message));
                }
                _ => zeros.sent_twice.push(named),
            }
        }
        for (to, body) in places.keys() {
            zeros.sent_twice.push(format!("{body:?} to {to} is none of ours"));
        }
        for sent in reached {
            self.of_the_order(sent, zeros);
        }
    }

    /// Of what one application sends and of what one customer is replied, each waits for the one before it;
    /// the two are at the same time. What was handed over, not taken, and sent again is the one thing that
    /// comes late: nobody waits for it, since it takes minutes to know.
    fn of_the_order(&self, mut sent: Vec<(usize, &Value)>, zeros: &mut Zeros) {
        sent.sort_by_key(|(_, message)| message["id"].as_str().unwrap());
        let (mut replies, mut messages): (Vec<_>, Vec<_>) =
            sent.into_iter().partition(|(_, message)| message["in_reply_to"].is_string());
        for sent in [&mut replies, &mut messages] {
            let late = |pair: &[(usize, &Value)]| pair[0].0 > pair[1].0;
            if sent.windows(2).any(late) {
                sent.retain(|(_, message)| !self.was_sent_again(message));
            }
            for pair in sent.windows(2).filter(|pair| late(pair)) {
                let [first, second] = [&pair[1], &pair[0]].map(|(place, message)| {
                    format!("{} ({}, {})", message["text"], message["id"], self.ledger[*place]["direction"])
                });
                zeros.out_of_order.push(format!("{first} was sent before {second}"));
            }
        }
    }

    /// Whether the provider turned out not to have it.
    fn was_sent_again(&self, message: &Value) -> bool {
        let trace = self.gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str().unwrap())).expect(200);
        let looks = trace["looks"].as_array().map_or(&[][..], Vec::as_slice);
        looks.iter().any(|look| look["concluded"] == "sent_again")
    }
}
