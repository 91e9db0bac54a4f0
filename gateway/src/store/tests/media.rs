//! Media that are fetched, uploads, and links that end.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait;

use super::*;
use crate::message::Media;
use crate::store::{Fetched, Link, MediaState, MessageMedia, StoredFile, WantedMedia, migrate_down, token_hash};

on_both!(
    what_comes_in_is_wanted_and_what_goes_out_is_linked,
    a_medium_is_given_to_one_worker_at_a_time,
    what_a_try_came_to_is_kept,
    a_slow_worker_undoes_nothing,
    a_file_that_nobody_wants_any_more_is_let_go_of,
    rows_from_before_stay_what_they_were,
    links_end,
    an_upload_that_is_gone_gets_no_link,
    what_was_uploaded_is_a_file_of_its_message,
);

const URL: &str = "https://api.twilio.com/a";

fn with_media(database: &Database, provider_id: &str, count: usize) -> NewInbound {
    let media = (0..count).map(|number| Media { url: format!("{URL}{number}"), content_type: Some("a/b".to_owned()) });
    NewInbound { media: media.collect(), ..database.inbound(provider_id, ANA) }
}

fn file(digest: &str) -> StoredFile {
    StoredFile { digest: digest.to_owned(), bytes: 3_000_000_000, content_type: "image/png".to_owned() }
}

async fn claim_media(store: &Store, seconds: i64, limit: usize) -> Vec<WantedMedia> {
    store.claim_media(at(seconds), at(seconds + 60), limit).await.unwrap()
}

async fn only_medium(store: &Store, id: MessageId) -> MessageMedia {
    let [medium] = message(store, id).await.media.try_into().unwrap();
    medium
}

async fn what_comes_in_is_wanted_and_what_goes_out_is_linked(database: Database) {
    let store = database.store().await;
    assert_eq!(store.media_due().await.unwrap(), None);
    let mut submission = database.submission(LUIS, &["hola"]);
    submission.message.media = vec!["https://example.mx/a".to_owned()];
    let sent = submission.message.id;
    store.submit(submission).await.unwrap();
    assert_eq!(store.media_due().await.unwrap(), None);
    assert_eq!(only_medium(&store, sent).await.state, MediaState::Linked);

    let new = with_media(&database, "MM1", 1);
    store.record(new.clone()).await.unwrap();
    let medium = only_medium(&store, new.id).await;
    assert_eq!((medium.state, medium.content_type.as_deref(), medium.bytes), (MediaState::Wanted, Some("a/b"), None));
    assert_eq!(store.media_due().await.unwrap(), Some(at(0)));
    let [wanted] = claim_media(&store, 0, 5).await.try_into().unwrap();
    let expected = WantedMedia {
        message_id: new.id,
        position: 0,
        channel: "sms".to_owned(),
        url: format!("{URL}0"),
        content_type: Some("a/b".to_owned()),
        tries: 1,
    };
    assert_eq!(wanted, expected);
}

async fn a_medium_is_given_to_one_worker_at_a_time(database: Database) {
    let store = database.store().await;
    let other = database.store().await;
    for number in 0..4 {
        store.record(with_media(&database, &format!("MM{number}"), 3)).await.unwrap();
    }
    let (mine, theirs) = tokio::join!(claim_media(&store, 1, 5), claim_media(&other, 1, 5));
    let mut all: Vec<_> = mine.iter().chain(&theirs).map(|wanted| (wanted.message_id.0, wanted.position)).collect();
    assert!(mine.len() <= 5 && theirs.len() <= 5, "{mine:?} {theirs:?}");
    all.extend(claim_media(&store, 1, 50).await.iter().map(|wanted| (wanted.message_id.0, wanted.position)));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 12, "each once");
    assert_eq!(claim_media(&store, 60, 50).await, [], "until their time is over");
    let again = claim_media(&store, 61, 50).await;
    assert!(again.len() == 12 && again.iter().all(|wanted| wanted.tries == 2), "{again:?}");
}

async fn what_a_try_came_to_is_kept(database: Database) {
    let store = database.store().await;
    let new = with_media(&database, "MM1", 1);
    store.record(new.clone()).await.unwrap();
    let [wanted] = claim_media(&store, 0, 5).await.try_into().unwrap();
    let retry = Fetched::Retry { due_at: at(10), error: "not\0there".to_owned() };
    store.settle_media(&wanted, retry).await.unwrap();
    let medium = only_medium(&store, new.id).await;
    assert_eq!((medium.state, medium.error.as_deref()), (MediaState::Wanted, Some("not\u{fffd}there")));
    assert_eq!(store.media_due().await.unwrap(), Some(at(10)));
    assert_eq!(claim_media(&store, 9, 5).await, []);
    let [wanted] = claim_media(&store, 10, 5).await.try_into().unwrap();
    assert_eq!(wanted.tries, 2);
    store.settle_media(&wanted, Fetched::Stored(file("aa"))).await.unwrap();
    let medium = store.medium(new.id, 0).await.unwrap().unwrap();
    let expected = MessageMedia {
        url: format!("{URL}0"),
        content_type: Some("image/png".to_owned()),
        state: MediaState::Stored,
        bytes: Some(3_000_000_000),
        error: None,
        href: None,
        digest: Some("aa".to_owned()),
    };
    assert_eq!(medium, expected);
    assert_eq!(store.medium(new.id, 1).await.unwrap(), None);
    assert_eq!((claim_media(&store, 9999, 5).await, store.media_due().await.unwrap()), (vec![], None));

    let lost = with_media(&database, "MM2", 1);
    store.record(lost.clone()).await.unwrap();
    let [wanted] = claim_media(&store, 0, 5).await.try_into().unwrap();
    store.settle_media(&wanted, Fetched::Failed { error: "gone".to_owned() }).await.unwrap();
    let medium = only_medium(&store, lost.id).await;
    assert_eq!((medium.state, medium.error.as_deref()), (MediaState::Failed, Some("gone")));
    assert_eq!(claim_media(&store, 9999, 5).await, []);
}

async fn a_slow_worker_undoes_nothing(database: Database) {
    let store = database.store().await;
    let new = with_media(&database, "MM1", 1);
    store.record(new.clone()).await.unwrap();
    let [slow] = claim_media(&store, 0, 5).await.try_into().unwrap();
    let [next] = claim_media(&store, 60, 5).await.try_into().unwrap();
    store.settle_media(&slow, Fetched::Failed { error: "late".to_owned() }).await.unwrap();
    assert_eq!(only_medium(&store, new.id).await.state, MediaState::Wanted);
    store.settle_media(&next, Fetched::Stored(file("aa"))).await.unwrap();
    store.settle_media(&slow, Fetched::Stored(file("bb"))).await.unwrap();
    assert_eq!(only_medium(&store, new.id).await.digest.as_deref(), Some("aa"));
}

async fn a_file_that_nobody_wants_any_more_is_let_go_of(database: Database) {
    let store = database.store().await;
    let new = with_media(&database, "MM1", 1);
    store.record(new.clone()).await.unwrap();
    let [slow] = claim_media(&store, 0, 5).await.try_into().unwrap();
    let [next] = claim_media(&store, 60, 5).await.try_into().unwrap();
    store.settle_media(&next, Fetched::Stored(file("aa"))).await.unwrap();
    store.settle_media(&slow, Fetched::Stored(file("bb"))).await.unwrap();
    // Whose message is gone.
    let gone = WantedMedia { message_id: MessageId(database.id()), ..next };
    store.settle_media(&gone, Fetched::Stored(file("aa"))).await.unwrap();
    store.settle_media(&gone, Fetched::Stored(file("cc"))).await.unwrap();
    store.settle_media(&gone, Fetched::Failed { error: "gone".to_owned() }).await.unwrap();
    let dropped = store.dropped_files("", 10).await.unwrap();
    let dropped: Vec<_> = dropped.iter().map(|file| (file.digest.as_str(), file.is_had)).collect();
    assert_eq!(dropped, [("aa", true), ("bb", false), ("cc", false)]);
}

/// And those that an older gateway writes beside a newer one.
async fn rows_from_before_stay_what_they_were(database: Database) {
    let store = database.store().await;
    let new = with_media(&database, "MM1", 0);
    store.record(new.clone()).await.unwrap();
    drop(store);
    migrate_down(&database.settings(), 1).await.unwrap();
    let insert = |position: i32| {
        format!("INSERT INTO media (message_id, position, url) SELECT id, {position}, '{URL}' FROM messages")
    };
    database.directly().await.execute_unprepared(&insert(0)).await.unwrap();
    let store = database.store().await;
    database.directly().await.execute_unprepared(&insert(1)).await.unwrap();
    let media = message(&store, new.id).await.media;
    let seen: Vec<_> = media.iter().map(|medium| (medium.url.as_str(), medium.state)).collect();
    assert_eq!(seen, [(URL, MediaState::Linked), (URL, MediaState::Linked)]);
    assert_eq!(claim_media(&store, 9999, 5).await, []);
}

async fn links_end(database: Database) {
    let store = database.store().await;
    let upload = database.id();
    assert_eq!(store.upload(upload).await.unwrap(), None);
    store.create_upload(upload, file("aa"), at(0)).await.unwrap();
    assert_eq!(store.upload(upload).await.unwrap(), Some(file("aa")));
    let link = |hash: &str, seconds: i64| Link {
        hash: hash.to_owned(),
        name: "image.png".to_owned(),
        file: file("aa"),
        expires_at: at(seconds),
    };
    let publish = async |links, now| store.publish(links, BTreeSet::from([upload]), now).await.unwrap();
    assert_eq!(publish(vec![link("h1", 10), link("h2", 20)], at(0)).await, None);
    assert_eq!(store.link("h1", at(9)).await.unwrap(), Some(link("h1", 10)));
    assert_eq!(store.link("h1", at(10)).await.unwrap(), None, "its time is over");
    assert_eq!(store.link("h3", at(9)).await.unwrap(), None);
    assert_eq!(publish(vec![link("h3", 30)], at(15)).await, None);
    assert_eq!(store.link("h1", at(0)).await.unwrap(), None, "it is forgotten");
    assert_eq!(store.link("h2", at(19)).await.unwrap(), Some(link("h2", 20)));
    assert_eq!(store.link("h3", at(29)).await.unwrap(), Some(link("h3", 30)));
}

async fn an_upload_that_is_gone_gets_no_link(database: Database) {
    let store = database.store().await;
    let (there, gone) = (database.id(), database.id());
    store.create_upload(there, file("aa"), at(0)).await.unwrap();
    let link = Link { hash: "h1".to_owned(), name: "a".to_owned(), file: file("aa"), expires_at: at(10) };
    let published = store.publish(vec![link], BTreeSet::from([there, gone]), at(0)).await.unwrap();
    assert_eq!(published, Some(gone));
    assert_eq!(store.link("h1", at(1)).await.unwrap(), None);
}

async fn what_was_uploaded_is_a_file_of_its_message(database: Database) {
    let store = database.store().await;
    let upload = database.id();
    store.create_upload(upload, file("aa"), at(0)).await.unwrap();
    let token = "0123456789abcdef".repeat(3);
    let hash = token_hash(&token);
    let link = Link { hash, name: "image.png".to_owned(), file: file("aa"), expires_at: at(10) };
    store.publish(vec![link], BTreeSet::from([upload]), at(0)).await.unwrap();
    let mut submission = database.submission(LUIS, &["hola"]);
    submission.message.media = vec![
        "https://example.mx/a.png".to_owned(),
        format!("https://sms.example.mx/media/{token}/image.png"),
        format!("https://sms.example.mx/media/{}/image.png", token.replace('0', "1")),
        format!("https://sms.example.mx/{token}/image.png"),
    ];
    let sent = submission.message.id;
    store.submit(submission).await.unwrap();
    let media = message(&store, sent).await.media;
    let of = |medium: &MessageMedia| (medium.state, medium.digest.clone(), medium.bytes, medium.content_type.clone());
    let linked = (MediaState::Linked, None, None, None);
    let stored = (MediaState::Stored, Some("aa".to_owned()), Some(3_000_000_000), Some("image/png".to_owned()));
    assert_eq!(media.iter().map(of).collect::<Vec<_>>(), [linked.clone(), stored, linked.clone(), linked]);
}
