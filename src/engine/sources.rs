//! How each source answers, and whether it is asked: one that does not answer is left alone for a while, and then one
//! check asks whether it is back.

use super::evaluate::{CollectFailure, Evaluated, Judged};
use super::{Collect, Engine, Held};
use crate::model::breaker::{Admission, Breaker, BreakerRules, Turned};
use crate::model::record::{RowName, SourceRecord};
use crate::model::{FailureCounts, Key, LastFailure, Timestamp};
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Collections in a row that make a source unreachable.
const UNREACHABLE_AFTER: u32 = 2;
/// Checks that the message about their source names.
const ASKERS_NAMED: usize = 10;
/// The distance between the checks that ask a source which is back: all at once, some would wait longer than they may.
const SPREAD: Duration = Duration::from_millis(50);
/// Between two probes of a source that has to prove itself more than once.
const PROBE_AGAIN: Duration = Duration::from_secs(1);

/// How a source has answered lately.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceState {
    breaker: Breaker,
    /// The check whose collection is the probe.
    probe: Option<Arc<str>>,
    /// Until when it asked to be left alone.
    not_before: Option<Timestamp>,
    /// When it failed last.
    failed_at: Option<Timestamp>,
    last_failure: Option<LastFailure>,
    /// Collections that failed, by class, ever.
    classes: FailureCounts,
}

/// What the API shows of one source.
#[derive(Clone, Debug)]
pub struct SourceReport {
    pub source: Arc<str>,
    /// `admitting`, `tripped` or `probing`.
    pub breaker: &'static str,
    /// Collections in a row that could not reach it.
    pub failures: u32,
    pub classes: FailureCounts,
    pub tripped_until: Option<Timestamp>,
    /// The latest failure, where none succeeded since.
    pub last_failure: Option<LastFailure>,
}

impl SourceState {
    pub(super) fn failures(&self) -> u32 {
        self.breaker.failures()
    }
}

impl Engine {
    /// Takes the rules of the sources' breakers; a source without any has the usual ones. No breaker waits longer than
    /// they allow, and some check asks as soon as the wait is over.
    pub fn take_breakers(&mut self, rules: &[(Arc<str>, BreakerRules)], now: Timestamp) {
        self.breakers = rules.iter().cloned().collect();
        let mut tripped: Vec<(Arc<str>, Timestamp)> = Vec::new();
        for (name, state) in &mut self.sources {
            state.breaker.bound(now, &self.breakers.get(name).copied().unwrap_or_default());
            tripped.extend(state.breaker.tripped_until(now).map(|until| (Arc::clone(name), until)));
        }
        tripped.sort_unstable();
        for (source, until) in tripped {
            if let Some(first) = self.first_asker(&source) {
                self.ask_soon(&first, until.max(now));
            }
        }
    }

    /// Which of its sources a check that is due does not ask, and why.
    pub(super) fn held(&mut self, check: &Arc<str>, now: Timestamp) -> Held {
        let state = &self.checks[check];
        let (own, fallback) = (&state.check.source, state.check.fallback.as_ref().map(|f| Arc::clone(&f.source)));
        let own = Arc::clone(own);
        let own_held = self.admit(&own, check, now);
        let fallback_held = match fallback {
            // It is asked in the place of the other, and may be the probe of its source.
            Some(fallback) if own_held.is_some() => self.admit(&fallback, check, now),
            Some(fallback) => self.why_not(&fallback, now),
            None => None,
        };
        Held { own: own_held, fallback: fallback_held }
    }

    /// Lets a check ask a source, perhaps as its probe, or says why not.
    fn admit(&mut self, source: &Arc<str>, check: &Arc<str>, now: Timestamp) -> Option<Arc<str>> {
        self.give_up_probe(source, now);
        let why = self.why_not(source, now);
        let state = self.sources.get_mut(source).filter(|state| state.breaker.admit(now) == Admission::Probe);
        if let Some(state) = state.filter(|_| self.options.eager && why.is_none()) {
            state.breaker.started(now);
            state.probe = Some(Arc::clone(check));
        }
        why
    }

    /// Why a source is not asked now, where its breaker holds it or it asked to be left alone.
    fn why_not(&self, source: &str, now: Timestamp) -> Option<Arc<str>> {
        let state = self.sources.get(source).filter(|_| self.options.eager)?;
        let last = state.last_failure.as_ref().map_or("it did not answer", |failure| &failure.why);
        Some(Arc::from(match state.breaker.admit(now) {
            Admission::No { until: Some(until) } => {
                format!("breaker of source `{source}` is tripped until {until}: {last}")
            }
            Admission::No { until: None } => {
                format!("breaker of source `{source}` is tripped, and one check asks whether it is back: {last}")
            }
            _ => {
                let until = state.not_before.filter(|until| now < *until)?;
                format!("source `{source}` asked to be left alone until {until}: {last}")
            }
        }))
    }

    /// A probe whose check is gone, or was given another configuration, ends without an answer.
    fn give_up_probe(&mut self, source: &str, now: Timestamp) {
        let Some(state) = self.sources.get_mut(source) else { return };
        let is_out = |check: &Arc<str>| self.checks.get(check).is_some_and(|c| c.out.is_some());
        if !state.probe.as_ref().is_some_and(is_out) {
            state.breaker.given_up(now);
        }
    }

    /// What follows where a check may ask nobody: it fails, and the reason is the breaker.
    pub(super) fn fail_held(&mut self, collect: Collect, now: Timestamp) {
        let Collect { check, slot, generation, held } = collect;
        let failure = |why: Arc<str>| CollectFailure {
            unreachable: true,
            message: why.to_string(),
            class: crate::model::FailureClass::Other,
            retry_after: None,
        };
        let (own, fallback) = (held.own.map(failure), held.fallback.map(failure));
        let (fell_back, judged) = match (own, fallback) {
            (Some(own), Some(fallback)) => (Some(own), fallback),
            (Some(own), None) => (None, own),
            (None, _) => return,
        };
        let (took, judged) = (Duration::ZERO, Judged::Failed(judged));
        self.apply(&Evaluated { check, slot, generation, took, fell_back, judged }, now);
    }

    /// Notes how the sources that were asked have answered.
    pub(super) fn note_sources(&mut self, evaluated: &Evaluated, held: &Held, now: Timestamp) {
        let check = &evaluated.check;
        let last = match &evaluated.judged {
            Judged::Failed(failure) => Some(failure),
            Judged::Rows(_) => None,
        };
        let (own, fallback) = match (&evaluated.fell_back, &check.fallback) {
            (Some(why), Some(fallback)) => (Some(why), Some((&fallback.source, last))),
            _ => (last, None),
        };
        if held.own.is_none() {
            self.note_source(&check.source, &check.name, own, now);
        }
        if let Some((source, failure)) = fallback.filter(|_| held.fallback.is_none()) {
            self.note_source(source, &check.name, failure, now);
        }
    }

    /// Two collections in a row that could not reach it make a source unreachable.
    fn note_source(&mut self, source: &Arc<str>, check: &Arc<str>, failure: Option<&CollectFailure>, now: Timestamp) {
        let rules = self.breakers.get(source).copied().unwrap_or_default();
        let state = self.sources.entry(Arc::clone(source)).or_default();
        let is_probe = state.probe.as_ref() == Some(check);
        if let Some(failure) = failure {
            state.classes.add(failure.class);
            self.dirty.insert(RowName::Source(Arc::clone(source)));
        }
        match failure {
            Some(failure) if failure.unreachable => {
                let probing = state.breaker.name() == "probing";
                // Checks that ask it at one instant fail as one; while one asks whether it is back, its word alone counts.
                let counts = if probing { is_probe } else { state.failed_at != Some(now) };
                state.failed_at = Some(now);
                state.not_before = state.not_before.max(failure.retry_after.map(|wait| now + wait));
                let (class, why) = (failure.class, failure.message.clone());
                state.last_failure = Some(LastFailure { at: now, class, why });
                if counts {
                    state.breaker.record(now, false, &rules);
                }
                self.tell_unreachable(source, &failure.message, now);
            }
            _ if state.failures() == 0 && state.breaker.is_admitting() => {}
            _ => {
                let turned = state.breaker.record(now, true, &rules);
                if state.breaker.is_admitting() {
                    (state.failed_at, state.last_failure) = (None, None);
                    self.clear_self("source-unreachable", Key::one("source", source), now);
                }
                self.dirty.insert(RowName::Source(Arc::clone(source)));
                if turned == Some(Turned::Recovered) {
                    self.ask_again(source, now);
                } else if is_probe {
                    self.ask_soon(check, now + PROBE_AGAIN);
                }
            }
        }
        if let Some(state) = self.sources.get_mut(source).filter(|_| is_probe) {
            state.probe = None;
        }
    }

    fn tell_unreachable(&mut self, source: &Arc<str>, said: &str, now: Timestamp) {
        let state = &self.sources[source];
        let tripped = state.breaker.tripped_until(now).filter(|_| self.options.eager);
        if state.failures() < UNREACHABLE_AFTER && tripped.is_none() {
            return;
        }
        let mut message = format!("{said}\nNothing is known of what these check: {}.", self.askers(source));
        if let Some(until) = tripped {
            message.push_str(&format!("\nIts breaker has tripped: at {until} one check asks whether it is back."));
        }
        self.raise_self("source-unreachable", Key::one("source", source), message, now);
    }

    /// A source is back: whoever could not ask it, or had no answer, asks now.
    fn ask_again(&mut self, source: &Arc<str>, now: Timestamp) {
        let is_held = |c: &&super::CheckState| (c.held.own.is_some() || c.has_error()) && c.check.source == *source;
        let mut held: Vec<Arc<str>> = self.checks.values().filter(is_held).map(|c| Arc::clone(&c.check.name)).collect();
        held.sort_unstable();
        for (place, name) in (1..).zip(held) {
            self.ask_soon(&name, now + SPREAD.saturating_mul(place));
        }
    }

    /// Plans a check at this instant, where its next slot is further off.
    fn ask_soon(&mut self, name: &Arc<str>, at: Timestamp) {
        let is_later = |c: &super::CheckState| c.out.is_none() && c.next.is_none_or(|next| at < next);
        if self.options.eager && self.checks.get(name).is_some_and(is_later) {
            self.plan(name, at);
        }
    }

    /// A collection could not reach its source: when it is tried again, where its next slot is further off.
    pub(super) fn retry_soon(&mut self, name: &Arc<str>, now: Timestamp, after: Duration) {
        let source = self.checks.get(name).and_then(|c| self.sources.get(&c.check.source));
        let not_before = source.and_then(|source| source.not_before).unwrap_or(now);
        match source.map(|source| source.breaker.admit(now)) {
            // Whoever asks whether it is back says so to the others.
            Some(Admission::No { until: None }) => {}
            Some(Admission::No { until: Some(until) }) => self.ask_soon(name, until.max(not_before)),
            // Who did not ask has no reason to wait any longer.
            _ if now < not_before && self.checks[name].held.own.is_some() => self.ask_soon(name, not_before),
            _ => self.ask_soon(name, (now + after).max(not_before)),
        }
    }

    /// The checks that ask a source first, as a message names them.
    fn askers(&self, source: &Arc<str>) -> String {
        let asking = self.checks.values().filter(|state| state.check.source == *source);
        let mut names: Vec<&str> = asking.map(|state| &*state.check.name).collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(ASKERS_NAMED);
        names.truncate(ASKERS_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("`{}`{more}", names.join("`, `"))
    }

    /// How each source that was asked answers, in the order of names.
    #[must_use]
    pub fn source_reports(&self, now: Timestamp) -> Vec<SourceReport> {
        let report = |(name, s): (&Arc<str>, &SourceState)| SourceReport {
            source: Arc::clone(name),
            breaker: s.breaker.name(),
            failures: s.failures(),
            classes: s.classes.clone(),
            tripped_until: s.breaker.tripped_until(now),
            last_failure: s.last_failure.clone(),
        };
        let mut reports: Vec<SourceReport> = self.sources.iter().map(report).collect();
        reports.sort_by(|a, b| a.source.cmp(&b.source));
        reports
    }

    /// Has a source asked at once, by one check, whatever its breaker says; what its breaker was. `None` where no such
    /// source is known.
    pub fn reset_breaker(&mut self, source: &Arc<str>, now: Timestamp) -> Option<String> {
        if !self.source_names().any(|name| name == source) {
            return None;
        }
        let state = self.sources.entry(Arc::clone(source)).or_default();
        let (was, is_down) = (state.breaker.reset(now), !state.breaker.is_admitting());
        (state.probe, state.not_before) = (None, None);
        self.dirty.insert(RowName::Source(Arc::clone(source)));
        if let Some(first) = self.first_asker(source).filter(|_| is_down) {
            self.ask_soon(&first, now);
        }
        Some(was)
    }

    /// The sources that are declared, or that a check asks.
    pub fn source_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.breakers.keys().chain(self.sources.keys())
    }

    /// A check that asks this source first and is not out.
    fn first_asker(&self, source: &str) -> Option<Arc<str>> {
        let asking = self.checks.values().filter(|c| *c.check.source == *source && c.out.is_none());
        asking.map(|c| &c.check.name).min().map(Arc::clone)
    }

    pub(super) fn restore_source(&mut self, r: SourceRecord) {
        let SourceRecord { source, breaker, last_failure, classes } = r;
        let state = SourceState { breaker: Breaker::restore(breaker), last_failure, classes, ..SourceState::default() };
        self.sources.insert(source, state);
    }

    pub(super) fn source_record(&self, source: &Arc<str>) -> Option<SourceRecord> {
        let state = self.sources.get(source)?;
        // The instant of a failure in the future is none that a start may meet: a probe that is out is tripped since then.
        let at = state.failed_at.unwrap_or(Timestamp::MIN);
        Some(SourceRecord {
            source: Arc::clone(source),
            breaker: state.breaker.record_of(at),
            last_failure: state.last_failure.clone(),
            classes: state.classes.clone(),
        })
    }

    /// Drops what is known of sources that no check asks any more.
    pub(super) fn keep_sources(&mut self, asked: &hashbrown::HashSet<Arc<str>>) {
        let gone: Vec<Arc<str>> = self.sources.keys().filter(|name| !asked.contains(*name)).cloned().collect();
        for name in gone {
            self.sources.remove(&name);
            self.dirty.insert(RowName::Source(name));
        }
    }
}

/// The rules of the sources' breakers, by source.
pub(super) type Breakers = HashMap<Arc<str>, BreakerRules>;
