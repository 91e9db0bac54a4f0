//! A channel: what its provider has to say of it.

use super::clock::Skew;
use super::{Doctor, Finding};
use crate::channels::Target;

impl Doctor {
    pub(super) async fn channel(&self, name: &str, skew: &mut Skew) -> Vec<Finding> {
        let checkup = self.channels.get(name).and_then(|channel| channel.checkup(self.target(name)));
        let Some(mut checkup) = checkup else {
            let finding = "its provider can't be asked how it is set up";
            return vec![Finding::skipped(format!("channels.{name}"), finding)];
        };
        while let Some(request) = checkup.next() {
            let answer = self.ask(request, skew).await;
            checkup.take(answer.as_ref().map_err(Clone::clone));
        }
        checkup.findings()
    }

    pub(super) fn target(&self, name: &str) -> Target {
        // A channel of that name would have the address for itself.
        let kind = self.channels.get(name).map(|channel| channel.kind());
        let kind = kind.filter(|kind| self.channels.get(kind).is_none());
        let url = |name| self.public_url().map(|url| inbound_url(url, name));
        Target { channel: name.to_owned(), inbound_url: url(name), shared_url: kind.and_then(url) }
    }
}

/// Where a channel's texts come in.
pub(super) fn inbound_url(public_url: &str, channel: &str) -> String {
    format!("{public_url}/webhooks/{channel}/inbound")
}
