//! Others who send us their alerts by Alertmanager's API: each says once a minute what fires, and what ended once, or not
//! at all; now and then it is away itself.

use super::world::Rng;
use bellwether::model::{AlertId, Incoming, LabelSet, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a sender says what fires.
pub const EVERY: Duration = Duration::from_mins(1);

#[derive(Default)]
pub struct Senders {
    /// What fires by its sender's word: by name, key and severity.
    firing: BTreeMap<(&'static str, &'static str, &'static str), bool>,
    away: Option<Timestamp>,
}

impl Senders {
    /// What is sent in this minute.
    pub fn say(&mut self, now: Timestamp, is_calm: bool, rng: &mut Rng) -> Vec<Incoming> {
        if !is_calm && rng.below(60) == 0 {
            self.away = Some(now + rng.millis(900_000));
        }
        let is_away = !is_calm && self.away.is_some_and(|back| now < back);
        let mut said = Vec::new();
        for name in ["r0", "r1"] {
            for (key, severity) in [("a", "critical"), ("b", "warning"), ("c", "info")] {
                let fires = self.firing.entry((name, key, severity)).or_default();
                let before = *fires;
                if !is_calm && rng.chance(5) {
                    *fires = !*fires;
                }
                // Of what ended the half is never said to be over.
                if *fires || before && rng.chance(50) {
                    said.push(incoming(name, key, severity, (!*fires).then_some(now)));
                }
            }
        }
        if is_away { Vec::new() } else { said }
    }

    /// What fires by its sender's word.
    pub fn firing(&self) -> impl Iterator<Item = AlertId> {
        let firing = self.firing.iter().filter(|(_, fires)| **fires);
        firing.map(|((name, key, severity), _)| AlertId::received(&labels(name, key, severity)))
    }
}

fn labels(name: &str, key: &str, severity: &str) -> LabelSet {
    [("alertname", name), ("k", key), ("severity", severity)].into_iter().collect()
}

fn incoming(name: &str, key: &str, severity: &str, ends: Option<Timestamp>) -> Incoming {
    Incoming {
        labels: labels(name, key, severity),
        annotations: LabelSet::default(),
        generator: "".into(),
        starts: None,
        ends,
    }
}
