//! The answer of `timeSeries.list`: <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TimeSeries>.

use super::super::convert;
use super::super::error::CollectError;
use super::super::google::{Group, groups};
use super::super::limits::Counter;
use crate::config::Settings;
use crate::model::table::identifier;
use crate::model::{Table, TableBuilder, Timestamp, Value};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Beside the labels.
pub(super) const COLUMNS: [&str; 3] = ["value", "count", "at"];

/// Whose label it is, and its name.
type Label = (&'static str, String);

/// The newest point of each series, whatever pages it came on.
pub(super) struct Collected {
    /// None: every label is a column.
    groups: Option<Vec<Group>>,
    counter: Counter,
    series: Vec<Series>,
    /// Where a series is, by its labels.
    places: HashMap<BTreeMap<Label, String>, usize>,
}

struct Series {
    labels: BTreeMap<Label, String>,
    at: Timestamp,
    value: Value,
    count: Value,
}

impl Collected {
    pub(super) fn new(collect: &Settings, counter: Counter) -> Collected {
        let groups = collect.has("reducer").then(|| groups(collect));
        Collected { groups, counter, series: Vec::new(), places: HashMap::new() }
    }

    /// Takes a page. A series whose points are more than a page holds is on several.
    pub(super) fn page(&mut self, page: &Json) -> Result<(), CollectError> {
        check_whole(page)?;
        for one in page.get("timeSeries").and_then(Json::as_array).into_iter().flatten() {
            let points = one.get("points").and_then(Json::as_array).into_iter().flatten();
            let points = points.map(|point| Ok((time(point)?, point))).collect::<Result<Vec<_>, CollectError>>()?;
            let (at, point) = points.into_iter().max_by_key(|(at, _)| *at).ok_or_else(|| strange("no points"))?;
            let labels = self.labels(one);
            let (value, count) = value(point.get("value").unwrap_or(&Json::Null))?;
            let series = Series { labels: labels.clone(), at, value, count };
            match self.places.get(&labels) {
                Some(&known) if at <= self.series[known].at => {}
                Some(&known) => self.series[known] = series,
                None => {
                    self.counter.row(0)?;
                    self.places.insert(labels, self.series.len());
                    self.series.push(series);
                }
            }
        }
        Ok(())
    }

    /// What tells a series from others: what it is reduced to, else all that it has.
    fn labels(&self, series: &Json) -> BTreeMap<Label, String> {
        let mut labels = BTreeMap::new();
        for (place, pointer) in [("metric", "/metric/labels"), ("resource", "/resource/labels")] {
            for (name, label) in series.pointer(pointer).and_then(Json::as_object).into_iter().flat_map(Map::iter) {
                labels.insert((place, name.clone()), label.as_str().unwrap_or_default().to_owned());
            }
        }
        for group in self.groups.iter().flatten() {
            let members = place(&group.members).map(|place| Group { members: place, ..group.clone() });
            let text = members.map(|group| group.text(series).into_owned()).unwrap_or_default();
            labels.insert(("", group.column.clone()), text);
        }
        // Two types of resource may have the same labels.
        for (whose, pointer) in [("metric.type", "/metric/type"), ("resource.type", "/resource/type")] {
            let text = series.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            labels.insert((whose, String::new()), text.to_owned());
        }
        labels
    }

    pub(super) fn table(self) -> Result<Table, CollectError> {
        let labels = match &self.groups {
            Some(groups) => groups.iter().map(|group| (("", group.column.clone()), group.column.clone())).collect(),
            None => named(&self.series)?,
        };
        let columns = labels.iter().map(|(_, column)| column.as_str()).chain(COLUMNS);
        let mut table = TableBuilder::new(columns).map_err(CollectError::refused)?;
        for Series { labels: of, at, value, count } in self.series {
            let texts = labels.iter().map(|(label, _)| of.get(label).map_or(Value::Null, |text| Value::text(text)));
            let cells: Vec<_> = texts.chain([value, count, Value::Time(at)]).collect();
            table.push(cells).map_err(|e| CollectError::refused(format_args!("{e}: ask for one metric type")))?;
        }
        Ok(table.finish())
    }
}

/// Where a label of `group_by` is in an answer.
pub(super) fn place(members: &[String]) -> Option<Vec<String>> {
    let place = match members.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [of @ ("metric" | "resource"), "label" | "labels", name] => [of, "labels", name].map(str::to_owned).into(),
        ["metadata", "user_labels" | "userLabels", name] => ["metadata", "userLabels", name].map(str::to_owned).into(),
        ["metadata", "system_labels" | "systemLabels", name] => {
            ["metadata", "systemLabels", name].map(str::to_owned).into()
        }
        [of @ ("metric" | "resource"), "type"] => [of, "type"].map(str::to_owned).into(),
        _ => return None,
    };
    Some(place)
}

/// A column for each label of the series: its own name where that is the only one, else with its place before it.
fn named(series: &[Series]) -> Result<Vec<(Label, String)>, CollectError> {
    let labels: BTreeSet<&Label> = series.iter().flat_map(|one| one.labels.keys()).collect();
    let labels: Vec<&Label> = labels.into_iter().filter(|(_, name)| !name.is_empty()).collect();
    let mut named: Vec<(Label, String)> = Vec::new();
    for label in &labels {
        let (place, name) = label;
        let column = identifier(name);
        let is_taken = labels.iter().any(|other| other != label && identifier(&other.1) == column && other.0 != *place);
        let column = if is_taken || COLUMNS.contains(&column.as_str()) { format!("{place}_{column}") } else { column };
        if let Some((other, _)) = named.iter().find(|(_, other)| *other == column) {
            return Err(CollectError::refused(format_args!(
                "the labels `{}.labels.{}` and `{place}.labels.{name}` would both be the column `{column}`: name those that are wanted, with a `reducer` and `group_by: {{ … }}`",
                other.0, other.1
            )));
        }
        named.push(((*label).clone(), column));
    }
    Ok(named)
}

/// Google says where an answer lacks something.
fn check_whole(page: &Json) -> Result<(), CollectError> {
    let first = |key| page.get(key)?.as_array()?.first();
    if let Some(error) = first("executionErrors") {
        let said = error.get("message").and_then(Json::as_str).unwrap_or("without a word");
        return Err(CollectError::refused(format_args!("the answer is partial, for Cloud Monitoring says: {said}")));
    }
    if let Some(region) = first("unreachable") {
        let region = region.as_str().unwrap_or("a region");
        return Err(CollectError::unreachable(format_args!(
            "the answer is partial, for Cloud Monitoring cannot reach `{region}`"
        )));
    }
    Ok(())
}

fn time(point: &Json) -> Result<Timestamp, CollectError> {
    let end = point.pointer("/interval/endTime").and_then(Json::as_str).and_then(convert::time);
    end.ok_or_else(|| strange("a point without a time"))
}

/// A `TypedValue`, and how many values a distribution has.
fn value(typed: &Json) -> Result<(Value, Value), CollectError> {
    let Some((of, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return Err(strange("a point without a value"));
    };
    let read = match (of.as_str(), value) {
        ("boolValue", Json::Bool(b)) => Some(Value::Bool(*b)),
        ("stringValue", Json::String(text)) => Some(Value::text(text)),
        ("int64Value" | "doubleValue", number) => double(number).map(Value::Number),
        ("distributionValue", distribution) => return of_distribution(distribution),
        _ => None,
    };
    Ok((read.ok_or_else(|| strange(&format!("a `{of}` that cannot be read")))?, Value::Null))
}

/// An integer is a text, and so are `NaN`, `Infinity` and `-Infinity`.
fn double(json: &Json) -> Option<f64> {
    match json {
        Json::Number(n) => n.as_f64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn of_distribution(distribution: &Json) -> Result<(Value, Value), CollectError> {
    // What is zero is left out.
    let number = |key| distribution.get(key).map_or(Some(0.0), double);
    let wrong = || strange("a distribution that cannot be read");
    let (count, mean) = (number("count").ok_or_else(wrong)?, number("mean").ok_or_else(wrong)?);
    let mean = if count > 0.0 { Value::Number(mean) } else { Value::Null };
    Ok((mean, Value::Number(count)))
}

fn strange(what: &str) -> CollectError {
    CollectError::refused(format_args!("the answer of Cloud Monitoring has {what}: look at the source's `endpoint`"))
}
