//! When a pause begins and ends, and who tries in between.

use super::*;

const LENGTHS: Lengths = Lengths { first: Duration::from_mins(1), longest: Duration::from_mins(3), silences: 3 };
const CHANNEL: &str =
    "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+15005550006'";

fn pauses() -> Pauses {
    let settings = BTreeMap::from([("sms".to_owned(), toml::from_str(CHANNEL).unwrap())]);
    Pauses::new(Channels::build(&settings, &crate::channels::no_components).unwrap(), LENGTHS, Locale::En)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn part(number: u128) -> PartId {
    PartId(uuid::Uuid::from_u128(number))
}

fn error(code: i32) -> ProviderError {
    ProviderError { code: Some(code), message: None }
}

impl Pauses {
    fn refuse(&self, scope: Scope, number: u128, seconds: i64) {
        self.fault("sms", part(number), scope, &error(20003), at(seconds));
    }

    fn until(&self) -> Timestamp {
        self.all()["sms"].until
    }

    fn begin(&self, number: u128, seconds: i64) {
        self.probe("sms", part(number), at(seconds), Duration::from_mins(1));
    }

    fn hear(&self, number: u128, news: News, seconds: i64) {
        self.tried("sms", part(number), news, at(seconds));
    }

    /// Whom the probe at this time goes round, and whether one of them will do.
    fn due(&self, seconds: i64) -> Option<(Vec<PartId>, bool)> {
        self.probes(at(seconds)).pop().map(|probe| (probe.refused, probe.again))
    }

    fn is_open(&self, seconds: i64) -> bool {
        self.closed(at(seconds)).is_empty()
    }
}

#[test]
fn one_probe_at_a_time_and_each_that_fails_doubles_the_pause() {
    let pauses = pauses();
    pauses.refuse(Scope::Channel, 1, 0);
    pauses.refuse(Scope::Channel, 2, 1);
    assert_eq!((pauses.until(), pauses.closed(at(1))), (at(60), vec!["sms".to_owned()]), "the first says so");
    assert_eq!(pauses.due(59), None);
    let mut refused = vec![part(1), part(2)];
    for (number, seconds, next) in [(3, 60, 180), (4, 180, 360), (5, 360, 540)] {
        assert_eq!(pauses.due(seconds), Some((refused.clone(), true)), "another first, if there is one");
        pauses.begin(number, seconds);
        assert_eq!(pauses.due(seconds + 60), None, "one is under way");
        pauses.refuse(Scope::Channel, 1, seconds);
        pauses.refuse(Scope::Channel, number, seconds);
        assert_eq!(pauses.until(), at(next));
        refused.push(part(number));
    }
    assert_eq!(pauses.all()["sms"].since, at(0));
}

#[test]
fn only_the_probe_ends_a_pause() {
    let pauses = pauses();
    pauses.refuse(Scope::Channel, 1, 0);
    pauses.hear(2, News::Sends, 1);
    assert!(!pauses.is_open(1), "it had been sent before");
    pauses.begin(3, 60);
    pauses.hear(2, News::Nothing, 60);
    pauses.hear(3, News::Nothing, 60);
    assert_eq!(pauses.until(), at(120), "a time-out says nothing, and the pause is as long again");
    pauses.begin(4, 120);
    pauses.hear(4, News::Particular, 121);
    assert!(pauses.is_open(121), "the account is fine, whatever is wrong with this part");
    assert!(pauses.all().is_empty());
    pauses.refuse(Scope::Channel, 5, 200);
    assert_eq!(pauses.until(), at(260), "and it can be paused anew");
}

#[test]
fn a_probe_that_was_never_heard_of_again_is_followed_by_another() {
    let pauses = pauses();
    pauses.refuse(Scope::Channel, 1, 0);
    pauses.begin(2, 60);
    assert_eq!(pauses.due(120), None);
    assert!(pauses.due(121).is_some());
}

#[test]
fn what_is_refused_for_its_sender_is_doubted_once() {
    let pauses = pauses();
    pauses.refuse(Scope::Sender, 1, 0);
    assert_eq!(pauses.due(0), Some((vec![part(1)], false)), "another may try at once");
    pauses.begin(2, 0);
    pauses.refuse(Scope::Sender, 2, 1);
    assert_eq!((pauses.due(1), pauses.until()), (None, at(60)), "so it is the sender");
    pauses.begin(3, 60);
    pauses.hear(3, News::Particular, 60);
    assert!(!pauses.is_open(60), "another sender says nothing of this one");
    assert_eq!(pauses.due(60), Some((vec![part(1), part(2)], true)));
    pauses.begin(4, 60);
    pauses.hear(4, News::Sends, 61);
    assert!(pauses.is_open(61));
    assert!(pauses.is_particular("sms", part(1)) && pauses.is_particular("sms", part(2)));
    assert!(!pauses.is_particular("sms", part(4)) && !pauses.is_particular("other", part(1)));
    pauses.hear(1, News::Sends, 62);
    assert!(!pauses.is_particular("sms", part(1)), "it was sent after all");
    pauses.refuse(Scope::Sender, 5, 63);
    assert!(!pauses.is_particular("sms", part(2)), "while nothing is sent nobody knows");
}

#[test]
fn two_that_were_under_way_leave_no_doubt() {
    let pauses = pauses();
    pauses.refuse(Scope::Sender, 1, 0);
    pauses.refuse(Scope::Sender, 1, 0);
    assert!(pauses.due(1).is_some());
    pauses.refuse(Scope::Sender, 2, 0);
    assert_eq!(pauses.due(1), None);
}

#[test]
fn a_report_pauses_only_for_a_fault_of_the_account() {
    let pauses = pauses();
    for other in [None, Some(error(30003)), Some(error(21704)), Some(error(4321)), Some(ProviderError::default())] {
        pauses.reported("sms", other.as_ref(), at(0));
        assert!(pauses.all().is_empty(), "{other:?}");
    }
    pauses.reported("gone", Some(&error(30002)), at(0));
    assert!(pauses.all().is_empty());
    pauses.reported("sms", Some(&error(30002)), at(0));
    pauses.reported("sms", Some(&error(30002)), at(30));
    assert_eq!((pauses.until(), pauses.all()["sms"].error.code), (at(60), Some(30002)));
    assert_eq!(pauses.due(60), Some((vec![], true)));
}

#[test]
fn a_busy_provider_is_left_alone_ever_longer_until_it_takes_something() {
    let pauses = pauses();
    let busy = |seconds| pauses.busy("sms", at(seconds), |refusals| Duration::from_secs(10) * refusals);
    busy(0);
    busy(1);
    assert!(pauses.all().is_empty(), "that is no fault");
    assert!(!pauses.is_open(10) && pauses.is_open(11), "the last to be refused says until when");
    busy(11);
    assert!(!pauses.is_open(30) && pauses.is_open(31), "those before were one refusal, this is the second");
    pauses.hear(9, News::Particular, 12);
    assert!(!pauses.is_open(30), "what was taken meanwhile changes nothing of it");
    busy(31);
    assert!(pauses.is_open(41), "but counts");
    pauses.busy("sms", at(50), |_| Duration::from_hours(24));
    assert!(!pauses.is_open(229) && pauses.is_open(230), "nobody says so much for all");
}

#[test]
fn a_clock_that_is_set_back_keeps_no_channel_shut_for_longer() {
    let pauses = pauses();
    // It is two hours ahead.
    pauses.busy("sms", at(7_200), |_| Duration::from_hours(1));
    assert!(!pauses.is_open(0) && !pauses.is_open(179) && pauses.is_open(180), "the longest");
    pauses.busy("sms", at(7_200), |_| Duration::from_secs(10));
    pauses.busy("sms", at(0), |_| Duration::from_secs(20));
    assert!(!pauses.is_open(19) && pauses.is_open(20), "what is said then counts");

    pauses.refuse(Scope::Channel, 1, 7_200);
    assert_eq!((pauses.due(100), pauses.due(159), pauses.due(160)), (None, None, Some((vec![part(1)], true))));
    // A probe that was never heard of again.
    pauses.begin(2, 7_260);
    assert_eq!((pauses.due(160), pauses.due(220)), (None, None));
    assert!(pauses.due(221).is_some());
    pauses.begin(2, 221);
    pauses.refuse(Scope::Channel, 2, 222);
    assert_eq!(pauses.until(), at(222 + 120), "and each that fails doubles it");
}

#[test]
fn nobody_probes_while_the_provider_is_busy() {
    let pauses = pauses();
    pauses.refuse(Scope::Channel, 1, 0);
    pauses.busy("sms", at(59), |_| Duration::from_secs(10));
    assert_eq!(pauses.due(68), None);
    assert!(pauses.due(69).is_some());
}

#[test]
fn a_provider_that_answers_nobody_is_left_alone_and_then_asked_by_one() {
    let pauses = pauses();
    let silent =
        |number: u128, seconds: i64| pauses.silent("sms", part(number), &ProviderError::default(), at(seconds));
    silent(1, 0);
    silent(2, 1);
    pauses.answered("sms");
    silent(3, 2);
    silent(4, 3);
    assert!(pauses.is_open(3), "there was an answer in between");
    silent(5, 4);
    assert_eq!((pauses.is_open(4), pauses.until()), (false, at(64)));
    assert_eq!((pauses.due(63), pauses.due(64)), (None, Some((vec![], true))));
    pauses.begin(6, 64);
    silent(6, 65);
    assert_eq!(pauses.until(), at(65 + 120), "a probe that nobody answers doubles it");
    pauses.begin(7, 185);
    pauses.answered("sms");
    pauses.hear(7, News::Sends, 186);
    assert!(pauses.is_open(186));
    silent(8, 187);
    assert!(pauses.is_open(187), "it begins anew");
}
