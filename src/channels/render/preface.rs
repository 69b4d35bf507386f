//! What is said of a message before what it tells: that it is late, gathered, or in another channel's place.

use super::date_time;
use super::text::{clipped, span};
use crate::model::notification::{Absent, Away};
use crate::model::{ItemKind, Notification};

const NAME_MAX: usize = 100;
const WHY_MAX: usize = 200;

/// A line each.
pub fn preface(notification: &Notification) -> Vec<String> {
    let occasion = &notification.occasion;
    let away = occasion.away.iter().map(elsewhere);
    let gathered = occasion.gathered.iter().filter(|_| occasion.away.is_none()).map(|groups| {
        format!("Gathered from {groups} groups: more came at once than this channel's rate lets through.")
    });
    away.chain(gathered).chain(occasion.instead_of.iter().map(in_the_place_of)).collect()
}

fn elsewhere(away: &Away) -> String {
    let names: Vec<String> = away.told.iter().map(|name| format!("`{}`", clipped(name, NAME_MAX))).collect();
    let who = if names.is_empty() { "Its fallback".to_owned() } else { names.join(", ") };
    format!("{who} was told of this when it happened, since {}.", date_time(away.since))
}

fn in_the_place_of(absent: &Absent) -> String {
    let name = clipped(&absent.channel, NAME_MAX);
    if absent.why.is_empty() {
        return format!("Told here in the place of `{name}`, which is down.");
    }
    format!("Told here in the place of `{name}`, which is down: {}", clipped(&absent.why, WHY_MAX))
}

/// What a channel that is back had missed, in numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Digest {
    pub firing: usize,
    pub resolved: usize,
    pub came_and_went: usize,
}

impl Digest {
    /// That of a message which tells a channel what another was told; `None` of any other.
    #[must_use]
    pub fn of(notification: &Notification) -> Option<Digest> {
        notification.occasion.away.as_ref()?;
        let mut digest = Digest::default();
        let is_news = notification.items.iter().any(|item| item.kind.is_news());
        for item in notification.items.iter().filter(|item| item.kind.is_news() == is_news) {
            match item.kind {
                ItemKind::CameAndWent => digest.came_and_went += 1,
                ItemKind::Resolved => digest.resolved += 1,
                _ => digest.firing += 1,
            }
        }
        Some(digest)
    }

    /// `data-slack was away 20m: 3 firing, 2 came and went`
    #[must_use]
    pub fn headline(&self, notification: &Notification, away: &Away) -> String {
        let counts = [(self.firing, "firing"), (self.resolved, "resolved"), (self.came_and_went, "came and went")];
        let counts: Vec<String> =
            counts.iter().filter(|(n, _)| 0 < *n).map(|(n, what)| format!("{n} {what}")).collect();
        let name = clipped(&notification.channel, NAME_MAX);
        format!("{name} was away {}: {}", span(away.since, notification.at), counts.join(", "))
    }
}
