//! What others send: the body of `POST /api/v2/alerts`, parsed at the door.

use crate::model::{Incoming, LabelSet, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Go's zero time, which stands for none.
const ZERO: Timestamp = Timestamp::from_secs(-62_135_596_800);
/// Wrong alerts that an error names; of more it says how many.
const NAMED_MAX: usize = 5;

/// `postableAlert`. Fields that are not Alertmanager's are passed over, as it does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Postable {
    #[serde(default)]
    labels: BTreeMap<Arc<str>, Arc<str>>,
    #[serde(default)]
    annotations: Option<BTreeMap<Arc<str>, Arc<str>>>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<Arc<str>>,
}

/// Those that are right, and what is wrong with the others.
pub struct Parsed {
    pub alerts: Vec<Incoming>,
    pub wrong: Option<String>,
}

/// Reads a body.
///
/// # Errors
/// Where it is no list of alerts: what is wrong, and where.
pub fn parse(body: &[u8]) -> Result<Parsed, String> {
    let posted: Vec<Postable> =
        serde_json::from_slice(body).map_err(|e| format!("the body is no JSON list of alerts: {e}"))?;
    let (mut alerts, mut wrong) = (Vec::with_capacity(posted.len()), Vec::new());
    for (place, alert) in posted.into_iter().enumerate() {
        match read(alert) {
            Ok(alert) => alerts.push(alert),
            Err(why) => wrong.push(format!("alert {place}: {why}")),
        }
    }
    let more = wrong.len().saturating_sub(NAMED_MAX);
    wrong.truncate(NAMED_MAX);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    Ok(Parsed { alerts, wrong: (!wrong.is_empty()).then(|| wrong.join("; ")) })
}

fn read(alert: Postable) -> Result<Incoming, String> {
    let labels = pairs("labels", alert.labels)?;
    if labels.is_empty() {
        return Err("it has no label: at least one with a value is needed".into());
    }
    let annotations = pairs("annotations", alert.annotations.unwrap_or_default())?;
    let (starts, ends) = (time("startsAt", alert.starts_at)?, time("endsAt", alert.ends_at)?);
    if let (Some(starts), Some(ends)) = (starts, ends)
        && ends < starts
    {
        return Err(format!("`endsAt` {ends} is before `startsAt` {starts}"));
    }
    let generator = alert.generator_url.unwrap_or_else(|| Arc::from(""));
    // An end alone is that of something which began no later.
    Ok(Incoming { labels, annotations, generator, starts: starts.or(ends), ends })
}

fn pairs(what: &str, of: BTreeMap<Arc<str>, Arc<str>>) -> Result<LabelSet, String> {
    if of.contains_key("") {
        return Err(format!("one of its `{what}` has an empty name"));
    }
    Ok(LabelSet::new(of))
}

/// A time as Go writes it; its zero is none.
pub fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::parse(&text)
        .map_err(|_| format!("`{name}` is `{text}`: write a time of RFC 3339, as 2026-03-05T00:00:00Z"))?;
    Ok(Some(time).filter(|time| *time != ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_read_as_prometheus_vmalert_and_amtool_send_them() {
        let body = br#"[
            {"labels":{"alertname":"Down","job":"x","gone":""},"annotations":{"summary":"x is down"},
             "startsAt":"2026-01-05T00:00:00.123+01:00","endsAt":"2026-01-05T00:04:00Z","generatorURL":"http://p/g"},
            {"labels":{"alertname":"A"},"annotations":null,"startsAt":"0001-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00.000Z"},
            {"labels":{"alertname":"B"},"endsAt":"2026-01-05T00:04:00Z","unknown":[1]},
            {"labels":{"alertname":"C"},"endsAt":"9999-12-31T23:59:59Z"}
        ]"#;
        let parsed = parse(body).unwrap();
        assert_eq!(parsed.wrong, None);
        let [down, bare, ended, endless] = &parsed.alerts[..] else { panic!("{:?}", parsed.alerts) };
        assert_eq!(down.labels, [("alertname", "Down"), ("job", "x")].into_iter().collect());
        assert_eq!(down.starts, Some(Timestamp::parse("2026-01-04T23:00:00.123Z").unwrap()));
        assert_eq!((&*down.generator, down.annotations.get("summary")), ("http://p/g", Some("x is down")));
        assert_eq!((bare.starts, bare.ends), (None, None));
        assert_eq!(ended.starts, ended.ends);
        assert!(endless.ends.is_some_and(|ends| Timestamp::from_secs(253_000_000_000) < ends), "{:?}", endless.ends);
    }

    #[test]
    fn a_wrong_alert_is_named_and_the_others_are_taken() {
        let ok = r#"{"labels":{"alertname":"A"}}"#;
        for (wrong, why) in [
            (r#"{"labels":{}}"#, "alert 1: it has no label"),
            (r#"{"labels":{"a":""}}"#, "alert 1: it has no label"),
            (r#"{"labels":{"":"a"}}"#, "empty name"),
            (r#"{"labels":{"a":"b"},"startsAt":"noon"}"#, "`startsAt` is `noon`: write a time of RFC 3339"),
            (
                r#"{"labels":{"a":"b"},"startsAt":"2026-01-05T00:00:01Z","endsAt":"2026-01-05T00:00:00Z"}"#,
                "`endsAt` 2026-01-05T00:00:00Z is before `startsAt` 2026-01-05T00:00:01Z",
            ),
        ] {
            let parsed = parse(format!("[{ok},{wrong},{ok}]").as_bytes()).unwrap();
            assert_eq!(parsed.alerts.len(), 2);
            assert!(parsed.wrong.as_deref().unwrap_or_default().contains(why), "{:?}", parsed.wrong);
        }
        let many = format!("[{}]", [r#"{"labels":{}}"#; 7].join(","));
        assert!(parse(many.as_bytes()).unwrap().wrong.unwrap().ends_with("; and 2 more"));
    }

    #[test]
    fn what_is_no_list_of_alerts_is_refused_with_its_place() {
        for (body, why) in [("", "EOF"), ("{}", "expected a sequence"), (r#"[{"labels":{"a":1}}]"#, "line 1 column 17")]
        {
            let error = parse(body.as_bytes()).err().unwrap();
            assert!(error.starts_with("the body is no JSON list of alerts: ") && error.contains(why), "{error}");
        }
    }
}
