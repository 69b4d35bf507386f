//! Alertmanager's matchers: `severity="critical"`, `team=~"ml|growth"`.

use super::labels::LabelSet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

/// One matcher over one label. A label that is not there reads as empty, as in Alertmanager.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<regex::Regex>,
}

/// What is wrong with a matcher's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatcherError {
    pub message: String,
    /// Byte offset in the text.
    pub offset: usize,
    /// How many bytes from there are wrong.
    pub len: usize,
}

impl Matcher {
    /// Parses `name op "value"`; the value is quoted, with JSON's escapes.
    ///
    /// # Errors
    /// What is wrong, and where in the text.
    pub fn parse(text: &str) -> Result<Matcher, MatcherError> {
        let fail = |offset: usize, message: String| MatcherError { message, offset, len: 1 };
        let start = text.len() - text.trim_start().len();
        let name_len =
            text[start..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len() - start);
        let name = &text[start..start + name_len];
        if name.is_empty() {
            return Err(fail(start, "a matcher begins with a label's name: `severity=\"critical\"`".into()));
        }
        let after = start + name_len;
        let op_at = after + (text[after..].len() - text[after..].trim_start().len());
        let rest = &text[op_at..];
        if let Some(value) = rest.strip_prefix("==") {
            let message = format!("a matcher has one `=`: `{name}={}`", value.trim());
            return Err(MatcherError { message, offset: op_at, len: 2 });
        }
        let ops =
            [("=~", MatchOp::Matches), ("!~", MatchOp::NotMatches), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
        let Some((op_text, op)) = ops.into_iter().find(|(t, _)| rest.starts_with(t)) else {
            return Err(fail(op_at, "expected one of `=`, `!=`, `=~`, `!~` after the label's name".into()));
        };
        let value_at = op_at + op_text.len();
        let value_text = text[value_at..].trim();
        let value: String = if value_text.starts_with('"') {
            serde_json::from_str(value_text)
                .map_err(|_| fail(value_at, format!("`{value_text}` is not one quoted text")))?
        } else {
            return Err(fail(value_at, format!("put the value in double quotes: `{name}{op_text}\"{value_text}\"`")));
        };
        let regex = value_text.len().saturating_sub(2);
        let offset = value_at + text[value_at..].len() - text[value_at..].trim_start().len() + 1;
        let wrong = |why| MatcherError {
            message: format!("the regular expression is wrong: {why}"),
            offset,
            len: regex.max(1),
        };
        Matcher::new(name, op, &value).map_err(wrong)
    }

    /// A matcher from its parts.
    ///
    /// # Errors
    /// Where the value of `=~` or `!~` is not a regular expression.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Matcher, String> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Matches | MatchOp::NotMatches => {
                let anchored = format!("^(?:{value})$");
                Some(regex::RegexBuilder::new(&anchored).size_limit(1 << 20).build().map_err(|e| regex_problem(&e))?)
            }
        };
        Ok(Matcher { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn op(&self) -> MatchOp {
        self.op
    }

    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    #[must_use]
    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.takes(labels.read(&self.name).unwrap_or(""))
    }

    /// Whether it takes this value, whatever label has it.
    #[must_use]
    pub fn takes(&self, have: &str) -> bool {
        match self.op {
            MatchOp::Equal => have == self.value,
            MatchOp::NotEqual => have != self.value,
            MatchOp::Matches => self.regex.as_ref().is_some_and(|r| r.is_match(have)),
            MatchOp::NotMatches => !self.regex.as_ref().is_some_and(|r| r.is_match(have)),
        }
    }

    /// Whether every matcher matches; none at all matches everything.
    #[must_use]
    pub fn all(matchers: &[Matcher], labels: &LabelSet) -> bool {
        matchers.iter().all(|m| m.matches(labels))
    }
}

/// What is wrong with a regular expression, in one line: the crate draws the expression as we anchored it.
fn regex_problem(error: &regex::Error) -> String {
    let text = error.to_string();
    text.rsplit("error: ").next().unwrap_or(&text).replace('\n', " ")
}

impl Eq for Matcher {}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Matches => "=~",
            MatchOp::NotMatches => "!~",
        };
        write!(f, "{}{op}{}", self.name, serde_json::Value::from(self.value.as_str()))
    }
}

/// Its text.
impl Serialize for Matcher {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// From its text.
impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Matcher::parse(&text).map_err(|e| serde::de::Error::custom(format!("the matcher {text}: {}", e.message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_match_as_alertmanagers_do() {
        let labels: LabelSet = [("team", "ml"), ("severity", "critical"), ("check", "slow")].into_iter().collect();
        for (text, want) in [
            (r#"team="ml""#, true),
            (r#"team = "m""#, false),
            (r#"team=~"m""#, false),
            (r#"team=~"m.|growth""#, true),
            (r#"team!~"growth""#, true),
            (r#"absent="""#, true),
            (r#"absent!="x""#, true),
            (r#"absent=~".+""#, false),
            (r#"alertname="slow""#, true),
            (r#"check="slow""#, true),
        ] {
            assert_eq!(Matcher::parse(text).unwrap().matches(&labels), want, "{text}");
        }
        let both: LabelSet = [("alertname", "a"), ("check", "b")].into_iter().collect();
        assert!(Matcher::parse(r#"alertname="a""#).unwrap().matches(&both), "a label of that name comes first");
    }

    #[test]
    fn a_matcher_that_was_written_down_comes_back() {
        for text in [r#"team="a \"b\" \\ é""#, r#"x=~"a|b.*""#, r#"y!~"""#] {
            let matcher = Matcher::parse(text).unwrap();
            let kept = serde_json::to_string(&matcher).unwrap();
            assert_eq!(serde_json::from_str::<Matcher>(&kept).unwrap(), matcher, "{kept}");
        }
    }

    #[test]
    fn a_wrong_matcher_says_what_to_write() {
        for (text, want) in [
            ("severity=critical", "put the value in double quotes"),
            ("=\"x\"", "begins with a label's name"),
            ("a", "expected one of"),
            ("a=\"b", "is not one quoted text"),
            ("a==\"b\"", "a matcher has one `=`: `a=\"b\"`"),
            ("a=~\"(\"", "the regular expression is wrong: unclosed group"),
        ] {
            let error = Matcher::parse(text).unwrap_err();
            assert!(error.message.contains(want), "{text}: {error:?}");
        }
    }
}
