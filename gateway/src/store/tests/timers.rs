//! The timers that plugins set.

use super::*;

on_both!(
    a_timer_runs_out_once,
    a_timer_of_the_same_name_is_moved,
    a_timer_that_is_taken_back_or_moved_comes_too_late,
    a_lease_that_ends_is_given_to_another,
    two_claimers_never_get_the_same_timer,
    of_each_conversation_one_is_claimed_at_a_time,
    a_timer_waits_for_an_earlier_one_that_another_gateway_has,
    a_timer_waits_for_a_gateway_that_has_its_plugin,
    a_lease_is_renewed_while_its_row_is_there,
    a_lease_that_another_has_by_now_is_not_renewed,
);

fn start(database: &Database, name: &str, due: i64) -> TimerChange {
    TimerChange::Start {
        id: database.id(),
        plugin: "nudge".to_owned(),
        name: name.to_owned(),
        payload: format!("payload of {name}"),
        started_at: at(0),
        due_at: at(due),
        hops: 2,
    }
}

fn cancel(name: &str) -> TimerChange {
    TimerChange::Cancel { plugin: "nudge".to_owned(), name: name.to_owned() }
}

/// A new message of Ana's that comes to these timers.
async fn decided(store: &Store, database: &Database, timers: Vec<TimerChange>) -> NewInbound {
    decided_of(store, database, ANA, timers).await
}

/// The same of somebody.
async fn decided_of(store: &Store, database: &Database, sender: &str, timers: Vec<TimerChange>) -> NewInbound {
    let new = database.inbound(&database.id().to_string(), sender);
    store.record(new.clone()).await.unwrap();
    let conversation = store.open_thread("sms", &Address::received(sender)).await.unwrap().unwrap().conversation.id;
    assert_eq!(store.commit(Processed { timers, ..processed(&new, conversation) }).await.unwrap(), Committed::Done);
    new
}

async fn due(store: &Store, seconds: i64) -> Vec<ClaimedTimer> {
    store.claim_timers(vec!["nudge".to_owned()], Vec::new(), at(seconds), at(seconds + 60), 10).await.unwrap()
}

fn fired(timer: &ClaimedTimer) -> Processed {
    let contact = ContactId(Uuid::nil());
    Processed::new(Cause::Timer(timer.id), timer.message.id, timer.conversation_id, contact, at(50))
}

async fn a_timer_runs_out_once(database: Database) {
    let store = database.store().await;
    store.report_when(|_| None);
    assert_eq!(store.next_timer(&["nudge".to_owned()], Vec::new()).await.unwrap(), None);
    let timers = vec![start(&database, "late", 30), start(&database, "early", 20)];
    let new = decided(&store, &database, timers).await;
    tokio::time::timeout(std::time::Duration::from_secs(9), store.news()).await.expect("whoever waits is told");
    assert_eq!(store.next_timer(&["nudge".to_owned()], Vec::new()).await.unwrap(), Some(at(20)));
    assert_eq!(due(&store, 19).await, []);
    let [early] = due(&store, 40).await.try_into().unwrap();
    assert_eq!(store.next_timer(&["nudge".to_owned()], Vec::new()).await.unwrap(), None, "the other waits for it");
    let explained = Explaining {
        id: new.id,
        channel: "sms".to_owned(),
        ours: Some(Address::received(OURS)),
        theirs: Address::received(ANA),
        plugin: None,
        hops: 0,
    };
    let expected = ClaimedTimer {
        id: early.id,
        conversation_id: new.conversation_id,
        plugin: "nudge".to_owned(),
        name: "early".to_owned(),
        payload: "payload of early".to_owned(),
        started_at: at(0),
        due_at: at(20),
        hops: 2,
        message: explained,
    };
    assert_eq!(early, expected);
    assert_eq!(due(&store, 41).await, []);
    let reply = database.submission(ANA, &["¿sigues ahí?"]);
    let once = Processed { sends: vec![reply.clone()], timers: vec![start(&database, "early", 90)], ..fired(&early) };
    let commits = [store.commit(once.clone()).await.unwrap(), store.commit(once).await.unwrap()];
    assert_eq!(commits, [Committed::Done, Committed::Before]);
    assert_eq!(status(&store, reply.message.id).await, Status::Pending);
    assert_eq!(claim(&store, &database, 60, 10).await.len(), 1);
    let [late] = due(&store, 61).await.try_into().unwrap();
    assert_eq!(late.name, "late", "in the order of their times");
    assert_eq!(store.commit(fired(&late)).await.unwrap(), Committed::Done);
    // It set itself again.
    assert_eq!(store.next_timer(&["nudge".to_owned()], Vec::new()).await.unwrap(), Some(at(90)));
    assert_eq!(due(&store, 200).await.len(), 1);
}

async fn a_timer_of_the_same_name_is_moved(database: Database) {
    let store = database.store().await;
    decided(&store, &database, vec![start(&database, "a", 20), start(&database, "b", 20)]).await;
    let second = decided(&store, &database, vec![start(&database, "a", 40), cancel("b"), cancel("never")]).await;
    assert_eq!(store.timer_names(second.conversation_id).await.unwrap(), []);
    let conversation = only_conversation(&store).await.id;
    assert_eq!(store.timer_names(conversation).await.unwrap(), [("nudge".to_owned(), "a".to_owned())]);
    assert_eq!(due(&store, 30).await, []);
    let [moved] = due(&store, 40).await.try_into().unwrap();
    assert_eq!((moved.name.as_str(), moved.message.id), ("a", second.id));
}

async fn a_timer_that_is_taken_back_or_moved_comes_too_late(database: Database) {
    let store = database.store().await;
    decided(&store, &database, vec![start(&database, "a", 20), start(&database, "b", 20)]).await;
    let [first] = due(&store, 30).await.try_into().unwrap();
    decided(&store, &database, vec![start(&database, "a", 40)]).await;
    let [second] = due(&store, 30).await.try_into().unwrap();
    decided(&store, &database, vec![cancel("b")]).await;
    assert_eq!((first.name.as_str(), second.name.as_str()), ("a", "b"));
    for timer in [first, second] {
        let fired = Processed { sends: vec![database.submission(ANA, &["hola"])], ..fired(&timer) };
        assert_eq!(store.commit(fired).await.unwrap(), Committed::Before, "{}", timer.name);
    }
    assert_eq!(claim(&store, &database, 60, 10).await, []);
    assert_eq!(due(&store, 40).await.len(), 1);
}

async fn a_lease_that_ends_is_given_to_another(database: Database) {
    let store = database.store().await;
    decided(&store, &database, vec![start(&database, "a", 20)]).await;
    let [first] = due(&store, 30).await.try_into().unwrap();
    assert_eq!(due(&store, 80).await, []);
    let [again] = due(&store, 91).await.try_into().unwrap();
    assert_eq!(again.id, first.id);
    store.release_followups().await.unwrap();
    // On Postgres another gateway may be at it.
    assert_eq!(due(&store, 92).await.len(), usize::from(!database.is_postgres()));
}

async fn two_claimers_never_get_the_same_timer(database: Database) {
    let stores = [database.store().await, database.store().await];
    for number in 0..20 {
        let sender = format!("+5299811122{number:02}");
        decided_of(&stores[0], &database, &sender, vec![start(&database, "a", 20)]).await;
    }
    let claims =
        (0..10).map(|number| stores[number % 2].claim_timers(vec!["nudge".to_owned()], Vec::new(), at(30), at(90), 3));
    let claimed: Vec<_> = futures::future::join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
    let ids: std::collections::BTreeSet<Uuid> = claimed.iter().map(|timer| timer.id).collect();
    assert_eq!((claimed.len(), ids.len()), (20, 20));
}

async fn a_timer_waits_for_a_gateway_that_has_its_plugin(database: Database) {
    let store = database.store().await;
    decided(&store, &database, vec![start(&database, "a", 20)]).await;
    let other = || vec!["other".to_owned()];
    let shared = database.is_postgres();
    assert_eq!(store.next_timer(&other(), Vec::new()).await.unwrap(), (!shared).then(|| at(20)));
    assert_eq!(store.next_timer(&[], Vec::new()).await.unwrap(), (!shared).then(|| at(20)));
    // Who has the database alone need not wait for others.
    let mut claimed = store.claim_timers(other(), Vec::new(), at(30), at(40), 10).await.unwrap();
    assert_eq!(claimed.len(), usize::from(!shared));
    assert_eq!(store.claim_timers(Vec::new(), Vec::new(), at(31), at(40), 10).await.unwrap(), []);
    if shared {
        // Nobody came who has it.
        claimed = store.claim_timers(other(), Vec::new(), at(620), at(680), 10).await.unwrap();
    }
    assert_eq!(claimed.len(), 1);
}

async fn a_lease_is_renewed_while_its_row_is_there(database: Database) {
    let store = database.store().await;
    decided(&store, &database, vec![start(&database, "a", 20)]).await;
    let [timer] = due(&store, 30).await.try_into().unwrap();
    assert!(store.renew(Cause::Timer(timer.id), at(90), at(500)).await.unwrap());
    assert_eq!(due(&store, 400).await, []);
    assert_eq!(store.commit(fired(&timer)).await.unwrap(), Committed::Done);
    assert!(!store.renew(Cause::Timer(timer.id), at(500), at(900)).await.unwrap());
    assert!(!store.renew(Cause::Report(timer.id), at(500), at(900)).await.unwrap());
}

async fn a_lease_that_another_has_by_now_is_not_renewed(database: Database) {
    let [one, other] = [database.store().await, database.store().await];
    decided(&one, &database, vec![start(&database, "a", 20)]).await;
    let [timer] = due(&one, 30).await.try_into().unwrap();
    let timer = Cause::Timer(timer.id);
    assert_eq!(due(&other, 91).await.len(), 1);
    assert!(!one.renew(timer, at(90), at(200)).await.unwrap());
    assert!(other.renew(timer, at(151), at(300)).await.unwrap());
    assert_eq!(due(&one, 299).await, []);
}

async fn of_each_conversation_one_is_claimed_at_a_time(database: Database) {
    let store = database.store().await;
    let many = (0..300).map(|number| start(&database, &format!("{number:03}"), 20)).collect();
    let ana = decided(&store, &database, many).await.conversation_id;
    let luis = decided_of(&store, &database, LUIS, vec![start(&database, "a", 25)]).await.conversation_id;
    let claim = async |besides: Vec<ConversationId>, seconds: i64| {
        let plugins = || vec!["nudge".to_owned()];
        let next = store.next_timer(&plugins(), besides.clone()).await.unwrap();
        let claimed = store.claim_timers(plugins(), besides, at(seconds), at(seconds + 60), 10).await.unwrap();
        (next, claimed.into_iter().map(|timer| (timer.conversation_id, timer.name)).collect::<Vec<_>>())
    };
    // All that is looked at is hers.
    assert_eq!(claim(Vec::new(), 30).await, (Some(at(20)), vec![(ana, "000".to_owned())]));
    // While that is followed up, whatever else she has waits, and nobody waits for her.
    assert_eq!(claim(vec![ana, luis], 30).await, (None, Vec::new()));
    assert_eq!(claim(vec![ana], 30).await, (Some(at(25)), vec![(luis, "a".to_owned())]));
    assert_eq!(claim(Vec::new(), 30).await, (None, Vec::new()));
    // When nobody came back with it, it is the first again.
    assert_eq!(claim(vec![luis], 91).await, (None, vec![(ana, "000".to_owned())]));
}

async fn a_timer_waits_for_an_earlier_one_that_another_gateway_has(database: Database) {
    let [one, other] = [database.store().await, database.store().await];
    let of_another = |change: TimerChange| match change {
        TimerChange::Start { id, name, payload, started_at, due_at, hops, .. } => {
            TimerChange::Start { plugin: "another".to_owned(), id, name, payload, started_at, due_at, hops }
        }
        cancel @ TimerChange::Cancel { .. } => cancel,
    };
    let timers =
        vec![start(&database, "close", 21), start(&database, "remind", 20), of_another(start(&database, "report", 22))];
    decided(&one, &database, timers).await;
    let [remind] = due(&one, 30).await.try_into().unwrap();
    assert_eq!(remind.name, "remind");
    // Other plugins' timers are not held up by that.
    let plugins = || vec!["nudge".to_owned(), "another".to_owned()];
    assert_eq!(other.next_timer(&plugins(), Vec::new()).await.unwrap(), Some(at(22)));
    let [report] = other.claim_timers(plugins(), Vec::new(), at(30), at(90), 10).await.unwrap().try_into().unwrap();
    assert_eq!(report.name, "report");
    assert_eq!(other.commit(fired(&report)).await.unwrap(), Committed::Done);
    assert_eq!(other.next_timer(&plugins(), Vec::new()).await.unwrap(), None);
    assert_eq!(due(&other, 90).await, []);
    // The lease has ended.
    let [again] = due(&other, 91).await.try_into().unwrap();
    assert_eq!(again.id, remind.id);
    assert_eq!(due(&one, 92).await, []);
    assert_eq!(one.commit(fired(&remind)).await.unwrap(), Committed::Done);
    let [close] = due(&one, 93).await.try_into().unwrap();
    assert_eq!(close.name, "close");
}
