//! The language of expressions, sentence by sentence: a source, a row, what it says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bellwether::expr::{Computed, Scratch, Script, compile};
use bellwether::model::{Table, TableBuilder, Timestamp, Value, ValueType};

/// 2026-01-05T14:30:00Z, a Monday; 09:30 in New York.
const NOW: Timestamp = Timestamp::from_secs(1_767_623_400);

fn columns() -> Vec<(&'static str, Value, ValueType)> {
    use ValueType::{Bool, Number, Text, Time};
    vec![
        ("a", Value::Number(3.0), Number),
        ("b", Value::Number(2.0), Number),
        ("neg", Value::Number(-7.0), Number),
        ("zero", Value::Number(0.0), Number),
        ("big", Value::Number(1e308), Number),
        ("nan", Value::Number(f64::NAN), Number),
        ("inf", Value::Number(f64::INFINITY), Number),
        ("nil_n", Value::Null, Number),
        ("nil_b", Value::Null, Bool),
        ("nil_s", Value::Null, Text),
        ("nil_t", Value::Null, Time),
        ("yes", Value::Bool(true), Bool),
        ("no", Value::Bool(false), Bool),
        ("inactive", Value::Bool(false), Bool),
        ("s", Value::text("Down"), Text),
        ("ü", Value::text("grün"), Text),
        ("long", Value::text(&"x".repeat(70_000)), Text),
        ("t", Value::Time(Timestamp::from_secs(1_767_623_400 - 7 * 3600)), Time),
        ("u", Value::Time(Timestamp::from_secs(1_767_623_400 - 8 * 3600)), Time),
    ]
    .into_iter()
    .map(|(n, v, t)| (if n == "ü" { "green" } else { n }, v, t))
    .collect()
}

fn table() -> Table {
    let columns = columns();
    let mut builder = TableBuilder::new(columns.iter().map(|c| c.0)).unwrap();
    builder.push(columns.into_iter().map(|c| c.1)).unwrap();
    builder.finish()
}

/// What a condition says, or the errors: `offset+len message | help`.
fn says(condition: &str) -> String {
    let declared = columns();
    let script = Script {
        columns: Some(declared.iter().map(|c| (c.0, c.2)).collect()),
        params: vec![("factor", Value::Number(3.0)), ("zone", Value::text("America/New_York"))],
        conditions: vec![condition],
        ..Script::default()
    };
    match compile(&script) {
        Ok(compiled) => {
            let table = table();
            let bound = compiled.bind(&table).unwrap();
            let answer = bound.truth(0, 0, NOW, &mut Scratch::default()).to_string();
            let trace = bound.explain(0, 0, NOW);
            assert_eq!(trace.value.to_string(), answer, "the trace of {condition} differs");
            answer
        }
        Err(errors) => {
            let line = |e: &bellwether::expr::ExprError| {
                let help = e.help.as_deref().map(|h| format!(" | {h}")).unwrap_or_default();
                format!("{}+{} {}{help}", e.offset, e.len, e.message)
            };
            errors.iter().map(line).collect::<Vec<_>>().join("; ")
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(source, want)| (source, want, says(source)))
        .filter(|(_, want, got)| got != *want)
        .map(|(source, want, got)| format!("\n{source}\n  want {want}\n  got  {got}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn numbers_are_floats_and_compare_exactly() {
    check(&[
        ("a > 2", "true"),
        ("a / b == 1.5", "true"),
        ("4 / 10 > 0.3", "true"),
        ("0.1 + 0.2 == 0.3", "false"),
        ("0.1 + 0.2 != 0.3", "true"),
        ("1 == 1.0", "true"),
        ("neg % 3 == -1", "true"),
        ("7 % -3 == 1", "true"),
        ("2 ** 3 ** 2 == 512", "true"),
        ("-2 ** 2 == 4", "true"),
        ("2 + 3 * 4 ** 2 / 8 - 1 == 7", "true"),
        ("(2 + 3) * 4 == 20", "true"),
        ("- a == -3 && +a == 3 && -(-3) == 3", "true"),
        ("0x10 == 16 && 1_000 == 1e3 && 0b11 == 3 && 0o17 == 15", "true"),
        ("9007199254740992 > 9007199254740991", "true"),
        ("9007199254740993 > 1", "0+16 `9007199254740993` cannot be kept exactly: numbers are 64-bit floats"),
        ("a > 18446744073709551616", "false"),
        ("a > 18446744073709551617", "4+20 `18446744073709551617` cannot be kept exactly: numbers are 64-bit floats"),
        ("a > 0xFFFFFFFFFFFFFFFF", "4+18 `0xFFFFFFFFFFFFFFFF` cannot be kept exactly: numbers are 64-bit floats"),
        ("a > 1e400", "4+5 `1e400` is too large for a number"),
        ("a >= 3 && a <= 3 && !(a < 3) && !(a > 3) && a == 3 && !(a != 3)", "true"),
    ]);
}

#[test]
fn what_is_not_finite_is_unknown() {
    check(&[
        ("a / zero > 1", "unknown: `a / zero` divides by zero"),
        ("zero / zero > 1", "unknown: `zero / zero` divides by zero"),
        ("a % zero == 0", "unknown: `a % zero` divides by zero"),
        ("big * 10 > 1", "unknown: `big * 10` is infinite"),
        ("big ** 2 > 1", "unknown: `big ** 2` is infinite"),
        ("neg ** 0.5 > 1", "unknown: `neg ** 0.5` is not a number (NaN)"),
        ("sqrt(neg) > 1", "unknown: `sqrt(neg)` is not a number (NaN)"),
        ("ln(zero) < 1", "unknown: `ln(zero)` is infinite"),
        ("exp(1000) > 1", "unknown: `exp(1000)` is infinite"),
        ("nan > 1", "unknown: `nan` is not a number (NaN)"),
        ("nan == nan", "unknown: `nan` is not a number (NaN)"),
        ("inf > 5", "unknown: `inf` is infinite"),
        ("is_null(nan)", "unknown: `nan` is not a number (NaN)"),
        ("(nan ?? 5) > 1", "unknown: `nan` is not a number (NaN)"),
        (
            "(a / zero ?? 1) > 0",
            "10+2 `??` beside another operator needs brackets | write `(zero ?? 1)`, or put what is meant in brackets",
        ),
        ("((a / zero) ?? 1) > 0", "unknown: `a / zero` divides by zero"),
    ]);
}

#[test]
fn a_null_gives_unknown_where_logic_does_not_know_better() {
    check(&[
        ("nil_n > 1", "unknown: `nil_n` is null"),
        ("nil_n == nil_n", "unknown: `nil_n` is null"),
        ("a + nil_n > 1", "unknown: `nil_n` is null"),
        ("-nil_n > 1", "unknown: `nil_n` is null"),
        ("nil_b", "unknown: `nil_b` is null"),
        ("!nil_b", "unknown: `nil_b` is null"),
        ("max(a, nil_n) > 1", "unknown: `nil_n` is null"),
        ("len(nil_s) > 1", "unknown: `nil_s` is null"),
        ("nil_s == \"x\"", "unknown: `nil_s` is null"),
        ("age(nil_t) > 1", "unknown: `nil_t` is null"),
        ("nil_b && no", "false"),
        ("no && nil_b", "false"),
        ("nil_b || yes", "true"),
        ("yes || nil_b", "true"),
        ("nil_b && yes", "unknown: `nil_b` is null"),
        ("no || nil_b", "unknown: `nil_b` is null"),
        ("nil_b && nan > 1", "unknown: `nil_b` is null"),
        ("nil_n > 1 && a < 0", "false"),
        ("a in [1, nil_n]", "unknown: `nil_n` is null"),
        ("a in [nil_n, 3]", "true"),
        ("a !in [nil_n, 3]", "false"),
        ("a in 5..nil_n", "false"),
        ("a in nil_n..2", "false"),
        ("a in 1..nil_n", "unknown: `nil_n` is null"),
        ("nil_n in [1]", "unknown: `nil_n` is null"),
    ]);
}

#[test]
fn coalesce_rescues_a_null_and_wants_brackets() {
    check(&[
        ("a > 2 * (nil_n ?? 1)", "true"),
        ("(nil_n ?? a) == 3", "true"),
        ("(nil_n ?? nil_n ?? 4) == 4", "true"),
        ("(nil_n ?? (nil_n ?? -4)) == -4", "true"),
        ("(nil_n ?? nil_n) > 1", "unknown: `nil_n ?? nil_n` is null"),
        ("nil_b ?? yes", "true"),
        ("nil_b ?? (a > 5)", "false"),
        ("(nil_s ?? \"none\") == \"none\"", "true"),
        ("len(nil_s ?? \"none\") == 4", "true"),
        ("(nil_s ?? s).len() == 4", "true"),
        ("(nil_b ?? yes) && yes", "true"),
        ("is_null(nil_n ?? nil_n)", "true"),
        ("a in [nil_n ?? 3]", "true"),
        (
            "a > 3 * nil_n ?? 60",
            "14+2 `??` beside another operator needs brackets | write `(nil_n ?? 60)`, or put what is meant in brackets",
        ),
        (
            "nil_n ?? 1 + 1 > 2",
            "6+2 `??` beside another operator needs brackets | write `(nil_n ?? 1)`, or put what is meant in brackets",
        ),
        (
            "nil_n ?? 1 > 2",
            "6+2 `??` beside another operator needs brackets | write `(nil_n ?? 1)`, or put what is meant in brackets",
        ),
        (
            "nil_b ?? yes && no",
            "6+2 `??` beside another operator needs brackets | write `(nil_b ?? yes)`, or put what is meant in brackets",
        ),
        (
            "!nil_b ?? yes",
            "7+2 `??` beside another operator needs brackets | write `(nil_b ?? yes)`, or put what is meant in brackets",
        ),
        (
            "a in nil_n ?? 1..5",
            "11+2 `??` beside another operator needs brackets | write `(nil_n ?? 1)`, or put what is meant in brackets",
        ),
        (
            "len(s) > min(a, b) ?? 5",
            "19+2 `??` beside another operator needs brackets | write `(min(a, b) ?? 5)`, or put what is meant in brackets",
        ),
        ("(nil_n ?? \"x\") == 1", "10+3 `??` puts text in the place of number"),
    ]);
}

#[test]
fn nulls_are_asked_for_and_never_compared() {
    let help = "`is_null(a)` asks whether `a` is null, `a ?? b` puts `b` in its place";
    check(&[
        ("is_null(nil_n)", "true"),
        ("is_null(a)", "false"),
        ("!is_null(nil_s) || is_null(s)", "false"),
        ("a == ()", &format!("5+2 nothing compares with `()` | {help}")),
        ("null != a", &format!("0+4 nothing compares with `null` | {help}")),
        ("a == NULL", "5+4 unknown variable `NULL` | `is_null(a)` asks whether `a` is null"),
    ]);
}

#[test]
fn types_are_checked_at_load() {
    check(&[
        ("a > \"0\"", "2+1 `>` compares number with text | write `0` without quotes, or declare the column as text"),
        ("s > \"a\"", "2+1 `>` compares numbers or times, not text"),
        ("yes < no", "4+1 `<` compares numbers or times, not bool"),
        ("yes == \"true\"", "4+2 `==` compares bool with text | write `true` without quotes"),
        ("t > 5", "2+1 `>` compares time with number | times compare with times; `age(t)` is seconds"),
        ("t == \"2026-01-05\"", "2+2 `==` compares time with text | times compare with times; `age(t)` is seconds"),
        ("1 < a < 3", "6+1 comparisons do not chain | write `1 < a && a < 3`"),
        ("a == b == yes", "7+2 comparisons do not chain | write `a == b && b == yes`"),
        ("(a == b) == no", "true"),
        ("a < b == no", "true"),
        ("a && yes", "0+1 `&&` takes bool, this is number | compare it: `a != 0`"),
        ("!(a + 1)", "1+7 `!` takes bool, this is number | compare it: `(a + 1) != 0`"),
        ("a", "0+1 a condition is true or false, this is number | compare it: `a > 0`"),
        ("s", "0+1 a condition is true or false, this is text"),
        ("s + s == s", "2+1 `+` cannot take text and text | texts are put together in the query or in a title"),
        ("t + t == t", "2+1 `+` cannot take time and time | `t - u` is seconds, `t + n` and `t - n` are times"),
        ("5 - t > u", "2+1 `-` cannot take number and time | `t - u` is seconds, `t + n` and `t - n` are times"),
        ("a * s > 1", "4+1 `*` takes number, this is text"),
        ("-s == 1", "1+1 `-` takes number, this is text"),
        ("round(s) > 1", "6+1 `round` takes number here, this is text | `round(x: number) -> number`"),
        ("a in [1, \"2\"]", "9+3 the list holds text, what is looked for is number"),
        (
            "s in 1..5",
            "5+1 the range has number, what is looked for is text; 8+1 the range has number, what is looked for is text",
        ),
        // all of them at once
        (
            "a > \"0\" && fooo > 1 || round(1, 2) > 0",
            "2+1 `>` compares number with text | write `0` without quotes, or declare the column as text; 11+4 unknown variable `fooo`; 23+5 `round` takes 1 arguments, this has 2 | `round(x: number) -> number`",
        ),
    ]);
}

#[test]
fn words_of_other_languages_get_a_hint() {
    check(&[
        ("a > 1 and b > 1", "6+3 `and` is no operator | write `&&`"),
        ("a > 1 OR b > 1", "6+2 `OR` is no operator | write `||`"),
        ("not yes", "0+3 `not` is no operator | write `!`"),
        ("a not in [1]", "2+3 `not` is no operator | write `!in`"),
        ("not(yes)", "0+3 unknown function `not` | write `!`"),
        ("a = 3", "2+1 `=` is no comparison | write `==`"),
        ("a <> 3", "2+2 `<>` is no operator | write `!=`"),
        ("s =~ \"x\"", "2+2 `=~` is no operator | write `matches(a, \"re\")`"),
        ("age(t) > 5m", "9+2 `5m` is no number | write `minutes(5)`"),
        ("age(t) > 1h30m", "9+5 `1h30m` is no number | write `hours(1)`"),
        ("s like \"x%\"", "2+4 `like` is no operator | write `contains(a, \"part\")` or `matches(a, \"re\")`"),
        (
            "a is null",
            "5+4 nothing compares with `null` | `is_null(a)` asks whether `a` is null, `a ?? b` puts `b` in its place",
        ),
        ("s == 'Down'", "5+6 single quotes do not make a text | text is written in double quotes: `\"text\"`"),
        ("s == 'x'", "5+3 single quotes do not make a text | text is written in double quotes: `\"x\"`"),
        ("yes & no", "4+1 `&` is no operator | write `&&`"),
        ("yes | no", "4+1 `|` is no operator | write `||`"),
        ("a ^ 2 == 9", "2+1 `^` is no operator | a power is `a ** b`"),
        (
            "a > 1 ? yes : no",
            "6+1 `?` is no operator | an expression has no branches; `a ?? b` puts `b` in the place of a null",
        ),
        (
            "if a > 1 { yes }",
            "0+2 `if` is no operator | an expression has no branches: join conditions with `&&` and `||`",
        ),
        ("a > @factor", "4+1 a name stands by itself in an expression | write it without `@` or `$`"),
        ("a > 1;", "5+1 unexpected `;` | one expression, without `;`"),
        ("yes == TRUE", "7+4 unknown variable `TRUE` | write `true`"),
    ]);
}

#[test]
fn what_does_not_parse_says_where() {
    check(&[
        ("", "0+0 the expression is empty"),
        ("  // only a comment", "0+0 the expression is empty"),
        ("a >", "3+0 the expression ends too soon"),
        ("(a > 1", "6+0 `)` is missing"),
        ("s in (\"a\", \"b\")", "5+10 a list stands in square brackets | write `[\"a\", \"b\"]`"),
        ("a !in (1, 2) && b", "6+6 a list stands in square brackets | write `[1, 2]`"),
        ("a > 1)", "5+1 unexpected `)`"),
        ("a > > 1", "4+1 unexpected `>`"),
        ("a > 1 b", "6+1 unexpected `b`"),
        ("s == \"x", "5+2 the text that begins here is not closed"),
        ("a > ü", "4+2 unexpected `ü`"),
        ("\"grün\" == s && a > \"x\"", "18+1 `>` compares number with text"),
        ("green == \"grün\" &&\n  a > \"x\"", "24+1 `>` compares number with text"),
        ("a > 1 && // why\n  b > s", "20+1 `>` compares number with text"),
        ("1 && yes", "0+1 expected a boolean expression, not a number"),
    ]);
}

#[test]
fn nodes_that_the_evaluator_does_not_cover_are_refused_with_their_place() {
    let branches = "join comparisons with `&&`, `||` and `!`";
    check(&[
        (
            "[1, 2] == [1, 2]",
            "0+1 a list stands only after `in` | `state in [\"down\", \"late\"]`; 10+1 a list stands only after `in` | `state in [\"down\", \"late\"]`",
        ),
        ("a[0] > 1", "1+1 values have no elements | a column is one name; take it apart in the query"),
        ("a.b > 1", "1+1 values have no fields | a function is called as `x.len()` or `len(x)`; a column is one name"),
        (
            "s?.len() > 1",
            "1+2 values have no fields | a function is called as `x.len()` or `len(x)`; a column is one name",
        ),
        ("#{x: 1} == 1", "0+2 there are no maps in expressions | a column is one name; take it apart in the query"),
        ("1..5 == 1", "1+2 a range stands only after `in` | `n in 1..5`"),
        ("a in (1..) && yes", "7+2 a range has two ends | compare with the end that there is: `n >= 1`"),
        ("a in ..5", "5+2 a range has two ends | compare with the end that there is: `n >= 1`"),
        ("a << 2 > 1", "2+2 `<<` is no operator here"),
        ("eval(\"a\")", "0+4 unknown function `eval`"),
        (
            "s == `x${a}`",
            "5+1 text in an expression is not interpolated | write the text without `${…}`, in double quotes",
        ),
        (
            "s == #\"x\"#",
            "5+5 text is written in double quotes or backquotes | nothing is escaped inside backquotes: `` `a\\d` ``",
        ),
        ("len!(s) > 1", "0+3 `len` takes 1 arguments, this has 1 | `len(text: text) -> number`"),
        (
            "a in s",
            "5+1 `in` takes a list or a range | `x in [\"a\", \"b\"]`, `n in 1..5`; for a part of a text `contains(text, part)`",
        ),
        ("a in []", "5+2 the list is empty: nothing is in it"),
    ]);
    assert!(says("yes && { no }").contains("brace"), "{} {branches}", says("yes && { no }"));
}

#[test]
fn names_that_are_not_there_are_met_with_a_suggestion() {
    check(&[
        ("zeroo > 1", "0+5 unknown variable `zeroo` | did you mean `zero`?"),
        ("Factor > 1", "0+6 unknown variable `Factor` | did you mean `factor`?"),
        ("nwo == t", "0+3 unknown variable `nwo` | did you mean `now`?"),
        ("lenn(s) > 1", "0+4 unknown function `lenn` | did you mean `len`?"),
        ("now() > t", "0+3 unknown function `now` | `now` is written without brackets"),
        ("clamp > 1", "0+5 unknown variable `clamp` | `clamp` is a function: `clamp(…)`"),
        ("quux > 1", "0+4 unknown variable `quux`"),
        ("max(a) > 1", "0+3 `max` takes 2 or more arguments, this has 1 | `max(x: number, y: number, …) -> number`"),
    ]);
}

#[test]
fn times_are_told_in_seconds() {
    check(&[
        ("age(t) == hours(7)", "true"),
        ("age(t) > hours(6) && age(t) < hours(8)", "true"),
        ("now - t == 25200", "true"),
        ("t - u == minutes(60) && u - t == -3600", "true"),
        ("u + hours(1) == t && hours(1) + u == t && t - hours(1) == u", "true"),
        ("seconds(90) == 90 && days(2) == 172800 && weeks(1) == days(7) && minutes(1.5) == 90", "true"),
        ("u < t && t <= now && t != u && t == t", "true"),
        ("t in u..now && now !in u..now && now in u..=now", "true"),
        ("hour_of(now, \"America/New_York\") == 9", "true"),
        ("hour_of(now, zone) == 9", "true"),
        ("hour_of(now, \"UTC\") == 14", "true"),
        ("weekday_of(now, \"UTC\") == 1", "true"),
        ("weekday_of(now - hours(15), \"UTC\") == 7", "true"),
        ("weekday_of(now, `Asia/Tokyo`) == 1", "true"),
        (
            "hour_of(now, \"Mars/Base\") == 1",
            "13+11 unknown time zone `Mars/Base` | zones are IANA names, such as `America/New_York`, or `UTC`",
        ),
        (
            "hour_of(now, s) == 1",
            "13+1 the zone of `hour_of` must be a constant text | such as `hour_of(now, \"America/New_York\") in 9..17`",
        ),
        ("t + big > u", "unknown: `t + big` is outside the range of times"),
        ("t - weeks(1e7) < u", "unknown: `t - weeks(1e7)` is outside the range of times"),
    ]);
}

#[test]
fn functions_of_numbers() {
    check(&[
        ("abs(neg) == 7 && neg.abs() == 7", "true"),
        ("min(a, b) == 2 && max(a, b) == 3 && max(1, 2, 9, 3) == 9 && min(4, 3, 2) == 2", "true"),
        ("floor(2.7) == 2 && floor(-2.2) == -3 && ceil(2.2) == 3 && ceil(-2.7) == -2", "true"),
        ("round(2.5) == 3 && round(-2.5) == -3 && round(2.4) == 2", "true"),
        ("sqrt(9) == 3 && ln(exp(1)) == 1 && exp(0) == 1", "true"),
        ("clamp(neg, 0, 1) == 0 && clamp(a, 0, 1) == 1 && clamp(0.5, 0, 1) == 0.5", "true"),
        ("clamp(a, 5, b) == 0", "unknown: in `clamp(a, 5, b)` the lower limit is above the upper one"),
    ]);
}

#[test]
fn functions_of_text() {
    check(&[
        ("s == \"Down\" && s != \"down\" && s == `Down`", "true"),
        ("contains(s, \"ow\") && !contains(s, \"x\") && s.contains(\"D\")", "true"),
        ("starts_with(s, \"Do\") && ends_with(s, \"wn\") && !starts_with(s, \"wn\")", "true"),
        ("len(s) == 4 && s.len() == 4 && green.len() == 4", "true"),
        ("to_lower(s) == \"down\" && s.to_upper() == \"DOWN\" && s.to_lower().len() == 4", "true"),
        ("green.to_upper().to_lower().contains(\"ü\")", "true"),
        ("matches(s, \"o.n\") && !matches(s, \"^o\") && s.matches(`^\\w{4}$`)", "true"),
        (
            "matches(s, \"(\")",
            "11+3 the regular expression does not parse: unclosed group | back-references and look-around are not there: they are not linear",
        ),
        (
            "matches(s, s)",
            "11+1 the regex of `matches` must be a constant text | such as `matches(name, `^job-\\d+$`)`",
        ),
        (
            "matches(s, \"(?:a{1000}){1000}\")",
            "11+19 the regular expression is too large | make its repetitions smaller",
        ),
        ("\"a\\tb\\n\\\"\\u00fc\" == `a\tb\n\"ü`", "true"),
        ("contains(long, \"y\")", "unknown: `long` is longer than 65536 bytes"),
    ]);
}

#[test]
fn in_is_a_list_or_a_range_and_contains_is_a_function() {
    check(&[
        ("s in [\"Up\", \"Down\"]", "true"),
        ("s !in [\"Up\", \"Down\"]", "false"),
        ("!(s in [\"Up\"])", "true"),
        ("a in [1, b + 1]", "true"),
        ("yes in [no, false]", "false"),
        ("t in [u, t]", "true"),
        ("1 in 1..5 && 5 !in 1..5 && 4.999 in 1..5 && 5 in 1..=5 && 0.5 !in 1..5", "true"),
        ("a in b..b * 2 && 2.5 in 0.5..9.5", "true"),
        ("a in (1..5)", "true"),
        ("5 in 5..1", "false"),
        ("contains(s, \"o\") in [true]", "true"),
        ("a in [1, 2] == no", "true"),
        ("!inactive && inactive in [no]", "true"),
        ("a + 1 in [4]", "true"),
        ("contains([1], s)", "9+1 a list stands only after `in` | `state in [\"down\", \"late\"]`"),
    ]);
}

#[test]
fn logic_binds_as_in_rhai() {
    check(&[
        ("yes || no && no", "true"),
        ("(yes || no) && no", "false"),
        ("!no && !(yes && no)", "true"),
        ("a > 1 && b > 1 && (neg > 0 || zero == 0)", "true"),
        ("!yes == no", "true"),
        ("true && !false", "true"),
        ("a -1 == 2 && a-1 == 2 && (a)-1 == 2 && len(s)-1 == 3 && a - -1 == 4", "true"),
    ]);
}

#[test]
fn lets_are_evaluated_in_order_and_spoil_only_what_uses_them() {
    let declared = columns();
    let script = Script {
        columns: Some(declared.iter().map(|c| (c.0, c.2)).collect()),
        params: vec![("factor", Value::Number(3.0)), ("word", Value::text("a\"b"))],
        lets: vec![
            ("ratio", "a / b"),
            ("twice", "ratio * 2"),
            ("bad", "a / zero"),
            ("none", "nil_s"),
            ("low", "s.to_lower()"),
        ],
        conditions: vec![
            "twice == factor",
            "bad > 1",
            "a > 1 || bad > 1",
            "is_null(none)",
            "low == word",
            "low != word",
        ],
        ..Script::default()
    };
    let compiled = compile(&script).unwrap();
    let table = table();
    let bound = compiled.bind(&table).unwrap();
    let mut scratch = Scratch::default();
    let truths: Vec<String> = (0..6).map(|c| bound.truth(c, 0, NOW, &mut scratch).to_string()).collect();
    assert_eq!(truths, ["true", "unknown: `a / zero` divides by zero", "true", "true", "false", "true"]);
    let lets: Vec<String> = (0..5).map(|l| bound.let_value(l, 0, NOW, &mut scratch).to_string()).collect();
    assert_eq!(lets, ["1.5", "3", "unknown: `a / zero` divides by zero", "null", "\"down\""]);
    assert_eq!(bound.named("twice", 0, NOW, &mut scratch), Some(Computed::Value(Value::Number(3.0))));
    assert_eq!(bound.named("s", 0, NOW, &mut scratch), Some(Computed::Value(Value::text("Down"))));
    assert_eq!(bound.named("factor", 0, NOW, &mut scratch), None);
    let names: Vec<String> = compiled.names_of(0).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["twice", "ratio", "a", "b"]);
    assert_eq!(compiled.with_constants(0), "twice == 3");
    assert_eq!(compiled.with_constants(4), "low == \"a\\\"b\"");
}

#[test]
fn a_let_of_one_row_is_not_taken_for_another() {
    let mut builder = TableBuilder::new(["x"]).unwrap();
    (1..=3).for_each(|n| builder.push([Value::Number(f64::from(n))]).unwrap());
    let table = builder.finish();
    let script = Script { lets: vec![("y", "x * 10")], conditions: vec!["y > 15"], ..Script::default() };
    let compiled = compile(&script).unwrap();
    let bound = compiled.bind(&table).unwrap();
    let mut scratch = Scratch::default();
    let got: Vec<String> = (0..3).map(|row| bound.truth(0, row, NOW, &mut scratch).to_string()).collect();
    assert_eq!(got, ["false", "true", "true"]);
}
