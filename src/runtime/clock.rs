//! What time it is: near the system's clock, and never going back.
//!
//! Life and delivery are counted in this time, so a system clock that is set must neither stall nor hurry them:
//!
//! - Set forward (or a machine that slept): taken at once, as if the daemon had been stopped for that long. A check
//!   has one late slot and not sixty, and a `for` does not end by a gap (see the language page).
//! - Set back by up to a day: our clock goes on at half its pace until the system's has caught up. A check of one
//!   minute comes every two; nothing waits an hour for an instant that has been already.
//! - Set back by more: it is the system's clock that is wrong. Ours goes on by itself, and the log says so.

use crate::model::Timestamp;
use crate::model::time::human_duration;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A step larger than this is worth a line in the log.
const JUMP: i64 = 10_000_000;
/// The system's clock is believed when it was set back by less than this.
const BELIEVED: i64 = 24 * 3_600 * 1_000_000;

/// Tells the time to the loop, which is the only one to ask.
pub trait Clock: Send {
    /// Never before what it said last.
    fn now(&mut self) -> Timestamp;

    /// How far it is ahead of the system's clock, in seconds.
    fn offset(&self) -> f64 {
        0.0
    }

    /// What happened to the system's clock since this was asked last, for the log.
    fn jumped(&mut self) -> Option<String> {
        None
    }
}

/// The real clock.
#[derive(Debug)]
pub struct SystemClock {
    steady: Steady,
    started: Instant,
    jumped: Option<String>,
}

impl SystemClock {
    #[must_use]
    pub fn start() -> SystemClock {
        SystemClock { steady: Steady::new(wall()), started: Instant::now(), jumped: None }
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Timestamp {
        let (now, jumped) = self.steady.tick(wall(), self.started.elapsed());
        self.jumped = jumped.or(self.jumped.take());
        now
    }

    fn offset(&self) -> f64 {
        seconds(self.steady.ahead)
    }

    fn jumped(&mut self) -> Option<String> {
        self.jumped.take()
    }
}

fn wall() -> Timestamp {
    let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}

/// The rule of the module, as a value: it is told both clocks and says the time.
#[derive(Debug)]
struct Steady {
    /// Microseconds since the epoch.
    ours: i64,
    /// How far ours is ahead of the system's, in microseconds.
    ahead: i64,
    elapsed: Duration,
}

impl Steady {
    fn new(wall: Timestamp) -> Steady {
        Steady { ours: wall.as_micros(), ahead: 0, elapsed: Duration::ZERO }
    }

    /// The time, when the system's clock says `wall` and `elapsed` has passed since the start by a clock that cannot
    /// be set.
    fn tick(&mut self, wall: Timestamp, elapsed: Duration) -> (Timestamp, Option<String>) {
        let step = i64::try_from(elapsed.saturating_sub(self.elapsed).as_micros()).unwrap_or(i64::MAX);
        self.elapsed = elapsed;
        let unhindered = self.ours.saturating_add(step);
        let drift = wall.as_micros().saturating_sub(unhindered);
        // Only a change of the distance is a jump; catching up is none.
        let jump = drift.saturating_add(self.ahead);
        self.ours = match drift {
            0.. => wall.as_micros(),
            ..0 if -drift <= BELIEVED => (self.ours + step / 2).max(wall.as_micros()),
            _ => unhindered,
        };
        self.ahead = self.ours.saturating_sub(wall.as_micros());
        let text = (jump.abs() > JUMP).then(|| describe(jump, self.ahead));
        (Timestamp::from_micros(self.ours), text)
    }
}

fn seconds(micros: i64) -> f64 {
    Timestamp::from_micros(micros).as_secs_f64()
}

fn describe(jump: i64, ahead: i64) -> String {
    let by = human_duration(seconds(jump.abs()).round());
    match (jump > 0, ahead) {
        (true, 0) => format!("the system's clock went forward by {by}: taken, as if the daemon had been stopped"),
        (true, _) => format!("the system's clock went forward by {by} and is still behind ours"),
        (false, ..=BELIEVED) => {
            format!("the system's clock went back by {by}: ours goes at half its pace until that has caught up")
        }
        (false, _) => format!("the system's clock went back by {by}, which is not believed: set it right and restart"),
    }
}

/// A clock for tests: tokio's, which can be paused, from a fixed instant on; and it can be set.
#[cfg(test)]
#[derive(Clone, Debug)]
pub struct FakeClock {
    start: tokio::time::Instant,
    base: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

#[cfg(test)]
impl FakeClock {
    pub fn at(time: Timestamp) -> FakeClock {
        let base = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(time.as_micros()));
        FakeClock { start: tokio::time::Instant::now(), base }
    }

    /// Sets the clock forward.
    pub fn jump(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.base.fetch_add(micros, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Clock for FakeClock {
    fn now(&mut self) -> Timestamp {
        Timestamp::from_micros(self.base.load(std::sync::atomic::Ordering::Relaxed)) + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_614_400;
    const HOUR: i64 = 3_600;

    /// Runs a steady clock for `hours`, asked every ten seconds, beside a system's clock that is set by `jump` seconds
    /// after one hour. Gives our seconds since noon at each asking, and what the log was told.
    fn run(hours: i64, jump: i64) -> (Vec<i64>, Vec<String>) {
        let mut steady = Steady::new(Timestamp::from_secs(NOON));
        let (mut said, mut log) = (Vec::new(), Vec::new());
        for real in (0..=hours * HOUR).step_by(10) {
            let wall = NOON + real + if real > HOUR { jump } else { 0 };
            let elapsed = Duration::from_secs(u64::try_from(real).unwrap());
            let (now, jumped) = steady.tick(Timestamp::from_secs(wall), elapsed);
            said.push(now.as_secs() - NOON);
            log.extend(jumped);
        }
        (said, log)
    }

    #[test]
    fn it_never_goes_back_and_never_stalls() {
        for jump in [0, 1, -1, 5, -5, HOUR, -HOUR, 30 * HOUR, -30 * HOUR] {
            let (said, _) = run(8, jump);
            for pair in said.windows(2) {
                assert!(pair[0] + 5 <= pair[1], "{jump}: {pair:?}: ten seconds must be at least five");
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_is_followed_as_the_module_says() {
        for (jump, one_hour_later, three_hours_later, says) in [
            (0, 2 * HOUR, 4 * HOUR, None),
            (5, 2 * HOUR + 5, 4 * HOUR + 5, None),
            (HOUR, 3 * HOUR, 5 * HOUR, Some("went forward by 1h: taken")),
            (-HOUR, HOUR + HOUR / 2, 3 * HOUR, Some("went back by 1h: ours goes at half its pace")),
            (-30 * HOUR, 2 * HOUR, 4 * HOUR, Some("went back by 1d6h, which is not believed")),
        ] {
            let (said, log) = run(4, jump);
            assert_eq!((said[720], said[1440]), (one_hour_later, three_hours_later), "{jump}");
            assert_eq!(log.len(), usize::from(says.is_some()), "{log:?}");
            assert!(says.is_none_or(|says| log[0].contains(says)), "{log:?}");
        }
    }

    #[test]
    fn the_real_clock_is_the_systems() {
        let mut clock = SystemClock::start();
        let (before, now, after) = (wall(), clock.now(), wall());
        assert!(before <= now && now <= after + Duration::from_millis(1), "{before} {now} {after}");
        assert!(clock.offset().abs() < 1.0 && clock.jumped().is_none());
    }
}
