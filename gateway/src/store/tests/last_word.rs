//! What somebody said last counts, in whatever order it comes to be known.

use super::gate::{rules, said};
use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};

on_both!(
    a_word_that_comes_late_is_older_than_what_was_said_since,
    a_word_that_was_said_again_is_as_new_as_that,
    in_doubt_opting_out_was_said_last,
    a_refusal_of_before_an_opting_in_says_nothing_new,
    what_a_provider_kept_until_its_time_is_refused_then,
    their_own_late_word_stands_up_to_what_others_say,
    where_it_counts_everywhere_the_last_word_on_any_channel_counts,
);

const OUT: Choice = Choice::OptedOut;
const IN: Choice = Choice::OptedIn;

fn word(choice: Choice) -> Consent {
    Consent { choice, source: Source::Message, code: None }
}

/// Heard when it was said.
async fn says(store: &Store, database: &Database, choice: Choice, seconds: i64) {
    let id = database.id().to_string();
    let new = NewInbound { consent: Some(word(choice)), received_at: at(seconds), ..database.inbound(&id, ANA) };
    store.record(new).await.unwrap();
}

/// Said at one time, and found at another.
async fn said_before(store: &Store, database: &Database, choice: Choice, seconds: i64, found: i64) {
    let id = database.id().to_string();
    let said_at = Some(at(seconds));
    let new = NewInbound { consent: Some(word(choice)), said_at, received_at: at(found), ..database.inbound(&id, ANA) };
    store.record(new).await.unwrap();
}

/// What is on record, and since when.
async fn state(store: &Store) -> Vec<(String, Timestamp)> {
    let known = store.consents(&Address::received(ANA)).await.unwrap();
    known.into_iter().map(|known| (known.state, known.at)).collect()
}

fn standing(state: &str, seconds: i64) -> Vec<(String, Timestamp)> {
    vec![(state.to_owned(), at(seconds))]
}

/// How many changes there were.
async fn changes(store: &Store) -> usize {
    store.consent_history(&Address::received(ANA)).await.unwrap().len()
}

async fn a_word_that_comes_late_is_older_than_what_was_said_since(database: Database) {
    let store = database.store().await;
    says(&store, &database, OUT, 100).await;
    said_before(&store, &database, IN, 90, 200).await;
    assert_eq!((state(&store).await, changes(&store).await), (standing("opted_out", 100), 1), "STOP was said last");
    said_before(&store, &database, IN, 150, 201).await;
    assert_eq!((state(&store).await, changes(&store).await), (standing("opted_in", 150), 2), "this is newer");
    let last = store.consent_history(&Address::received(ANA)).await.unwrap().pop().unwrap();
    assert_eq!((last.at, last.recorded_at), (at(150), at(201)), "when it was said, and when it was known");

    let waiting = database.submission(ANA, &["hola"]);
    store.submit(waiting.clone()).await.unwrap();
    said_before(&store, &database, OUT, 120, 300).await;
    assert_eq!((state(&store).await, changes(&store).await), (standing("opted_in", 150), 2), "START was said last");
    assert_eq!(status(&store, waiting.message.id).await, Status::Pending);
    said_before(&store, &database, OUT, 160, 301).await;
    assert_eq!(state(&store).await, standing("opted_out", 160));
    assert_eq!(status(&store, waiting.message.id).await, Status::Failed);
}

async fn a_word_that_was_said_again_is_as_new_as_that(database: Database) {
    let store = database.store().await;
    for (first, other, seconds) in [(OUT, IN, 100), (IN, OUT, 1100)] {
        says(&store, &database, first, seconds).await;
        says(&store, &database, first, seconds + 80).await;
        let before = (state(&store).await, changes(&store).await);
        assert_eq!(before.0, standing(first.as_str(), seconds), "it holds since it was said first");
        said_before(&store, &database, other, seconds + 40, seconds + 90).await;
        assert_eq!((state(&store).await, changes(&store).await), before);
    }
    // What came of it is not as old as what was said again before.
    said_before(&store, &database, OUT, 1300, 1400).await;
    said_before(&store, &database, IN, 1350, 1401).await;
    assert_eq!(state(&store).await, standing("opted_in", 1350));
}

async fn in_doubt_opting_out_was_said_last(database: Database) {
    let store = database.store().await;
    says(&store, &database, OUT, 100).await;
    for found in [100, 200] {
        said_before(&store, &database, IN, 100, found).await;
    }
    says(&store, &database, IN, 100).await;
    assert_eq!(state(&store).await, standing("opted_out", 100), "both were said at the same time");
    says(&store, &database, IN, 101).await;
    // A list tells whole seconds, by another clock.
    said_before(&store, &database, OUT, 98, 200).await;
    assert_eq!(state(&store).await, standing("opted_out", 98));
    // The clock of another gateway is ahead.
    says(&store, &database, IN, 300).await;
    says(&store, &database, OUT, 210).await;
    assert_eq!(state(&store).await, standing("opted_out", 210), "what is said just now is said last");
}

async fn a_refusal_of_before_an_opting_in_says_nothing_new(database: Database) {
    let store = database.store().await;
    let error = ProviderError { code: Some(21610), message: None };
    says(&store, &database, OUT, 1).await;
    let mut ways = Vec::new();
    for (began, provider_id) in [(10, None), (12, Some("SM9")), (30, None), (50, Some("SM10"))] {
        says(&store, &database, IN, began - 1).await;
        store.submit(database.submission(ANA, &["hola"])).await.unwrap();
        let [part] = claim(&store, &database, began, 10).await.try_into().unwrap();
        if began < 30 {
            says(&store, &database, OUT, began + 2).await;
            says(&store, &database, IN, began + 5).await;
        }
        let before = (state(&store).await, changes(&store).await);
        match provider_id {
            None => store.settle(settled(&part, began + 8, Settled::OptedOut { error: error.clone() })).await.unwrap(),
            Some(id) => {
                store.settle(settled(&part, began + 1, accepted(id))).await.unwrap();
                let consent = Some(Consent { choice: OUT, source: Source::Provider, code: Some(21610) });
                let report = database.report(Some(part.id), id, Status::Failed, began + 8);
                store.observe(NewObservation { error: Some(error.clone()), consent, ..report }).await.unwrap();
            }
        }
        assert_eq!(status(&store, part.message_id).await, Status::Failed);
        ways.push((state(&store).await, changes(&store).await) == before);
        if began >= 30 {
            assert_eq!(state(&store).await, standing("opted_out", began), "since it was tried");
        }
    }
    assert_eq!(ways, [true, true, false, false], "what was tried before they said START, and what after it");
}

async fn what_a_provider_kept_until_its_time_is_refused_then(database: Database) {
    let store = database.store().await;
    says(&store, &database, OUT, 1).await;
    says(&store, &database, IN, 2).await;
    let mut planned = database.submission(ANA, &["mañana"]);
    planned.message.schedule = Schedule::AtProvider(at(100));
    store.submit(planned).await.unwrap();
    let [part] = claim(&store, &database, 3, 10).await.try_into().unwrap();
    store.settle(settled(&part, 3, accepted("SM9"))).await.unwrap();
    says(&store, &database, OUT, 4).await;
    says(&store, &database, IN, 50).await;
    let consent = Some(Consent { choice: OUT, source: Source::Provider, code: Some(21610) });
    let report = database.report(Some(part.id), "SM9", Status::Failed, 101);
    store.observe(NewObservation { consent, ..report }).await.unwrap();
    assert_eq!(state(&store).await, standing("opted_out", 100));
}

async fn their_own_late_word_stands_up_to_what_others_say(database: Database) {
    let store = database.store().await;
    let others = async |proof: Option<&str>, choice, seconds| {
        let proof = proof.map(str::to_owned);
        let new = NewConsent { proof, ..said(&database, choice, seconds) };
        store.say_consents(vec![new], false, act(0)).await.unwrap().remove(0)
    };
    assert_eq!(others(None, IN, 100).await, Said::Changed);
    said_before(&store, &database, OUT, 50, 200).await;
    assert_eq!(state(&store).await, standing("opted_out", 50), "a list of somebody else's is not their word");
    assert_eq!(others(Some("a form"), IN, 210).await, Said::Changed);
    said_before(&store, &database, OUT, 150, 300).await;
    assert_eq!(state(&store).await, standing("opted_in", 210), "there is something to show for it");

    // Of others, too, what was said last counts.
    assert_eq!(others(None, OUT, 310).await, Said::Changed);
    assert!(matches!(others(None, OUT, 400).await, Said::Known(_)));
    assert!(matches!(others(Some("a form"), IN, 350).await, Said::Known(_)), "they said it again since");
    assert!(matches!(others(Some("a form"), IN, 400).await, Said::Known(_)), "in doubt");
    assert_eq!(state(&store).await, standing("opted_out", 310));
}

async fn where_it_counts_everywhere_the_last_word_on_any_channel_counts(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("scope = 'business'"));
    let elsewhere = async |choice, seconds: i64, found: i64| {
        let said_at = (found > seconds).then(|| at(seconds));
        let inbound = database.inbound(&database.id().to_string(), ANA);
        let channel = "whatsapp".to_owned();
        store
            .record(NewInbound { channel, consent: Some(word(choice)), said_at, received_at: at(found), ..inbound })
            .await
    };
    let is_out = async || {
        let submitted = store.submit(database.submission(ANA, &["hola"])).await.unwrap();
        submitted.stored().is_none()
    };
    says(&store, &database, OUT, 100).await;
    elsewhere(OUT, 200, 200).await.unwrap();
    said_before(&store, &database, IN, 150, 300).await;
    assert!(is_out().await, "STOP was said last, on another channel");
    assert_eq!(changes(&store).await, 2);
    says(&store, &database, IN, 310).await;
    assert!(!is_out().await);
    elsewhere(OUT, 250, 400).await.unwrap();
    assert!(!is_out().await, "START was said last, on another channel");
}
