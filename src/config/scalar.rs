//! Texts read as what they are asked to be: durations, sizes, numbers, times, zones.
//!
//! `shown` is how an error may quote the text: as it is written in the file, never what `${NAME}` became.

use std::time::Duration;

use super::diagnostic::did_you_mean;
use crate::model::{Timestamp, Value};

/// What is wrong with a text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarError {
    pub message: String,
    pub help: Option<String>,
    /// Where in the text, in bytes; the whole of it where that is not known.
    pub at: Option<(usize, usize)>,
}

impl ScalarError {
    pub fn new(message: impl Into<String>) -> ScalarError {
        ScalarError { message: message.into(), help: None, at: None }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> ScalarError {
        ScalarError { help: Some(help.into()), ..self }
    }

    #[must_use]
    pub fn at(self, offset: usize, len: usize) -> ScalarError {
        ScalarError { at: Some((offset, len)), ..self }
    }
}

/// The pattern of a duration, for the schema.
pub const DURATION_PATTERN: &str = r"^([0-9]+(w|d|h|m|s|ms))+$";
/// The pattern of a size, for the schema.
pub const SIZE_PATTERN: &str = r"^[0-9]+(B|KiB|MiB|GiB|TiB)$";

/// The longest duration: a hundred years, so that no sum of times leaves the range of a clock.
const DURATION_MAX: Duration = Duration::from_hours(100 * 365 * 24);

/// Milliseconds in each unit, from the longest to the shortest, the order in which they are written.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `90s`, `15m`, `6h`, `7d`, `1h30m`; also `500ms` and `2w`.
pub fn duration(text: &str, shown: &str) -> Result<Duration, ScalarError> {
    let fail = || {
        let error = ScalarError::new(format!("`{shown}` is not a duration"));
        match text.parse::<f64>() {
            Ok(n) if n >= 0.0 && n.fract() == 0.0 && text == shown => error.help(format!("write its unit: `{text}s`")),
            _ => error.help("write whole numbers with units: `90s`, `15m`, `6h`, `7d`, `1h30m`"),
        }
    };
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut allowed = &UNITS[..];
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let word = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = allowed.iter().position(|(name, _)| *name == &rest[digits..digits + word]).ok_or_else(fail)?;
        let count: u64 = rest[..digits].parse().map_err(|_| fail())?;
        total += Duration::from_millis(count.checked_mul(allowed[unit].1).ok_or_else(fail)?);
        if DURATION_MAX < total {
            return Err(ScalarError::new(format!("`{shown}` is longer than a hundred years, the limit")));
        }
        allowed = &allowed[unit + 1..];
        rest = &rest[digits + word..];
    }
    if text.is_empty() { Err(fail()) } else { Ok(total) }
}

/// A size in bytes: `2GiB`.
pub fn size(text: &str, shown: &str) -> Result<u64, ScalarError> {
    let units = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = &text[digits..];
    let error = ScalarError::new(format!("`{shown}` is not a size"));
    let Some((_, shift)) = units.iter().find(|(name, _)| *name == unit) else {
        let near = units.iter().find(|(name, _)| {
            let first = |text: &str| text.chars().next().map(|c| c.to_ascii_uppercase());
            first(name) == first(unit) && digits > 0 && text == shown
        });
        return Err(match near {
            Some((name, _)) => error.help(format!("write `{}{name}`", &text[..digits])),
            None => error.help("write a whole number and its unit: `512B`, `64KiB`, `10MiB`, `2GiB`"),
        });
    };
    let count: u64 = text[..digits].parse().map_err(|_| error.clone().help("write a whole number before the unit"))?;
    count.checked_mul(1 << shift).ok_or_else(|| ScalarError::new(format!("`{shown}` is too large")))
}

/// `true` or `false`, and no other word for them.
pub fn boolean(text: &str, shown: &str) -> Result<bool, ScalarError> {
    match text {
        "true" => return Ok(true),
        "false" => return Ok(false),
        _ => {}
    }
    let error = ScalarError::new(format!("`{shown}` is neither `true` nor `false`"));
    Err(match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "true" | "1" => error.help("write `true`"),
        "no" | "off" | "n" | "false" | "0" => error.help("write `false`"),
        _ => error,
    })
}

/// A whole number within a range, in decimal digits.
pub fn integer(text: &str, shown: &str, min: i64, max: i64) -> Result<i64, ScalarError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let parsed = digits.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let number = parsed.ok_or_else(|| {
        ScalarError::new(format!("`{shown}` is not a whole number")).help("write it in decimal digits")
    })?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    let range = match (min, max) {
        (min, i64::MAX) => format!("{min} or more"),
        (i64::MIN, max) => format!("{max} or less"),
        (min, max) => format!("from {min} to {max}"),
    };
    Err(ScalarError::new(format!("`{shown}` is out of range")).help(format!("write a number {range}")))
}

/// A finite number: `3`, `-0.5`, `1e3`.
pub fn number(text: &str, shown: &str) -> Result<f64, ScalarError> {
    plain_number(text).ok_or_else(|| ScalarError::new(format!("`{shown}` is not a number")))
}

fn plain_number(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal = body.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse::<f64>().ok().filter(|n| is_decimal && n.is_finite())
}

/// RFC 3339: `2026-03-05T00:00:00Z`.
pub fn time(text: &str, shown: &str) -> Result<Timestamp, ScalarError> {
    Timestamp::parse(text).map_err(|_| {
        ScalarError::new(format!("`{shown}` is not a time")).help("write it as RFC 3339: `2026-03-05T00:00:00Z`")
    })
}

/// An IANA zone: `America/New_York`.
pub fn zone(text: &str, shown: &str) -> Result<jiff::tz::TimeZone, ScalarError> {
    jiff::tz::TimeZone::get(text).map_err(|_| {
        let error = ScalarError::new(format!("`{shown}` is no time zone"));
        let names: Vec<_> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let help = did_you_mean(text, names.iter().map(String::as_str)).filter(|_| text == shown);
        error.help(help.unwrap_or_else(|| "write its IANA name: `America/New_York`, `UTC`".to_owned()))
    })
}

/// An `http` or `https` URL with a host. The error does not quote it: it may carry a password.
pub fn url(text: &str) -> Result<(), ScalarError> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_url = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let help = "write `https://host/path`";
    if !is_url {
        return Err(ScalarError::new("this is no URL").help(help));
    }
    match text.parse::<reqwest::Url>() {
        Ok(_) => Ok(()),
        Err(e) => Err(ScalarError::new(format!("this is no URL: {e}")).help(help)),
    }
}

/// A constant, of the type that its text looks like where it stands without quotes: a number, a boolean, a time,
/// else text. In quotes it is text.
pub fn constant(text: &str, is_plain: bool) -> Result<Value, ScalarError> {
    if !is_plain {
        return Ok(Value::text(text));
    }
    match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "null" | "~" => Err(ScalarError::new("a constant cannot be null").help("put `null` in quotes if it is a word")),
        _ => Ok(match (plain_number(text), Timestamp::parse(text)) {
            (Some(n), _) => Value::Number(n),
            (None, Ok(t)) => Value::Time(t),
            (None, Err(_)) => Value::text(text),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(result: Result<T, ScalarError>) -> String {
        let error = result.unwrap_err();
        format!("{} | {}", error.message, error.help.unwrap_or_default())
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0s", 0),
            ("90s", 90_000),
            ("15m", 900_000),
            ("6h", 21_600_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1s500ms", 1_500),
            ("1m5ms", 60_005),
        ] {
            assert_eq!(duration(text, text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
        for (text, want) in [
            ("90", "`90` is not a duration | write its unit: `90s`"),
            ("1.5h", "is not a duration | write whole numbers with units"),
            ("30m1h", "is not a duration"),
            ("1h1h", "is not a duration"),
            ("5 m", "is not a duration"),
            ("m", "is not a duration"),
            ("-5m", "is not a duration"),
            ("", "is not a duration"),
            ("5y", "is not a duration"),
            ("99999999999999999999d", "is not a duration"),
            ("9999999999d", "longer than a hundred years"),
            ("40000d", "longer than a hundred years"),
        ] {
            assert!(told(duration(text, text)).contains(want), "{text}: {}", told(duration(text, text)));
        }
    }

    #[test]
    fn sizes() {
        for (text, want) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("2GiB", 2 << 30)] {
            assert_eq!(size(text, text), Ok(want), "{text}");
        }
        for (text, want) in [
            ("2GB", "| write `2GiB`"),
            ("5k", "| write `5KiB`"),
            ("512", "| write a whole number and its unit"),
            ("GiB", "| write a whole number before"),
            ("99999999999TiB", "is too large"),
        ] {
            assert!(told(size(text, text)).contains(want), "{text}: {}", told(size(text, text)));
        }
    }

    #[test]
    fn booleans_are_two_words() {
        assert_eq!((boolean("true", "true"), boolean("false", "false")), (Ok(true), Ok(false)));
        for (text, want) in
            [("yes", "`true`"), ("on", "`true`"), ("True", "`true`"), ("no", "`false`"), ("Off", "`false`")]
        {
            assert!(told(boolean(text, text)).ends_with(&format!("write {want}")), "{text}");
        }
        assert!(told(boolean("maybe", "maybe")).contains("neither"));
    }

    #[test]
    fn numbers() {
        assert_eq!((integer("-5", "", -9, 9), integer("007", "", 0, 9)), (Ok(-5), Ok(7)));
        assert!(told(integer("10", "10", 0, 9)).contains("from 0 to 9"));
        assert!(told(integer("0", "0", 1, i64::MAX)).contains("1 or more"));
        for text in ["0x5", "1.0", "1_000", "", "-", "ten", "99999999999999999999"] {
            assert!(told(integer(text, text, 0, 9)).contains("not a whole number"), "{text}");
        }
        for (text, want) in [("3", 3.0), ("-0.5", -0.5), ("1e3", 1000.0), (".5", 0.5), ("+2", 2.0)] {
            assert_eq!(number(text, text), Ok(want), "{text}");
        }
        for text in ["inf", "nan", "-inf", "1e999", "0x5", "", "-", "1,5"] {
            assert!(number(text, text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_zones_and_urls() {
        assert_eq!(
            time("2026-03-05T01:00:00+01:00", ""),
            Timestamp::parse("2026-03-05T00:00:00Z").map_err(ScalarError::new)
        );
        assert!(told(time("yesterday", "yesterday")).contains("RFC 3339"));
        assert!(zone("America/New_York", "").is_ok() && zone("UTC", "").is_ok());
        assert!(told(zone("America/NewYork", "America/NewYork")).contains("did you mean `America/New_York`?"));
        assert!(told(zone("nowhere at all", "nowhere at all")).contains("IANA"));
        for (text, want) in [
            ("https://example.com/x", true),
            ("http://127.0.0.1:9090", true),
            ("example.com", false),
            ("https://", false),
            ("https:///x", false),
            ("http://a b", false),
        ] {
            assert_eq!(url(text).is_ok(), want, "{text}");
        }
    }

    #[test]
    fn constants_are_what_they_look_like() {
        for (text, is_plain, want) in [
            ("3", true, Value::Number(3.0)),
            ("3", false, Value::text("3")),
            ("true", true, Value::Bool(true)),
            ("yes", true, Value::text("yes")),
            ("0x5", true, Value::text("0x5")),
            ("null", false, Value::text("null")),
        ] {
            assert_eq!(constant(text, is_plain), Ok(want), "{text}");
        }
        assert!(constant("null", true).is_err());
    }
}
