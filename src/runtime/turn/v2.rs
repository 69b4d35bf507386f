//! Answers the questions of Alertmanager's API.

use super::Daemon;
use crate::core::Input;
use crate::runtime::v2::{Ask, answer};

impl Daemon {
    /// Answers, or says what it means to the core. Who asked may have gone away.
    pub(super) fn answer_v2(&mut self, ask: Ask) -> Option<Input> {
        let (core, now) = (&self.core, self.clock.now());
        match ask {
            Ask::Receive(alerts, reply) => match core.received.has_room(&alerts) {
                Ok(()) => {
                    // A store that fails is told of elsewhere; the alerts are taken all the same.
                    self.promises.push(Box::new(move |_| drop(reply.send(Ok(())))));
                    return Some(Input::Received(alerts));
                }
                full => drop(reply.send(full)),
            },
            Ask::List(filter, reply) => drop(reply.send(answer::list(core, &filter))),
            Ask::Show(ids, reply) => drop(reply.send(answer::show(core, &ids, now))),
            Ask::Groups(filter, reply) => drop(reply.send(answer::groups(core, &filter))),
            Ask::Status(reply) => drop(reply.send(answer::status(core, self.known.started))),
            Ask::Receivers(reply) => drop(reply.send(answer::receivers(core))),
        }
        None
    }
}
