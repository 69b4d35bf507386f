//! One latch, one slot: `(state, outcome) → state`.

use crate::model::Timestamp;
use crate::model::alert::Latch;
use std::time::Duration;

/// A condition's value: absence of knowledge is a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verdict {
    True,
    False,
    #[default]
    Unknown,
}

/// What a slot says of one severity of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub when: Verdict,
    /// `True` where the severity has no `until`.
    pub until: Verdict,
}

impl Reading {
    pub const UNKNOWN: Reading = Reading { when: Verdict::Unknown, until: Verdict::Unknown };
    /// Every `when` false, every `until` true.
    pub const CLEAR: Reading = Reading { when: Verdict::False, until: Verdict::True };

    /// Whether it ends what is on: `Some(true)` is clear, `Some(false)` is not, `None` cannot be said.
    #[must_use]
    pub const fn clear(self) -> Option<bool> {
        match (self.when, self.until) {
            (Verdict::True, _) | (_, Verdict::False) => Some(false),
            (Verdict::False, Verdict::True) => Some(true),
            (Verdict::Unknown, _) | (_, Verdict::Unknown) => None,
        }
    }
}

/// When a slot stands, beside the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub at: Timestamp,
    /// The slot planned before it; `None` where it is the first.
    pub previous: Option<Timestamp>,
}

/// The latch after the slot.
///
/// Unknown turns nothing on or off and stops no clock; but only a slot that finds the condition true ends a `for`, and
/// only one that finds it clear ends a `keep_firing_for`.
#[must_use]
pub fn step(latch: Latch, reading: Reading, hold: Duration, keep: Duration, slot: Slot) -> Latch {
    match (latch, reading.when) {
        (Latch::Off, Verdict::True) => pend(slot.at, slot.at, hold),
        (Latch::Pending { since, known }, Verdict::True) => {
            let since = if is_gap(known, hold, slot) { slot.at } else { since };
            pend(since, slot.at, hold)
        }
        (Latch::Off | Latch::Pending { .. }, Verdict::False) => Latch::Off,
        (Latch::Off | Latch::Pending { .. }, Verdict::Unknown) => latch,
        (Latch::On { since, clear }, _) => match reading.clear() {
            Some(false) => Latch::On { since, clear: None },
            None => latch,
            Some(true) => {
                let clear = clear.unwrap_or(slot.at);
                if slot.at.since(clear) >= keep { Latch::Off } else { Latch::On { since, clear: Some(clear) } }
            }
        },
    }
}

/// True since `since`, last known at `at`: on once that is `hold` ago.
fn pend(since: Timestamp, at: Timestamp, hold: Duration) -> Latch {
    if at.since(since) >= hold { Latch::On { since: at, clear: None } } else { Latch::Pending { since, known: at } }
}

/// Whether nothing was known for longer than `hold`: then the `for` starts anew. Between two slots that stand next
/// to each other there is no gap, however far apart they are.
fn is_gap(known: Timestamp, hold: Duration, slot: Slot) -> bool {
    let in_a_row = slot.previous.is_none_or(|previous| previous <= known);
    !in_a_row && slot.at.since(known) > hold
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter a minute: T true, F false, ? unknown, each of `when`; lower case t f u: `when` false and `until`
    /// true, false, unknown; `.` a slot that was not evaluated (kept). The life: - off, p pending, ! on.
    fn life(hold: u64, keep: u64, letters: &str) -> String {
        let minute = Duration::from_mins(1);
        let (mut latch, mut out) = (Latch::Off, String::new());
        for (i, letter) in letters.chars().enumerate() {
            let at = Timestamp::from_secs(60 * i64::try_from(i).unwrap());
            let slot = Slot { at, previous: (i > 0).then(|| at - minute) };
            let (when, until) = match letter {
                'T' => (Verdict::True, Verdict::True),
                'F' | 't' => (Verdict::False, Verdict::True),
                'f' => (Verdict::False, Verdict::False),
                'u' => (Verdict::False, Verdict::Unknown),
                '?' => (Verdict::Unknown, Verdict::Unknown),
                'N' => (Verdict::Unknown, Verdict::False),
                _ => {
                    out.push('.');
                    continue;
                }
            };
            latch = step(
                latch,
                Reading { when, until },
                minute * u32::try_from(hold).unwrap(),
                Duration::from_mins(keep),
                slot,
            );
            out.push(match latch {
                Latch::Off => '-',
                Latch::Pending { .. } => 'p',
                Latch::On { .. } => '!',
            });
        }
        out
    }

    #[test]
    fn lives() {
        for (hold, keep, letters, want) in [
            (0, 0, "FTTF", "-!!-"),
            (2, 0, "TTTF", "pp!-"),
            (2, 0, "TFTTT", "p-pp!"),
            (2, 0, "T?T", "pp!"),   // unknown stops no clock
            (2, 0, "T??T", "pppp"), // three minutes between knowing slots: anew
            (2, 0, "T??TTT", "ppppp!"),
            (2, 0, "T..TTT", "p..pp!"), // so with slots that were kept
            (2, 0, "T???", "pppp"),     // unknown never turns it on
            (0, 0, "T???F", "!!!!-"),   // nor off
            (0, 2, "TFFF", "!!!-"),
            (0, 2, "TFTFFF", "!!!!!-"),
            (0, 2, "TF?F", "!!!-"), // the clear clock runs on
            (0, 2, "TF??F", "!!!!-"),
            (0, 2, "TF???", "!!!!!"), // only a clear slot ends it
            (0, 0, "Tfft", "!!!-"),   // until must hold, too
            (0, 0, "Tut", "!!-"),
            (0, 2, "TFNFFF", "!!!!!-"), // an until that is false starts the clear time anew, whatever when is
            (0, 0, "?F?T", "---!"),
        ] {
            assert_eq!(life(hold, keep, letters), want, "hold={hold} keep={keep} {letters}");
        }
    }

    #[test]
    fn a_for_shorter_than_the_slots_needs_two_true_ones_in_a_row() {
        let slot =
            |m: i64| Slot { at: Timestamp::from_secs(m * 60), previous: Some(Timestamp::from_secs(m * 60 - 60)) };
        let on = Reading { when: Verdict::True, until: Verdict::True };
        let hold = Duration::from_secs(10);
        let first = step(Latch::Off, on, hold, Duration::ZERO, slot(1));
        assert!(first.is_pending());
        assert!(step(first, on, hold, Duration::ZERO, slot(2)).is_on());
        let unknown = step(first, Reading::UNKNOWN, hold, Duration::ZERO, slot(2));
        assert!(step(unknown, on, hold, Duration::ZERO, slot(3)).is_pending(), "a gap longer than `for`");
    }

    /// Every string of outcomes up to 7 slots, every `for` and `keep_firing_for` up to 2: the invariants of a latch.
    #[test]
    fn exhaustive() {
        let letters = ['T', 'F', '?', 'f', '.'];
        for length in 1..=7_u32 {
            for n in 0..5_usize.pow(length) {
                let story: String = (0..length).map(|i| letters[n / 5_usize.pow(i) % 5]).collect();
                for (hold, keep) in [(0, 0), (2, 0), (0, 2), (2, 2)] {
                    check_invariants(&story, hold, &life(hold, keep, &story));
                }
            }
        }
    }

    fn check_invariants(story: &str, hold: u64, life: &str) {
        let mut before = '-';
        for (outcome, state) in story.chars().zip(life.chars()) {
            let say = || format!("{story} hold={hold}: {life}");
            match outcome {
                '?' => assert_eq!(state, before, "unknown changes nothing: {}", say()),
                'T' => assert!(state != '-' && (state == '!' || before != '!'), "true never clears: {}", say()),
                'F' => assert!(before == '!' || state == '-', "false empties a pending latch: {}", say()),
                'f' => assert!((before == '!') == (state == '!'), "until false keeps it on: {}", say()),
                _ => continue,
            }
            before = state;
        }
    }
}
