use super::*;

fn minutes(text: &str) -> u16 {
    let (hours, minutes) = text.split_once(':').unwrap();
    hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
}

/// `days` has a letter for each weekday from Monday on, `-` where it is not of the calendar.
fn calendar(zone: &str, days: &str, times: &[&str]) -> Calendar {
    let mut weekdays = [false; 7];
    days.chars().enumerate().for_each(|(i, c)| weekdays[i] = c != '-');
    let span = |text: &&str| text.split_once('-').map(|(a, b)| (minutes(a), minutes(b))).unwrap();
    Calendar {
        name: Arc::from("c"),
        zone: TimeZone::get(zone).unwrap(),
        weekdays,
        times: times.iter().map(span).collect(),
        holidays: BTreeMap::new(),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The next changes from an instant on: `+` it becomes active, `-` it does not stay so.
fn changes(calendar: &Calendar, from: &str, count: usize) -> Vec<String> {
    let mut now = at(from);
    let mut found = Vec::new();
    for _ in 0..count {
        let reading = calendar.at(now);
        let Some(until) = reading.until else { break };
        let after = calendar.at(until).active;
        assert_ne!(reading.active, after, "at {until} something changes");
        assert_eq!(calendar.at(until - std::time::Duration::from_micros(1)).active, reading.active);
        found.push(format!("{}{until}", if after { '+' } else { '-' }));
        now = until;
    }
    found
}

#[test]
fn the_hours_of_a_week() {
    let c = calendar("America/New_York", "MTWTF--", &["09:00-18:00"]);
    // A Friday in winter: five hours behind.
    let want = ["-2026-01-09T23:00:00Z", "+2026-01-12T14:00:00Z", "-2026-01-12T23:00:00Z"];
    assert_eq!(changes(&c, "2026-01-09T14:00:00Z", 3), want);
    assert!(!c.at(at("2026-01-09T13:59:59Z")).active && c.at(at("2026-01-09T14:00:00Z")).active);
}

#[test]
fn a_span_over_midnight_belongs_to_the_day_on_which_it_began() {
    let c = calendar("UTC", "----F--", &["22:00-06:00"]);
    let want = ["+2026-01-09T22:00:00Z", "-2026-01-10T06:00:00Z", "+2026-01-16T22:00:00Z"];
    assert_eq!(changes(&c, "2026-01-05T00:00:00Z", 3), want);
    assert_eq!(c.at(at("2026-01-10T05:00:00Z")).until, Some(at("2026-01-10T06:00:00Z")));
}

#[test]
fn spans_that_touch_or_overlap_are_one() {
    let days = calendar("UTC", "-----SS", &["00:00-24:00"]);
    assert_eq!(changes(&days, "2026-01-05T00:00:00Z", 2), ["+2026-01-10T00:00:00Z", "-2026-01-12T00:00:00Z"]);
    let c = calendar("UTC", "M------", &["08:00-12:00", "11:00-12:30", "12:30-13:00", "09:00-10:00"]);
    assert_eq!(changes(&c, "2026-01-05T00:00:00Z", 2), ["+2026-01-05T08:00:00Z", "-2026-01-05T13:00:00Z"]);
    let always = calendar("UTC", "MTWTFSS", &["00:00-24:00"]);
    assert_eq!(always.at(at("2026-01-05T00:00:00Z")), Reading { active: true, until: None, holiday: None });
    let never = calendar("UTC", "-------", &["00:00-24:00"]);
    assert!(!never.is_ever_active(at("2026-01-05T00:00:00Z")) && always.is_ever_active(at("2026-01-05T00:00:00Z")));
}

/// In New York clocks go from 02:00 to 03:00 on 2026-03-08, and from 02:00 back to 01:00 on 2026-11-01.
#[test]
fn over_the_changes_of_summer_time() {
    for (times, spring, autumn) in [
        // 23 hours, and 25.
        ("00:00-24:00", "05:00 04:00+1", "04:00 05:00+1"),
        ("01:00-04:00", "06:00 08:00", "05:00 09:00"),
        // The start is skipped: the first instant after the gap.
        ("02:30-04:00", "07:00 08:00", "07:30 09:00"),
        // The end is skipped.
        ("01:00-02:30", "06:00 07:00", "05:00 07:30"),
        // All of it is skipped.
        ("02:10-02:50", "", "07:10 07:50"),
        // Of a doubled hour the first.
        ("01:30-03:00", "06:30 07:00", "05:30 08:00"),
        ("00:00-01:30", "05:00 06:30", "04:00 05:30"),
        // From the evening before.
        ("22:00-06:00", "02:00+1 10:00+1", "03:00+1 11:00+1"),
    ] {
        let c = calendar("America/New_York", "------S", &[times]);
        for (day, want) in [("2026-03-08", spring), ("2026-11-01", autumn)] {
            let today = day.parse::<Date>().unwrap();
            let instant = |text: &str| {
                let (time, on) = text.split_once('+').unwrap_or((text, "0"));
                let date = today.checked_add(jiff::Span::new().days(on.parse::<i64>().unwrap())).unwrap();
                at(&format!("{date}T{time}:00Z"))
            };
            let want: Vec<Timestamp> = want.split_whitespace().map(instant).collect();
            let got: Vec<Timestamp> =
                c.spans(today).take_while(|(start, _)| *start < instant("12:00+1")).flat_map(|(a, b)| [a, b]).collect();
            assert_eq!(got, want, "{times} on {day}");
        }
    }
}

#[test]
fn a_holiday_is_taken_out_and_named() {
    let mut c = calendar("America/New_York", "MTWTF--", &["09:00-18:00"]);
    c.holidays.insert("2026-12-25".parse().unwrap(), Arc::from("Christmas"));
    // A Friday at noon.
    let reading = c.at(at("2026-12-25T17:00:00Z"));
    let want =
        Reading { active: false, until: Some(at("2026-12-28T14:00:00Z")), holiday: Some(Arc::from("Christmas")) };
    assert_eq!(reading, want);
    let during = During { active: vec![Arc::new(c)], muted: Vec::new() };
    let (cause, next) = during.at(at("2026-12-25T17:00:00Z"));
    assert_eq!(cause.unwrap().to_string(), "outside of `c` (Christmas) until 2026-12-28T14:00:00Z");
    assert_eq!(next, Some(at("2026-12-28T14:00:00Z")));
}

#[test]
fn several_active_calendars_mean_either_and_a_muting_one_wins() {
    let named = |name: &str, days: &str, times: &str| {
        Arc::new(Calendar { name: Arc::from(name), ..calendar("UTC", days, &[times]) })
    };
    let (day, night) = (named("day", "MTWTFSS", "08:00-20:00"), named("late", "MTWTFSS", "22:00-23:00"));
    let lunch = named("lunch", "MTWTFSS", "12:00-13:00");
    let during = During { active: vec![day, night], muted: vec![lunch] };
    for (time, want, next) in [
        ("09:00", "", "12:00"),
        ("12:00", "muted during `lunch` until 2026-01-05T13:00:00Z", "13:00"),
        ("13:00", "", "20:00"),
        ("20:00", "outside of `day` and `late` until 2026-01-05T22:00:00Z", "22:00"),
        ("22:30", "", "23:00"),
    ] {
        let (cause, asked) = during.at(at(&format!("2026-01-05T{time}:00Z")));
        assert_eq!(cause.map(|c| c.to_string()).unwrap_or_default(), want, "{time}");
        assert_eq!(asked, Some(at(&format!("2026-01-05T{next}:00Z"))), "{time}");
    }
}
