//! Verdicts for a person and for a program.

use super::judge::{Instance, Remark, State, Verdict};
use crate::channels::render::shown;
use crate::expr::{Computed, Trace};
use crate::model::{Timestamp, Value};
use serde_json::{Map, Value as Json, json};

/// A line for each instance that is not ok, the worst first, and how many there are of each state. With `explain` those
/// that are ok have a line too, and under each line its conditions.
pub(super) fn text(verdicts: &[Verdict], explain: bool) -> String {
    let mut lines: Vec<(State, String)> = Vec::new();
    for verdict in verdicts {
        lines.extend(verdict.remarks.iter().map(|remark| (remark.state, remark_line(remark))));
        lines.extend(verdict.instances.iter().map(|instance| (instance.state, instance_lines(instance))));
    }
    lines.retain(|(state, _)| explain || *state != State::Ok);
    // A stable sort: within a state they stand as the checks are declared.
    lines.sort_by_key(|(state, _)| std::cmp::Reverse(*state));
    let notes =
        verdicts.iter().filter_map(|v| Some(format!("note: {} was {}\n", v.check.name, flat(v.note.as_ref()?))));
    let notes: String = notes.collect();
    let mut out: String = lines.into_iter().map(|(_, line)| line + "\n").collect();
    out.push_str(&notes);
    out.push_str(&summary(verdicts));
    out
}

fn remark_line(remark: &Remark) -> String {
    format!("{:<8} {}: {}", remark.state.name().to_uppercase(), remark.id, flat(&remark.text))
}

/// `CRITICAL slow{processor="X"}: X ran 8.2x its baseline (ratio > 3; ratio=8.2)`
fn instance_lines(instance: &Instance) -> String {
    let view = &instance.view;
    let mut line = format!("{:<8} {}: {}", instance.state.name().to_uppercase(), view.id, flat(&view.title));
    let values = view.values.iter().map(|(name, value)| format!("{name}={}", shown(value)));
    let parts = [reasons(instance), view.condition.clone(), values.collect::<Vec<_>>().join(", ")];
    let told = [!instance.unknown.is_empty(), instance.state != State::Unknown, true];
    let parts = parts.iter().zip(told).filter(|(part, told)| *told && !part.is_empty()).map(|(part, _)| flat(part));
    line.push_str(&format!(" ({})", parts.collect::<Vec<_>>().join("; ")));
    for (severity, trace) in &instance.traces {
        line.push_str(&format!("\n    {severity}: {}", trace.to_string().replace('\n', "\n    ")));
    }
    line
}

/// Why conditions are unknown, the most severe first; once, where it is the same for all.
fn reasons(instance: &Instance) -> String {
    let told = instance.unknown.iter().rev();
    match instance.unknown.first() {
        Some((_, first)) if told.clone().all(|(_, why)| why == first) => format!("unknown: {first}"),
        _ => told.map(|(severity, why)| format!("{severity} unknown: {why}")).collect::<Vec<_>>().join("; "),
    }
}

/// `1 critical, 2 ok`: of 2 checks.
fn summary(verdicts: &[Verdict]) -> String {
    let counts = counts(verdicts);
    let told = counts.iter().filter(|(state, n)| 0 < *n || *state == State::Ok);
    let told: Vec<String> = told.map(|(state, n)| format!("{n} {}", state.name())).collect();
    format!("{} of {}\n", told.join(", "), crate::cli::count(verdicts.len(), "check"))
}

/// How many instances, and checks without any, there are of each state, the worst first.
fn counts<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> [(State, usize); 5] {
    let mut counts =
        [State::Critical, State::Warning, State::Unknown, State::Info, State::Ok].map(|state| (state, 0_usize));
    for verdict in verdicts {
        let states = verdict.instances.iter().map(|i| i.state).chain(verdict.remarks.iter().map(|r| r.state));
        for state in states {
            counts.iter_mut().filter(|(known, _)| *known == state).for_each(|(_, n)| *n += 1);
        }
    }
    counts
}

/// `a=1, b=2`
pub(super) fn keys(keys: &[(String, String)]) -> String {
    keys.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ")
}

/// The shape that `docs/commands/eval.md` describes.
pub(super) fn json(verdicts: &[Verdict], now: Timestamp, exit: u8) -> Json {
    let checks: Vec<Json> = verdicts.iter().map(check).collect();
    json!({ "at": now.to_string(), "exit": exit, "counts": count_object(verdicts), "checks": checks })
}

fn count_object<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Json {
    let counts = counts(verdicts).into_iter();
    Json::Object(counts.map(|(state, n)| (state.name().to_owned(), json!(n))).collect())
}

fn check(verdict: &Verdict) -> Json {
    let check = &verdict.check;
    let remarks = verdict.remarks.iter().map(|remark| {
        json!({ "state": remark.state.name(), "reason": remark.id.reason.map(crate::model::alert::Reason::name), "text": remark.text })
    });
    json!({
        "check": &*check.name,
        "declared": &*check.declared,
        "source": &*check.source,
        "answered": &*verdict.answered,
        "fell_back": &verdict.note,
        "mode": check.mode.name(),
        "state": verdict.worst().name(),
        "took_seconds": verdict.took.as_secs_f64(),
        "rows": verdict.rows,
        "counts": count_object([verdict]),
        "remarks": remarks.collect::<Vec<_>>(),
        "instances": verdict.instances.iter().map(instance).collect::<Vec<_>>(),
    })
}

fn instance(instance: &Instance) -> Json {
    let view = &instance.view;
    let key: Map<String, Json> = view.id.key.0.iter().map(|(n, v)| (n.to_string(), json!(&**v))).collect();
    let values: Map<String, Json> = view.values.iter().map(|(n, v)| (n.to_string(), value(v))).collect();
    let labels: Map<String, Json> = view.labels.iter().map(|(n, v)| (n.to_string(), json!(&**v))).collect();
    let unknown = instance.unknown.iter().map(|(s, why)| json!({ "severity": s.name(), "why": why }));
    let mut object = json!({
        "id": view.id.to_string(),
        "key": key,
        "state": instance.state.name(),
        "title": view.title,
        "body": view.body,
        "condition": view.condition,
        "values": values,
        "labels": labels,
        "unknown": unknown.collect::<Vec<_>>(),
    });
    if !instance.traces.is_empty() {
        let traces = instance.traces.iter().map(|(s, t)| json!({ "severity": s.name(), "trace": trace(t) }));
        object["explain"] = traces.collect();
    }
    object
}

/// A trace and what it is made of. What is unknown has no value, but a reason.
fn trace(of: &Trace) -> Json {
    let (shown, unknown) = match &of.value {
        Computed::Value(known) => (value(known), Json::Null),
        Computed::Unknown(why) => (Json::Null, json!(why.to_string())),
    };
    json!({
        "source": of.source,
        "value": shown,
        "unknown": unknown,
        "needed": of.needed,
        "children": of.children.iter().map(trace).collect::<Vec<_>>(),
    })
}

/// A value as the API shows it.
fn value(of: &Value) -> Json {
    serde_json::to_value(crate::runtime::views::Shown(of.clone())).unwrap_or(Json::Null)
}

/// On one line, without control characters.
fn flat(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}
