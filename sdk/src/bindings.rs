//! What the contract's file generates, and the bridge from it to [`Plugin`].

// The generator documents what the contract documents; names that speak for themselves stay bare.
wit_bindgen::generate!({
    path: "wit",
    world: "plugin",
    additional_derives: [PartialEq],
    pub_export_macro: true,
});

use std::marker::PhantomData;

use crate::Plugin;
use exports::recado::plugin::{about, inbound, outbound, status, timers};

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
