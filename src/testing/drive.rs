//! The core on a virtual clock, in a world that answers at once.

use crate::core::{Core, Input, Turn};
use crate::dispatch::Send;
use crate::engine::{Collect, CollectFailure, Evaluated, evaluate};
use crate::model::{Delivery, Table, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// What stands around the core: sources that answer, channels that take, and somebody who watches.
pub trait World {
    /// What the check's source answers in this slot.
    ///
    /// # Errors
    /// Where it cannot be had.
    fn collect(&mut self, collect: &Collect) -> Result<Arc<Table>, CollectFailure>;

    /// How a send ends.
    fn send(&mut self, now: Timestamp, send: &Send) -> Delivery;

    /// Sees each turn.
    fn watch(&mut self, now: Timestamp, turn: &Turn);
}

/// Drives the core from one instant to another, the end included: it jumps from due time to due time, and slots of
/// an instant come before its timers.
pub fn drive(core: &mut Core, from: Timestamp, until: Timestamp, world: &mut impl World) {
    let mut now = from;
    let mut inputs = Vec::new();
    loop {
        if inputs.is_empty() {
            match core.next_due() {
                Some(due) if due <= until => now = now.max(due),
                _ => return,
            }
        }
        let turn = core.handle(now, std::mem::take(&mut inputs));
        world.watch(now, &turn);
        inputs.extend(turn.collects.iter().map(|c| Input::Evaluated(evaluated(c, world.collect(c)))));
        inputs.extend(turn.sends.iter().map(|s| Input::Delivered {
            id: Arc::clone(&s.notification.id),
            took: Duration::ZERO,
            delivery: world.send(now, s),
        }));
    }
}

/// What a collection that took no time comes to, where its source gave this answer.
#[must_use]
pub fn evaluated(collect: &Collect, answer: Result<Arc<Table>, CollectFailure>) -> Box<Evaluated> {
    Box::new(Evaluated {
        check: Arc::clone(&collect.check),
        slot: collect.slot,
        generation: collect.generation,
        took: Duration::ZERO,
        fell_back: None,
        judged: evaluate(&collect.check, collect.slot, answer),
    })
}
