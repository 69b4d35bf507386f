//! Why an alert was told, or was not: the loop's part of the answer.

use super::Daemon;
use crate::model::alert_ref::AlertRef;
use crate::runtime::views::why::{NoAlert, Why, WhyFilter};
use crate::runtime::why;
use tokio::sync::oneshot;

impl Daemon {
    /// What the core cannot decide, the history does.
    pub(super) fn find(&self, named: AlertRef, reply: oneshot::Sender<Result<String, NoAlert>>) {
        match why::find(&self.core, &named) {
            Ok(why::Found::One(id)) => drop(reply.send(Ok(id.to_string()))),
            Ok(why::Found::Others(others)) => {
                self.keeper.read(Box::new(move |store| drop(reply.send(why::choose(&named, others, store)))));
            }
            Err(none) => drop(reply.send(Err(none))),
        }
    }

    pub(super) fn why(&mut self, alert: &str, filter: WhyFilter, reply: oneshot::Sender<Why>) {
        let present = why::Present::of(&self.core, alert, self.clock.now());
        self.keeper.read(Box::new(move |store| drop(reply.send(present.with_life(&filter, store)))));
    }
}
