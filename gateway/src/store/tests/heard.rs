//! Hearing what a store asks of its database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::Statement;

use super::*;
use crate::store::reporting::Reporting;
use crate::store::{Questions, committing, connect, pool, together, writer};

/// Statements, each with the values that it was given last.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<BTreeMap<String, Statement>>>);

impl Heard {
    fn hears(&self, connection: &mut DatabaseConnection) {
        let heard = self.clone();
        connection.set_metric_callback(move |info| {
            let mut heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.insert(info.statement.sql.clone(), info.statement.clone());
        });
    }

    pub(super) fn statements(&self) -> Vec<Statement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Database {
    /// Of whose statements none is missed.
    pub(super) async fn heard(&self) -> (Store, Heard) {
        let (mut reads, mut write) = connect::open(&self.settings()).await.unwrap();
        let heard = Heard::default();
        heard.hears(&mut reads);
        heard.hears(&mut write);
        let (writes, jobs) = tokio::sync::mpsc::channel(100);
        let reporting = Reporting::default();
        let (recorded, _) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(writer::run(
            committing::Connection::new(write, self.settings()),
            jobs,
            recorded,
            reporting.clone(),
        ));
        let reads = pool::Pool::new(reads, self.settings());
        let together = together::Together::begin(&reads);
        (Store { reads, writes, questions: Questions::default(), together, reporting }, heard)
    }
}
