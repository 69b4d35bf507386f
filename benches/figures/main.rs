//! What Bellwether costs, beside what its peers cost for the same work.
//!
//! `cargo bench --bench figures`, or with words of the rows that are wanted: `cargo bench --bench figures -- lint`.
//! `docs/figures.md` says how each row is measured, and what was seen.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod core;
mod daemon;
mod idle;
mod inbound;
mod lint;
mod many;
mod process;
mod receiver;
mod silences;
mod storm;
mod wire;

/// One line of the table.
struct Figure {
    work: String,
    peer: &'static str,
    limit: &'static str,
    ours: String,
}

/// A piece of work that gives one line or more.
type Measure = fn() -> Vec<Figure>;

const MEASURES: &[(&str, Measure)] = &[
    ("rows", core::many_rows),
    ("checks", core::many_checks),
    ("lint", lint::many_checks),
    ("groups", storm::many_groups),
    ("inbound", inbound::one_alert),
    ("many", many::firing),
    ("silences", silences::many),
    ("idle", idle::example),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let Some(expected) = arguments.iter().skip_while(|a| *a != receiver::COMMAND).nth(1) {
        return receiver::serve(expected.parse().unwrap());
    }
    line("", "peer", "limit", "ours");
    for (_, measure) in MEASURES.iter().filter(|(name, _)| arguments.is_empty() || arguments.iter().any(|a| a == name))
    {
        for figure in measure() {
            line(&figure.work, figure.peer, figure.limit, &figure.ours);
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nload of the machine: {}", load.trim());
}

fn line(work: &str, peer: &str, limit: &str, ours: &str) {
    println!("{work:<56}{peer:>12}{limit:>12}{ours:>12}");
}

/// The least of so many runs, and each of them is a fresh piece of work.
fn least(runs: u32, mut work: impl FnMut() -> f64) -> f64 {
    (0..runs).map(|_| work()).fold(f64::INFINITY, f64::min)
}
