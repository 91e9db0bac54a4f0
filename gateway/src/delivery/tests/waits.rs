//! What waits is not tried meanwhile, and ends when it is not valid any more.

use super::*;

/// It was refused before and after, and nobody tried it in between.
#[tokio::test]
async fn a_pause_by_hand_uses_up_no_time_to_try_and_what_is_valid_ends_in_it() {
    let fixture = Fixture::new([BUSY, BUSY, BUSY]).await;
    let [id, valid] = [
        fixture.to(ANA).await,
        fixture.submit(LUIS, None, Options { validity: Some(3600), ..Options::default() }).await,
    ];
    fixture.round().await;
    let act = |action| {
        let (id, at) = (fixture.worker.ids.next(fixture.clock.now()), fixture.clock.now());
        store::Act { id, at, actor: store::Actor::Command(None), action, subject: "sms".to_owned() }
    };
    fixture.worker.store.pause("sms", None, act("channel.paused")).await.unwrap();
    assert_eq!(fixture.later(3_599).await, 0);
    assert_eq!(fixture.status(valid).await.0, Status::Pending);
    assert_eq!(fixture.later(2).await, 0);
    assert_eq!(fixture.status(valid).await.0, Status::Failed, "it is not valid any more, and so not sent late");
    assert!(fixture.message(valid).await.given_up_at.is_some());
    fixture.worker.store.resume("sms", act("channel.resumed")).await.unwrap();
    assert_eq!(fixture.later(10_000).await, 1);
    assert_eq!(fixture.status(id).await, (Status::Pending, Some(20429)), "it was tried for some seconds so far");
    let ended = fixture.end_of(id).await;
    assert_eq!(fixture.status(id).await.0, Status::Queued, "{ended} s");
}
