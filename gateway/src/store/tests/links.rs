//! Public links that go along with what is sent: they last from then on.

use super::*;
use crate::message::ProviderError;
use crate::store::media::token_hash;
use crate::store::{AgedMedia, Link, StoredFile};

on_both!(
    a_link_lasts_from_when_its_message_is_handed_over,
    what_is_tried_again_takes_a_link_along_that_lasts,
    a_link_that_was_tidied_away_is_made_anew_for_whoever_has_the_file,
);

const TTL: i64 = 48 * 3600;

fn url(token: char) -> String {
    format!("https://sms.example.mx/media/{}/image.png", token.to_string().repeat(48))
}

fn hash(token: char) -> String {
    token_hash(&token.to_string().repeat(48))
}

fn file(token: char) -> StoredFile {
    StoredFile { digest: token.to_string().repeat(64), bytes: 7, content_type: "image/png".to_owned() }
}

/// A message with a link to a file that was uploaded, which ends then.
async fn with_link(store: &Store, database: &Database, recipient: &str, token: char, ends: i64) -> Submission {
    let id = database.id();
    store.create_upload(id, file(token), at(0)).await.unwrap();
    let link = Link { hash: hash(token), name: "image.png".to_owned(), file: file(token), expires_at: at(ends) };
    assert_eq!(store.publish(vec![link], [id].into(), at(0)).await.unwrap(), None);
    let mut submission = database.submission(recipient, &["hola"]);
    submission.message.media = vec![url(token)];
    submission.message.parts[0].media = vec![url(token)];
    submission
}

/// Until when a link is good, in seconds, and to what it leads.
async fn good(store: &Store, token: char, now: i64) -> Option<(i64, String, StoredFile)> {
    let link = store.link(&hash(token), at(now)).await.unwrap()?;
    Some((link.expires_at.duration_since(at(0)).as_secs(), link.name, link.file))
}

fn until(token: char, ends: i64) -> (i64, String, StoredFile) {
    (ends, "image.png".to_owned(), file(token))
}

async fn a_link_lasts_from_when_its_message_is_handed_over(database: Database) {
    let store = database.store().await;
    let waited = with_link(&store, &database, ANA, 'a', 100).await;
    let longer = with_link(&store, &database, LUIS, 'b', 1000 + TTL + 1).await;
    let mut kept = with_link(&store, &database, "+529981112255", 'c', 100).await;
    kept.message.schedule = Schedule::AtProvider(at(5000));
    // It only looks like one of ours.
    let mut elsewhere = database.submission("+529981112266", &["hola"]);
    elsewhere.message.parts[0].media = vec![url('d'), "https://example.mx/a.png".to_owned()];
    for submission in [waited, longer, kept, elsewhere] {
        store.submit(submission).await.unwrap();
    }
    assert_eq!(good(&store, 'a', 1000).await, None, "it waited for too long");
    assert_eq!(claim(&store, &database, 1000, 10).await.len(), 4);
    assert_eq!(good(&store, 'a', 1000).await, Some(until('a', 1000 + TTL)));
    assert_eq!(good(&store, 'b', 1000).await, Some(until('b', 1000 + TTL + 1)), "none ends sooner");
    assert_eq!(good(&store, 'c', 1000).await, Some(until('c', 5000 + TTL)), "it is fetched when the provider sends it");
    assert_eq!(good(&store, 'd', 1000).await, None);
}

async fn what_is_tried_again_takes_a_link_along_that_lasts(database: Database) {
    let store = database.store().await;
    let submission = with_link(&store, &database, ANA, 'a', 100).await;
    store.submit(submission.clone()).await.unwrap();
    let [part] = claim(&store, &database, 10, 10).await.try_into().unwrap();
    store.settle(settled(&part, 20, Settled::GivenUp { error: ProviderError::default() })).await.unwrap();
    let later = 10 + 2 * TTL;
    assert_eq!(store.retry(submission.message.id, at(later)).await.unwrap(), Retried::Waiting { parts: 1 });
    assert_eq!(claim(&store, &database, later, 10).await.len(), 1);
    assert_eq!(good(&store, 'a', later).await, Some(until('a', later + TTL)));
}

async fn a_link_that_was_tidied_away_is_made_anew_for_whoever_has_the_file(database: Database) {
    let store = database.store().await;
    let [first, second] =
        [with_link(&store, &database, ANA, 'a', 100).await, with_link(&store, &database, LUIS, 'b', 100).await];
    for submission in [&first, &second] {
        store.submit(submission.clone()).await.unwrap();
    }
    store.publish(Vec::new(), [].into(), at(200)).await.unwrap();
    assert_eq!((good(&store, 'a', 0).await, good(&store, 'b', 0).await), (None, None));
    // Of one, the file is let go of.
    let media = vec![crate::store::AgedMedium { message_id: second.message.id, position: 0 }];
    store.forget_media(AgedMedia { media, reached: Some(second.message.id.0), more: false }).await.unwrap();
    assert_eq!(claim(&store, &database, 1000, 10).await.len(), 2);
    assert_eq!(good(&store, 'a', 1000).await, Some(until('a', 1000 + TTL)));
    assert_eq!(good(&store, 'b', 0).await, None, "what was removed stays so");
}
