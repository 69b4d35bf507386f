//! The routing tree: which channels an alert's labels lead to, and in which groups.

use super::calendar::During;
use crate::model::{LabelSet, Matcher};
use std::sync::Arc;
use std::time::Duration;

/// A node of the tree. Inheritance has been resolved: every node has its own channels and timers.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its place in the tree as text, stable while the matchers above it are: `{}/{severity="critical"}`,
    /// as Alertmanager's `Route.Key`; of two siblings that read alike the later is told apart by its number.
    pub id: Arc<str>,
    pub matchers: Vec<Matcher>,
    /// Go on to the siblings that follow although this one matched.
    pub continues: bool,
    pub channels: Vec<Arc<str>>,
    pub group_by: GroupBy,
    pub timers: Timers,
    /// The calendars in which it tells, and in which it does not.
    pub during: During,
    pub routes: Vec<Route>,
    /// `rules/routes.yaml:12`.
    pub declared: Arc<str>,
}

/// The labels whose values make a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// These; none of them puts all alerts of a route together.
    Labels(Vec<Arc<str>>),
    /// `['...']`: each alert alone.
    Each,
}

/// The three timers of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    pub wait: Duration,
    pub interval: Duration,
    pub repeat: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { wait: Duration::from_secs(30), interval: Duration::from_mins(5), repeat: Duration::from_hours(4) }
    }
}

impl Route {
    /// The routes that `labels` lead to: depth first, the first match wins unless it continues; a node
    /// none of whose children matched stands for itself. As Alertmanager's `Route.Match`.
    #[must_use]
    pub fn find<'a>(&'a self, labels: &LabelSet) -> Vec<&'a Route> {
        let mut found = Vec::new();
        self.collect(labels, &mut found);
        found
    }

    fn collect<'a>(&'a self, labels: &LabelSet, found: &mut Vec<&'a Route>) -> bool {
        if !Matcher::all(&self.matchers, labels) {
            return false;
        }
        let before = found.len();
        for child in &self.routes {
            if child.collect(labels, found) && !child.continues {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
        true
    }

    /// The labels that name the group of an alert with these labels; `Each` takes the alert's own identity too.
    #[must_use]
    pub fn group_labels(&self, labels: &LabelSet) -> LabelSet {
        match &self.group_by {
            GroupBy::Labels(names) => {
                LabelSet::new(names.iter().filter_map(|n| labels.read(n).map(|v| (Arc::clone(n), Arc::from(v)))))
            }
            // A severity that changes must not make another group of the same alert.
            GroupBy::Each => labels.with("severity", ""),
        }
    }

    /// Every node below and with this one.
    pub fn walk(&self) -> Box<dyn Iterator<Item = &Route> + '_> {
        Box::new(std::iter::once(self).chain(self.routes.iter().flat_map(Route::walk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, matchers: &[&str], continues: bool, routes: Vec<Route>) -> Route {
        Route {
            id: Arc::from(id),
            matchers: matchers.iter().map(|m| Matcher::parse(m).unwrap()).collect(),
            continues,
            channels: vec![],
            group_by: GroupBy::Labels(vec![]),
            timers: Timers::default(),
            during: During::default(),
            routes,
            declared: Arc::from(""),
        }
    }

    #[test]
    fn the_tree_is_walked_as_alertmanagers() {
        let tree = node(
            "root",
            &[],
            false,
            vec![
                node("a", &[r#"severity="critical""#], true, vec![node("a1", &[r#"team="x""#], false, vec![])]),
                node("b", &[r#"team=~"x|y""#], false, vec![]),
                node("c", &[], false, vec![]),
            ],
        );
        for (labels, want) in [
            (vec![("severity", "critical"), ("team", "x")], vec!["a1", "b"]),
            (vec![("severity", "critical"), ("team", "z")], vec!["a", "c"]),
            (vec![("team", "y")], vec!["b"]),
            (vec![("team", "q")], vec!["c"]),
        ] {
            let labels: LabelSet = labels.into_iter().collect();
            let got: Vec<&str> = tree.find(&labels).into_iter().map(|r| &*r.id).collect();
            assert_eq!(got, want, "{labels}");
        }
    }
}
