//! The gate in the store: how far an opting out reaches, what confirms it, and the ledger.

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;

use super::*;
use crate::gate::{Home, Refusal, Rules};
use crate::message::consent::{Choice, Heard, Keyword, Source};
use crate::message::{Consent, Locale};
use crate::store::{ConsentCursor, ConsentFilter, entities};

on_both!(
    what_somebody_says_is_in_the_ledger_once,
    only_the_confirmation_goes_to_whoever_opted_out,
    a_confirmation_is_owed_once_and_kept_over_a_restart,
    an_opting_out_counts_for_the_whole_business_if_that_is_wanted,
    where_it_counts_everywhere_others_opt_somebody_in_everywhere,
    others_may_speak_for_somebody_but_not_against_their_own_word,
    consents_are_listed_page_by_page,
);

const WHATSAPP: &str = "whatsapp:+529981112233";

pub(super) fn rules(text: &str) -> Rules {
    let mut settings: toml::Table = toml::from_str(crate::config::DEFAULTS).unwrap();
    let mut gate = settings.remove("gate").unwrap().try_into::<toml::Table>().unwrap();
    for (key, value) in toml::from_str::<toml::Table>(text).unwrap() {
        match (gate.get_mut(&key), value) {
            (Some(toml::Value::Table(known)), toml::Value::Table(more)) => known.extend(more),
            (_, value) => {
                gate.insert(key, value);
            }
        }
    }
    let settings: crate::gate::Settings = gate.try_into().unwrap();
    settings.check().unwrap();
    Rules::new(&settings, &Home { locale: Locale::Es, time_zone: "UTC", region: "MX" })
}

pub(super) fn says(database: &Database, sender: &str, keyword: Keyword, seconds: i64) -> NewInbound {
    let text = if keyword == Keyword::OptOut { "¡Alto!" } else { "Iniciar" };
    NewInbound {
        text: text.to_owned(),
        consent: keyword.choice().map(|choice| Consent { choice, source: Source::Message, code: None }),
        heard: Some(Heard { keyword, locale: Locale::Es, confirm: true }),
        received_at: at(seconds),
        ..database.inbound(&format!("SM{}", database.id()), sender)
    }
}

async fn history(store: &Store, address: &str) -> Vec<(String, String, Option<String>)> {
    let events = store.consent_history(&Address::received(address)).await.unwrap();
    events.into_iter().map(|event| (event.choice, event.source, event.words)).collect()
}

async fn what_somebody_says_is_in_the_ledger_once(database: Database) {
    let store = database.store().await;
    let out = says(&database, ANA, Keyword::OptOut, 1);
    for new in [
        says(&database, ANA, Keyword::OptIn, 0),
        out.clone(),
        out.clone(),
        says(&database, ANA, Keyword::OptOut, 2),
        says(&database, ANA, Keyword::OptIn, 3),
    ] {
        store.record(new).await.unwrap();
    }
    let words = |text: &str| Some(text.to_owned());
    let expected = [
        ("opted_out".to_owned(), "message".to_owned(), words("¡Alto!")),
        ("opted_in".to_owned(), "message".to_owned(), words("Iniciar")),
    ];
    assert_eq!(history(&store, ANA).await, expected, "what changes nothing is no line");
    let first = store.consent_history(&Address::received(ANA)).await.unwrap().remove(0);
    assert_eq!((first.message_id, first.at, first.recorded_at), (Some(out.id), at(1), at(1)));

    // A provider's word, with its code.
    store.submit(database.submission(LUIS, &["uno"])).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let error = crate::message::ProviderError { code: Some(21610), message: None };
    store.settle(settled(&part, 2, Settled::OptedOut { error })).await.unwrap();
    let [event] = store.consent_history(&Address::received(LUIS)).await.unwrap().try_into().unwrap();
    assert_eq!(
        (event.source.as_str(), event.error_code, event.message_id),
        ("provider", Some(21610), Some(part.message_id))
    );
}

fn confirmation(database: &Database, to: &NewInbound) -> NewOutbound {
    NewOutbound { confirms: true, in_reply_to: Some(to.id), ..database.outbound(to.sender.as_str(), &["Listo"]) }
}

async fn only_the_confirmation_goes_to_whoever_opted_out(database: Database) {
    let store = database.store().await;
    let waiting = database.submission(ANA, &["uno"]);
    let mut planned = database.submission(ANA, &["mañana"]);
    planned.message.schedule = Schedule::At(at(90_000));
    for submission in [&waiting, &planned] {
        store.submit(submission.clone()).await.unwrap();
    }
    let out = says(&database, ANA, Keyword::OptOut, 3);
    store.record(out.clone()).await.unwrap();
    for submission in [&waiting, &planned] {
        assert_eq!(
            status(&store, submission.message.id).await,
            Status::Failed,
            "STOP ends what waits and what is planned"
        );
    }
    let conversation = only_conversation(&store).await.id;
    let (told, plugins) = (confirmation(&database, &out), database.outbound(ANA, &["hola"]));
    let replies = vec![told.clone(), plugins.clone()];
    store.commit(Processed { replies, ..processed(&out, conversation) }).await.unwrap();
    assert!(store.message(plugins.id).await.unwrap().is_none(), "a plugin's is not stored");
    let gate = store.history(told.id).await.unwrap().gate.unwrap();
    assert_eq!(
        (&gate["verdict"], &gate["exempt"], &gate["consent"]),
        (&json!("allowed"), &json!("confirmations"), &json!("opted_out"))
    );
    // Saying it again ends nothing of it, and so does a try that is to be made again.
    store.record(says(&database, ANA, Keyword::OptOut, 4)).await.unwrap();
    let [part] = claim(&store, &database, 5, 10).await.try_into().unwrap();
    assert_eq!(part.message_id, told.id);
    let error = crate::message::ProviderError { code: Some(20429), message: None };
    store.settle(settled(&part, 6, Settled::Retry { due_at: at(6), error })).await.unwrap();
    let [again] = claim(&store, &database, 7, 10).await.try_into().unwrap();
    assert_eq!((again.message_id, again.attempts), (told.id, 2));
}

async fn a_confirmation_is_owed_once_and_kept_over_a_restart(database: Database) {
    let store = database.store().await;
    let cases = [
        (Keyword::OptIn, false, "who never opted out"),
        (Keyword::Help, true, "help is always given"),
        (Keyword::OptOut, true, "the first time"),
        (Keyword::OptOut, false, "the second"),
        (Keyword::Help, false, "but to whoever wants nothing"),
        (Keyword::OptIn, true, "back again"),
    ];
    let mut expected = Vec::new();
    for (seconds, (keyword, confirm, why)) in (0..).zip(cases) {
        let new = says(&database, ANA, keyword, seconds);
        store.record(new.clone()).await.unwrap();
        let kept = store.unprocessed_one(new.id).await.unwrap().unwrap().heard;
        assert_eq!(kept, Some(Heard { keyword, locale: Locale::Es, confirm }), "{why}");
        expected.push(kept);
    }
    // As another start finds them.
    let again = database.store().await.unprocessed(10).await.unwrap();
    assert_eq!(again.into_iter().map(|text| text.heard).collect::<Vec<_>>(), expected);
    let plain = database.inbound("SM0", LUIS);
    store.record(plain.clone()).await.unwrap();
    assert_eq!(store.unprocessed_one(plain.id).await.unwrap().unwrap().heard, None);
}

async fn an_opting_out_counts_for_the_whole_business_if_that_is_wanted(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("scope = 'business'"));
    let of = |channel: &str, recipient: &str| {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.channel = channel.to_owned();
        submission
    };
    // A second address of the same contact, as after a merge.
    store.submit(of("telegram", "telegram:77")).await.unwrap();
    store.submit(of("sms", ANA)).await.unwrap();
    let merge = "UPDATE addresses SET contact_id = (SELECT contact_id FROM addresses WHERE address = '+529981112233')";
    database.directly().await.execute_unprepared(merge).await.unwrap();
    let merge =
        "UPDATE conversations SET contact_id = (SELECT contact_id FROM addresses WHERE address = '+529981112233')";
    database.directly().await.execute_unprepared(merge).await.unwrap();
    let luis = of("sms", LUIS);
    store.submit(luis.clone()).await.unwrap();

    store.record(says(&database, ANA, Keyword::OptOut, 3)).await.unwrap();
    let refusal = Refusal::OptedOut { since: at(3), everywhere: true };
    for (channel, recipient) in [("sms", ANA), ("other", ANA), ("whatsapp", WHATSAPP), ("telegram", "telegram:77")] {
        let submitted = store.submit(of(channel, recipient)).await.unwrap();
        assert_eq!(submitted.refusal(), Some(&refusal), "{channel} {recipient}");
    }
    let waiting: Vec<MessageId> =
        claim(&store, &database, 4, 10).await.into_iter().map(|part| part.message_id).collect();
    assert_eq!(waiting, [luis.message.id], "what waited on other channels has ended, too");

    // Whatever slipped by is not handed out.
    let row = entities::consents::ActiveModel {
        channel: sea_orm::Set("elsewhere".to_owned()),
        address: sea_orm::Set("whatsapp:+529981112244".to_owned()),
        state: sea_orm::Set("opted_out".to_owned()),
        source: sea_orm::Set("message".to_owned()),
        error_code: sea_orm::Set(None),
        message_id: sea_orm::Set(None),
        at: sea_orm::Set(0),
        said_again_at: sea_orm::Set(None),
    };
    let other = of("third", LUIS);
    store.submit(other).await.unwrap();
    entities::consents::Entity::insert(row).exec_without_returning(&database.directly().await).await.unwrap();
    assert_eq!(claim(&store, &database, 5, 10).await, []);

    // And back, from any of them.
    let mut back = says(&database, "telegram:77", Keyword::OptIn, 6);
    back.channel = "telegram".to_owned();
    store.record(back).await.unwrap();
    let again = of("sms", ANA);
    assert_eq!(store.submit(again.clone()).await.unwrap().stored(), Some(again.message.id));
    assert_eq!(claim(&store, &database, 7, 10).await.len(), 1);
}

pub(super) fn said(database: &Database, choice: Choice, seconds: i64) -> NewConsent {
    NewConsent {
        id: database.id(),
        channel: "sms".to_owned(),
        address: Address::received(ANA),
        choice,
        source: Source::Api,
        proof: None,
        note: Some("por teléfono".to_owned()),
        actor: Some("key 1".to_owned()),
        at: at(seconds),
        now: at(seconds),
    }
}

/// Opting in undoes what was said on each channel, so it has to stand up to each.
async fn where_it_counts_everywhere_others_opt_somebody_in_everywhere(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("scope = 'business'"));
    store.record(says(&database, ANA, Keyword::OptOut, 1)).await.unwrap();
    let elsewhere = |proof: Option<&str>| NewConsent {
        channel: "other".to_owned(),
        proof: proof.map(str::to_owned),
        ..said(&database, Choice::OptedIn, 2)
    };
    let one = async |new: NewConsent| store.say_consents(vec![new], false, act(0)).await.unwrap().remove(0);
    assert!(matches!(one(elsewhere(None)).await, Said::NeedsProof(_)), "it is their own word");
    let submit = async || store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert!(matches!(submit().await, Submitted::Refused { .. }));
    assert_eq!(one(elsewhere(Some("a form"))).await, Said::Changed);
    assert!(matches!(submit().await, Submitted::Stored(_)));
    assert!(matches!(one(elsewhere(Some("a form"))).await, Said::Known(_)));
}

async fn others_may_speak_for_somebody_but_not_against_their_own_word(database: Database) {
    let store = database.store().await;
    let one = async |new: NewConsent, dry_run| store.say_consents(vec![new], dry_run, act(0)).await.unwrap().remove(0);
    let waiting = database.submission(ANA, &["uno"]);
    store.submit(waiting.clone()).await.unwrap();
    assert_eq!(one(said(&database, Choice::OptedOut, 1), true).await, Said::Changed);
    assert_eq!(store.consents(&Address::received(ANA)).await.unwrap(), [], "a dry run changes nothing");
    assert_eq!(one(said(&database, Choice::OptedOut, 1), false).await, Said::Changed);
    assert_eq!(status(&store, waiting.message.id).await, Status::Failed);
    assert!(matches!(one(said(&database, Choice::OptedOut, 2), false).await, Said::Known(_)), "the same again");
    assert!(
        matches!(one(said(&database, Choice::OptedIn, 0), false).await, Said::Known(_)),
        "older than what is known"
    );
    assert_eq!(
        one(said(&database, Choice::OptedIn, 3), false).await,
        Said::Changed,
        "what others said, they take back"
    );

    store.record(says(&database, ANA, Keyword::OptOut, 4)).await.unwrap();
    assert!(matches!(one(said(&database, Choice::OptedIn, 5), false).await, Said::NeedsProof(_)));
    assert!(matches!(one(said(&database, Choice::OptedIn, 5), true).await, Said::NeedsProof(_)));
    let proven = NewConsent { proof: Some("formulario 12".to_owned()), ..said(&database, Choice::OptedIn, 5) };
    assert_eq!(one(proven, false).await, Said::Changed);
    let ledger = store.consent_history(&Address::received(ANA)).await.unwrap();
    let told: Vec<_> =
        ledger.iter().map(|event| (event.choice.as_str(), event.source.as_str(), event.proof.as_deref())).collect();
    let expected = [
        ("opted_out", "api", None),
        ("opted_in", "api", None),
        ("opted_out", "message", None),
        ("opted_in", "api", Some("formulario 12")),
    ];
    assert_eq!(told, expected);
    assert_eq!((ledger[0].note.as_deref(), ledger[0].actor.as_deref()), (Some("por teléfono"), Some("key 1")));
}

async fn consents_are_listed_page_by_page(database: Database) {
    let store = database.store().await;
    let people: Vec<String> = (0..5).map(|number| format!("+52998111220{number}")).collect();
    let new = (0..).zip(&people).map(|(number, person)| NewConsent {
        address: Address::received(person),
        channel: if number % 2 == 0 { "sms" } else { "other" }.to_owned(),
        // Two at the same moment.
        ..said(&database, if number < 3 { Choice::OptedOut } else { Choice::OptedIn }, number.min(3))
    });
    store.say_consents(new.collect(), false, act(0)).await.unwrap();
    let page = async |filter: ConsentFilter, after: Option<ConsentCursor>, limit| {
        let (items, next) = store.list_consents(filter, after, limit).await.unwrap();
        (items.into_iter().map(|item| item.address.as_str().to_owned()).collect::<Vec<_>>(), next)
    };
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (items, next) = page(ConsentFilter::default(), cursor, 2).await;
        all.extend(items);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(all, people.iter().rev().cloned().collect::<Vec<_>>());
    let filters = [
        (ConsentFilter { state: Some(Choice::OptedOut), ..ConsentFilter::default() }, vec![2, 1, 0]),
        (ConsentFilter { channel: Some("other".to_owned()), ..ConsentFilter::default() }, vec![3, 1]),
        (ConsentFilter { since: Some(at(2)), ..ConsentFilter::default() }, vec![4, 3, 2]),
        (ConsentFilter { address: Some(Address::received(&people[1])), ..ConsentFilter::default() }, vec![1]),
    ];
    for (filter, expected) in filters {
        let expected: Vec<String> = expected.into_iter().map(|number: usize| people[number].clone()).collect();
        assert_eq!(page(filter.clone(), None, 50).await, (expected, None), "{filter:?}");
    }
}
