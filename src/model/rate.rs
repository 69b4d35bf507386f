//! How many messages may leave in a time.

use std::fmt;
use std::time::Duration;

/// So many in a time: `1/s`, `10/m`, `100/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The least distance between two.
    pub every: Duration,
}

impl Rate {
    #[must_use]
    pub const fn per_second(count: u32) -> Rate {
        Rate { every: Duration::from_micros(1_000_000 / count as u64) }
    }

    /// Reads `N/s`, `N/m` or `N/h`; `None` where it is none, or would be more than one a microsecond.
    #[must_use]
    pub fn parse(text: &str) -> Option<Rate> {
        let (count, unit) = text.split_once('/')?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        let digits = count.bytes().all(|b| b.is_ascii_digit()) && !count.starts_with('0');
        let count: u64 = count.parse().ok().filter(|_| digits)?;
        let every = (seconds * 1_000_000).checked_div(count).filter(|micros| 0 < *micros)?;
        Some(Rate { every: Duration::from_micros(every) })
    }
}

/// `one every 1s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one every {:?}", self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_what_is_none_is_refused() {
        for (text, millis) in [("1/s", 1000), ("4/s", 250), ("10/m", 6000), ("100/h", 36_000), ("1/h", 3_600_000)] {
            assert_eq!(Rate::parse(text).map(|r| r.every.as_millis()), Some(millis), "{text}");
        }
        for text in ["", "1", "0/s", "1/d", "-1/s", "1.5/s", "+1/s", "01/s", "1 / s", "9999999999999/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }
}
