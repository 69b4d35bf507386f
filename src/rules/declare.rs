//! What may be written in a check: the reader, the schema and the manual follow this table.

use crate::config::{Key, Record, Rule, ScalarError, Shape};
use crate::model::{Severity, Timestamp, ValueType};

/// A check, as it stands under `checks:`.
pub static CHECK: Record = Record::new(
    "check",
    "One declared policy: what to ask, when, and what is wrong.",
    &[
        Key::new("check", Shape::Checked(&NAME), "Its name, unique in the configuration.")
            .required()
            .known_as(&["alert_name", "name"]),
        Key::new("description", Shape::Text, "What it finds, for whoever is woken by it."),
        Key::new("source", Shape::Reference("source"), "The source it asks, a name under `sources:`.").required(),
        Key::new("collect", Shape::Any, "What to ask; its keys belong to the source's kind.")
            .required()
            .known_as(&["query_config", "request"]),
        Key::new("fallback", Shape::Record(&FALLBACK), "What is asked where `source` cannot be read."),
        Key::new(
            "columns",
            Shape::MapOf(&COLUMN_TYPE),
            "The columns of the answer and their types: every name is then checked at lint.",
        ),
        Key::new(
            "key",
            Shape::OneOrMany(&Shape::Text),
            "The columns that name one instance, or `prometheus`: one for each label set.",
        )
        .known_as(&["keys", "group_key"]),
        Key::new("every", Shape::Duration, "The distance between two evaluations; `defaults.every`, else 1m.")
            .known_as(&["interval", "evaluation_interval"]),
        Key::new("cron", Shape::Checked(&CRON), "When it is evaluated, in five fields; instead of `every`.")
            .known_as(&["schedule"]),
        Key::new("timezone", Shape::Zone, "The zone that `cron` is read in; UTC."),
        Key::new("timeout", Shape::Duration, "For the whole collection, retries included.").default("30s"),
        Key::new(
            "budget",
            Shape::Size,
            "The most bytes that its queries may ask for in a day, as `lint --online` counts them.",
        ),
        Key::new(
            "params",
            Shape::MapOf(&Shape::Constant),
            "Constants: `factor` in expressions, `@factor` in the query.",
        ),
        Key::new("let", Shape::MapOf(&Shape::Expression), "Names for expressions; a later one may use an earlier one."),
        Key::new("alert", Shape::Record(&ALERT), "The condition of each severity.").required().known_as(&[
            "expr",
            "alerts",
            "when",
            "severity",
            "severities",
        ]),
        Key::new("for", Shape::Duration, "How long a condition must be true before its severity is on.").default("0s"),
        Key::new("keep_firing_for", Shape::Duration, "How long a severity must be clear before it is off.")
            .default("0s"),
        Key::new(
            "on_error",
            Shape::Choice(&["keep", "info", "warning", "critical"]),
            "What a failed collection makes.",
        )
        .default("keep"),
        Key::new(
            "on_empty",
            Shape::Choice(&["keep", "ok", "info", "warning", "critical"]),
            "What an answer without rows makes.",
        )
        .default("ok"),
        Key::new(
            "on_absent",
            Shape::Choice(&["keep", "ok", "info", "warning", "critical"]),
            "What a remembered key without a row makes.",
        )
        .default("ok"),
        Key::new(
            "on_unknown",
            Shape::Choice(&["keep", "info", "warning", "critical"]),
            "What a condition that is unknown makes.",
        )
        .default("keep"),
        Key::new("remember", Shape::Duration, "How long a key without rows is remembered.").default("7d"),
        Key::new("limit", Shape::Integer { min: 1, max: 1_000_000 }, "How many instances are told one by one.")
            .default("100"),
        Key::new("flapping", FLAPS, "So many changes within a window are told once, and once when it is steady.")
            .known_as(&["flap_detection"]),
        Key::new("mode", Shape::Choice(&["live", "shadow", "off"]), "`shadow` is evaluated and recorded, never told.")
            .default("live"),
        Key::new("labels", Shape::MapOf(&Shape::Template), "Constants or templates over the row: what routes look at."),
        Key::new("depends_on", Shape::OneOrMany(&Shape::Reference("check")), "Checks whose alerts hold this one's."),
        Key::new("title", Shape::Template, "The first line of a message.").known_as(&["summary", "annotations"]),
        Key::new("body", Shape::Template, "The text of a message.").known_as(&["message"]),
        Key::new("runbook_url", Shape::Template, "What to do about it.").known_as(&["runbook"]),
        Key::new("dashboard_url", Shape::Template, "Where to look.").known_as(&["dashboard"]),
    ],
);

/// `fallback:`.
pub static FALLBACK: Record = Record::new(
    "fallback",
    "Another source, asked where the check's own cannot be read; its answer has the same columns.",
    &[
        Key::new("source", Shape::Reference("source"), "The source it asks then.").required(),
        Key::new("collect", Shape::Any, "What to ask of it; its keys belong to that source's kind.").required(),
    ],
);

const FLAPS: Shape = Shape::OneOf(&[Shape::Choice(&["off"]), Shape::Record(&FLAPPING)]);

/// `flapping:`.
pub static FLAPPING: Record = Record::new(
    "flapping",
    "So many changes within a window are flapping; half a window without any is steady.",
    &[
        Key::new("changes", Shape::Integer { min: 2, max: 1_000 }, "How many changes.").default("6"),
        Key::new("window", Shape::Duration, "Within how long.").default("1h"),
    ],
);

/// `alert:`, by severity.
pub static ALERT: Record = Record::new(
    "alert",
    "The severities, each an expression or a mapping with `when`.",
    &[
        Key::new("critical", CONDITION, "The condition that makes it critical.").known_as(&["crit", "error", "page"]),
        Key::new("warning", CONDITION, "The condition that makes it a warning.").known_as(&["warn"]),
        Key::new("info", CONDITION, "The condition that makes it worth knowing.").known_as(&["notice", "information"]),
    ],
);

/// One severity where it has more than a condition.
pub static SEVERITY: Record = Record::new(
    "severity",
    "One severity: its condition and its times.",
    &[
        Key::new("when", Shape::Expression, "The condition.").required().known_as(&["expr", "condition", "if"]),
        Key::new("until", Shape::Expression, "Once on, only this, with `when` false, turns it off.")
            .known_as(&["unless"]),
        Key::new("for", Shape::Duration, "How long `when` must be true before it is on; the check's `for`."),
        Key::new("keep_firing_for", Shape::Duration, "How long it must be clear before it is off; the check's."),
    ],
);

const CONDITION: Shape = Shape::OneOf(&[Shape::Expression, Shape::Record(&SEVERITY)]);

const COLUMN_TYPE: Shape =
    Shape::Choice(&[ValueType::Number.name(), ValueType::Text.name(), ValueType::Bool.name(), ValueType::Time.name()]);

/// A name that people and matchers write.
pub static NAME: Rule =
    Rule { noun: "a name", example: "processor-slowdown", pattern: Some(r"^\S(.*\S)?$"), check: name };

/// The longest name, in bytes: it is part of every identity.
const NAME_MAX: usize = 200;

fn name(text: &str, shown: &str) -> Result<(), ScalarError> {
    if text.trim() != text || text.is_empty() {
        return Err(ScalarError::new("a name cannot be empty, or begin or end with a blank"));
    }
    if text.chars().any(char::is_control) {
        return Err(ScalarError::new(format!("`{}` holds a control character", shown.escape_debug())));
    }
    if NAME_MAX < text.len() {
        return Err(ScalarError::new(format!("a name of more than {NAME_MAX} bytes")).help("make it shorter"));
    }
    Ok(())
}

/// A cron pattern of five fields.
pub static CRON: Rule = Rule { noun: "a cron pattern", example: "45 12 * * *", pattern: None, check: cron };

fn cron(text: &str, shown: &str) -> Result<(), ScalarError> {
    let fields = text.split_whitespace().count();
    let error = ScalarError::new(format!("`{shown}` is no cron pattern"));
    if fields != 5 && !text.starts_with('@') {
        return Err(
            error.help(format!("it has {fields} fields; write five: minute, hour, day of the month, month, weekday"))
        );
    }
    let schedule =
        super::Schedule::cron(text, "UTC").map_err(|why| error.help(cron_help(text, shown).unwrap_or(why)))?;
    // The days of the calendar repeat in 400 years: from any instant on it is the same.
    if schedule.at_or_after(Timestamp::default()).is_none() {
        return Err(ScalarError::new(format!("`{shown}` never runs: no month that it names has such a day"))
            .help("write a day that there is, as `28`; the last of a month is `L`: `0 0 L 2 *`"));
    }
    Ok(())
}

/// Which field of a cron pattern is wrong: the first that is so by itself.
fn cron_help(text: &str, shown: &str) -> Option<String> {
    const FIELDS: [(&str, &str); 5] = [
        ("minute", "0 to 59"),
        ("hour", "0 to 23"),
        ("day of the month", "1 to 31, or `L`, the last"),
        ("month", "1 to 12, or `JAN` to `DEC`"),
        ("weekday", "0 to 7, or `SUN` to `SAT`"),
    ];
    let alone = |at: usize, field: &str| {
        let fields: Vec<&str> = (0..FIELDS.len()).map(|i| if i == at { field } else { "*" }).collect();
        super::Schedule::cron(&fields.join(" "), "UTC")
    };
    let mut fields = text.split_whitespace().enumerate().filter(|_| !text.starts_with('@'));
    let (at, field) = fields.find(|(at, field)| alone(*at, field).is_err())?;
    let (name, range) = FIELDS.get(at)?;
    let field = if text == shown { format!(" `{field}`") } else { String::new() };
    Some(format!("the {name}{field} is wrong: it is {range}"))
}

/// Labels that every alert has, and that nobody may declare.
pub const RESERVED_LABELS: [&str; 4] = ["check", "severity", "source", "reason"];

/// The key under `alert:` for a severity.
#[must_use]
pub fn severity_key(severity: Severity) -> &'static str {
    severity.name()
}
