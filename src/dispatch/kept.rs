//! A subject as the store keeps it.

use super::subject::{News, Subject, Target};
use crate::model::Timestamp;
use crate::model::record::{Belief, SubjectRecord, TargetRecord};
use std::sync::Arc;

impl Subject {
    #[must_use]
    pub fn record(&self) -> SubjectRecord {
        let targets = self.targets.iter().map(|t| TargetRecord {
            channel: Arc::clone(&t.channel),
            group: Arc::clone(&t.group),
            belief: t.belief,
            news: t.news.map(|(_, at)| at),
            owed: t.owed,
            ended: t.ended.clone(),
            missed: t.missed.clone(),
            hold: t.hold.as_ref().map(ToString::to_string),
            covered: t.covered,
            stands_for: t.stands_for.clone(),
            told_at: t.told_at,
        });
        let flapping = self.flapping.as_deref().cloned();
        SubjectRecord { view: Arc::clone(&self.view), phase: self.phase, targets: targets.collect(), flapping }
    }

    /// As it was kept. A hold is asked anew.
    #[must_use]
    pub fn restore(record: SubjectRecord) -> Subject {
        let targets = record.targets.into_iter().map(|t| Target {
            belief: t.belief,
            // Its kind is worked out below; the time is what was kept.
            news: t.news.map(|at| (News::Fired, at)),
            owed: t.owed,
            ended: t.ended,
            missed: t.missed,
            covered: t.covered,
            urgent: t.stands_for.is_some() && t.belief == Belief::Nothing,
            stands_for: t.stands_for,
            told_at: t.told_at,
            ..Target::new(&t.channel, &t.group)
        });
        let flapping = record.flapping.map(Box::new);
        let mut subject = Subject { targets: targets.collect(), flapping, ..Subject::new(&record.view, record.phase) };
        let truth = subject.truth();
        for target in &mut subject.targets {
            target.news = target.difference(truth).map(|news| (news, target.news.map_or(Timestamp::MIN, |(_, at)| at)));
        }
        subject
    }
}
