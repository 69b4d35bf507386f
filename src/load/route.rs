//! `route:` with all that its nodes inherit, and `inhibit:`.

use super::declare::{INHIBIT, ROUTE};
use super::files::Section;
use super::holds::Calendars;
use crate::config::{Problem, Problems, Reader, Setting, Settings};
use crate::dispatch::calendar::{Calendar, During};
use crate::dispatch::{GroupBy, Inhibit, InhibitCause, Route, Timers};
use crate::model::Matcher;
use crate::rules::outline::{MatcherList, Outline, Role};
use crate::rules::read::{declared, unknown_name};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Reads the tree and the rules of inhibition.
pub(super) struct Routing<'a> {
    pub reader: Reader<'a>,
    /// The names of all channels, those too that are wrong.
    pub channels: &'a BTreeSet<Arc<str>>,
    /// Those that this configuration goes without.
    pub left_out: &'a BTreeSet<Arc<str>>,
    /// Whether there may be others, which nobody could read.
    pub hides_channels: bool,
    pub calendars: &'a Calendars,
    /// Whether there may be other calendars, which nobody could read.
    pub hides_calendars: bool,
    pub problems: &'a mut Problems,
    pub notes: &'a mut Vec<String>,
    pub outline: &'a mut Outline,
}

/// What a child takes from its parent.
#[derive(Clone)]
struct Inherited {
    id: String,
    channels: Vec<Arc<str>>,
    group_by: GroupBy,
    timers: Timers,
    during: During,
    /// How deep it stands.
    depth: usize,
}

impl Routing<'_> {
    /// The whole tree.
    pub fn tree(&mut self, section: Section<'_>) -> Route {
        self.reader = self.reader.filling(section.fill);
        let settings = self.reader.record(section.source, section.value, &ROUTE, self.problems);
        for key in ["matchers", "continue"] {
            if settings.has(key) {
                let problem = Problem::error(format!("the root of the tree takes every alert: it has no `{key}`"));
                self.problems.push(problem.at(settings.key_place(key)).help("put it on a route under `routes:`"));
            }
        }
        if settings.lacks("channels") {
            let problem = section
                .problem("the root of the tree has no `channels`: what no route matches would be told to nobody");
            self.problems.push(problem.help("add `channels: [name]`; if that is what you want, `channels: []`"));
        }
        let root = Inherited {
            id: String::new(),
            channels: Vec::new(),
            group_by: GroupBy::Labels(Vec::new()),
            timers: Timers::default(),
            during: During::default(),
            depth: 0,
        };
        self.node(&settings, &root, None)
    }

    fn node(&mut self, settings: &Settings, parent: &Inherited, twin: Option<usize>) -> Route {
        let matchers = if parent.depth == 0 { Vec::new() } else { settings.matchers("matchers") };
        let mine = Inherited {
            id: format!(
                "{}{}{}",
                parent.id,
                matchers_key(&matchers),
                twin.map_or_else(String::new, |n| format!("#{n}"))
            ),
            channels: self.channels_of(settings).unwrap_or_else(|| parent.channels.clone()),
            group_by: self.group_by(settings).unwrap_or_else(|| parent.group_by.clone()),
            timers: self.timers(settings, parent.timers),
            during: self.during(settings, &parent.during),
            depth: parent.depth + 1,
        };
        let place = settings.origin().place();
        let is_left_out = |name: &str| self.left_out.contains(name);
        if parent.depth == 0 && mine.channels.is_empty() && settings.texts("channels").into_iter().any(is_left_out) {
            self.notes.push(
                "every channel of the root of `route:` is left out: what no other route matches is told to nobody"
                    .to_owned(),
            );
        }
        let continues = settings.boolean("continue").unwrap_or(false);
        self.outline.matchers.push(MatcherList::of(Role::Route { continues }, parent.depth, settings, "matchers"));
        self.outline.channels_used.extend(mine.channels.iter().cloned());
        let routes = self.children(settings, &mine);
        Route {
            id: Arc::from(mine.id),
            matchers,
            continues,
            channels: mine.channels,
            group_by: mine.group_by,
            timers: mine.timers,
            during: mine.during,
            routes,
            declared: declared(&place),
        }
    }

    fn children(&mut self, settings: &Settings, parent: &Inherited) -> Vec<Route> {
        let nodes = settings.list("routes").unwrap_or_default();
        let below = Inherited { id: format!("{}/", parent.id), ..parent.clone() };
        let (mut routes, mut keys): (Vec<Route>, Vec<String>) = (Vec::new(), Vec::new());
        for child in nodes.iter().filter_map(Setting::record) {
            let key = matchers_key(&child.matchers("matchers"));
            let twins = keys.iter().filter(|earlier| **earlier == key).count();
            keys.push(key);
            routes.push(self.node(child, &below, (twins > 0).then_some(twins + 1)));
        }
        routes
    }

    fn channels_of(&mut self, settings: &Settings) -> Option<Vec<Arc<str>>> {
        if !settings.has("channels") {
            return None;
        }
        let names = settings.spanned_texts("channels");
        let (mut seen, mut left_out): (Vec<Arc<str>>, bool) = (Vec::new(), false);
        for name in names {
            if !self.channels.contains(&name.text) {
                if self.hides_channels {
                    continue;
                }
                self.problems.push(unknown_name(&name, "channel", self.channels.iter().map(|n| &**n)));
            } else if self.left_out.contains(&name.text) {
                self.outline.channels_used.push(name.text);
                left_out = true;
            } else if !seen.contains(&name.text) {
                seen.push(name.text);
            }
        }
        // A node that lost all its channels is as one that names none: what it matches is told to its parent's.
        (!left_out || !seen.is_empty()).then_some(seen)
    }

    fn group_by(&mut self, settings: &Settings) -> Option<GroupBy> {
        if !settings.has("group_by") {
            return None;
        }
        let names = settings.spanned_texts("group_by");
        let each = names.iter().find(|name| name.as_str() == "...");
        match each {
            Some(each) if names.len() > 1 => {
                let problem = Problem::error("`...` groups by every label: other labels beside it say nothing");
                self.problems.push(problem.at(each.place()).help("write `group_by: ['...']`"));
                None
            }
            Some(_) => Some(GroupBy::Each),
            None => Some(GroupBy::Labels(names.into_iter().map(|name| name.text).collect())),
        }
    }

    fn timers(&mut self, settings: &Settings, parent: Timers) -> Timers {
        for key in ["group_interval", "repeat_interval"] {
            if settings.duration(key) == Some(Duration::ZERO) {
                let problem =
                    Problem::error(format!("`{key}` cannot be nothing: messages would follow each other without end"));
                self.problems.push(problem.at(settings.place(key)));
            }
        }
        Timers {
            wait: settings.duration("group_wait").unwrap_or(parent.wait),
            interval: settings.duration("group_interval").unwrap_or(parent.interval),
            repeat: settings.duration("repeat_interval").unwrap_or(parent.repeat),
        }
    }

    /// The node's own calendars, each list that of its parent where it is not written.
    fn during(&mut self, settings: &Settings, parent: &During) -> During {
        let during = During {
            active: self.calendars_of(settings, "active_during").unwrap_or_else(|| parent.active.clone()),
            muted: self.calendars_of(settings, "mute_during").unwrap_or_else(|| parent.muted.clone()),
        };
        let is_muted = |name: &Arc<str>| during.muted.iter().any(|muted| muted.name == *name);
        let writes = ["active_during", "mute_during"].into_iter().find(|key| settings.has(key));
        let never = !during.active.is_empty() && during.active.iter().all(|calendar| is_muted(&calendar.name));
        if let Some(key) = writes.filter(|_| never) {
            let problem = Problem::error("this route never tells: all it is active during it is muted during");
            self.problems.push(problem.at(settings.key_place(key)).help("take the calendar out of one of the two"));
        }
        during
    }

    fn calendars_of(&mut self, settings: &Settings, key: &str) -> Option<Vec<Arc<Calendar>>> {
        if !settings.has(key) {
            return None;
        }
        let mut found = Vec::new();
        for name in settings.spanned_texts(key) {
            match self.calendars.get(&name.text) {
                Some(calendar) => found.extend(calendar.clone()),
                None if self.hides_calendars => {}
                None => {
                    self.problems.push(unknown_name(&name, "calendar", self.calendars.keys().map(|name| &**name)));
                }
            }
            self.outline.calendars_used.push(name.text);
        }
        Some(found)
    }

    /// The rules of one `inhibit:`.
    pub fn inhibitions(&mut self, section: Section<'_>) -> Vec<Inhibit> {
        let reader = self.reader.filling(section.fill);
        let Some(nodes) = super::entries(section, self.problems) else { return Vec::new() };
        let mut rules = Vec::new();
        for node in nodes {
            let settings = reader.record(section.source, node, &INHIBIT, self.problems);
            let place = settings.origin().place();
            for (role, key) in [(Role::InhibitSource, "source"), (Role::InhibitTarget, "target")] {
                if settings.has(key) && settings.list(key).is_some_and(<[_]>::is_empty) {
                    let problem = Problem::error(format!("`{key}` has no matcher: it would match every alert"));
                    self.problems
                        .push(problem.at(settings.place(key)).help("write one: `['check=\"warehouse-down\"']`"));
                }
                self.outline.matchers.push(MatcherList::of(role, 0, &settings, key));
            }
            rules.push(Inhibit {
                source: settings.matchers("source"),
                target: settings.matchers("target"),
                equal: settings.texts("equal").into_iter().map(Arc::from).collect(),
                cause: InhibitCause::Rule(declared(&place)),
            });
        }
        rules
    }
}

/// `{severity="critical"}`, as Alertmanager's `Route.Key` writes a node.
fn matchers_key(matchers: &[Matcher]) -> String {
    let texts: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", texts.join(","))
}
