//! `Retry-After`, in seconds or as a date: RFC 9110, section 10.2.3.

use jiff::Timestamp;
use jiff::fmt::strtime::parse;
use jiff::tz::TimeZone;
use std::time::Duration;

/// The longest wait that is obeyed. Who is asked again too early can say so again.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// The forms of a date, the one that is sent today first: RFC 9110, section 5.6.7. All are in UTC.
const DATES: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long the far side asks to wait by its `Retry-After`: not at all where its date has passed, and never longer than an
/// hour. A date is counted from the answer's own `Date` (`sent`), since our clocks may differ; from `now` where there is none.
/// `None` where the text is neither.
pub fn retry_after(text: &str, sent: Option<&str>, now: impl FnOnce() -> Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // What has too many digits is a long time too.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = http_date(text)?;
        let sent = sent.and_then(http_date).unwrap_or_else(now);
        Duration::try_from(until.duration_since(sent)).unwrap_or_default()
    };
    Some(wait.min(WAIT_MAX))
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let read = |form: &&str| parse(form, text).ok()?.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok();
    DATES.iter().find_map(read).map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_obeyed_so_far() {
        let at = |time: &str| format!("Sun, 06 Nov 1994 {time} GMT");
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let hour = Some(3600);
        for (text, sent, want) in [
            ("7".to_owned(), None, Some(7)),
            ("0".to_owned(), None, Some(0)),
            ("86400".to_owned(), None, hour),
            ("99999999999999999999999".to_owned(), None, hour),
            (at("08:50:07"), None, Some(30)),
            (at("08:49:37"), None, Some(0)),
            (at("08:00:00"), None, Some(0)),
            (at("23:00:00"), None, hour),
            ("Sunday, 06-Nov-94 08:50:07 GMT".to_owned(), None, Some(30)),
            ("Sun Nov  6 08:50:07 1994".to_owned(), None, Some(30)),
            // Their clock is not ours.
            (at("12:00:30"), Some(at("12:00:00")), Some(30)),
            (at("08:50:07"), Some("at noon".to_owned()), Some(30)),
            ("soon".to_owned(), None, None),
            ("-5".to_owned(), None, None),
            (String::new(), None, None),
            ("1994-11-06T08:50:07Z".to_owned(), None, None),
        ] {
            let waits = retry_after(&text, sent.as_deref(), || now);
            assert_eq!(waits, want.map(Duration::from_secs), "{text} {sent:?}");
        }
    }
}
