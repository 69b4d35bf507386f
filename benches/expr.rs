//! Expressions: what compiling costs, and one row. `cargo bench --bench expr`
//!
//! Prints the least of eleven batches, in nanoseconds.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use bellwether::expr::{Scratch, Script, Truth, compile};
use bellwether::model::{Table, TableBuilder, Timestamp, Value};
use std::hint::black_box;
use std::time::Instant;

const ROWS: usize = 100_000;

const CONDITIONS: &[(&str, &str)] = &[
    ("one comparison", "duration > 3 * baseline"),
    (
        "six terms",
        "(errors > 900 && oldest > 300) || (errors * 100 > total * 5 && total >= 20000) || state == \"down\" || lag > 3 * baseline",
    ),
    ("a let used twice", "ratio > 3 || ratio < 0.1"),
    ("text in a list", "state in [\"late\", \"down\", \"lost\"]"),
    ("a regular expression", "matches(state, \"^(late|down)$\")"),
    ("age of a time", "age(at) > hours(6)"),
    ("an hour in a zone", "hour_of(at, \"America/New_York\") in 9..17"),
    ("a null beside", "gap > 3 * baseline"),
];

fn table() -> Table {
    let names = ["duration", "baseline", "errors", "total", "oldest", "lag", "state", "at", "gap"];
    let mut builder = TableBuilder::new(names).unwrap();
    for i in 0..ROWS {
        let n = f64::from(u32::try_from(i % 1000).unwrap());
        let state = Value::text(if i % 7 == 0 { "late" } else { "running" });
        let at = Value::Time(Timestamp::from_secs(1_767_571_200 - i64::try_from(i).unwrap()));
        let gap = if i % 2 == 0 { Value::Null } else { Value::Number(n) };
        let numbers = [n, 400.0, n, 10_000.0, n / 2.0, 5.0].map(Value::Number);
        builder.push(numbers.into_iter().chain([state, at, gap])).unwrap();
    }
    builder.finish()
}

fn least(per: usize, mut work: impl FnMut()) -> f64 {
    let once = |work: &mut dyn FnMut()| {
        let begin = Instant::now();
        work();
        begin.elapsed().as_secs_f64() * 1e9
    };
    let batches = (0..11).map(|_| once(&mut work)).fold(f64::INFINITY, f64::min);
    batches / f64::from(u32::try_from(per).unwrap())
}

fn main() {
    let table = table();
    let now = Timestamp::from_secs(1_767_571_200);
    println!("{:<24}{:>12}{:>12}{:>12}", "", "compile ns", "bind ns", "row ns");
    for (what, condition) in CONDITIONS {
        let script =
            Script { lets: vec![("ratio", "duration / baseline")], conditions: vec![condition], ..Script::default() };
        let compiling = least(1_000, || (0..1_000).for_each(|_| drop(black_box(compile(black_box(&script))))));
        let compiled = compile(&script).unwrap();
        let binding = least(1_000, || (0..1_000).for_each(|_| drop(black_box(compiled.bind(&table)))));
        let bound = compiled.bind(&table).unwrap();
        let mut scratch = Scratch::default();
        let row = least(ROWS, || {
            let truths = (0..ROWS).map(|row| bound.truth(0, row, now, &mut scratch));
            black_box(truths.filter(|t| *t == Truth::True).count());
        });
        println!("{what:<24}{compiling:>12.0}{binding:>12.0}{row:>12.1}");
    }
}
