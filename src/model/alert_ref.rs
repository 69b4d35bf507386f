//! How a person names an alert: as it is printed everywhere, or less.

use super::alert::AlertId;

/// A check, and some of the values of its key: `slow{processor="X"}`, `slow{reason="error"}`, or `slow` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRef {
    pub check: String,
    /// Names and values, in any order; `reason` is one where it is no key column.
    pub pairs: Vec<(String, String)>,
    /// It is written without a check, as alerts are that others sent: `{alertname="HighLatency", job="api"}`.
    pub is_received: bool,
    /// As it was written.
    pub text: String,
}

impl AlertRef {
    /// Reads it. Quotes around a value and blanks may be there or not.
    ///
    /// # Errors
    /// Says what to write.
    pub fn parse(text: &str) -> Result<AlertRef, String> {
        let text = text.trim();
        let (check, rest) = text.split_once('{').map_or((text, None), |(check, rest)| (check, Some(rest)));
        if check.trim().is_empty() && rest.is_none() {
            return Err("an alert is written as `check` or `check{name=\"value\"}`".to_owned());
        }
        let mut pairs = Vec::new();
        let mut rest = rest.map_or("", |rest| rest.trim_end().strip_suffix('}').unwrap_or(rest));
        while !rest.trim().is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                return Err(format!("`{}` has no value: write `name=\"value\"`", rest.trim()));
            };
            let (value, left) = value(after.trim_start());
            pairs.push((name.trim().to_owned(), value));
            rest = left.trim_start().strip_prefix(',').unwrap_or(left);
        }
        let is_received = check.trim().is_empty();
        let name = pairs.iter().find(|(name, _)| is_received && name == "alertname").map(|(_, value)| value.as_str());
        let check = name.unwrap_or(if is_received { "unnamed" } else { check }).trim().to_owned();
        Ok(AlertRef { check, pairs, is_received, text: text.to_owned() })
    }

    /// Whether it may mean this alert.
    #[must_use]
    pub fn fits(&self, id: &AlertId) -> bool {
        let has = |(name, value): &(String, String)| match id.reason {
            Some(reason) if !id.is_received() => name == "reason" && value == reason.name(),
            _ => id.key.get(name) == Some(value),
        };
        self.is_received == id.is_received() && *id.check == *self.check && self.pairs.iter().all(has)
    }

    /// Whether it names this alert and, with all of its key, no other.
    #[must_use]
    pub fn is(&self, id: &AlertId) -> bool {
        let parts = if id.reason.is_some() && !id.is_received() { 1 } else { id.key.0.len() };
        self.pairs.len() == parts && self.fits(id)
    }
}

/// A value and what follows it. In quotes it ends with them, else before a comma.
fn value(text: &str) -> (String, &str) {
    if text.starts_with('"') {
        let mut ends = text.char_indices().skip(1).scan(false, |escaped, (at, c)| {
            let is_end = c == '"' && !*escaped;
            *escaped = c == '\\' && !*escaped;
            Some((at, is_end))
        });
        if let Some((end, _)) = ends.find(|(_, is_end)| *is_end) {
            let quoted = &text[..=end];
            let plain = || quoted[1..quoted.len() - 1].to_owned();
            return (serde_json::from_str(quoted).unwrap_or_else(|_| plain()), &text[end + 1..]);
        }
    }
    let end = text.find(',').unwrap_or(text.len());
    (text[..end].trim().trim_matches('"').to_owned(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;
    use crate::model::alert::Reason;
    use std::sync::Arc;

    #[test]
    fn an_alert_is_named_as_it_is_printed_or_with_less() {
        let pair = |n: &str, v: &str| (Arc::<str>::from(n), Arc::<str>::from(v));
        let two = AlertId::new("slow", Key(Arc::from([pair("p", "a \"b\", c}"), pair("q", "2")])));
        let one = AlertId::new("slow", Key::one("p", "x"));
        let (plain, own) = (AlertId::new("slow", Key::default()), AlertId::own("slow", Reason::Error));
        // Which of the four it may mean, and in capitals which it names.
        for (text, want) in [
            ("slow", "a b C d"),
            (" slow{} ", "a b C d"),
            (&two.to_string(), "A"),
            ("slow{q=2}", "a"),
            (r#"slow{p="x"}"#, "B"),
            ("slow{p=x}", "B"),
            ("slow{ p = x", "B"),
            ("slow{reason=error}", "D"),
            ("slow{p=y}", ""),
            ("slo", ""),
        ] {
            let named = AlertRef::parse(text).unwrap();
            let each = [(&two, "a"), (&one, "b"), (&plain, "c"), (&own, "d")].into_iter();
            let found = each.filter(|(id, _)| named.fits(id));
            let found: Vec<String> =
                found.map(|(id, n)| if named.is(id) { n.to_uppercase() } else { n.to_owned() }).collect();
            assert_eq!(found.join(" "), want, "{text}");
        }
        assert!(AlertRef::parse("slow{p}").unwrap_err().contains("no value"));
        assert!(AlertRef::parse(" ").unwrap_err().contains("check{name"));
        let received = AlertId::received(&[("alertname", "slow"), ("p", "x")].into_iter().collect());
        for (text, fits, is) in
            [(&*received.to_string(), true, true), ("{alertname=slow}", true, false), ("slow", false, false)]
        {
            let named = AlertRef::parse(text).unwrap();
            assert_eq!((named.fits(&received), named.is(&received)), (fits, is), "{text}");
        }
    }
}
