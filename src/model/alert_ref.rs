//! How a person names an alert: as it is printed everywhere, or less.

use super::alert::AlertId;

/// A name, and some of the values of a key or labels: `slow{processor="X"}`, `slow{reason="error"}`, `slow` alone. The name
/// is that of a check, or the alertname of what others sent; without one, `{alertname="HighLatency", job="api"}` or
/// `job=api`, labels alone say which alert it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRef {
    pub check: String,
    /// Names and values, in any order; `reason` is one where it is no key column.
    pub pairs: Vec<(String, String)>,
    /// It is written without a name, as alerts are that others sent.
    is_nameless: bool,
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
        let (check, rest) = match text.split_once('{') {
            Some((check, rest)) => (check, Some(rest)),
            None if text.contains('=') => ("", Some(text)),
            None => (text, None),
        };
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
            if name.trim_end().ends_with('!') || after.starts_with(['~', '=']) {
                return Err(format!("one alert is named by the values that it has: write `{}=\"value\"`", bare(name)));
            }
            pairs.push((name.trim().to_owned(), value));
            rest = left.trim_start().strip_prefix(',').unwrap_or(left);
        }
        let is_nameless = check.trim().is_empty();
        let name = pairs.iter().find(|(name, _)| is_nameless && name == "alertname").map(|(_, value)| value.as_str());
        let check = name.unwrap_or(if is_nameless { "unnamed" } else { check }).trim().to_owned();
        Ok(AlertRef { check, pairs, is_nameless, text: text.to_owned() })
    }

    /// Whether only labels say which alert it is.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.is_nameless
    }

    /// Whether it may mean this alert.
    #[must_use]
    pub fn fits(&self, id: &AlertId) -> bool {
        (self.is_nameless || *id.check == *self.check) && self.has_its_pairs(id)
    }

    /// Whether the alert's name begins with the one that is written, and the rest fits.
    #[must_use]
    pub fn begins(&self, id: &AlertId) -> bool {
        !self.is_nameless && id.check.starts_with(&self.check) && self.has_its_pairs(id)
    }

    fn has_its_pairs(&self, id: &AlertId) -> bool {
        self.pairs.iter().all(|(name, value)| match id.reason {
            Some(reason) if !id.is_received() => name == "reason" && value == reason.name(),
            _ => id.key.get(name) == Some(value),
        })
    }

    /// Whether it names this alert and, with all of its key, no other.
    #[must_use]
    pub fn is(&self, id: &AlertId) -> bool {
        let parts = if id.reason.is_some() && !id.is_received() { 1 } else { id.key.0.len() };
        self.is_nameless == id.is_received() && self.pairs.len() == parts && self.fits(id)
    }

    /// As [`AlertRef::fits`], of an alert that is known by its text.
    #[must_use]
    pub fn covers(&self, other: &AlertRef) -> bool {
        (self.is_nameless || self.check == other.check) && self.has_pairs_of(other)
    }

    /// As [`AlertRef::begins`], of an alert that is known by its text.
    #[must_use]
    pub fn begins_like(&self, other: &AlertRef) -> bool {
        !self.is_nameless && other.check.starts_with(&self.check) && self.has_pairs_of(other)
    }

    fn has_pairs_of(&self, other: &AlertRef) -> bool {
        self.pairs.iter().all(|pair| other.pairs.contains(pair))
    }

    /// As [`AlertRef::is`], of an alert that is known by its text.
    #[must_use]
    pub fn is_whole(&self, other: &AlertRef) -> bool {
        self.is_nameless == other.is_nameless && self.pairs.len() == other.pairs.len() && self.covers(other)
    }
}

/// A label's name without what follows it in a matcher.
fn bare(name: &str) -> &str {
    name.trim().trim_end_matches(['!', ' '])
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
            ("p=x", "b"),
            ("{q=2}", "a"),
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
        for wrong in ["slow{p!=x}", "p=~x.*", "slow{p==1}"] {
            assert!(AlertRef::parse(wrong).unwrap_err().contains("write `p=\"value\"`"), "{wrong}");
        }
    }

    #[test]
    fn an_alert_that_others_sent_is_named_by_its_alertname_or_its_labels() {
        let received = AlertId::received(&[("alertname", "slow"), ("p", "x")].into_iter().collect());
        let own = AlertId::new("slow", Key::one("p", "x"));
        // Whether it fits the received one and names it, and the same of our own.
        for (text, want) in [
            (&*received.to_string(), "FI .."),
            ("{alertname=slow}", "F. .."),
            ("slow", "F. F."),
            ("slow{p=x}", "F. FI"),
            ("p=x", "F. F."),
            ("{p=x}", "F. F."),
            ("p=y", ".. .."),
        ] {
            let named = AlertRef::parse(text).unwrap();
            let one = |id: &AlertId| {
                format!("{}{}", if named.fits(id) { "F" } else { "." }, if named.is(id) { "I" } else { "." })
            };
            assert_eq!(format!("{} {}", one(&received), one(&own)), want, "{text}");
            // The same where only the texts are known.
            let known = |id: &AlertId| {
                let other = AlertRef::parse(&id.to_string()).unwrap();
                format!(
                    "{}{}",
                    if named.covers(&other) { "F" } else { "." },
                    if named.is_whole(&other) { "I" } else { "." }
                )
            };
            assert_eq!(format!("{} {}", known(&received), known(&own)), want, "{text} by texts");
        }
        for (text, want) in [("sl", true), ("sl{p=x}", true), ("sl{p=y}", false), ("low", false), ("{p=x}", false)] {
            let named = AlertRef::parse(text).unwrap();
            let other = AlertRef::parse(&received.to_string()).unwrap();
            assert_eq!((named.begins(&received), named.begins_like(&other)), (want, want), "{text}");
        }
    }
}
