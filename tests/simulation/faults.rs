//! What far sides do: the faults by their names, as the real channels report them (`src/channels/scenes.rs`).

use super::world::Rng;
use bellwether::model::{Delivery, FailureClass};
use testkit::{OUTCOMES, Outcome};

/// A far side that has this fault for a while, or for one send.
pub fn draw(rng: &mut Rng) -> &'static Outcome {
    rng.pick(OUTCOMES)
}

/// How a send to it ends, and whether the message arrives all the same.
pub fn play(fault: &Outcome, rng: &mut Rng) -> (bool, Delivery) {
    let (why, class) = (fault.fault.to_owned(), class(fault.class));
    let retry_after = fault.ends.contains(" after ").then(|| rng.millis(60_000));
    match fault.ends.split(' ').next() {
        Some("unanswered") => (rng.chance(50), Delivery::Unanswered { why, retry_after, class }),
        Some("refused") => (false, Delivery::Refused { why, class }),
        Some("not_sent") => (false, Delivery::NotSent { why, retry_after, ill: fault.ends.contains(" ill"), class }),
        _ => panic!("{fault:?} ends in no way that is known"),
    }
}

fn class(name: &str) -> FailureClass {
    *FailureClass::ALL.iter().find(|class| class.name() == name).expect("a class")
}
