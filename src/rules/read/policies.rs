//! What a check makes of what it does not know: `on_error`, `on_empty`, `on_absent`, `on_unknown`.

use super::Reading;
use crate::config::Problem;
use crate::model::Severity;
use crate::rules::Policy;

pub(super) struct Policies {
    pub error: Policy,
    pub empty: Policy,
    pub absent: Policy,
    pub unknown: Policy,
}

impl Reading<'_, '_> {
    pub(super) fn policies(&mut self) -> Policies {
        Policies {
            error: self.policy("on_error"),
            empty: self.policy("on_empty"),
            absent: self.latch_policy("on_absent"),
            unknown: self.latch_policy("on_unknown"),
        }
    }

    fn policy(&self, key: &str) -> Policy {
        match self.settings.text(key) {
            Some("ok") => Policy::Ok,
            Some(word) => Severity::from_name(word).map_or(Policy::Keep, Policy::Fire),
            None => Policy::Keep,
        }
    }

    /// A policy whose severity reads as the condition of that latch: the latch has to be there.
    fn latch_policy(&mut self, key: &str) -> Policy {
        let policy = self.policy(key);
        let Policy::Fire(severity) = policy else { return policy };
        let Some(alert) = self.settings.record("alert") else { return policy };
        if !alert.has(severity.name()) {
            let problem =
                Problem::error(format!("`{key}: {severity}` needs a condition for `{severity}` under `alert:`"));
            let have: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).filter(|s| alert.has(s)).collect();
            self.fail(key, problem.help(format!("add one, or write {}", one_of(&have))));
        }
        policy
    }
}

/// `` `warning`, `critical` or `keep` ``
fn one_of(severities: &[&str]) -> String {
    let listed: Vec<String> = severities.iter().map(|s| format!("`{s}`")).collect();
    if listed.is_empty() { "`keep`".to_owned() } else { format!("{} or `keep`", listed.join(", ")) }
}
