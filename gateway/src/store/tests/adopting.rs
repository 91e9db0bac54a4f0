//! What waits gets the sender that its channel has now, step by step.

use super::heard::Heard;
use super::plans::objections;
use super::*;
use crate::message::ProviderError;
use crate::store::operations::Adopting;

on_both!(what_waits_is_adopted_in_steps);

/// Five that wait, and three that were given up, of a channel's own sender.
async fn filled(store: &Store, database: &Database) {
    let own = |number: usize, priority| {
        let mut submission = database.submission(&format!("+52998111{number:04}"), &["hola"]);
        submission.message.sender = Sender::Own(Some(Address::received(OURS)));
        submission.message.priority = priority;
        submission
    };
    for number in 0..3 {
        store.submit(own(number, Priority::Normal)).await.unwrap();
    }
    let error = || ProviderError { code: Some(20429), message: None };
    for part in claim(store, database, 1, 9).await {
        store.settle(settled(&part, 2, Settled::GivenUp { error: error() })).await.unwrap();
    }
    for (number, priority) in
        [Priority::Bulk, Priority::High, Priority::Normal, Priority::High, Priority::High].into_iter().enumerate()
    {
        store.submit(own(10 + number, priority)).await.unwrap();
    }
}

async fn what_waits_is_adopted_in_steps(database: Database) {
    let store = database.store().await;
    filled(&store, &database).await;
    let to = Adopting { channel: "sms".to_owned(), sender: Some("+529980000000".to_owned()), service: None };
    let mut steps = Vec::new();
    for among in store.to_adopt_among("sms").await.unwrap() {
        let mut after = Some(among.beginning());
        while let Some(place) = after {
            let (adopted, next) = store.adopt_some(&to, &among, place, 2).await.unwrap();
            steps.push(adopted);
            after = next;
        }
    }
    steps.sort_unstable();
    assert_eq!(steps, [1, 1, 1, 1, 2, 2], "no step is larger than two, and all is done by them");
    for message in store.messages(crate::store::MessageFilter::default(), None, 50).await.unwrap().items {
        assert_eq!(message.from.as_ref().map(Address::as_str), to.sender.as_deref());
    }
    let again = store.adopt_sender("sms", Some(Address::received("+529980000000")), None).await.unwrap();
    assert_eq!(again, 0, "nothing is left");
    assert_eq!(store.adopt_sender("sms", Some(Address::received(OURS)), None).await.unwrap(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_goes_through_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard): (Store, Heard) = database.heard().await;
    filled(&store, &database).await;
    assert_eq!(store.adopt_sender("sms", None, Some("MG1".to_owned())).await.unwrap(), 8);
    let found = objections(&heard, &database).await;
    assert!(found.is_empty(), "{} go through too much:\n{}", found.len(), found.join("\n"));
}
