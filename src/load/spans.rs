//! The words of calendars: ranges of hours, days of the week, dates.

use crate::config::{Rule, ScalarError, did_you_mean};
use crate::dispatch::calendar::weekday;
use jiff::civil::Date;

/// `09:00-18:00`: minutes of the day. The end may be before the start: it is on the next day.
pub static TIMES: Rule = Rule {
    noun: "a range of hours",
    example: "09:00-18:00",
    pattern: Some(r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"),
    check: |text, shown| times(text, shown).map(drop),
};

/// `mon-fri`, `sat`.
pub static DAYS: Rule = Rule {
    noun: "a day of the week or a range of them",
    example: "mon-fri",
    pattern: None,
    check: |text, shown| days(text, shown).map(drop),
};

/// `2026-12-25`.
pub static DATE: Rule = Rule {
    noun: "a date",
    example: "2026-12-25",
    pattern: Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    check: |text, shown| date(text, shown).map(drop),
};

/// The minutes of the day at which a range of hours begins and ends.
pub fn times(text: &str, shown: &str) -> Result<(u16, u16), ScalarError> {
    let read = text.split_once('-').and_then(|(start, end)| Some((minutes(start.trim())?, minutes(end.trim())?)));
    match read {
        Some((start, _)) if start == 24 * 60 => {
            Err(ScalarError::new(format!("`{shown}` begins at the end of a day")).help("begin it at `00:00`"))
        }
        Some((start, end)) if start == end => {
            Err(ScalarError::new(format!("`{shown}` ends where it begins")).help("a whole day is `00:00-24:00`"))
        }
        Some(read) => Ok(read),
        None => Err(ScalarError::new(format!("`{shown}` is no range of hours"))
            .help("write hours and minutes of 24 hours: `09:00-18:00`, over midnight `22:00-06:00`")),
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let of_day = hours.parse::<u16>().ok()? * 60 + minutes.parse::<u16>().ok().filter(|m| *m < 60)?;
    (is_two(hours) && is_two(minutes) && of_day <= 24 * 60).then_some(of_day)
}

/// The days of the week, from Monday on.
pub fn days(text: &str, shown: &str) -> Result<[bool; 7], ScalarError> {
    let lower = text.to_lowercase();
    let (first, last) = lower.split_once('-').unwrap_or((&lower, &lower));
    let place = |name: &str| {
        weekday(name.trim()).and_then(|day| usize::try_from(day.to_monday_zero_offset()).ok()).ok_or_else(|| {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let help = did_you_mean(name.trim(), names);
            ScalarError::new(format!("`{shown}` is no day of the week"))
                .help(help.unwrap_or_else(|| "write `mon`, `tue`, …, or a range: `mon-fri`".to_owned()))
        })
    };
    let (first, last) = (place(first)?, place(last)?);
    let mut days = [false; 7];
    // `sat-mon` goes round.
    for i in 0..=(last + 7 - first) % 7 {
        days[(first + i) % 7] = true;
    }
    Ok(days)
}

pub fn date(text: &str, shown: &str) -> Result<Date, ScalarError> {
    let is_whole = text.len() == 10;
    text.parse::<Date>().ok().filter(|_| is_whole).ok_or_else(|| {
        ScalarError::new(format!("`{shown}` is no date")).help("write year, month and day: `2026-12-25`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_hours() {
        for (text, want) in [
            ("09:00-18:00", Ok((540, 1080))),
            ("00:00-24:00", Ok((0, 1440))),
            ("22:00 - 06:00", Ok((1320, 360))),
            ("9:00-18:00", Err("is no range of hours")),
            ("09:00-24:01", Err("is no range of hours")),
            ("09:60-10:00", Err("is no range of hours")),
            ("24:00-06:00", Err("begins at the end of a day")),
            ("09:00-09:00", Err("ends where it begins")),
            ("09:00", Err("is no range of hours")),
        ] {
            match (times(text, text), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{text}"),
                (Err(error), Err(want)) => assert!(error.message.contains(want), "{text}: {}", error.message),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn days_of_the_week() {
        for (text, want) in [
            ("mon-fri", Some("MTWTF--")),
            ("Saturday", Some("-----S-")),
            ("sat-mon", Some("M----SS")),
            ("sun-sun", Some("------S")),
            ("mon-fry", None),
            ("", None),
        ] {
            let shown = days(text, text).ok().map(|days| {
                days.iter().zip("MTWTFSS".chars()).map(|(on, c)| if *on { c } else { '-' }).collect::<String>()
            });
            assert_eq!(shown.as_deref(), want, "{text}");
        }
    }
}
