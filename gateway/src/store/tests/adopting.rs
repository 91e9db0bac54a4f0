//! What waits gets the sender that its channel has now, step by step.

use super::heard::Heard;
use super::plans::objections;
use super::*;
use crate::message::ProviderError;
use crate::store::Adopting;
use crate::store::operations::Among;

on_both!(what_waits_is_adopted_in_steps, what_becomes_urgent_meanwhile_is_adopted_too, each_channel_adopts_its_own);

/// What has another sender on the channel now.
pub(super) async fn adopt(store: &Store, sender: Option<Address>, service: Option<String>) -> usize {
    let to = Adopting::new("sms", sender.as_ref(), service.as_deref());
    store.adopt_senders(&[to]).await.unwrap()
}

fn other() -> Address {
    Address::received("+529980000000")
}

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
    let to = [Adopting::new("sms", Some(&other()), None)];
    let mut steps = Vec::new();
    let lines = store.lines_to_adopt("sms").await.unwrap();
    for among in [Among::GivenUp].iter().chain(&lines) {
        let mut after = Some(among.beginning());
        while let Some(place) = after {
            let (adopted, next) = store.adopt_some(&to, among, place, 2).await.unwrap();
            steps.push(adopted);
            after = next;
        }
    }
    assert_eq!(steps, [2, 1, 1, 1, 2, 1], "no step is larger than two, and the least urgent is first");
    for message in store.messages(crate::store::MessageFilter::default(), None, 50).await.unwrap().items {
        assert_eq!(message.from, Some(other()));
    }
    assert_eq!(adopt(&store, Some(other()), None).await, 0, "nothing is left");
    assert_eq!(adopt(&store, Some(Address::received(OURS)), None).await, 8);
}

async fn what_becomes_urgent_meanwhile_is_adopted_too(database: Database) {
    let store = database.store().await;
    let own = |priority| {
        let mut submission = database.submission(ANA, &["hola"]);
        submission.message.sender = Sender::Own(Some(Address::received(OURS)));
        submission.message.priority = priority;
        submission
    };
    store.submit(own(Priority::Bulk)).await.unwrap();
    let to = [Adopting::new("sms", Some(&other()), None)];
    let lines = store.lines_to_adopt("sms").await.unwrap();
    // It is in front of this, and goes as early.
    store.submit(own(Priority::High)).await.unwrap();
    let mut adopted = 0;
    for line in &lines {
        adopted += store.adopt_some(&to, line, line.beginning(), 50).await.unwrap().0;
    }
    assert_eq!(adopted, 2);
}

async fn each_channel_adopts_its_own(database: Database) {
    let store = database.store().await;
    let mut given_up = Vec::new();
    for channel in ["sms", "other", "sms"] {
        let mut submission = database.submission(ANA, &["hola"]);
        submission.message.sender = Sender::Own(Some(Address::received(OURS)));
        submission.message.channel = channel.to_owned();
        store.submit(submission.clone()).await.unwrap();
        given_up.push(submission.message.id);
        for part in claim(&store, &database, 1, 9).await {
            let error = ProviderError { code: Some(20429), message: None };
            store.settle(settled(&part, 2, Settled::GivenUp { error })).await.unwrap();
        }
    }
    let third = Address::received("+529980000003");
    let to = [Adopting::new("sms", Some(&other()), None), Adopting::new("other", Some(&third), None)];
    assert_eq!(store.adopt_senders(&to).await.unwrap(), 3);
    for (id, sender) in given_up.into_iter().zip([other(), third, other()]) {
        assert_eq!(message(&store, id).await.from, Some(sender));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_goes_through_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard): (Store, Heard) = database.heard().await;
    filled(&store, &database).await;
    assert_eq!(adopt(&store, None, Some("MG1".to_owned())).await, 8);
    let found = objections(&heard, &database).await;
    assert!(found.is_empty(), "{} go through too much:\n{}", found.len(), found.join("\n"));
}
