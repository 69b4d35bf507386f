//! An instant, as a plain number.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z.
///
/// Serialised as RFC 3339 text would cost more than it tells; it is a number of microseconds in the
/// store, and [`fmt::Display`] gives RFC 3339 in UTC for people and for the API.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis.saturating_mul(1_000))
    }

    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Timestamp(secs.saturating_mul(1_000_000))
    }

    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch with their fraction.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "seconds as a float are exact to a microsecond for 285 years")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long after `earlier` this is; zero where it is before.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The whole second that is not before it: how people are shown an instant, never too early.
    #[must_use]
    pub fn to_the_second(self) -> Timestamp {
        let whole = Timestamp::from_secs(self.as_secs());
        if whole == self { self } else { Timestamp::from_secs(self.as_secs().saturating_add(1)) }
    }

    /// The whole second that it is in: how people are shown an instant that has passed.
    #[must_use]
    pub fn in_the_second(self) -> Timestamp {
        Timestamp::from_secs(self.as_secs())
    }

    /// Seconds from `earlier` to this, negative where this is before.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "seconds as a float are exact to a microsecond for 285 years")]
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// Parses RFC 3339 (`2026-03-05T00:00:00Z`, an offset is allowed). What is later than the last instant that can be
    /// shown in every zone, 9999-12-30T22:00:00Z, is that instant.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = text.parse::<jiff::Timestamp>();
        read.or_else(|error| after_all(text).ok_or(error)).map(Timestamp::from).map_err(|e| e.to_string())
    }

    /// The same instant for `jiff`, which knows zones and calendars.
    ///
    /// An instant outside of jiff's range (years -9999 to 9999) is clamped to it.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

/// The last instant, where a text is a time of the day after it: `jiff` ends on the evening of 9999-12-30, so that an
/// instant has a date in every zone, and 9999-12-31T23:59:59Z is what others write for "never".
fn after_all(text: &str) -> Option<jiff::Timestamp> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    let is_instant = pieces.time().is_some() && pieces.to_numeric_offset().is_some();
    (is_instant && pieces.date().year() == 9999).then_some(jiff::Timestamp::MAX)
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(t: jiff::Timestamp) -> Self {
        Timestamp(t.as_microsecond())
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, d: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, d: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC: `2026-01-05T00:30:00Z`, with a fraction only where there is one.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

/// A duration as people write it: `90s` is `1m30s`, `608.4` seconds is `10m8s`, below a minute one decimal.
#[must_use]
pub fn human_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return seconds.to_string();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let magnitude = seconds.abs();
    if magnitude < 59.95 {
        let text = format!("{magnitude:.1}");
        return format!("{sign}{}s", text.strip_suffix(".0").unwrap_or(&text));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rounded, positive, finite number; saturates"
    )]
    let whole = magnitude.round() as u64;
    let mut out = String::from(sign);
    let parts = [(whole / 86_400, "d"), (whole / 3_600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
    for (n, unit) in parts.iter().filter(|(n, _)| *n > 0) {
        out.push_str(&format!("{n}{unit}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_rfc_3339() {
        for (secs, want) in [(0, "1970-01-01T00:00:00Z"), (1_767_571_200, "2026-01-05T00:00:00Z")] {
            assert_eq!(Timestamp::from_secs(secs).to_string(), want);
            assert_eq!(Timestamp::parse(want), Ok(Timestamp::from_secs(secs)));
        }
    }

    #[test]
    fn the_last_day_there_is_reads_as_the_last_instant() {
        let last = Timestamp::from(jiff::Timestamp::MAX);
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z", "9999-12-31T12:00:00-05:00"] {
            assert_eq!(Timestamp::parse(text), Ok(last), "{text}");
        }
        assert!(Timestamp::parse("9999-12-30T00:00:00Z").is_ok_and(|time| time < last));
        for wrong in ["9999-12-31", "9999-12-31T23:59:59", "9999-13-31T23:59:59Z", "10000-01-01T00:00:00Z", "never"] {
            assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_print_as_people_write_them() {
        for (secs, want) in [
            (0.0, "0s"),
            (0.25, "0.2s"),
            (74.0, "1m14s"),
            (608.0, "10m8s"),
            (3600.0, "1h"),
            (90_061.0, "1d1h1m1s"),
            (-75.0, "-1m15s"),
            (59.97, "1m"),
        ] {
            assert_eq!(human_duration(secs), want, "{secs}");
        }
    }
}
