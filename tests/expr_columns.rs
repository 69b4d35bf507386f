//! Columns and names: what is inferred, what an answer must have, which names are refused; and the trace.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bellwether::expr::{BindProblem, Compiled, Scratch, Script, Which, compile};
use bellwether::model::{Table, TableBuilder, Timestamp, Value, ValueType};

/// 2026-01-05T00:00:00Z
const NOW: Timestamp = Timestamp::from_secs(1_767_571_200);

fn table(columns: &[(&str, Value)]) -> Table {
    let mut builder = TableBuilder::new(columns.iter().map(|c| c.0)).unwrap();
    builder.push(columns.iter().map(|c| c.1.clone())).unwrap();
    builder.finish()
}

fn open(lets: Vec<(&'static str, &'static str)>, conditions: Vec<&'static str>) -> Result<Compiled, String> {
    compile(&Script { lets, conditions, ..Script::default() }).map_err(|errors| {
        let line = |e: &bellwether::expr::ExprError| format!("{:?} {}+{} {}", e.which, e.offset, e.len, e.message);
        errors.iter().map(line).collect::<Vec<_>>().join("; ")
    })
}

/// `name: type` of each column, in order of appearance.
fn inferred(lets: Vec<(&'static str, &'static str)>, conditions: Vec<&'static str>) -> String {
    match open(lets, conditions) {
        Ok(compiled) => {
            let column =
                |c: &bellwether::expr::ColumnUse| format!("{}: {}", c.name, c.value_type.map_or("?", ValueType::name));
            compiled.columns().iter().map(column).collect::<Vec<_>>().join(", ")
        }
        Err(errors) => errors,
    }
}

#[test]
fn types_are_inferred_from_use_in_all_expressions_together() {
    for (lets, conditions, want) in [
        (vec![], vec!["duration > 3 * baseline"], "duration: number, baseline: number"),
        (vec![], vec!["state == \"down\" && flag"], "state: text, flag: bool"),
        (vec![], vec!["age(ended) > hours(6)"], "ended: time"),
        (vec![], vec!["a == b", "b > 1"], "a: number, b: number"),
        (vec![], vec!["a == b", "len(b) > 1"], "a: text, b: text"),
        (vec![("late", "end - start")], vec!["late > 5", "end > now"], "end: time, start: time"),
        (vec![("late", "end - start")], vec!["late > now"], "end: time, start: number"),
        (vec![("late", "end - start")], vec!["late > 5"], "end: ?, start: ?"),
        (vec![("next", "t + n")], vec!["next > now", "n > 5"], "t: time, n: number"),
        (vec![], vec!["a == b"], "a: ?, b: ?"),
        (vec![], vec!["a < b"], "a: ?, b: ?"),
        (vec![], vec!["is_null(x)"], "x: ?"),
        (vec![], vec!["(x ?? \"none\") == y"], "x: text, y: text"),
        (vec![], vec!["x in [1, y]"], "x: number, y: number"),
        (vec![], vec!["x in 1..y"], "x: number, y: number"),
        (vec![], vec!["matches(s, `x`) || len(s) > 1"], "s: text"),
        (vec![], vec!["a > 1", "a == \"x\""], "Condition(1) 2+2 `==` compares number with text"),
        (vec![("l", "a + 1")], vec!["a"], "Condition(0) 0+1 a condition is true or false, this is number or time"),
        (
            vec![("l", "a + b")],
            vec!["contains(a, \"x\")"],
            "Condition(0) 9+1 `contains` takes text here, this is number or time",
        ),
        (vec![("l", "a - b")], vec!["a > now", "b > now", "l > now"], "Condition(2) 2+1 `>` compares number with time"),
        (vec![], vec!["(a - b) == c", "c > now", "b > now"], "Condition(2) 2+1 `>` compares number with time"),
        (vec![], vec!["yes == TRUE"], "Condition(0) 7+4 unknown variable `TRUE`"),
    ] {
        assert_eq!(inferred(lets.clone(), conditions.clone()), want, "{lets:?} {conditions:?}");
    }
}

#[test]
fn uses_are_counted_and_the_first_is_kept() {
    let compiled = open(vec![("l", "a * 2")], vec!["b > 1 && a > l", "a < 3"]).unwrap();
    let uses: Vec<_> = compiled.columns().iter().map(|c| (&*c.name, c.uses, c.first)).collect();
    assert_eq!(uses, [("a", 3, Some((Which::Let(0), 0))), ("b", 1, Some((Which::Condition(0), 0)))]);
    let columns = Some(vec![("a", ValueType::Number), ("idle", ValueType::Text)]);
    let compiled = compile(&Script { columns, conditions: vec!["1 < a"], ..Script::default() }).unwrap();
    let uses: Vec<_> = compiled.columns().iter().map(|c| (&*c.name, c.uses, c.first, c.declared)).collect();
    assert_eq!(uses, [("a", 1, Some((Which::Condition(0), 4)), true), ("idle", 0, None, true)]);
}

#[test]
fn an_answer_that_lacks_or_mistypes_a_column_does_not_bind() {
    let compiled = open(vec![("ratio", "duration / baseline")], vec!["ratio > 2 && start < end"]).unwrap();
    let time = Value::Time(NOW);
    for (columns, want) in [
        (
            vec![
                ("duration", Value::text("1")),
                ("baselin", Value::Null),
                ("start", Value::Bool(true)),
                ("ratio", Value::Null),
            ],
            "column `duration` is text, the expressions take it for number: have the source give it as that, or write them for text; \
          the answer has no column `baseline`: did you mean `baselin`?; \
          column `start` is bool, the expressions take it for number or time: have the source give it as that, or write them for bool; \
          the answer has no column `end`; \
          column `ratio` has the name of a `let`: rename it in the query, `AS …`",
        ),
        (
            vec![
                ("duration", Value::Null),
                ("baseline", Value::Null),
                ("start", time.clone()),
                ("end", time),
                ("more", Value::Null),
            ],
            "",
        ),
    ] {
        let table = table(&columns);
        let problems = compiled.bind(&table).err().unwrap_or_default();
        assert_eq!(problems.iter().map(BindProblem::to_string).collect::<Vec<_>>().join("; "), want);
    }
}

#[test]
fn types_that_only_the_answer_knows_are_unknown_where_they_disagree() {
    let (one, word, yes, time) = (Value::Number(1.0), Value::text("x"), Value::Bool(true), Value::Time(NOW));
    for (source, a, b, want) in [
        ("a == b", one.clone(), one.clone(), "true"),
        ("a == b", word.clone(), word.clone(), "true"),
        ("a != b", yes.clone(), yes.clone(), "false"),
        ("a <= b", time.clone(), time.clone(), "true"),
        ("a == b", one.clone(), word.clone(), "unknown: `a == b` mixes types"),
        ("a in [b]", one.clone(), word.clone(), "unknown: `a in [b]` mixes types"),
        ("a < b", time.clone(), one.clone(), "unknown: `a < b` mixes types"),
        ("(a - b) > -1", time.clone(), time.clone(), "true"),
        ("(a - b) > -1", one.clone(), one.clone(), "true"),
        ("(a - b) > 1", one.clone(), time.clone(), "unknown: `a - b` mixes types"),
        ("(a - b) > 1", time.clone(), one.clone(), "unknown: `a - b` mixes types"),
        ("(a ?? b) == b", Value::Null, word.clone(), "true"),
    ] {
        let compiled = open(vec![], vec![source]).unwrap();
        let table = table(&[("a", a.clone()), ("b", b.clone())]);
        let truth = compiled.bind(&table).unwrap().truth(0, 0, NOW, &mut Scratch::default());
        assert_eq!(truth.to_string(), want, "{source} with {a:?} and {b:?}");
    }
}

#[test]
fn names_are_refused_where_an_expression_could_not_use_them() {
    let script = Script {
        params: vec![("now", Value::Number(1.0)), ("limit", Value::Number(1.0)), ("limit", Value::Number(2.0))],
        columns: Some(vec![("limit", ValueType::Number), ("type_of", ValueType::Text), ("a", ValueType::Number)]),
        lets: vec![("a", "1"), ("in", "2"), ("early", "late + 1"), ("late", "3"), ("own", "own + 1")],
        conditions: vec!["early > 1", "late > latte"],
        ..Script::default()
    };
    let errors: Vec<String> = compile(&script)
        .unwrap_err()
        .iter()
        .map(|e| format!("{:?} {}+{} {} | {}", e.which, e.offset, e.len, e.message, e.help.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        errors,
        [
            "Param(0) 0+3 `now` is the time of the slot | choose another name",
            "Param(2) 0+5 `limit` is a param already | choose another name",
            "Column(0) 0+5 `limit` is a param already | rename it in the query: `AS …`",
            "Column(1) 0+7 `type_of` is a word that expressions reserve | rename it in the query: `AS …`",
            "LetName(0) 0+1 `a` is a column already | choose another name",
            "LetName(1) 0+2 `in` is a word that expressions reserve | choose another name",
            "Let(2) 0+4 `late` is a `let` that is not evaluated yet | `let`s are evaluated in the order written: move it up",
            "Let(4) 0+3 `own` is a `let` that is not evaluated yet | `let`s are evaluated in the order written: move it up",
            "Condition(1) 7+5 unknown variable `latte` | did you mean `late`?",
        ]
    );
}

#[test]
fn the_trace_shows_every_piece_with_its_value() {
    let script = Script {
        params: vec![("factor", Value::Number(3.0))],
        lets: vec![("ratio", "duration / (baseline ?? 60)")],
        conditions: vec!["ratio > factor && (state in [\"late\", \"down\"] || ratio > 100 || gap > 1)"],
        ..Script::default()
    };
    let compiled = compile(&script).unwrap();
    let table = table(&[
        ("duration", Value::Number(608.0)),
        ("baseline", Value::Number(74.0)),
        ("state", Value::text("down")),
        ("gap", Value::Null),
    ]);
    assert!(compiled.bind(&table).is_ok());
    let bound = compiled.bind(&table).unwrap();
    let want = r#"
ratio > factor && (state in ["late", "down"] || ratio > 100 || gap > 1) = true
├─ ratio > factor = true
│  ├─ ratio = 8.216216216216216
│  │  └─ duration / (baseline ?? 60) = 8.216216216216216
│  │     ├─ duration = 608
│  │     └─ baseline ?? 60 = 74
│  │        └─ baseline = 74
│  └─ factor = 3
└─ state in ["late", "down"] || ratio > 100 || gap > 1 = true
   ├─ state in ["late", "down"] = true
   │  └─ state = "down"
   ├─ ratio > 100 = false  (not needed)
   │  └─ ratio = 8.216216216216216
   └─ gap > 1 = unknown: `gap` is null  (not needed)
      └─ gap = null"#;
    assert_eq!(format!("\n{}", bound.explain(0, 0, NOW)), want);
    assert_eq!(compiled.with_constants(0), script.conditions[0].replace("factor", "3"));
}

#[test]
fn every_expression_of_the_language_page_compiles() {
    for (lets, conditions) in [
        (vec![("ratio", "duration / baseline")], vec!["ratio > factor", "ratio > 2", "ratio < 1.5"]),
        (vec![], vec!["!healthy && x > 2"]),
        (vec![], vec!["duration > 3 * (baseline ?? 60)"]),
        (vec![], vec!["is_null(a)"]),
        (vec![], vec!["age(game_end) > hours(6)"]),
        (vec![], vec!["hour_of(t, \"America/New_York\") > 1", "weekday_of(t, \"UTC\") == 1"]),
        (vec![], vec!["x in [\"a\", \"b\"]", "n in 1..5", "n in 1..=5", "n !in 1..5", "x.len() == len(x)"]),
        (vec![], vec!["matches(text, \"re\")", "contains(text, `part`)"]),
    ] {
        let params = vec![("factor", Value::Number(3.0))];
        let compiled = compile(&Script { params, lets, conditions: conditions.clone(), ..Script::default() });
        assert!(compiled.is_ok(), "{conditions:?}: {compiled:?}");
    }
}

#[test]
fn every_example_of_a_function_compiles_and_is_a_condition() {
    for function in bellwether::expr::functions() {
        assert_eq!(inferred(vec![], vec![function.example]).matches("Condition").count(), 0, "{}", function.example);
    }
}
