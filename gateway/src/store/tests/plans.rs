//! No statement that a running gateway repeats looks at all that is stored: told by how SQLite means to go about
//! each of them. It goes by the statement alone, so what holds in an empty database holds in a full one. Postgres goes by
//! its statistics, which only a full database has: `cargo bench` fills one.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::heard::Heard;
use super::*;
use crate::message::ConversationStatus;
use crate::message::consent::{Choice, Keyword};
use crate::store::{
    Aged, Beside, BulkPlace, BulkState, ConsentCursor, ConsentFilter, ContactFilter, ConversationChange,
    ConversationRules, DecisionFilter, Failing, InboxCursor, InboxFilter, Listing, NewBulk, NewRecipient, NewTemplate,
    Next, Orphans, Over, RecipientProblem, RecipientState,
};

/// What there is little of; all else grows with every message, also by whatever other name a statement calls it.
const LITTLE: [&str; 11] = [
    "pauses",
    "plugin_configs",
    "api_keys",
    "endpoints",
    "retention",
    "retention_held",
    "pulls",
    "gateways",
    "users",
    "sessions",
    "CONSTANT",
];

/// What is wrong with a step of a plan, if anything is. `SCAN` goes through a whole table, or a whole index; a
/// channel alone stands for most of what there is. What a partial index holds is little, or is looked through
/// only as far as the page goes.
fn objection(step: &str, partial: &[String], made: &[&str], pages: bool) -> Option<String> {
    let words: Vec<&str> = step.split_whitespace().collect();
    let index = words.iter().position(|word| *word == "INDEX").and_then(|at| words.get(at + 1));
    if index.is_some_and(|index| partial.iter().any(|partial| partial == index)) {
        return None;
    }
    let whole = words.first() == Some(&"SCAN") && !(pages && index.is_some());
    // "3 CONSTANT ROWS" and the like are in the statement itself.
    let is_table = |word: &str| !word.starts_with(|first: char| first.is_ascii_digit());
    let grows = words.get(1).is_some_and(|it| is_table(it) && !LITTLE.contains(it) && !made.contains(it));
    let by_channel = step.ends_with("(channel=?)") && !pages;
    ((whole && grows) || by_channel).then(|| step.to_owned())
}

pub(super) async fn objections(heard: &Heard, database: &Database) -> Vec<String> {
    let connection = database.directly().await;
    let query = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql.to_owned());
    let sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'";
    let partial = connection.query_all_raw(query(sql)).await.unwrap();
    let partial: Vec<String> = partial.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    let sql = "SELECT tables.name AS name, keys.\"table\" AS of FROM sqlite_schema AS tables, \
        pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table'";
    let refer = connection.query_all_raw(query(sql)).await.unwrap();
    let pair = |row: &QueryResult| (row.try_get("", "name").unwrap(), row.try_get("", "of").unwrap());
    let refer: Vec<(String, String)> = refer.iter().map(pair).collect();
    let mut found = Vec::new();
    for statement in heard.statements() {
        let kinds = ["SELECT", "UPDATE", "INSERT", "DELETE", "WITH"];
        // What is never true is found out before anything is looked at.
        if !kinds.iter().any(|kind| statement.sql.starts_with(kind)) || statement.sql.contains("WHERE ? = ?") {
            continue;
        }
        let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement.clone() };
        let rows = connection.query_all_raw(explain).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        // A page is read in the order of an index, and no further.
        let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
        let pages = statement.sql.contains("LIMIT") && !sorts;
        // What the statement makes for itself, and then looks through.
        let made = |step: &str| matches!(step.split(' ').next(), Some("MATERIALIZE" | "CO-ROUTINE"));
        let made: Vec<&str> =
            steps.iter().filter(|step| made(step)).filter_map(|step| step.split(' ').nth(1)).collect();
        // An insert lists the tables that refer to its own. They are looked at only while a row of theirs wants one.
        let into = statement.sql.strip_prefix("INSERT OR FAIL INTO \"").and_then(|rest| rest.split('"').next());
        let refers = |table: &str| into.is_some_and(|into| refer.contains(&(table.to_owned(), into.to_owned())));
        let looked = steps.iter().filter(|step| !step.strip_prefix("SCAN ").is_some_and(refers));
        let wrong = looked.filter_map(|step| objection(step, &partial, &made, pages));
        found.extend(wrong.map(|step| format!("{step}\n    in {}", statement.sql)));
    }
    found
}

async fn inbound_and_outbound(store: &Store, database: &Database) -> MessageId {
    let message = database.inbound("SM1", ANA);
    store.record(message.clone()).await.unwrap();
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let conversation = only_conversation(store).await;
    store.commit(processed(&message, conversation.id)).await.unwrap();
    let submitted = store.submit(database.submission(ANA, &["one", "two"])).await.unwrap();
    let Some(sent) = submitted.stored() else { panic!("not stored: {submitted:?}") };
    for seconds in [1, 2] {
        for part in claim(store, database, seconds, 10).await {
            let provider_id = format!("SM{}", part.id);
            store.settle(settled(&part, seconds, accepted(&provider_id))).await.unwrap();
            let report = database.report(Some(part.id), &provider_id, Status::Delivered, seconds);
            store.observe(report).await.unwrap();
        }
    }
    let recipients = ["one", "two"].map(|name| NewRecipient {
        recipient: name.to_owned(),
        locale: None,
        variables: None,
        problem: None,
    });
    let bulk = NewBulk {
        id: sent.0,
        name: None,
        content: serde_json::json!({}),
        send_at: None,
        idempotency: None,
        recipients: recipients.to_vec(),
        at: at(0),
    };
    store.take_bulk(bulk, act(0)).await.unwrap();
    let mut submission = database.submission(ANA, &["three"]);
    submission.message.bulk = Some(BulkPlace { bulk_id: sent.0, position: 0 });
    store.submit(submission).await.unwrap();
    for text in ["one", "two"] {
        let definition = serde_json::json!({ "text": text });
        let (id, version_id) = (database.id(), database.id());
        let new = NewTemplate { id, version_id, name: "a".to_owned(), definition, over: Over::Anything, at: at(0) };
        store.save_template(new, act(0)).await.unwrap();
    }
    assert_eq!(status(store, sent).await, Status::Delivered);
    store.cancel(sent, at(3)).await.unwrap();
    sent
}

/// What workers ask again and again.
pub(super) async fn rounds(store: &Store) {
    let (now, until) = (at(10), at(70));
    let channels = vec!["sms".to_owned(), "other".to_owned()];
    store.waiting(now).await.unwrap();
    store.paused().await.unwrap();
    store.kept_in_vain().await.unwrap();
    store.plugin_config_versions().await.unwrap();
    store.plugin_configs().await.unwrap();
    store.expire_leases(now).await.unwrap();
    store.end_outdated(now).await.unwrap();
    store.due_questions(now, until, channels.clone(), 100).await.unwrap();
    store.recorded("sms", &["SM1".to_owned()]).await.unwrap();
    store.callbacks_due(now).await.unwrap();
    store.claim_callbacks(now, until, 10).await.unwrap();
    store.removals_due(now).await.unwrap();
    store.claim_removals(now, until, 10).await.unwrap();
    store.media_due().await.unwrap();
    store.claim_media(now, until, 10).await.unwrap();
    let people = || vec![ConversationId(Uuid::from_u128(1)); 20];
    for besides in [Vec::new(), people()] {
        store.next_timer(&channels, besides.clone()).await.unwrap();
        store.claim_timers(channels.clone(), besides, now, until, 10).await.unwrap();
    }
    store.claim_reports(now, until, 10).await.unwrap();
    store.release_followups().await.unwrap();
    store.events_due("crm", now).await.unwrap();
    store.claim_events("crm", now, until, 10).await.unwrap();
    store.backlog(now).await.unwrap();
    store.newest_waiting().await.unwrap();
    store.join(Uuid::from_u128(1), now).await.unwrap();
    store.beat(now).await.unwrap();
    for orphans in [Orphans::All, Orphans::AtStart, Orphans::Of(Vec::new())] {
        store.take_over(orphans, now, now, 100).await.unwrap();
    }
    store.next_texts(&[ConversationId(Uuid::from_u128(1))]).await.unwrap();
    store.prune_state(now, 100).await.unwrap();
    for aged in Aged::ALL {
        // Media are given up together with their files.
        if aged != Aged::Media {
            store.age(aged, now, 10, now).await.unwrap();
        }
        store.aged(aged, now).await.unwrap();
    }
    store.aged_media(now, 10).await.unwrap();
    store.dropped_files("", 10).await.unwrap();
    store.age_held(None, 10, now).await.unwrap();
}

/// What is done for a bulk send again and again.
async fn bulk_rounds(store: &Store, id: Uuid) {
    store.bulks_due(at(1)).await.unwrap();
    let bulk = store.claim_bulk(at(1), at(9)).await.unwrap().unwrap();
    store.waiting_recipients(id, 50, at(1)).await.unwrap();
    store.recipients_put_off_until(id).await.unwrap();
    store.bulk_under_way(id, 50, None).await.unwrap();
    store.bulk_under_way(id, 50, Some(at(0))).await.unwrap();
    store.move_bulk(id, BulkState::Paused, at(1), act(0)).await.unwrap();
    store.hold_bulk(id, 50, at(1)).await.unwrap();
    store.move_bulk(id, BulkState::Running, at(1), act(0)).await.unwrap();
    store.release_bulk(id, 50, at(1)).await.unwrap();
    let problem = RecipientProblem { code: "a".to_owned(), detail: "a".to_owned() };
    let place = BulkPlace { bulk_id: id, position: 9 };
    store.put_off_recipient(place, Failing { tries: 1, since: Some(at(1)) }, at(2)).await.unwrap();
    store.refuse_recipient(place, problem).await.unwrap();
    store.move_bulk(id, BulkState::Canceled, at(2), act(0)).await.unwrap();
    store.end_bulk(id, 50, at(2)).await.unwrap();
    store.leave_bulk(&bulk, at(9), Next::Finished, at(3)).await.unwrap();
}

/// What applications ask for.
async fn looks(store: &Store, id: MessageId) {
    let Conversation { id: conversation, contact_id: contact, .. } = only_conversation(store).await;
    for filter in filtering::all_kinds(conversation, contact, id.0) {
        store.messages(filter.clone(), None, 50).await.unwrap();
        store.messages(filter, Some(id.0), 50).await.unwrap();
    }
    let filter = DecisionFilter { plugin: "auto-reply".to_owned(), failed: true };
    store.decisions_of(&filter, Some(id.0), 50).await.unwrap();
    for status in [None, Some(ConversationStatus::Closed)] {
        let filter = InboxFilter { status, open: true, ..InboxFilter::default() };
        store.conversations_of(&filter, None, 50).await.unwrap();
        store.conversations_of(&filter, Some(conversation.0), 50).await.unwrap();
    }
    let ana = ContactFilter { address: Some(Address::received(ANA)), ..ContactFilter::default() };
    let attribute = Some(("plan".to_owned(), "oro".to_owned()));
    for filter in [ContactFilter::default(), ana, ContactFilter { attribute, ..ContactFilter::default() }] {
        store.contacts(&filter, None, 50).await.unwrap();
        store.contacts(&filter, Some(conversation.0), 50).await.unwrap();
    }
    store.contact(contact).await.unwrap();
    store.opted_out(&[&Address::received(ANA)]).await.unwrap();
    store.conversations_of(&InboxFilter::default(), None, 50).await.unwrap();
    store.conversations_of(&InboxFilter::default(), Some(conversation.0), 50).await.unwrap();
    for beside in [Beside::Skip(0), Beside::Older(id.0), Beside::Newer(id.0)] {
        let channels = vec!["sms".to_owned(), "other".to_owned()];
        let listing = Listing { channels, from: None, to: None, since: None, until: None, beside, limit: 50 };
        store.list(&listing).await.unwrap();
        store.list(&Listing { channels: vec!["sms".to_owned()], ..listing }).await.unwrap();
    }
    store.message_of_provider(&["sms"], "SM1").await.unwrap();
    store.history(id).await.unwrap();
    store.traces(id).await.unwrap();
    store.events_of(id).await.unwrap();
    store.removals(id).await.unwrap();
    store.has_older(conversation, at(10)).await.unwrap();
    store.open_thread("sms", &Address::received(ANA)).await.unwrap();
    store.thread(conversation).await.unwrap();
    store.followed(id).await.unwrap();
    store.previous_inbound_at(conversation).await.unwrap();
    let call = Idempotency { api_key_id: id.0, key: "a".to_owned(), fingerprint: String::new() };
    store.bulk_called_before(&call).await.unwrap();
    store.bulk(id.0).await.unwrap();
    for state in [None, Some(BulkState::Paused)] {
        store.bulks(state, None, 50).await.unwrap();
        store.bulks(state, Some(id.0), 50).await.unwrap();
    }
    store.bulk_counts(id.0).await.unwrap();
    for state in [None, Some(RecipientState::Waiting), Some(RecipientState::Submitted), Some(RecipientState::Canceled)]
    {
        store.bulk_recipients(id.0, state, Some(3), 50).await.unwrap();
    }
    bulk_rounds(store, id.0).await;
    store.template("a", None).await.unwrap();
    for archived in [false, true] {
        store.templates(archived, None, 50).await.unwrap();
        store.templates(archived, Some(id.0), 50).await.unwrap();
        store.find_templates(archived, "a", None, 50).await.unwrap();
    }
    store.template_names(50).await.unwrap();
    store.template_versions("a", None, 50).await.unwrap();
}

/// What the console asks for, again and again while somebody looks at it.
async fn pages(store: &Store, id: MessageId) {
    let conversation = only_conversation(store).await.id;
    let all = InboxFilter::default();
    let of = |status| InboxFilter { status: Some(status), ..InboxFilter::default() };
    let filters = [
        all.clone(),
        InboxFilter { open: true, ..all.clone() },
        InboxFilter { open: true, channel: Some("sms".to_owned()), ..all.clone() },
        InboxFilter { open: true, unread: true, assignee: Some("ana".to_owned()), ..all.clone() },
        InboxFilter { open: true, tag: Some("a".to_owned()), search: Some("998".to_owned()), ..all.clone() },
        InboxFilter { open: true, search: Some("hola".to_owned()), ..all },
    ];
    for filter in filters.into_iter().chain([ConversationStatus::Pending, ConversationStatus::Closed].map(of)) {
        for after in [None, Some(InboxCursor { at: at(100), id: Uuid::max() })] {
            store.inbox(&filter, after, 30).await.unwrap();
        }
    }
    store.messages_from(conversation, id, 100).await.unwrap();
    store.notes(conversation).await.unwrap();
    store.authors(&[id]).await.unwrap();
    store.session("a").await.unwrap();
    store.user_named("ana").await.unwrap();
    store.volume(at(0), 0).await.unwrap();
    let end = store.stream_end().await.unwrap();
    store.stream_from(end, 100).await.unwrap();
    store.stream_behind(conversation.0).await.unwrap();
    store.forget_stream(at(0), 100).await.unwrap();
    store.redact(id, at(9)).await.unwrap();
    store.read_conversation(conversation, at(9)).await.unwrap();
    let turns = ("a".to_owned(), ["ana", "luis"].map(str::to_owned).to_vec());
    store.handle_by(ConversationRules { assign: vec![turns], ..ConversationRules::default() });
    let tagged = ConversationChange { tag: vec!["a".to_owned()], ..ConversationChange::of(conversation) };
    store.change_conversation(tagged, None, act(9)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_repeated_goes_through_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard) = database.heard().await;
    let sent = inbound_and_outbound(&store, &database).await;
    rounds(&store).await;
    looks(&store, sent).await;
    pages(&store, sent).await;
    assert!(heard.statements().len() > 80, "few statements were heard: {}", heard.statements().len());
    let found = objections(&heard, &database).await;
    assert!(found.is_empty(), "{} go through too much:\n{}", found.len(), found.join("\n"));
}

/// With all of the gate's rules in force, which cost nothing otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_goes_through_little_too() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard) = database.heard().await;
    store.gate_by(gate::rules("scope = 'business'\n[caps]\nper_week = 9\n[quiet_hours]\nfrom = '02:00'\nto = '03:00'"));
    inbound_and_outbound(&store, &database).await;
    for keyword in [Keyword::OptOut, Keyword::Help, Keyword::OptIn] {
        store.record(gate::says(&database, ANA, keyword, 5)).await.unwrap();
    }
    let said = |choice| gate::said(&database, choice, 9);
    store.say_consents(vec![said(Choice::OptedOut), said(Choice::OptedIn)], false, act(0)).await.unwrap();
    let any = ConsentFilter::default;
    let ana = Address::received(ANA);
    for filter in [
        any(),
        ConsentFilter { address: Some(ana.clone()), ..any() },
        ConsentFilter { channel: Some("sms".to_owned()), state: Some(Choice::OptedOut), ..any() },
        ConsentFilter { since: Some(at(1)), ..any() },
    ] {
        let after = ConsentCursor { at: at(9), channel: "sms".to_owned(), address: ANA.to_owned() };
        store.list_consents(filter.clone(), None, 50).await.unwrap();
        store.list_consents(filter, Some(after), 50).await.unwrap();
    }
    store.consents(&ana).await.unwrap();
    store.consent_history(&ana).await.unwrap();
    let found = objections(&heard, &database).await;
    assert!(found.is_empty(), "{} go through too much:\n{}", found.len(), found.join("\n"));
}

/// Each was how a statement was once carried out, or would be without what keeps it from that.
#[test]
fn what_grows_is_told_from_what_does_not() {
    let partial = ["parts_lines".to_owned()];
    let page = "SCAN messages USING INDEX sqlite_autoindex_messages_1";
    let cases = [
        ("SCAN messages", false, true),
        (page, false, true),
        (page, true, false),
        ("SEARCH messages USING INDEX messages_provider (channel=?)", false, true),
        ("SEARCH messages USING INDEX messages_channel (channel=?)", true, false),
        ("SEARCH parts USING INDEX parts_lines (channel=?)", false, false),
        ("SEARCH messages USING INDEX messages_conversation (conversation_id=?)", false, false),
        ("SCAN pauses", false, false),
        ("SCAN picked", false, false),
        ("SCAN due", false, true),
    ];
    for (step, pages, objects) in cases {
        assert_eq!(objection(step, &partial, &["picked"], pages).is_some(), objects, "{step}");
    }
}
