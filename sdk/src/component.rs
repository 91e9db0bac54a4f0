//! The bridge from what the contract generates to [`Plugin`].

use std::marker::PhantomData;

use crate::Plugin;
use crate::bindings::exports::recado::plugin::{about, inbound, outbound, status, timers};

/// Turns a [`Plugin`] into what the world exports.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

impl<P: Plugin> about::Guest for Component<P> {
    fn describe() -> about::Manifest {
        P::describe()
    }
}

impl<P: Plugin> inbound::Guest for Component<P> {
    fn on_inbound(
        message: inbound::InboundMessage,
        conversation: inbound::Conversation,
        context: inbound::Context,
    ) -> Result<inbound::Decision, inbound::Failure> {
        P::on_inbound(message, conversation, context)
    }
}

impl<P: Plugin> outbound::Guest for Component<P> {
    fn on_outbound(
        message: outbound::OutboundMessage,
        conversation: Option<outbound::Conversation>,
        context: outbound::Context,
    ) -> Result<outbound::Verdict, outbound::Failure> {
        P::on_outbound(message, conversation, context)
    }
}

impl<P: Plugin> status::Guest for Component<P> {
    fn on_status(
        report: status::StatusReport,
        conversation: status::Conversation,
        context: status::Context,
    ) -> Result<status::Decision, status::Failure> {
        P::on_status(report, conversation, context)
    }
}

impl<P: Plugin> timers::Guest for Component<P> {
    fn on_timer(
        timer: timers::Timer,
        conversation: timers::Conversation,
        context: timers::Context,
    ) -> Result<timers::Decision, timers::Failure> {
        P::on_timer(timer, conversation, context)
    }
}
