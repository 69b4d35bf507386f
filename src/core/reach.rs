//! What matchers meet as things are: what a silence with them would hide.

use super::Core;
use crate::model::alert::AlertView;
use crate::model::{Matcher, Severity};
use crate::rules::reach::{self, Meets};
use crate::rules::{Mode, SelfAlerts};
use std::sync::Arc;

/// What matchers meet as things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Alerts that fire, are told and match: those of checks, and received ones.
    pub firing: usize,
    /// Checks some alert of which could match.
    pub checks: usize,
    /// Whether there can be a critical alert now, and each one is met: all that the checks can have (see
    /// [`reach::meets_critical`]), and all that fire, received ones too, but for those about Bellwether itself.
    pub every_critical: bool,
}

impl Core {
    /// What these matchers meet.
    #[must_use]
    pub fn reach(&self, matchers: &[Matcher]) -> Reach {
        let told = || self.engine.checks().filter(|check| check.mode == Mode::Live);
        let of_checks = reach::meets_critical(told(), matchers);
        let (mut firing, mut is_any) = (0, of_checks.is_some());
        let mut is_every = of_checks.is_none_or(|least| least == Meets::Always);
        self.each_told(|severity, view| {
            let is_met = Matcher::all(matchers, &view.labels);
            firing += usize::from(is_met);
            // What others send is no alert about Bellwether, whatever it is called.
            let is_own = !view.id.is_received() && SelfAlerts::NAMES.contains(&&*view.id.check);
            if severity == Severity::Critical && !is_own {
                is_any = true;
                is_every &= is_met;
            }
        });
        let checks = told().filter(|check| reach::could_match(check, matchers)).count();
        Reach { firing, checks, every_critical: is_any && is_every }
    }

    /// Every alert that fires and is told, ours or received.
    fn each_told(&self, mut visit: impl FnMut(Severity, &Arc<AlertView>)) {
        for (state, view) in self.engine.alerts() {
            if let Some(severity) = state.firing().filter(|_| !self.engine.is_shadow(&view.id.check)) {
                visit(severity, &view);
            }
        }
        for view in self.received.views() {
            visit(view.severity, view);
        }
    }
}
