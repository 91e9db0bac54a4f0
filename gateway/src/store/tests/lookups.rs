//! What is kept of lookups, and for how long.

use serde_json::json;

use super::*;

on_both!(the_newest_answer_is_kept_for_each_channel_and_number, old_answers_are_forgotten);

async fn the_newest_answer_is_kept_for_each_channel_and_number(database: Database) {
    let store = database.store().await;
    let keep = async |channel: &str, to: &str, answer, seconds| {
        store.keep_lookup(channel.to_owned(), Address::received(to), answer, at(seconds), at(0)).await.unwrap();
    };
    let kept = async |channel: &str, to: &str| store.kept_lookup(channel, &Address::received(to)).await.unwrap();
    assert_eq!(kept("sms", ANA).await, None);
    keep("sms", ANA, json!({ "line_type": "mobile" }), 1).await;
    keep("sms", LUIS, json!({ "line_type": "land\0line" }), 2).await;
    keep("other", ANA, json!({ "line_type": null }), 3).await;
    assert_eq!(kept("sms", ANA).await, Some((json!({ "line_type": "mobile" }), at(1))));
    assert_eq!(kept("sms", LUIS).await, Some((json!({ "line_type": "land\u{FFFD}line" }), at(2))));
    assert_eq!(kept("other", ANA).await, Some((json!({ "line_type": null }), at(3))));
    keep("sms", ANA, json!({ "line_type": "landline" }), 4).await;
    assert_eq!(kept("sms", ANA).await, Some((json!({ "line_type": "landline" }), at(4))));
    assert_eq!(kept("other", LUIS).await, None);
}

async fn old_answers_are_forgotten(database: Database) {
    let store = database.store().await;
    let [ana, luis] = [ANA, LUIS].map(Address::received);
    store.keep_lookup("sms".to_owned(), ana.clone(), json!(1), at(10), at(0)).await.unwrap();
    store.keep_lookup("sms".to_owned(), luis.clone(), json!(2), at(20), at(10)).await.unwrap();
    assert!(store.kept_lookup("sms", &ana).await.unwrap().is_some(), "not older than that");
    store.keep_lookup("sms".to_owned(), luis.clone(), json!(3), at(30), at(11)).await.unwrap();
    assert_eq!(store.kept_lookup("sms", &ana).await.unwrap(), None);
    assert_eq!(store.kept_lookup("sms", &luis).await.unwrap(), Some((json!(3), at(30))));
}
