//! Stock Rhai as the oracle: what both accept they answer alike, but for the differences listed here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bellwether::expr::{Scratch, Script, Truth, compile};
use bellwether::model::{TableBuilder, Timestamp, Value, ValueType};
use proptest::prelude::*;
use rhai::{Dynamic, Engine, Scope};
use std::cell::Cell;

/// Where we differ from stock Rhai: what, an example, stock's answer, ours. A refusal at load is `refused`.
/// `gap` is a null number, `x` is 3.0.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    ("whole numbers are floats, and `/` is true division", "4 / 10 > 0.3", "false", "true"),
    ("a power of whole numbers is a float", "2 ** -1 == 0.5", "error", "true"),
    ("nothing overflows", "4611686018427387904 * 4 > 0", "error", "true"),
    ("a whole number that a float cannot hold is refused", "9007199254740993 > 0", "true", "refused"),
    ("comparison is exact", "0.1 + 0.2 == 0.3", "true", "false"),
    ("an infinite result is unknown", "1.0 / 0.0 > 5.0", "false", "unknown"),
    ("a result that is no number is unknown", "0.0 / 0.0 != 1.0", "false", "unknown"),
    ("two types do not compare", "x > \"0\"", "false", "refused"),
    ("two types are not just unequal", "x == \"3\"", "false", "refused"),
    ("a null does not compare", "gap > 3.0", "false", "unknown"),
    ("a null is not just unequal", "gap != 3.0", "true", "unknown"),
    ("a null spreads", "gap + 1.0 > 0.0", "error", "unknown"),
    ("logic is three-valued, from the left", "gap > 0.0 && false", "false", "false"),
    ("logic is three-valued, in either order", "true || gap + 1.0 > 0.0", "true", "true"),
    ("logic is three-valued, from the right", "gap + 1.0 > 0.0 || true", "error", "true"),
    ("a null is asked for by name", "gap == ()", "true", "refused"),
    ("comparisons do not chain", "1.0 < x < 5.0", "false", "refused"),
    ("`??` wants brackets", "3.0 * x ?? 1.0 > 2.0", "true", "refused"),
    ("ranges hold any number", "1.5 in 1..5", "error", "true"),
    ("text has no order", "\"b\" > \"a\"", "true", "refused"),
    ("texts are not added", "\"a\" + \"b\" == \"ab\"", "true", "refused"),
    ("`in` looks in lists and ranges", "\"a\" in \"abc\"", "true", "refused"),
    ("a list is never empty", "x in []", "false", "refused"),
    ("lists stand only after `in`", "[1].len() == 1", "true", "refused"),
    ("maps are refused", "#{a: 1}.a == 1", "true", "refused"),
    ("characters are refused", "'a' == 'a'", "true", "refused"),
    ("text is not interpolated", "`${x}` == \"3.0\"", "true", "refused"),
    ("branches are refused", "if x > 1.0 { true } else { false }", "true", "refused"),
    ("functions are ours alone", "type_of(x) == \"f64\"", "true", "refused"),
    ("`ceiling` is `ceil`", "ceiling(2.5) == 3.0", "true", "refused"),
    ("bits are not shifted", "1 << 2 == 4", "true", "refused"),
];

fn stock() -> Engine {
    let mut engine = Engine::new();
    engine.set_max_expr_depths(64);
    engine
}

fn stock_says(engine: &Engine, source: &str, row: &[(&str, Dynamic)]) -> String {
    let mut scope = Scope::new();
    for (name, value) in row {
        scope.push_dynamic(*name, value.clone());
    }
    match engine.eval_expression_with_scope::<bool>(&mut scope, source) {
        Ok(truth) => truth.to_string(),
        Err(_) => "error".into(),
    }
}

fn ours_says(source: &str, row: &[(&str, Value)]) -> String {
    let columns = Some(row.iter().map(|(name, _)| (*name, declared(name))).collect());
    let Ok(compiled) = compile(&Script { columns, conditions: vec![source], ..Script::default() }) else {
        return "refused".into();
    };
    let mut builder = TableBuilder::new(row.iter().map(|(n, _)| n)).unwrap();
    builder.push(row.iter().map(|(_, v)| v.clone())).unwrap();
    let table = builder.finish();
    match compiled.bind(&table).unwrap().truth(0, 0, Timestamp::default(), &mut Scratch::default()) {
        Truth::True => "true".into(),
        Truth::False => "false".into(),
        Truth::Unknown(_) => "unknown".into(),
    }
}

fn declared(name: &str) -> ValueType {
    match name {
        "s" => ValueType::Text,
        "b" | "inactive" => ValueType::Bool,
        _ => ValueType::Number,
    }
}

fn to_stock(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Number(n) => Dynamic::from_float(*n),
        Value::Bool(b) => Dynamic::from_bool(*b),
        Value::Text(t) => t.to_string().into(),
        Value::Time(_) => unreachable!("stock Rhai has no times of ours"),
    }
}

#[test]
fn each_difference_is_as_it_is_listed() {
    let engine = stock();
    let row = [("x", Value::Number(3.0)), ("gap", Value::Null)];
    let theirs = row.clone().map(|(n, v)| (n, to_stock(&v)));
    for (what, source, stock, ours) in DIFFERENCES {
        assert_eq!(stock_says(&engine, source, &theirs), *stock, "stock: {what}: {source}");
        assert_eq!(ours_says(source, &row), *ours, "ours: {what}: {source}");
    }
}

/// Numbers whose sums, products and quotients by powers of two are exact: comparison differs elsewhere.
fn dyadic() -> impl Strategy<Value = f64> {
    (-64_i32..64).prop_map(|n| f64::from(n) / 4.0)
}

fn number(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        dyadic().prop_map(|n| format!("{n:.2}")),
        prop::sample::select(vec!["n", "m", "in_n"]).prop_map(String::from),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = || number(depth - 1);
    let divisor = prop::sample::select(vec!["2.0", "0.5", "-4.0", "1.0"]);
    prop_oneof![
        2 => leaf,
        4 => binary(inner(), prop::sample::select(vec!["+", "-", "*"]), inner()),
        1 => (inner(), divisor, prop::sample::select(vec!["/", "%"])).prop_map(|(a, b, op)| format!("({a}) {op} {b}")),
        1 => (inner(), prop::sample::select(vec!["2.0", "1.0", "0.0"])).prop_map(|(a, b)| format!("({a}) ** {b}")),
        1 => inner().prop_map(|a| format!("-({a})")),
        1 => inner().prop_map(|a| format!("-{a}")),
        1 => (prop::sample::select(vec!["abs", "floor", "round"]), inner()).prop_map(|(f, a)| format!("{f}({a})")),
        1 => (prop::sample::select(vec!["min", "max"]), inner(), inner()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
        1 => text(depth - 1).prop_map(|t| format!("({t}).len() * 1.0")),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec!["s", "\"down\"", "`Up`", "\"\"", "\"ü\\n\""]).prop_map(String::from);
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        3 => leaf,
        1 => text(depth - 1).prop_map(|t| format!("to_lower({t})")),
        1 => text(depth - 1).prop_map(|t| format!("({t}).to_upper()")),
    ]
    .boxed()
}

/// Brackets around either side or not: both parse what is written, whatever was meant.
fn binary(
    a: BoxedStrategy<String>,
    op: impl Strategy<Value = &'static str>,
    b: BoxedStrategy<String>,
) -> impl Strategy<Value = String> {
    (a, op, b, prop::bool::ANY, prop::bool::ANY).prop_map(|(a, op, b, left, right)| {
        let wrap = |t: String, yes: bool| if yes { format!("({t})") } else { t };
        format!("{} {op} {}", wrap(a, left), wrap(b, right))
    })
}

fn truth(depth: u32) -> BoxedStrategy<String> {
    let compare = || {
        let op = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
        binary(number(depth.min(2)), op, number(depth.min(2)))
    };
    let leaf = prop_oneof![
        1 => prop::sample::select(vec!["true", "false"]).prop_map(String::from),
        2 => prop::sample::select(vec!["b", "inactive"]).prop_map(String::from),
        4 => compare(),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = || truth(depth - 1);
    let tests = prop::sample::select(vec!["contains", "starts_with", "ends_with"]);
    prop_oneof![
        2 => leaf,
        4 => binary(inner(), prop::sample::select(vec!["&&", "||"]), inner()),
        1 => binary(inner(), prop::sample::select(vec!["==", "!="]), inner()),
        1 => inner().prop_map(|a| format!("!({a})")),
        1 => inner().prop_map(|a| format!("!{a}")),
        1 => (tests, text(1), text(1)).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
        1 => binary(text(1), prop::sample::select(vec!["==", "!="]), text(1)),
        1 => (text(1), prop::sample::select(vec!["in", "!in"]), text(1), text(1))
            .prop_map(|(a, op, b, c)| format!("{a} {op} [{b}, {c}]")),
        1 => (number(1), prop::sample::select(vec!["in", "!in"]), number(1), number(1))
            .prop_map(|(a, op, b, c)| format!("{a} {op} [{b}, {c}]")),
    ]
    .boxed()
}

fn row() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let words = prop::sample::select(vec!["down", "Up", "", "Ü\n"]);
    (dyadic(), dyadic(), dyadic(), prop::bool::ANY, prop::bool::ANY, words).prop_map(|(n, m, i, b, inactive, s)| {
        vec![
            ("n", Value::Number(n)),
            ("m", Value::Number(m)),
            ("in_n", Value::Number(i)),
            ("b", Value::Bool(b)),
            ("inactive", Value::Bool(inactive)),
            ("s", Value::text(s)),
        ]
    })
}

thread_local! {
    /// Expressions that were judged, and those that were refused: a test that refuses most tests little.
    static SEEN: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

fn count(refused: bool) {
    SEEN.with(|seen| {
        let (judged, not) = seen.get();
        seen.set(if refused { (judged, not + 1) } else { (judged + 1, not) });
    });
}

#[test]
fn what_both_accept_they_answer_alike() {
    let engine = stock();
    let mut runner = runner(2_000);
    runner
        .run(&(truth(3), row()), |(source, row)| {
            let ours = ours_says(&source, &row);
            count(ours == "refused");
            if ours == "true" || ours == "false" {
                let theirs: Vec<_> = row.iter().map(|(n, v)| (*n, to_stock(v))).collect();
                prop_assert_eq!(stock_says(&engine, &source, &theirs), ours, "{} over {:?}", source, row);
            } else {
                prop_assert_eq!(ours, "refused", "{} has neither nulls nor infinities", source);
            }
            Ok(())
        })
        .unwrap();
    let (judged, refused) = SEEN.get();
    assert!(judged > 2 * refused, "{judged} judged, {refused} refused");
}

#[test]
fn what_is_known_beside_nulls_stays_so_whatever_the_nulls_are() {
    let engine = stock();
    let mut runner = runner(2_000);
    runner
        .run(&(truth(3), row(), row(), 0_u8..64), |(source, row, other, nulls)| {
            let mut with_nulls = row.clone();
            let mut filled = row;
            for (i, (null, (fill, other))) in with_nulls.iter_mut().zip(filled.iter_mut().zip(other)).enumerate() {
                if nulls & (1 << i) != 0 {
                    null.1 = Value::Null;
                    *fill = other;
                }
            }
            let ours = ours_says(&source, &with_nulls);
            if ours == "true" || ours == "false" {
                let theirs: Vec<_> = filled.iter().map(|(n, v)| (*n, to_stock(v))).collect();
                prop_assert_eq!(stock_says(&engine, &source, &theirs), ours, "{} over {:?}", source, with_nulls);
            }
            Ok(())
        })
        .unwrap();
}

fn runner(cases: u32) -> proptest::test_runner::TestRunner {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
}
