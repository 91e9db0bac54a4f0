//! How statements for many at once are written.

use super::heard::Heard;
use super::*;

/// SQLite goes through the names of all values for each one that it is given, so that with a thousand that takes longer
/// than what the statement does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_the_values_of_many_have_no_names() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard) = database.heard().await;
    let number = |number: i32| format!("+52998111{number:04}");
    let texts: Vec<NewInbound> = (0..40).map(|it| database.inbound(&format!("SM{it}"), &number(it))).collect();
    store.record_all(texts.clone()).await.unwrap();
    let decided = texts.iter().map(|text| {
        let hooked = Trace { hook: Hook::Status, ..trace(&database, text.id, "auto-reply") };
        let traces = vec![trace(&database, text.id, "auto-reply"), hooked];
        store.commit(Processed { traces, ..processed(text, text.conversation_id) })
    });
    for done in futures::future::join_all(decided).await {
        assert_eq!(done.unwrap(), Committed::Done);
    }
    let submissions: Vec<Submission> = (0..40).map(|_| database.submission(LUIS, &["hola"])).collect();
    futures::future::join_all(submissions.iter().cloned().map(|submission| store.submit(submission))).await;
    let reports = (0..40).zip(&submissions).map(|(number, submission)| {
        let part = submission.message.parts[0].id;
        store.observe(database.report(Some(part), &format!("SO{number}"), Status::Delivered, 12))
    });
    futures::future::join_all(reports).await;
    assert_eq!(status(&store, submissions[39].message.id).await, Status::Delivered);
    // What is told of a part that the provider has is written without the rest of it.
    let told = |heard: &Heard| {
        let narrow = "UPDATE OR FAIL parts SET status = new.column2";
        heard.statements().iter().filter(|statement| statement.sql.starts_with(narrow)).count()
    };
    assert_eq!(told(&heard), 0);
    let part = submissions[0].message.parts[0].id;
    store.observe(database.report(Some(part), "SO0", Status::Read, 13)).await.unwrap();
    assert_eq!((status(&store, submissions[0].message.id).await, told(&heard)), (Status::Read, 1));

    let many = |heard: &Heard| {
        let statements = heard.statements().into_iter().filter(|statement| statement.values.is_some());
        statements.map(|it| it.sql).filter(|sql| sql.matches('?').count() > 100).collect::<Vec<String>>()
    };
    let many = many(&heard);
    // Of many that fail together none is undone by itself.
    for begins in ["UPDATE OR FAIL messages", "UPDATE OR FAIL parts", "INSERT OR FAIL INTO traces"] {
        assert!(many.iter().any(|sql| sql.starts_with(begins)), "none begins with {begins}: {many:?}");
    }
    for sql in &many {
        let undone =
            sql.starts_with("INSERT INTO") || (sql.starts_with("UPDATE") && !sql.starts_with("UPDATE OR FAIL"));
        assert!(!undone, "{sql}");
    }
    for sql in heard.statements().into_iter().map(|statement| statement.sql) {
        assert!(sql.matches('$').count() < 20, "{sql}");
    }
}

/// Each text of a statement is compiled, and few are kept compiled: so as many texts come at once as may, there are few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_for_any_number_is_said_in_few_ways() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard) = database.heard().await;
    for count in 1..=40 {
        let text = |it| database.inbound(&format!("SM{count}-{it}"), &format!("+52998111{it:04}"));
        store.record_all((0..count).map(text).collect()).await.unwrap();
    }
    // Looked for by address, and read with its contact.
    let [found, told] = ["SELECT \"conversations\".\"id\", ", "SELECT \"conversations\".\"id\" AS "];
    for begins in ["INSERT OR FAIL INTO \"messages\"", "UPDATE OR FAIL conversations", found, told] {
        let texts = heard.statements().into_iter().filter(|statement| statement.sql.starts_with(begins)).count();
        assert!((5..=11).contains(&texts), "{begins}: {texts}");
    }
}

/// All that is null in each row is left out: a text that came in has no reply, no error and no media.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_row_has_is_not_said() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, heard) = database.heard().await;
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let inserts: Vec<String> =
        heard.statements().into_iter().map(|it| it.sql).filter(|sql| sql.contains("INTO \"messages\"")).collect();
    let [insert] = &inserts[..] else { panic!("{inserts:?}") };
    assert!(insert.contains("\"text\"") && !insert.contains("error_code"), "{insert}");
}
