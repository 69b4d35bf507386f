//! What the queries of sources that bill by the byte ask for: each check's, and all together.

use crate::collectors::{Identity, identity};
use crate::config::{Place, Problem};
use crate::load::{self, Config};
use crate::model::Timestamp;
use crate::rules::read::Declared;
use crate::rules::{Check, Schedule};
use std::fmt::Write as _;
use std::sync::Arc;

/// The days that runs are counted over, and those of a month.
const DAYS: u16 = 28;
const DAYS_OF_A_MONTH: f64 = 30.0;

/// One check's query.
pub(super) struct Cost {
    check: Arc<str>,
    source: Arc<str>,
    /// Bytes of one run.
    bytes: f64,
    runs_a_day: f64,
    /// What a TiB costs.
    price: Option<f64>,
    /// What is asked, and when: who asks the same in the same slots is asked for with it.
    asks: (Identity, Schedule),
}

impl Cost {
    /// `check` is as `run` plans it.
    pub(super) fn of(check: &Check, config: &Config, bytes: u64, now: Timestamp) -> Option<Cost> {
        let source = config.sources.iter().find(|source| source.name == check.source)?;
        let request = load::request(check, &check.collect, Timestamp::MIN);
        let has_price = source.kind.source.key("price_per_tib").is_some();
        Some(Cost {
            check: Arc::clone(&check.name),
            source: Arc::clone(&check.source),
            bytes: as_float(bytes),
            runs_a_day: runs_a_day(&check.schedule, now),
            price: has_price.then(|| source.settings.number("price_per_tib")).flatten(),
            asks: (identity(&check.source, source.kind, &request), check.schedule.clone()),
        })
    }

    /// A finding where it asks for more in a day than its `budget`.
    pub(super) fn over_budget(&self, declared: &Declared) -> Option<Problem> {
        let budget = declared.settings.size("budget")?;
        if self.bytes_a_day() <= as_float(budget) {
            return None;
        }
        let asked = format!("{} a run, {} runs a day", size(self.bytes), count(self.runs_a_day));
        let message = format!(
            "the query asks for {} a day ({asked}), and the check's `budget` is {}",
            size(self.bytes_a_day()),
            size(as_float(budget))
        );
        let help = "ask less often, for fewer columns or partitions, or raise the `budget`";
        Some(Problem::error(message).at(declared.settings.place("budget")).help(help))
    }

    fn bytes_a_day(&self) -> f64 {
        self.bytes * self.runs_a_day
    }
}

/// A `budget` of a check whose source does not say what a query asks for.
pub(super) fn no_bytes(source: &str, place: Place) -> Problem {
    let message = format!("`{source}` does not say how much a query asks for, so that nobody looks at the `budget`");
    Problem::error(message).at(place).help("leave it out")
}

/// The table for people; empty where no source bills by the byte.
pub(super) fn report(costs: &[Cost]) -> String {
    if costs.is_empty() {
        return String::new();
    }
    let mut rows = vec![["check", "a run", "runs a day", "a day", "a month", ""].map(str::to_owned)];
    let (mut shared, mut alone) = (Sum::default(), Sum::default());
    for (i, cost) in costs.iter().enumerate() {
        let same = costs[..i].iter().find(|before| before.asks == cost.asks);
        let (day, month) = (cost.bytes_a_day(), Sum::of(cost));
        alone.add(&month);
        let end = if let Some(same) = same {
            format!("asked for with {}", same.check)
        } else {
            shared.add(&month);
            month.money()
        };
        let name = format!("{} ({})", cost.check, cost.source);
        rows.push([name, size(cost.bytes), count(cost.runs_a_day), size(day), month.tib(), end]);
    }
    let total = |name: &str, sum: &Sum| {
        [name.to_owned(), String::new(), String::new(), size(sum.bytes / DAYS_OF_A_MONTH), sum.tib(), sum.money()]
    };
    rows.push(total("in all", &shared));
    if shared.bytes < alone.bytes {
        rows.push(total("if each asked alone", &alone));
    }
    let said = "What the queries ask for, as their sources say without running them; a month is 30 days:\n";
    format!("{said}{}", table(&rows))
}

/// Bytes of a month, and their price where every source has one.
#[derive(Default)]
struct Sum {
    bytes: f64,
    money: f64,
    /// Some of it has no price.
    lacks_price: bool,
}

impl Sum {
    fn of(cost: &Cost) -> Sum {
        let bytes = cost.bytes_a_day() * DAYS_OF_A_MONTH;
        Sum { bytes, money: bytes / TIB * cost.price.unwrap_or(0.0), lacks_price: cost.price.is_none() }
    }

    fn add(&mut self, other: &Sum) {
        self.bytes += other.bytes;
        self.money += other.money;
        self.lacks_price |= other.lacks_price;
    }

    fn tib(&self) -> String {
        format!("{:.3} TiB", self.bytes / TIB)
    }

    fn money(&self) -> String {
        if self.lacks_price { String::new() } else { format!("{:.2}", self.money) }
    }
}

const TIB: f64 = 1_099_511_627_776.0;

/// Columns, the first to the left and the last as it comes, the others to the right.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for [name, run, runs, day, month, end] in rows {
        let mut line = format!("  {name:<0$}", widths[0]);
        for (cell, width) in [run, runs, day, month].into_iter().zip(&widths[1..]) {
            let _ = write!(line, "  {cell:>width$}");
        }
        let _ = writeln!(text, "{}", format!("{line}  {end}").trim_end());
    }
    text
}

fn runs_a_day(schedule: &Schedule, now: Timestamp) -> f64 {
    if let Some(every) = schedule.interval() {
        return 86_400.0 / every.as_secs_f64();
    }
    let end = now + std::time::Duration::from_hours(24 * u64::from(DAYS));
    let slots = std::iter::successors(schedule.at_or_after(now), |slot| schedule.after(*slot));
    as_float(slots.take_while(|slot| *slot < end).count() as u64) / f64::from(DAYS)
}

/// `96`, `0.5`.
fn count(n: f64) -> String {
    format!("{}", (n * 100.0).round() / 100.0)
}

/// `1.2 GiB`.
fn size(bytes: f64) -> String {
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let (mut n, mut unit) = (bytes, units.next().unwrap_or_default());
    for larger in units {
        if n < 1024.0 {
            break;
        }
        (n, unit) = (n / 1024.0, larger);
    }
    if unit == "B" { format!("{n:.0} B") } else { format!("{n:.1} {unit}") }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a digit behind the point")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_over_four_weeks() {
        let now = Timestamp::parse("2026-01-05T00:30:00Z").unwrap();
        for (schedule, want) in [
            (Schedule::every(std::time::Duration::from_mins(15), "a"), "96"),
            (Schedule::cron("0 9 * * *", "America/New_York").unwrap(), "1"),
            (Schedule::cron("*/10 8-17 * * 1-5", "UTC").unwrap(), "42.86"),
            (Schedule::cron("0 9 * * 1", "UTC").unwrap(), "0.14"),
        ] {
            assert_eq!(count(runs_a_day(&schedule, now)), want, "{schedule:?}");
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, want) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1536.0, "1.5 KiB"),
            (5.0 * TIB, "5.0 TiB"),
            (4096.0 * TIB, "4096.0 TiB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }
}
