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
    /// More instances of its check fire than its `limit`.
    Limit,
    /// Its parents have not been judged yet since it fired.
    Waiting {
        parents: Vec<Arc<str>>,
        until: Timestamp,
    },
}

impl Cause {
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
            Cause::Limit => f.write_str("its check fires for more instances than its `limit`"),
            Cause::Waiting { parents, until } => {
                write!(f, "waits for the next slot of {}, until {until} at most", parents.join(", "))
            }
        }
    }
}
