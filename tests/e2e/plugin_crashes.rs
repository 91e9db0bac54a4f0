//! A plugin counts right, whatever happens to the process.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use recado::clock::{Clock, SystemClock};
use recado_tests::{Plugin, TestGateway, call, form, sign, wait_for, wait_up_to};

use super::plugin_hooks::says;
use super::{going, message_sid};

const SENDERS: usize = 4;
const EACH: usize = 25;
const CRASHES: usize = 5;

/// Sends a text until somebody answers that it is on record, as Twilio would.
pub(crate) fn insist(url: &str, from: &str, sid: &str, text: &str) {
    let (signature, body) = sign(url, &form(sid, from, text));
    let taken = wait_up_to(std::time::Duration::from_mins(1), || {
        let request = http::Request::post(url)
            .header("x-twilio-signature", &signature)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone().into())
            .unwrap();
        call(request).ok().filter(|answer| answer.status() == 200)
    });
    assert!(taken.is_some(), "{sid} was never taken");
}

/// Each text takes a ticket by reading a number and writing the next. However often the gateway is
/// killed in between, each gets one, no ticket is given twice, and none is left out.
#[test]
fn tickets_are_given_once_each_although_the_gateway_is_killed_again_and_again() {
    let mut gateway = TestGateway::builder().plugin(Plugin::obedient()).allow_unsent().start();
    let url = gateway.webhook_url("sms/inbound");
    let taken = AtomicUsize::new(0);
    let mut random = SystemClock.now().as_nanosecond().unsigned_abs();
    eprintln!("the moments of the crashes follow from {random}");
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (url, taken) = (&url, &taken);
            scope.spawn(move || {
                for number in 0..EACH {
                    // Several from each, so that the order within a conversation matters, too.
                    insist(url, &format!("+52998556{:04}", sender * 10 + number % 2), &message_sid(), "next ticket");
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for crash in 1..=CRASHES {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let step = SENDERS * EACH / (CRASHES + 1);
            let moment = crash * step - usize::try_from((random >> 64) % 8).unwrap();
            wait_for("some progress", || (taken.load(Ordering::Relaxed) >= moment).then_some(()));
            gateway.kill();
            gateway.restart();
        }
    });
    let total = SENDERS * EACH;
    let processed = || {
        let messages = gateway.all("/v1/messages?limit=200&direction=inbound");
        messages.iter().filter(|message| message["processed_at"].is_string()).count()
    };
    wait_for("all of them", || (processed() == total).then_some(()));
    let replies = gateway.all("/v1/messages?limit=200&direction=outbound");
    let tickets: Vec<String> =
        going(&replies, "outbound").iter().map(|reply| reply["text"].as_str().unwrap().to_owned()).collect();
    let expected: BTreeSet<String> = (1..=total).map(|number| format!("ticket={number}")).collect();
    assert_eq!(tickets.len(), total);
    assert_eq!(tickets.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(says(&gateway, "+529985569999", "next ticket"), format!("ticket={}", total + 1));
}
