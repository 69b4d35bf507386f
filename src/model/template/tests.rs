use super::*;
use crate::model::Timestamp;

fn row(name: &str) -> Option<Value> {
    Some(match name {
        "processor" => Value::text("PredictionCoordinator"),
        "duration" => Value::Number(608.0),
        "baseline" => Value::Number(74.0),
        "ratio" => Value::Number(608.0 / 74.0),
        "eight" => Value::Number(8.0),
        "half" => Value::Number(0.25),
        "debt" => Value::Number(-0.04),
        "late" => Value::Bool(true),
        "nothing" => Value::Null,
        "started_at" => Value::Time(Timestamp::from_secs(1_767_571_200)),
        _ => return None,
    })
}

fn render(text: &str) -> Result<String, String> {
    Template::parse(text).map_err(|e| format!("{e:?}"))?.render(&row)
}

#[test]
fn values_stand_as_people_write_them() {
    for (template, want) in [
        ("{{ processor }} ran {{ ratio | round(1) }}x its baseline", "PredictionCoordinator ran 8.2x its baseline"),
        ("{{ duration | duration }} against {{ baseline | duration }}", "10m8s against 1m14s"),
        ("{{ eight | round(1) }} {{ eight }} {{ eight | round }}", "8.0 8 8"),
        ("{{ half }} {{ half | round(1) }} {{ debt | round(1) }} {{ ratio|round(0) }}", "0.25 0.3 0.0 8"),
        ("{{ nothing }} {{ nothing | round(1) }} {{ nothing | duration }}", "null null null"),
        ("{{ late }} {{ started_at }}", "true 2026-01-05T00:00:00Z"),
        ("{{ ratio | round(1) | duration }}", "8.2s"),
        ("plain {{'{{'}} text\n", "plain {{ text"),
        ("plain } text\n", "plain } text"),
        ("{% if ratio > 3 %}slow{% else %}fine{% endif %}", "slow"),
        ("{{ duration / 2 }} {{ duration - baseline }} {{ 3 * half }}", "304 534 0.75"),
        ("{{ (eight | round(1)) + 1 }} {{ eight | round(2) }}", "9 8.00"),
        ("{% if eight | round(1) > 7 %}{{ 8 | round(1) }}{% endif %} {{ 608 | duration }}", "8.0 10m8s"),
        ("{{ processor | upper }} {{ nothing | default('?') }}", "PREDICTIONCOORDINATOR null"),
        ("{{ x if x is defined else 'no x' }} {{ x | default('-') }}", "no x -"),
        ("{% for i in range(3) %}{{ i }}{{ loop.index }} {% endfor %}", "01 12 23 "),
        ("{{ \"<!channel>\" }} & <b>", "<!channel> & <b>"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(want), "{template}");
    }
}

#[test]
fn a_template_that_cannot_be_rendered_says_why_in_one_line() {
    for (template, want) in [
        ("{{ procesor }}", "unknown name `procesor`"),
        ("{{ procesor | upper }}", "unknown name `procesor`"),
        ("{{ processor | round(1) }}", "`round` wants a number, not the text `PredictionCoordinator`"),
        ("{{ processor | round(ratio) }}", "cannot convert number to i64, at `round(ratio)`"),
        ("{{ ratio | round(99) }}", "`round` takes 0 to 15 decimals, not 99"),
        ("{{ late | duration }}", "`duration` wants a number"),
        ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "more than 50000 steps"),
        ("{% for i in range(9999) %}0123456789{% endfor %}", "longer than 16 KiB"),
        ("{{ 'a' * 1000000000 }}", "more than 50000 steps"),
        ("{{ processor + 1 }}", "at `processor + 1`"),
    ] {
        let error = render(template).unwrap_err();
        assert!(error.contains(want) && !error.contains('\n'), "{template}: {error}");
    }
    assert_eq!(render(&"x".repeat(OUTPUT_MAX + 1)), Err(too_long()));
}

#[test]
fn a_mistake_is_found_at_its_byte() {
    for (template, offset, want) in [
        ("ü {{ a | rond(1) }}", 10, "unknown filter `rond`: did you mean `round`?"),
        ("{{ round | e }}", 11, "unknown filter `e`"),
        ("{{ a is defind }}", 8, "unknown test `defind`: did you mean `defined`?"),
        ("x {{ now() }}", 5, "unknown function `now`"),
        ("{{ debug() }}", 3, "unknown function `debug`"),
        ("x {{ a", 5, "unexpected end"),
        ("x {{ a b }}", 7, "unexpected identifier"),
        ("{% include 'x' %}", 3, "include"),
        ("{% macro m() %}{% endmacro %}", 3, "macro"),
        ("{% autoescape true %}{% endautoescape %}", 3, "each channel escapes"),
    ] {
        let errors = Template::parse(template).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{template}: {errors:?}") };
        assert!(error.message.contains(want), "{template}: {error:?}");
        assert_eq!(error.offset, offset, "{template}: {error:?}");
    }
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Template::parse(&deep).is_err());
}

#[test]
fn all_mistakes_of_a_template_are_found_at_once() {
    let text = "{{ a | rond }} {{ b is defind }} {% if now() %}{{ c | uper }}{% endif %}";
    let (template, errors) = Template::read(text);
    let got: Vec<&str> = errors.iter().map(|e| &text[e.offset..e.offset + e.len]).collect();
    assert_eq!(got, ["rond", "defind", "now", "uper"]);
    let names: Vec<String> = template.unwrap().variables().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "c"], "so that these can be checked too");
    assert_eq!(Template::parse(text).unwrap_err(), errors);
}

#[test]
fn names_are_listed_once_with_their_places() {
    let text = "{{ a }} {% for i in items %}{{ i + b }}{{ a }}{% endfor %}{% set c = d %}{{ c ~ e.f }}{{ i }} a";
    let got = Template::parse(text).unwrap().variables();
    let want: Vec<(String, usize)> = ["a }}", "items", "b }}", "d %}", "e.f", "i }} a"]
        .iter()
        .map(|at| (at.split([' ', '.']).next().unwrap().to_owned(), text.find(at).unwrap()))
        .collect();
    assert_eq!(got, want);
    assert!(Template::parse("range").unwrap().variables().is_empty());
}

#[test]
fn pieces_render_as_minijinja_does() {
    for text in [
        "{{ processor }}: {{ ratio | round(1) }}{{ ratio|round(3) }} {{ ratio }}\n",
        "  {{- eight | round(2) -}}  x {{ half | round }} {# note #} {{ debt | round(1) }}",
        "{{ nothing | round(2) }}{{ nothing }}{{ late }}{{ started_at }}",
        "{{ duration | duration }} {{ half | duration }} {{ ratio | round(1) | duration }}",
    ] {
        let template = Template::parse(text).unwrap();
        assert!(matches!(template.body, Body::Pieces(_)), "{text}");
        let program = engine::Program::new(text).render(&template.variables, &row);
        assert_eq!(template.render(&row), program, "{text}");
    }
}

#[test]
fn a_constant_is_known_as_one() {
    assert_eq!(Template::parse("data\n").unwrap().constant().map(|t| &**t), Some("data"));
    assert!(Template::parse("{{ a }}").unwrap().constant().is_none());
}
