//! Calendars: spans of local time, and which routes they hold now.
//!
//! A span holds its start and not its end, and belongs to the day on which it began: its weekday, and whether that day
//! is a holiday. A local time that summer time skips is the first instant after the gap; of a doubled hour it is the
//! first, as for `cron`.

use super::hold::Cause;
use super::{Dispatch, Route};
use crate::model::Timestamp;
use hashbrown::HashMap;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a calendar is looked ahead: more than eight years, the longest distance of two leap days.
const AHEAD_DAYS: usize = 3_000;

/// Spans of local time under a name.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub name: Arc<str>,
    pub zone: TimeZone,
    /// From Monday on.
    pub weekdays: [bool; 7],
    /// Minutes of the day: from the first up to the second, which may be 1440. A span whose end is not after its start
    /// ends on the next day.
    pub times: Vec<(u16, u16)>,
    /// Days that are taken out, with what they are called.
    pub holidays: BTreeMap<Date, Arc<str>>,
}

/// What a calendar says of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub active: bool,
    /// When that changes; `None` where it does not for years.
    pub until: Option<Timestamp>,
    /// Where it is not active: the holiday that is today.
    pub holiday: Option<Arc<str>>,
}

impl Calendar {
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Reading {
        let today = now.to_jiff().to_zoned(self.zone.clone()).date();
        let spans = || self.spans(today);
        let holding = spans().take_while(|(start, _)| *start <= now).filter(|(_, end)| now < *end);
        let Some(end) = holding.map(|(_, end)| end).max() else {
            let until = spans().map(|(start, _)| start).find(|start| now < *start);
            return Reading { active: false, until, holiday: self.holidays.get(&today).cloned() };
        };
        let mut until = Some(end);
        let mut spans = spans().peekable();
        // Spans that touch or overlap are one.
        while let Some(end) = until {
            while spans.next_if(|(_, other)| *other <= end).is_some() {}
            match spans.peek() {
                Some((start, other)) if *start <= end => until = Some(*other),
                Some(_) => break,
                None => until = None,
            }
        }
        Reading { active: true, until, holiday: None }
    }

    /// Whether it is ever active from `now` on.
    #[must_use]
    pub fn is_ever_active(&self, now: Timestamp) -> bool {
        let reading = self.at(now);
        reading.active || reading.until.is_some()
    }

    /// Its spans from the day before `today` on, in the order of their starts.
    fn spans(&self, today: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = today.yesterday().unwrap_or(today);
        let is_mine = |date: &Date| {
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
            self.weekdays[weekday] && !self.holidays.contains_key(date)
        };
        first.series(jiff::Span::new().days(1)).take(AHEAD_DAYS).filter(is_mine).flat_map(|date| {
            let mut spans: Vec<(Timestamp, Timestamp)> =
                self.times.iter().map(|times| self.span(date, *times)).collect();
            spans.retain(|(start, end)| start < end);
            spans.sort_unstable();
            spans
        })
    }

    fn span(&self, date: Date, (start, end): (u16, u16)) -> (Timestamp, Timestamp) {
        let next = date.tomorrow().unwrap_or(date);
        let end_date = if end <= start || end == 24 * 60 { next } else { date };
        (self.instant(date, start), self.instant(end_date, end % (24 * 60)))
    }

    fn instant(&self, date: Date, minutes: u16) -> Timestamp {
        let hour_and_minute = (i8::try_from(minutes / 60).unwrap_or(0), i8::try_from(minutes % 60).unwrap_or(0));
        let time = Time::new(hour_and_minute.0, hour_and_minute.1, 0, 0).unwrap_or(Time::MIN);
        let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
        let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let Ok(earlier) = ambiguous.earlier() else { return Timestamp::MAX };
        let at = if is_gap { self.zone.following(earlier).next().map_or(earlier, |t| t.timestamp()) } else { earlier };
        Timestamp::from(at)
    }
}

/// The day of the week of that name, or of its first three letters.
#[must_use]
pub fn weekday(name: &str) -> Option<Weekday> {
    let all = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    all.into_iter().find(|(long, _)| *long == name || long[..3] == *name).map(|(_, day)| day)
}

/// The calendars of a route.
#[derive(Clone, Debug, Default)]
pub struct During {
    /// It tells in these alone; none of them is always.
    pub active: Vec<Arc<Calendar>>,
    /// It does not tell in these.
    pub muted: Vec<Arc<Calendar>>,
}

impl During {
    /// What holds the route at `now`, if anything does, and when that is to be asked again.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> (Option<Cause>, Option<Timestamp>) {
        let readings: Vec<(&Arc<Calendar>, Reading)> =
            self.active.iter().chain(&self.muted).map(|calendar| (calendar, calendar.at(now))).collect();
        let next = readings.iter().filter_map(|(_, reading)| reading.until).min();
        let (active, muted) = readings.split_at(self.active.len());
        let muted = muted.iter().find(|(_, reading)| reading.active);
        if let Some((calendar, reading)) = muted {
            return (Some(Cause::Muted { calendar: Arc::clone(&calendar.name), until: reading.until }), next);
        }
        let outside = !active.is_empty() && !active.iter().any(|(_, reading)| reading.active);
        let cause = outside.then(|| Cause::Outside {
            calendars: active.iter().map(|(calendar, _)| Arc::clone(&calendar.name)).collect(),
            holiday: active.iter().find_map(|(_, reading)| reading.holiday.clone()),
            until: active.iter().filter_map(|(_, reading)| reading.until).min(),
        });
        (cause, next)
    }
}

/// What calendars hold each route now.
#[derive(Debug, Default)]
pub struct Calendars {
    /// Routes that have some, by id.
    routes: HashMap<Arc<str>, During>,
    held: HashMap<Arc<str>, Cause>,
    next: Option<Timestamp>,
}

impl Calendars {
    /// Those of a routing tree.
    #[must_use]
    pub fn new(root: Option<&Route>) -> Calendars {
        let has_some = |route: &&Route| !route.during.active.is_empty() || !route.during.muted.is_empty();
        let routes = root.into_iter().flat_map(Route::walk).filter(has_some);
        let routes: HashMap<_, _> = routes.map(|r| (Arc::clone(&r.id), r.during.clone())).collect();
        let next = (!routes.is_empty()).then_some(Timestamp::MIN);
        Calendars { routes, held: HashMap::new(), next }
    }

    /// When [`Calendars::pass`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next
    }

    /// Works out which routes are held at `now`. Whether that changed.
    pub fn pass(&mut self, now: Timestamp) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        let readings: Vec<_> = self.routes.iter().map(|(route, during)| (route, during.at(now))).collect();
        self.next = readings.iter().filter_map(|(_, (_, next))| *next).min();
        let held: HashMap<_, _> =
            readings.into_iter().filter_map(|(route, (cause, _))| Some((Arc::clone(route), cause?))).collect();
        let changed = self.held != held;
        self.held = held;
        changed
    }

    /// What holds a route now.
    #[must_use]
    pub fn hold(&self, route: &str) -> Option<&Cause> {
        self.held.get(route)
    }
}

impl Dispatch {
    /// Takes note of boundaries of calendars, and of starts and ends of silences, until now.
    pub fn pass(&mut self, now: Timestamp) {
        self.pass_silences(now);
        self.holds_changed |= self.calendars.pass(now);
    }
}

#[cfg(test)]
mod tests;
