//! Why nothing was sent: every refusal to act has a cause with a name.

use super::InhibitCause;
use super::inhibit::Inhibitor;
use crate::model::{Silence, Timestamp};
use hashbrown::HashSet;
use std::fmt;
use std::sync::Arc;

/// Why news did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Inhibited(Inhibitor),
    Silenced(Arc<Silence>),
    /// Its route tells in these calendars alone, and this is in none of them.
    Outside {
        calendars: Vec<Arc<str>>,
        /// The holiday that takes today out of one of them.
        holiday: Option<Arc<str>>,
        until: Option<Timestamp>,
    },
    /// Its route does not tell in this calendar.
    Muted {
        calendar: Arc<str>,
        until: Option<Timestamp>,
    },
    /// More instances of its check fire than its `limit`.
    Limit,
    /// Its parents have not been judged yet since it fired.
    Waiting {
        parents: Vec<Arc<str>>,
        until: Timestamp,
    },
}

impl Cause {
    /// Whether it holds one route, and another may be free.
    #[must_use]
    pub const fn is_of_the_route(&self) -> bool {
        matches!(self, Cause::Outside { .. } | Cause::Muted { .. })
    }

    /// Whether it is one of these silences.
    #[must_use]
    pub fn is_silence_of(&self, ids: &HashSet<Arc<str>>) -> bool {
        matches!(self, Cause::Silenced(silence) if ids.contains(&silence.id))
    }
}

/// As a person reads it after "not sent: ".
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Inhibited(Inhibitor { by, cause: InhibitCause::Parent(parent) }) => {
                write!(f, "held by its parent `{parent}`: {by} is active")
            }
            Cause::Inhibited(Inhibitor { by, cause: InhibitCause::Rule(declared) }) => {
                write!(f, "inhibited by {by} ({declared})")
            }
            Cause::Inhibited(Inhibitor { by, cause: InhibitCause::SourceUnreachable }) => {
                write!(f, "told once for the whole source: {by} is active")
            }
            Cause::Silenced(silence) => {
                let Silence { id, created_by, comment, ends, .. } = &**silence;
                write!(f, "silenced by `{id}` ({created_by}: {comment}) until {ends}")
            }
            Cause::Outside { calendars, holiday, until } => {
                let names: Vec<String> = calendars.iter().map(|name| format!("`{name}`")).collect();
                let holiday = holiday.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                write!(f, "outside of {}{holiday}{}", names.join(" and "), until_text(*until))
            }
            Cause::Muted { calendar, until } => write!(f, "muted during `{calendar}`{}", until_text(*until)),
            Cause::Limit => f.write_str("its check fires for more instances than its `limit`"),
            Cause::Waiting { parents, until } => {
                write!(f, "waits for the next slot of {}, until {until} at most", parents.join(", "))
            }
        }
    }
}

fn until_text(until: Option<Timestamp>) -> String {
    until.map(|until| format!(" until {until}")).unwrap_or_default()
}
