//! What a channel should know, and how a send ended.

use super::alert::{AlertView, Severity};
use super::failure::FailureClass;
use super::labels::LabelSet;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What an item of a message says of its alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Fired,
    Escalated,
    Eased,
    Resolved,
    /// It fired and ended while the channel could not be told: said late rather than never.
    CameAndWent,
    /// No news: it was told before and still fires.
    StillFiring,
    /// It changes again and again: nothing more is told of it until it is steady.
    Flapping,
    /// It flapped, is steady now, and fires.
    Steady,
}

impl ItemKind {
    #[must_use]
    pub const fn is_news(self) -> bool {
        !matches!(self, ItemKind::StillFiring)
    }

    /// Whether the alert fires, as far as this item says.
    #[must_use]
    pub const fn is_firing(self) -> bool {
        !matches!(self, ItemKind::Resolved | ItemKind::CameAndWent)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ItemKind::Fired => "fired",
            ItemKind::Escalated => "escalated",
            ItemKind::Eased => "eased",
            ItemKind::Resolved => "resolved",
            ItemKind::CameAndWent => "came and went",
            ItemKind::StillFiring => "still firing",
            ItemKind::Flapping => "flapping",
            ItemKind::Steady => "steady",
        }
    }
}

/// One alert in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub kind: ItemKind,
    /// What the channel was told before, where it was.
    pub before: Option<Severity>,
    pub alert: Arc<AlertView>,
}

/// What a channel should know: one message. Its id stays the same over retries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Unique over restarts, safe in a Message-ID: letters, digits, `-`.
    pub id: Arc<str>,
    pub channel: Arc<str>,
    /// The group's identity as text, for humans and for Alertmanager's `groupKey`.
    pub group: Arc<str>,
    pub group_labels: LabelSet,
    /// The id of the message that began this group's life: equal to `id` for the first. A resolve threads under it.
    pub thread: Arc<str>,
    /// When it was decided.
    pub at: Timestamp,
    /// No news in it: a repeat.
    pub repeat: bool,
    /// News first, most severe first; then what still fires.
    pub items: Vec<Item>,
    /// What fires and is not told, because something that this message tells of holds it.
    #[serde(default)]
    pub holds: Holds,
    /// What names the message that this one stands under, where the channel gave something: see [`Receipt`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Receipt>,
    /// With this message the group's life is over: nothing that the channel was told fires any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// Why it comes as it does, where that is not of itself: gathered, late, in another's place.
    #[serde(default)]
    pub occasion: Occasion,
}

fn nothing() -> Arc<str> {
    Arc::from("")
}

/// What names a message at the far side, so that what follows in the group can stand under it. What its texts mean is
/// its channel's own matter; dispatch only keeps it for the life of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Where the message went, as the configuration calls it: `#data`.
    pub to: Arc<str>,
    /// The same, as the far side calls it: the id of a room, the ids of mails.
    pub place: Arc<str>,
    /// Which message it is there: a time stamp, a subject.
    pub message: Arc<str>,
    /// What it said, so far as its channel wants to say that again.
    #[serde(default = "nothing", skip_serializing_if = "str::is_empty")]
    pub said: Arc<str>,
    /// The message tells of several groups: it is not over because one of them is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// What is to be said of a message besides what it tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Occasion {
    /// How many groups it tells of, where more came than the channel's rate lets through.
    pub gathered: Option<usize>,
    /// The channel was away, and another was told in its place: what is told here was told there.
    pub away: Option<Away>,
    /// It tells what these channels could not be told.
    pub instead_of: Vec<Absent>,
}

/// That a channel was away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Away {
    pub since: Timestamp,
    /// Who was told in the meantime.
    pub told: Vec<Arc<str>>,
}

/// A channel that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    pub channel: Arc<str>,
    pub why: String,
}

/// Alerts that others hold, so that one message stands for them: the cause, with its symptoms named under it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holds {
    /// Most severe first; not all of them, where they are many.
    pub named: Vec<Arc<AlertView>>,
    pub count: usize,
}

/// Alerts that a line about a notification names.
const ABOUT_MAX: usize = 5;

impl Notification {
    /// What it is about, in a line: `fired slow{processor="X"}, resolved late, and 3 more`.
    #[must_use]
    pub fn about(&self) -> String {
        let named = self.items.iter().take(ABOUT_MAX).map(|item| format!("{} {}", item.kind.name(), item.alert.id));
        let more = self.items.len().saturating_sub(ABOUT_MAX);
        named.chain((more > 0).then(|| format!("and {more} more"))).collect::<Vec<_>>().join(", ")
    }

    /// Whether anything in it still fires.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.items.iter().any(|i| i.kind.is_firing())
    }

    /// Whether something fires anew or worse, or did: what nobody should have to look for.
    #[must_use]
    pub fn alarms(&self) -> bool {
        let worse = |kind| matches!(kind, ItemKind::Fired | ItemKind::Escalated | ItemKind::CameAndWent);
        self.items.iter().any(|item| worse(item.kind))
    }

    /// The worst severity among what fires; among all where nothing does.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let worst =
            |firing: bool| self.items.iter().filter(|i| !firing || i.kind.is_firing()).map(|i| i.alert.severity).max();
        worst(true).or_else(|| worst(false))
    }
}

/// How one attempt to send ended. One variant per next action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Delivery {
    /// They have it. `but` names what was not taken, such as one recipient of two. The receipt names the message where
    /// it begins a thread; a message that stands under another has none.
    Delivered {
        but: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Receipt>,
    },
    /// It did not arrive: try again, not sooner than `retry_after`. `ill` is false where the far side is well
    /// and only asks us to wait (429).
    NotSent {
        why: String,
        retry_after: Option<Duration>,
        ill: bool,
        #[serde(default)]
        class: FailureClass,
    },
    /// It may have arrived: say again what is true. `retry_after` is the far side's own word (503 with Retry-After).
    Unanswered {
        why: String,
        retry_after: Option<Duration>,
        #[serde(default)]
        class: FailureClass,
    },
    /// They will not take it: tell a human.
    Refused {
        why: String,
        #[serde(default)]
        class: FailureClass,
    },
}

impl Delivery {
    /// They have it, and there is nothing more to say.
    #[must_use]
    pub const fn delivered() -> Delivery {
        Delivery::Delivered { but: None, receipt: None }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Delivery::Delivered { .. } => "delivered",
            Delivery::NotSent { .. } => "not_sent",
            Delivery::Unanswered { .. } => "unanswered",
            Delivery::Refused { .. } => "refused",
        }
    }

    /// How it ended, for people: first whether they have it, then why not.
    #[must_use]
    pub fn words(&self, took: Duration) -> String {
        let took =
            if took.as_secs() == 0 { format!("{}ms", took.as_millis()) } else { format!("{:.1}s", took.as_secs_f64()) };
        match self {
            Delivery::Delivered { but: None, .. } => format!("delivered in {took}"),
            Delivery::Delivered { but: Some(but), .. } => format!("delivered in {took}, but {but}"),
            Delivery::NotSent { why, .. } => format!("did not arrive ({took}): {why}"),
            Delivery::Unanswered { why, .. } => format!("may have arrived ({took}): {why}"),
            Delivery::Refused { why, .. } => format!("refused ({took}): {why}"),
        }
    }

    /// What went wrong, where something did.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Delivery::Delivered { but, .. } => but.as_deref(),
            Delivery::NotSent { why, .. } | Delivery::Unanswered { why, .. } | Delivery::Refused { why, .. } => {
                Some(why)
            }
        }
    }

    /// What kind of failure it was, where it was one.
    #[must_use]
    pub const fn class(&self) -> Option<FailureClass> {
        match self {
            Delivery::Delivered { .. } => None,
            Delivery::NotSent { class, .. } | Delivery::Unanswered { class, .. } | Delivery::Refused { class, .. } => {
                Some(*class)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sends_end_says_first_whether_it_arrived() {
        let (why, class) = ("it answered 500".to_owned(), FailureClass::ServerError);
        let but = Some("b@x was refused".to_owned());
        for (delivery, want) in [
            (Delivery::delivered(), "delivered in 120ms"),
            (Delivery::Delivered { but, receipt: None }, "delivered in 120ms, but b@x was refused"),
            (
                Delivery::NotSent { why: why.clone(), retry_after: None, ill: true, class },
                "did not arrive (120ms): it answered 500",
            ),
            (
                Delivery::Unanswered { why: why.clone(), retry_after: None, class },
                "may have arrived (120ms): it answered 500",
            ),
            (Delivery::Refused { why, class }, "refused (120ms): it answered 500"),
        ] {
            assert_eq!(delivery.words(Duration::from_millis(120)), want);
        }
        assert_eq!(Delivery::delivered().words(Duration::from_millis(2_340)), "delivered in 2.3s");
    }
}
