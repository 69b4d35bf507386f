//! Which alerts of a check a list of matchers can meet, before there are any.

use super::{Check, KeyColumns, Mode, Policy, SelfAlerts};
use crate::model::{LabelSet, MatchOp, Matcher, Severity};

/// How far matchers and the alerts of a check go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meets {
    /// None of its alerts can match.
    Never,
    /// The rows decide.
    Perhaps,
    /// All of its alerts match, whatever the rows.
    Always,
}

/// How these matchers meet the alerts that a check has at this severity.
#[must_use]
pub fn meets(check: &Check, severity: Severity, matchers: &[Matcher]) -> Meets {
    let (labels, from_row) = check.labels_known(severity);
    let one = |matcher: &Matcher| {
        let is_from_row = from_row.iter().any(|name| **name == *matcher.name());
        let is_open = check.key == KeyColumns::AllText && labels.get(matcher.name()).is_none();
        if is_from_row || is_open {
            return if takes_any(matcher) { Meets::Always } else { Meets::Perhaps };
        }
        if matcher.matches(&labels) { Meets::Always } else { Meets::Never }
    };
    matchers.iter().map(one).min().unwrap_or(Meets::Always)
}

/// Whether some alert of a check could match: one of its rows, or its own.
#[must_use]
pub fn could_match(check: &Check, matchers: &[Matcher]) -> bool {
    let (mut of_rows, mut own) = (Vec::new(), Vec::new());
    for matcher in matchers {
        if matcher.name() == "reason" {
            own.push(matcher.clone());
        } else {
            of_rows.push(matcher.clone());
        }
    }
    let reason = |value: &str| Matcher::all(&own, &[("reason", value)].into_iter().collect::<LabelSet>());
    ["", "error", "empty", "limit"].into_iter().any(reason)
        && severities(check).any(|severity| meets(check, severity, &of_rows) != Meets::Never)
}

/// Whether an alert about Bellwether itself could match: its key may be anything.
#[must_use]
pub fn could_match_self(matchers: &[Matcher]) -> bool {
    let fixed: Vec<Matcher> = matchers.iter().filter(|m| ["check", "severity"].contains(&m.name())).cloned().collect();
    SelfAlerts::NAMES.into_iter().any(|name| {
        let labels = |s: Severity| [("check", name), ("severity", s.name())].into_iter().collect::<LabelSet>();
        Severity::ALL.into_iter().any(|severity| Matcher::all(&fixed, &labels(severity)))
    })
}

/// How these matchers meet the critical alerts that these checks can have, by the check that they meet least: of those
/// that are told and have a critical severity. `None` where there is no such check. Alerts about Bellwether itself do
/// not count.
pub fn meets_critical<'a>(checks: impl Iterator<Item = &'a Check>, matchers: &[Matcher]) -> Option<Meets> {
    let critical = |check: &&Check| check.mode == Mode::Live && check.severities[Severity::Critical.index()].is_some();
    checks.filter(critical).map(|check| meets(check, Severity::Critical, matchers)).min()
}

/// Whether a matcher takes any value that a label may have.
fn takes_any(matcher: &Matcher) -> bool {
    match matcher.op() {
        MatchOp::Matches => [".*", ".+"].contains(&matcher.value()),
        MatchOp::NotEqual => matcher.value().is_empty(),
        MatchOp::Equal | MatchOp::NotMatches => false,
    }
}

/// The severities that alerts of a check may have.
fn severities(check: &Check) -> impl Iterator<Item = Severity> {
    let policies = [check.on_error, check.on_empty, check.on_absent, check.on_unknown];
    Severity::ALL.into_iter().filter(move |severity| {
        check.severities[severity.index()].is_some() || policies.contains(&Policy::Fire(*severity))
    })
}
