//! A silence: alerts that are not told for a while, by the word of a person.

use super::labels::LabelSet;
use super::matcher::Matcher;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A silence, from a file or made while the daemon ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Of a file's silence its `name`; of one that was made, a UUID.
    pub id: Arc<str>,
    /// All of them have to match. At least one does not match the empty label set.
    pub matchers: Vec<Matcher>,
    /// It holds from this instant on.
    pub starts: Timestamp,
    /// It holds up to this instant, which is not part of it.
    pub ends: Timestamp,
    pub created_by: Arc<str>,
    pub comment: Arc<str>,
    /// When it was made, edited or expired; a file's: when it starts.
    pub updated: Timestamp,
    /// Where it stands, `silences.yaml:3`, where it comes from a file.
    #[serde(default)]
    pub declared: Option<Arc<str>>,
}

/// Where a silence is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    Pending,
    Active,
    Expired,
}

impl SilenceState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SilenceState> {
        [SilenceState::Pending, SilenceState::Active, SilenceState::Expired].into_iter().find(|s| s.name() == name)
    }
}

impl Silence {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if self.ends <= now {
            SilenceState::Expired
        } else if self.starts <= now {
            SilenceState::Active
        } else {
            SilenceState::Pending
        }
    }

    /// Whether an alert with these labels is meant.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet) -> bool {
        Matcher::all(&self.matchers, labels)
    }
}

/// What is wrong with a silence's matchers, and what to write; `None` where they mean something.
#[must_use]
pub fn problem_of_matchers(matchers: &[Matcher]) -> Option<&'static str> {
    if matchers.is_empty() {
        return Some("a silence has at least one matcher: `check=\"processor-slowdown\"`");
    }
    Matcher::all(matchers, &LabelSet::default())
        .then_some("these matchers match every alert that lacks the labels: add one that does not match the empty text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_start_is_part_of_it_and_its_end_is_not() {
        let silence = Silence {
            id: Arc::from("s"),
            matchers: Vec::new(),
            starts: Timestamp::from_secs(10),
            ends: Timestamp::from_secs(20),
            created_by: Arc::from("ana"),
            comment: Arc::from("x"),
            updated: Timestamp::from_secs(10),
            declared: None,
        };
        for (at, want) in [
            (9, SilenceState::Pending),
            (10, SilenceState::Active),
            (19, SilenceState::Active),
            (20, SilenceState::Expired),
        ] {
            assert_eq!(silence.state(Timestamp::from_secs(at)), want, "{at}");
        }
    }

    #[test]
    fn matchers_that_match_nothing_in_particular_are_refused() {
        let parse = |texts: &[&str]| texts.iter().map(|t| Matcher::parse(t).unwrap()).collect::<Vec<_>>();
        for (texts, fine) in [
            (&[] as &[&str], false),
            (&[r#"team!="x""#], false),
            (&[r#"team=~".*""#, r#"a="""#], false),
            (&[r#"team=~".+""#], true),
            (&[r#"team!="x""#, r#"check="a""#], true),
        ] {
            assert_eq!(problem_of_matchers(&parse(texts)).is_none(), fine, "{texts:?}");
        }
    }
}
