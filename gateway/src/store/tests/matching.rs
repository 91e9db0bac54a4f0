//! Unknown parts whose text the provider lists otherwise: templates and short links.

use super::reconciling::{fates, found, ids, listing, unknown};
use super::*;
use crate::message::ContentTemplate;
use crate::store::{Fate, Found, Hold, Reconciliation};

on_both!(
    a_template_is_known_by_all_but_its_text,
    equal_templates_share_what_is_listed,
    what_could_be_another_is_given_to_nobody,
    short_links_are_no_other_text,
    a_template_of_a_service_is_known_by_it,
    a_template_on_whatsapp_is_no_exception,
);

const SENT: Fate = Fate::Found(Status::Sent);
const UNEXPLAINED: Fate = Fate::Held(Hold::Unexplained);

fn template(variable: &str) -> Options {
    let variables = [("1".to_owned(), variable.to_owned())].into();
    let content = Some(ContentTemplate { sid: "HX1".to_owned(), variables });
    Options { content, ..Options::default() }
}

fn short_links() -> Options {
    Options { shorten_urls: Some(true), ..Options::default() }
}

/// A part whose try began at 0 and ended unknown at 10.
async fn lost(store: &Store, database: &Database, text: &str, options: Options) -> Claimed {
    let mut submission = database.submission(ANA, &[text]);
    submission.message.options = options;
    lost_of(store, database, submission).await
}

async fn lost_of(store: &Store, database: &Database, submission: Submission) -> Claimed {
    store.submit(submission).await.unwrap();
    let [part] = claim(store, database, 0, 10).await.try_into().unwrap();
    store.settle(settled(&part, 10, unknown())).await.unwrap();
    part
}

fn with_media(found: Found) -> Found {
    Found { media: 1, ..found }
}

async fn a_template_is_known_by_all_but_its_text(database: Database) {
    let store = database.store().await;
    let part = lost(&store, &database, "", template("Ana")).await;
    let all = [part.id];
    // Neither what is of another time, nor an answer to a webhook. What is later keeps it from being sent again.
    let answer = Found { reply: true, ..found("SM1", "Hola Ana", 2) };
    let (before, after) = (found("SM2", "Hola Ana", -400), found("SM3", "Hola Ana", 400));
    for (listed, fate) in
        [(vec![answer.clone()], Fate::Open), (vec![answer.clone(), before], Fate::Open), (vec![after], UNEXPLAINED)]
    {
        assert_eq!(fates(&store, listing(&all, listed, 60)).await, [(part.id, fate)]);
    }
    // A template may have media that only the provider knows.
    let it = with_media(found("SM4", "Hola Ana", 2));
    assert_eq!(fates(&store, listing(&all, vec![it, answer], 60)).await, [(part.id, SENT)]);
    let stored = message(&store, part.message_id).await;
    assert_eq!((stored.provider_id.as_deref(), stored.status), (Some("SM4"), Status::Sent));
}

async fn equal_templates_share_what_is_listed(database: Database) {
    let store = database.store().await;
    let mut parts = Vec::new();
    for _ in 0..3 {
        parts.push(lost(&store, &database, "", template("Ana")).await);
    }
    let listed = || vec![found("SM2", "Hola Ana", 3), found("SM1", "Hola Ana", 2)];
    let came_to = fates(&store, listing(&ids(&parts), listed(), 700)).await;
    assert_eq!(came_to, [(parts[0].id, SENT), (parts[1].id, SENT), (parts[2].id, Fate::Resent)]);
    assert_eq!(message(&store, parts[0].message_id).await.provider_id.as_deref(), Some("SM1"), "the oldest first");
}

async fn what_could_be_another_is_given_to_nobody(database: Database) {
    let store = database.store().await;
    let ana = lost(&store, &database, "", template("Ana")).await;
    let one = || vec![found("SM1", "Hola", 2)];
    // More are listed than there are parts that could be one of them.
    let two = vec![found("SM2", "Hola", 3), found("SM1", "Hola", 2)];
    assert_eq!(fates(&store, listing(&[ana.id], two, 60)).await, [(ana.id, UNEXPLAINED)]);
    // Two different parts could be it.
    let luis = lost(&store, &database, "", template("Luis")).await;
    let both = [(ana.id, UNEXPLAINED), (luis.id, UNEXPLAINED)];
    assert_eq!(fates(&store, listing(&[ana.id, luis.id], one(), 60)).await, both);
    store.observe(database.report(Some(luis.id), "SM7", Status::Sent, 61)).await.unwrap();
    // So could one of another sender, of which nothing is asked now.
    let mut other = database.submission(ANA, &["x"]);
    other.message.sender = Sender::Named(Address::received("+525500000009"));
    let other = lost_of(&store, &database, other).await;
    assert_eq!(fates(&store, listing(&[ana.id], one(), 62)).await, [(ana.id, UNEXPLAINED)]);
    store.observe(database.report(Some(other.id), "SM8", Status::Sent, 63)).await.unwrap();
    // So could a text that is not listed as it is.
    let text = lost(&store, &database, "otra cosa", Options::default()).await;
    let both = [(ana.id, UNEXPLAINED), (text.id, UNEXPLAINED)];
    assert_eq!(fates(&store, listing(&[ana.id, text.id], one(), 64)).await, both);
    store.observe(database.report(Some(text.id), "SM9", Status::Sent, 65)).await.unwrap();
    // And so could one that is being sent at this moment.
    store.submit(database.submission(ANA, &["y"])).await.unwrap();
    let [sending] = claim(&store, &database, 66, 10).await.try_into().unwrap();
    assert_eq!(fates(&store, listing(&[ana.id], one(), 67)).await, [(ana.id, Fate::Open)]);
    store.settle(settled(&sending, 68, accepted("SM10"))).await.unwrap();
    assert_eq!(fates(&store, listing(&[ana.id], one(), 69)).await, [(ana.id, SENT)]);
}

async fn short_links_are_no_other_text(database: Database) {
    let store = database.store().await;
    let text = "Su pedido: https://example.mx/17 va en camino";
    let part = lost(&store, &database, text, short_links()).await;
    let all = [part.id];
    let short = |words: &str| found("SM1", &format!("{words} https://s.mx/aB3 va en camino"), 2);
    let other = vec![short("Su pago:")];
    assert_eq!(fates(&store, listing(&all, other, 60)).await, [(part.id, UNEXPLAINED)]);
    let picture = vec![with_media(short("Su pedido:"))];
    assert_eq!(fates(&store, listing(&all, picture, 60)).await, [(part.id, UNEXPLAINED)]);
    assert_eq!(fates(&store, listing(&all, vec![short("Su pedido:")], 60)).await, [(part.id, SENT)]);
    // Only where the wish was made are links anything but text.
    let plain = lost(&store, &database, text, Options::default()).await;
    let listed = vec![Found { provider_id: "SM2".to_owned(), ..short("Su pedido:") }];
    assert_eq!(fates(&store, listing(&[plain.id], listed, 60)).await, [(plain.id, UNEXPLAINED)]);
}

async fn a_template_of_a_service_is_known_by_it(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &[""]);
    submission.message.options = template("Ana");
    submission.message.sender = Sender::Own(None);
    submission.message.service = Some("MG1".to_owned());
    let part = lost_of(&store, &database, submission).await;
    // By the recipient alone, so that other senders' messages are listed too.
    let of_service = |listed| Reconciliation { sender: None, ..listing(&[part.id], listed, 60) };
    let by = |service: Option<&str>| Found { service: service.map(str::to_owned), ..found("SM1", "Hola Ana", 2) };
    for other in [None, Some("MG2")] {
        assert_eq!(fates(&store, of_service(vec![by(other)])).await, [(part.id, UNEXPLAINED)]);
    }
    // What is older only if it is of that service, and no older than a clock may be ahead.
    let older = |service: Option<&str>, seconds| Found { created_at: at(seconds), ..by(service) };
    let misdated = Fate::Held(Hold::Misdated);
    let cases = [(None, -500, Fate::Open), (Some("MG2"), -500, Fate::Open), (Some("MG1"), -500, misdated)];
    let far = [(Some("MG1"), -86_400, misdated), (Some("MG1"), -86_401, Fate::Open)];
    for (service, seconds, fate) in cases.into_iter().chain(far) {
        let listed = of_service(vec![older(service, seconds)]);
        assert_eq!(fates(&store, listed).await, [(part.id, fate)], "{service:?} {seconds}");
    }
    assert_eq!(fates(&store, of_service(vec![by(Some("MG1"))])).await, [(part.id, SENT)]);
    assert_eq!(message(&store, part.message_id).await.from, Some(Address::received("+525500000001")));
}

async fn a_template_on_whatsapp_is_no_exception(database: Database) {
    let store = database.store().await;
    let (ours, theirs) = ("whatsapp:+14155238886", "whatsapp:+5219981112233");
    let mut submission = database.submission(theirs, &[""]);
    submission.message.options = template("Ana");
    submission.message.sender = Sender::Named(Address::received(ours));
    let part = lost_of(&store, &database, submission).await;
    let listed = Reconciliation {
        sender: Some(Address::received(ours)),
        recipient: Address::received(theirs),
        ..listing(&[part.id], vec![found("MM1", "Hola Ana, su cita es hoy", 2)], 60)
    };
    assert_eq!(fates(&store, listed).await, [(part.id, SENT)]);
}
