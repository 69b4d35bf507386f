//! Expressions that are too long, too deep or too many: refused at load, quickly, with a reason.

use bellwether::expr::{Computed, LIST_MAX, SOURCE_MAX, Scratch, Script, compile};
use bellwether::model::{TableBuilder, Timestamp, Value};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// The first error of one condition.
fn refusal(source: &str) -> Option<String> {
    let errors = compile(&Script { conditions: vec![source], ..Script::default() }).err()?;
    for error in &errors {
        assert!(error.offset + error.len <= source.len(), "{error:?} is outside of {source}");
        assert!(source.is_char_boundary(error.offset) && source.is_char_boundary(error.offset + error.len));
    }
    errors.into_iter().next().map(|e| format!("{}: {}", e.offset, e.message))
}

#[test]
fn a_hundred_thousand_brackets_are_refused_at_once() {
    let too_long = format!("0: the expression is longer than {SOURCE_MAX} bytes");
    for piece in ["(", "!", "-", "[", "+", "x && ", "x ** ", "f(", "x.len().", "{", "x in [", "#{a:", "`${"] {
        let begin = Instant::now();
        assert_eq!(refusal(&piece.repeat(100_000)).as_ref(), Some(&too_long), "{piece}");
        let within_length = refusal(&piece.repeat(SOURCE_MAX / piece.len()));
        assert!(within_length.is_some(), "{piece}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{piece} took {:?}", begin.elapsed());
    }
}

#[test]
fn what_is_nested_too_deeply_says_so() {
    let nested = |open: &str, n: usize, close: &str| format!("{}x{}", open.repeat(n), close.repeat(n));
    for source in [
        nested("(", 200, ")"),
        nested("!", 200, ""),
        nested("- ", 200, ""),
        nested("abs(", 200, ")"),
        nested("[", 200, "]"),
        vec!["x"; 200].join(" && "),
        vec!["x"; 200].join(" + "),
        vec!["x"; 200].join(" ** "),
        vec!["x"; 200].join(" ?? "),
        vec!["x"; 200].join(" in "),
        format!("x{}", ".abs()".repeat(200)),
    ] {
        let error = refusal(&source).unwrap();
        assert!(error.contains("more than 64 operators or brackets in or after each other"), "{source}: {error}");
    }
    for source in [vec!["x"; 60].join(" && "), nested("(", 30, ")"), nested("!", 30, "")] {
        assert_eq!(refusal(&source), None, "{source}");
    }
}

#[test]
fn lists_are_limited() {
    let list = |n: usize| format!("x in [{}]", (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
    assert_eq!(refusal(&list(LIST_MAX)), None);
    assert_eq!(refusal(&list(LIST_MAX + 1)), Some("5: the list has more than 256 values".into()));
}

/// `let`s, each made of the one before it.
fn ladder(rungs: usize, rung: impl Fn(usize) -> String) -> Vec<(String, String)> {
    (0..rungs).map(|i| (format!("l{i}"), if i == 0 { "x + 1".into() } else { rung(i - 1) })).collect()
}

fn compile_ladder(lets: &[(String, String)], condition: &str) -> Result<bellwether::expr::Compiled, String> {
    let lets = lets.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    compile(&Script { lets, conditions: vec![condition], ..Script::default() }).map_err(|e| e[0].message.clone())
}

#[test]
fn lets_in_lets_are_limited_and_never_cost_more_than_once() {
    let deep = ladder(300, |i| format!("l{i} + 1"));
    assert_eq!(
        compile_ladder(&deep, "l299 > 1").unwrap_err(),
        "operations stand more than 256 deep in each other, `let`s put in for their names"
    );
    let many: Vec<_> = ladder(3_400, |_| "x + 1".into());
    assert_eq!(
        compile_ladder(&many, "x > 1").unwrap_err(),
        "the expressions of the check have more than 10000 operations"
    );

    // Two to the power of a hundred, were a `let` computed, named or explained at each use.
    let doubling = ladder(100, |i| format!("l{i} + l{i}"));
    let compiled = compile_ladder(&doubling, "l99 > 1").unwrap();
    let mut builder = TableBuilder::new(["x"]).unwrap();
    builder.push([Value::Number(0.0)]).unwrap();
    let table = builder.finish();
    let bound = compiled.bind(&table).unwrap();
    let now = Timestamp::default();
    let top = bound.let_value(99, 0, now, &mut Scratch::default());
    assert_eq!(top, Computed::Value(Value::Number(2_f64.powi(99))));
    assert_eq!(compiled.names_of(0).len(), 101);
    assert_eq!(bound.explain(0, 0, now).to_string().lines().count(), 301);
}

#[test]
fn a_regular_expression_that_backtracks_elsewhere_is_linear_here() {
    let text = "a".repeat(60_000) + "b";
    let mut builder = TableBuilder::new(["s"]).unwrap();
    builder.push([Value::text(&text)]).unwrap();
    let table = builder.finish();
    let source = "matches(s, `^(a+)+$`) || matches(s, `(a|a)*c`)";
    let compiled = compile(&Script { conditions: vec![source], ..Script::default() }).unwrap();
    let begin = Instant::now();
    let truth = compiled.bind(&table).unwrap().truth(0, 0, Timestamp::default(), &mut Scratch::default());
    assert_eq!(truth.to_string(), "false");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

const PIECES: [&str; 68] = [
    "a", "b", "in", "!in", "and", "not", "null", "now", "if", "let", "x1", "len", "age", "is_null", "matches", "true",
    "1", "-1", "1.5", "0x1F", "1e5", "5m", "\"t\"", "`t`", "'c'", "\"", "`", "'", "(", ")", "[", "]", "{", "}", "()",
    "+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "??", "?", "?.", ".", "..",
    "..=", ",", ";", ":", "=", "=>", "#{", "#", "@", "ü", "//", "/*", "\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_or_the_checker_panic(
        pieces in prop::collection::vec((prop::sample::select(&PIECES[..]), prop::bool::ANY), 0..14),
    ) {
        let source: String = pieces.iter().flat_map(|(p, space)| [*p, if *space { " " } else { "" }]).collect();
        refusal(&source);
    }

    #[test]
    fn no_characters_make_the_parser_or_the_checker_panic(source in "\\PC{0,40}") {
        refusal(&source);
    }
}
