//! The flow of bulk sends: one call, many recipients. Checks all of them before anything is sent, makes a message
//! for one after the other, and stops, goes on and gives up when somebody says so.
//!
//! Messages are made by `outbound`, like all others. What a recipient comes to is written in the transaction that
//! stores the message, so that a crash doubles and loses none.

mod failing;
mod looking;
mod taking;
mod worker;

use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::{Clock, Ids};
use crate::outbound::{self, Outbound};
use crate::store::{self, Act, BulkMoved, BulkState, Store};

pub use looking::{Looked, Wrong};
pub use taking::{Content, NewBulk, Recipient, TemplateOf};
pub use worker::run;

/// The most recipients of one bulk send.
pub const MOST: usize = 10_000;

/// How many parts are held, released or ended in one transaction.
const STEP: usize = 500;

/// Why a bulk send was not taken, or not changed. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`recipients` must be 1 to {MOST}; there are {0}")]
    HowMany(usize),
    #[error("`send_at` is more than a year ahead")]
    TooFarAhead,
    /// It would be the same for every recipient.
    #[error(transparent)]
    Message(#[from] outbound::Error),
    #[error("there is no such bulk send")]
    NotFound,
    #[error("it is {}: there is nothing to stop, or to go on with", .0.as_str())]
    Over(BulkState),
    #[error("this idempotency key was used before for a call with another body")]
    KeyReused,
    #[error("the recipients can't be looked at: {0}")]
    Broken(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What bulk sends are made of.
pub struct Parts {
    pub store: Store,
    pub outbound: Outbound,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub locale: crate::message::Locale,
}

/// The bulk sends of a gateway. Cheap to clone.
#[derive(Clone)]
pub struct Bulks(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// There may be something to do.
    due: Notify,
}

impl Bulks {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, due: Notify::new() }))
    }

    /// Nothing more of it is sent until it is resumed, but for what is just being sent; should that be refused for
    /// now, it may be tried once more before the worker's next look holds it.
    pub async fn pause(&self, id: Uuid, act: Act) -> Result<(), Error> {
        self.move_to(id, BulkState::Paused, act).await?;
        self.hold(id).await?;
        tracing::info!(bulk_id = %id, "a bulk send was paused");
        Ok(())
    }

    pub async fn resume(&self, id: Uuid, act: Act) -> Result<(), Error> {
        self.move_to(id, BulkState::Running, act).await?;
        tracing::info!(bulk_id = %id, "a bulk send goes on");
        Ok(())
    }

    /// Gives up what was not sent: when this returns, all of that is canceled.
    pub async fn cancel(&self, id: Uuid, act: Act) -> Result<(), Error> {
        self.move_to(id, BulkState::Canceled, act).await?;
        self.end(id).await?;
        tracing::info!(bulk_id = %id, "a bulk send was canceled");
        Ok(())
    }

    async fn move_to(&self, id: Uuid, state: BulkState, act: Act) -> Result<(), Error> {
        let moved = self.0.parts.store.move_bulk(id, state, self.0.parts.clock.now(), act).await?;
        self.0.due.notify_one();
        match moved {
            BulkMoved::Done | BulkMoved::Same => Ok(()),
            BulkMoved::NotFound => Err(Error::NotFound),
            BulkMoved::Over(state) => Err(Error::Over(state)),
        }
    }

    async fn hold(&self, id: Uuid) -> Result<(), store::Error> {
        let Parts { store, clock, .. } = &self.0.parts;
        while store.hold_bulk(id, STEP, clock.now()).await? > 0 {}
        Ok(())
    }

    async fn end(&self, id: Uuid) -> Result<(), store::Error> {
        let Parts { store, clock, .. } = &self.0.parts;
        while store.end_bulk(id, STEP as u64, clock.now()).await? > 0 {}
        // What comes next in the conversations may have waited for it.
        self.0.parts.outbound.wake();
        Ok(())
    }
}
