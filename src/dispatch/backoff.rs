//! How long to wait before a send is tried again.

use std::time::Duration;

pub const DELAY_MIN: Duration = Duration::from_secs(1);
pub const DELAY_MAX: Duration = Duration::from_mins(1);

/// A source of jitter: the same seed gives the same waits. SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Jitter(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The wait after `attempts` failed ones: doubled each time, between half of it and all of it, and never
    /// shorter than the far side asked for.
    pub fn delay(&mut self, attempts: u32, asked: Option<Duration>) -> Duration {
        let full = DELAY_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(DELAY_MAX);
        let half = full / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        let delay = half + Duration::from_micros(self.next_u64() % (spread + 1));
        delay.max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_obey_the_far_side() {
        let mut jitter = Jitter::new(7);
        for (attempts, low, high) in [(1, 500, 1000), (2, 1000, 2000), (5, 8000, 16000), (30, 30_000, 60_000)] {
            for _ in 0..100 {
                let ms = jitter.delay(attempts, None).as_millis();
                assert!((low..=high).contains(&ms), "{attempts}: {ms}");
            }
        }
        assert_eq!(jitter.delay(1, Some(Duration::from_secs(90))), Duration::from_secs(90));
    }
}
