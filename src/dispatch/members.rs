//! The alerts of a group. Most groups have one, and there may be as many groups as alerts: a tree for each of them would
//! take half a kilobyte.

use crate::model::AlertId;
use std::collections::BTreeSet;

/// A set of alerts, in the order of their identities.
#[derive(Debug, Default)]
pub enum Members {
    #[default]
    None,
    One(AlertId),
    Many(BTreeSet<AlertId>),
}

impl Members {
    pub fn insert(&mut self, id: AlertId) {
        *self = match std::mem::take(self) {
            Members::None => Members::One(id),
            Members::One(only) if only == id => Members::One(only),
            Members::One(only) => Members::Many(BTreeSet::from([only, id])),
            Members::Many(mut all) => {
                all.insert(id);
                Members::Many(all)
            }
        };
    }

    pub fn remove(&mut self, id: &AlertId) {
        match self {
            Members::One(only) if only == id => *self = Members::None,
            Members::None | Members::One(_) => {}
            Members::Many(all) => {
                all.remove(id);
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &AlertId> {
        let (only, all) = match self {
            Members::None => (None, None),
            Members::One(only) => (Some(only), None),
            Members::Many(all) => (None, Some(all)),
        };
        only.into_iter().chain(all.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn it_is_a_set_in_the_order_of_identities_however_many_there_are() {
        let id = |name: char| AlertId::new(&name.to_string(), Key::default());
        // A letter enters, its capital leaves.
        for (steps, want) in [
            ("", ""),
            ("a", "a"),
            ("aa", "a"),
            ("aB", "a"),
            ("aA", ""),
            ("ba", "ab"),
            ("bacb", "abc"),
            ("bacB", "ac"),
            ("abAB", ""),
            ("abABc", "c"),
        ] {
            let mut members = Members::default();
            for step in steps.chars() {
                if step.is_lowercase() {
                    members.insert(id(step));
                } else {
                    members.remove(&id(step.to_ascii_lowercase()));
                }
            }
            assert_eq!(members.iter().map(|id| &*id.check).collect::<String>(), want, "{steps}");
            assert_eq!(members.is_empty(), want.is_empty(), "{steps}");
        }
    }
}
