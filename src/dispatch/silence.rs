//! Silences: which of them hold now, and whom.
//!
//! Those of files come and go with the configuration; those that were made are rows of the store, and stay listed for
//! [`EXPIRED_KEPT`] after their end. Thousands of silences against a hundred thousand alerts are cheap: a silence that
//! asks for one value of a label is only looked at for alerts that have it.

use super::Dispatch;
use crate::model::fnv::Fnv;
use crate::model::record::{Entry, RowName};
use crate::model::silence::{SilenceState, problem_of_matchers};
use crate::model::{LabelSet, MatchOp, Matcher, Silence, Timestamp};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// How long a silence that was made stays listed after its end, as in Alertmanager (`--data.retention=120h`).
pub const EXPIRED_KEPT: Duration = Duration::from_hours(5 * 24);

/// What somebody wants silenced.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The silence to edit; `None` makes a new one.
    pub id: Option<Arc<str>>,
    pub matchers: Vec<Matcher>,
    /// Now, where it is not given or is past.
    pub starts: Option<Timestamp>,
    pub ends: Timestamp,
    pub created_by: String,
    pub comment: String,
}

/// Why a wish is not granted, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no silence of this id.
    Unknown(String),
    /// It cannot be as it is asked for.
    Wrong(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unknown(why) | Refusal::Wrong(why) => f.write_str(why),
        }
    }
}

/// All silences, and those of them that hold now.
#[derive(Debug, Default)]
pub struct Silences {
    /// Of files, in the order written.
    declared: Vec<Arc<Silence>>,
    made: BTreeMap<Arc<str>, Arc<Silence>>,
    active: Active,
    /// When the next one starts, ends or is forgotten.
    next: Option<Timestamp>,
}

/// The silences that hold, by a value that they ask for.
#[derive(Debug, Default)]
struct Active {
    silences: Vec<Arc<Silence>>,
    /// By name and value of one label.
    by_label: HashMap<Arc<str>, HashMap<Arc<str>, Vec<usize>>>,
    /// Those that ask for no single value.
    open: Vec<usize>,
}

/// What a step in time did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Silences that hold no longer, or not as before: whom they held is asked anew.
    pub over: Vec<Arc<str>>,
    /// Silences that are no longer listed.
    pub forgotten: Vec<Arc<str>>,
}

impl Silences {
    /// Those of files, instead of the ones before.
    pub fn declare(&mut self, declared: Vec<Silence>) {
        self.declared = declared.into_iter().map(Arc::new).collect();
        self.next = Some(Timestamp::MIN);
    }

    /// Adds one that was made, or puts it in the place of the one with its id.
    pub fn put(&mut self, silence: Silence) {
        self.made.insert(Arc::clone(&silence.id), Arc::new(silence));
        self.next = Some(Timestamp::MIN);
    }

    /// One that was made.
    #[must_use]
    pub fn made(&self, id: &str) -> Option<&Arc<Silence>> {
        self.made.get(id)
    }

    /// The ids of all that were made.
    pub fn made_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.made.keys()
    }

    /// One of either kind.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.made.get(id).or_else(|| self.declared.iter().find(|s| *s.id == *id))
    }

    /// All of them: active before pending before expired, then those that end first.
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Vec<Arc<Silence>> {
        let rank = |s: &Silence| match s.state(now) {
            SilenceState::Active => 0,
            SilenceState::Pending => 1,
            SilenceState::Expired => 2,
        };
        let mut all: Vec<Arc<Silence>> = self.declared.iter().chain(self.made.values()).cloned().collect();
        all.sort_by(|a, b| (rank(a), a.ends, &a.id).cmp(&(rank(b), b.ends, &b.id)));
        all
    }

    /// When [`Silences::pass`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next
    }

    /// Works out which of them hold at `now`.
    pub fn pass(&mut self, now: Timestamp) -> Passed {
        if self.next.is_none_or(|next| now < next) {
            return Passed::default();
        }
        let old = |s: &Silence| s.ends + EXPIRED_KEPT <= now;
        let forgotten: Vec<Arc<str>> = self.made.values().filter(|s| old(s)).map(|s| Arc::clone(&s.id)).collect();
        for id in &forgotten {
            self.made.remove(id);
        }
        let all = || self.declared.iter().chain(self.made.values());
        let active: Vec<Arc<Silence>> = all().filter(|s| s.state(now) == SilenceState::Active).cloned().collect();
        let boundaries =
            all().flat_map(|s| [s.starts, s.ends]).chain(self.made.values().map(|s| s.ends + EXPIRED_KEPT));
        self.next = boundaries.filter(|at| now < *at).min();
        let stay: HashSet<(&Arc<str>, *const Silence)> = active.iter().map(|s| (&s.id, Arc::as_ptr(s))).collect();
        let is_over = |s: &&Arc<Silence>| !stay.contains(&(&s.id, Arc::as_ptr(s)));
        let over = self.active.silences.iter().filter(is_over).map(|s| Arc::clone(&s.id)).collect();
        drop(stay);
        self.active = Active::new(active);
        Passed { over, forgotten }
    }

    /// What silences an alert with these labels now: of several, the one that ends last.
    #[must_use]
    pub fn find(&self, labels: &LabelSet) -> Option<&Arc<Silence>> {
        self.matching(labels).max_by(|a, b| (a.ends, &a.id).cmp(&(b.ends, &b.id)))
    }

    /// All that silence an alert with these labels now.
    pub fn matching<'a, 'l>(&'a self, labels: &'l LabelSet) -> impl Iterator<Item = &'a Arc<Silence>> + use<'a, 'l> {
        let active = &self.active;
        let asked = labels.readable().filter_map(move |(name, value)| active.by_label.get(name)?.get(value)).flatten();
        let silences = asked.chain(&active.open).map(move |i| &active.silences[*i]);
        silences.filter(move |s| s.matches(labels))
    }

    /// The silence that would come of a wish; `new_id` names one that is new.
    ///
    /// An expired one that is edited stays as it was, and a new one is made in its place: what is over is not undone.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn grant(&self, wish: Wish, new_id: Arc<str>, now: Timestamp) -> Result<Silence, Refusal> {
        let wrong = |why: &str| Err(Refusal::Wrong(why.to_owned()));
        let edited = wish.id.as_ref().map(|id| self.editable(id)).transpose()?;
        let edited = edited.filter(|s| s.state(now) != SilenceState::Expired);
        let began = edited.filter(|s| s.starts <= now).map(|s| s.starts);
        let starts = match wish.starts {
            Some(starts) if now < starts => starts,
            _ => began.unwrap_or(now),
        };
        if let Some(why) = problem_of_matchers(&wish.matchers) {
            return wrong(why);
        }
        if wish.created_by.trim().is_empty() {
            return wrong("a silence says who made it: give `created_by`");
        }
        if wish.comment.trim().is_empty() {
            return wrong("a silence says why: give a `comment`");
        }
        if wish.ends <= now {
            return Err(Refusal::Wrong(format!("it would end at {}, and now is {now}: give a later end", wish.ends)));
        }
        if wish.ends <= starts {
            return Err(Refusal::Wrong(format!("it would end at {}, before it starts at {starts}", wish.ends)));
        }
        Ok(Silence {
            id: edited.map_or(new_id, |s| Arc::clone(&s.id)),
            matchers: wish.matchers,
            starts,
            ends: wish.ends,
            created_by: Arc::from(wish.created_by.trim()),
            comment: Arc::from(wish.comment.trim()),
            updated: now,
            declared: None,
        })
    }

    /// One that may be edited or expired.
    ///
    /// # Errors
    /// Where there is none of this id, or it comes from a file.
    pub fn editable(&self, id: &str) -> Result<&Silence, Refusal> {
        match self.get(id).map(|s| &**s) {
            Some(Silence { declared: Some(place), .. }) => Err(Refusal::Wrong(format!(
                "the silence `{id}` is declared in {place}: edit or remove it there, and it is taken up at once"
            ))),
            Some(silence) => Ok(silence),
            None => Err(Refusal::Unknown(format!("there is no silence `{id}`: `bellwether silence list` shows all"))),
        }
    }
}

impl Active {
    fn new(silences: Vec<Arc<Silence>>) -> Active {
        let asked = |s: &Silence| -> Vec<(Arc<str>, Arc<str>)> {
            let equal = s.matchers.iter().filter(|m| m.op() == MatchOp::Equal && !m.value().is_empty());
            equal.map(|m| (Arc::from(m.name()), Arc::from(m.value()))).collect()
        };
        let mut uses: HashMap<(Arc<str>, Arc<str>), usize> = HashMap::new();
        for pair in silences.iter().flat_map(|s| asked(s)) {
            *uses.entry(pair).or_default() += 1;
        }
        let mut active = Active::default();
        for (i, silence) in silences.iter().enumerate() {
            // Of several values the one that the fewest ask for: `check="a"` rather than `severity="critical"`.
            match asked(silence).into_iter().min_by_key(|pair| uses[pair]) {
                Some((name, value)) => {
                    active.by_label.entry(name).or_default().entry(value).or_default().push(i);
                }
                None => active.open.push(i),
            }
        }
        Active { silences, ..active }
    }
}

impl Dispatch {
    /// All silences.
    #[must_use]
    pub fn silences(&self) -> &Silences {
        &self.silences
    }

    /// A silence was made or edited, as [`Silences::grant`] gave it.
    pub fn silence(&mut self, silence: Silence, now: Timestamp) {
        let known = self.silences.made(&silence.id).is_some();
        let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
        self.note_silence(
            now,
            format!(
                "silence `{}` {} by {}, {} to {}: {} ({})",
                silence.id,
                if known { "edited" } else { "made" },
                silence.created_by,
                silence.starts,
                silence.ends,
                matchers.join(" "),
                silence.comment
            ),
        );
        self.dirty.insert(RowName::Silence(Arc::clone(&silence.id)));
        self.silences.put(silence);
        self.pass_silences(now);
    }

    /// Somebody ends a silence now. One that is over or unknown stays as it is.
    pub fn expire_silence(&mut self, id: &str, now: Timestamp) {
        let Some(silence) = self.silences.made(id).filter(|s| s.state(now) != SilenceState::Expired) else { return };
        let ended = Silence { starts: silence.starts.min(now), ends: now, updated: now, ..Silence::clone(silence) };
        self.note_silence(now, format!("silence `{id}` expired"));
        self.dirty.insert(RowName::Silence(Arc::clone(&ended.id)));
        self.silences.put(ended);
        self.pass_silences(now);
    }

    /// An id that no silence had and none will have: a UUID, as Alertmanager's clients expect one.
    pub fn new_silence_id(&mut self, now: Timestamp) -> Arc<str> {
        self.issued += 1;
        let half = |salt: u8| {
            let mut hash = Fnv::default();
            (salt, now, self.boot, self.issued).hash(&mut hash);
            hash.finish()
        };
        let (a, b) = (half(1), half(2));
        // Version 8, variant 10: the bits are our own (RFC 9562, section 5.8).
        let (a, b) = (a & !0xf000 | 0x8000, b & !(0b11 << 62) | 0b10 << 62);
        let (a, b) = (format!("{a:016x}"), format!("{b:016x}"));
        Arc::from(format!("{}-{}-{}-{}-{}", &a[..8], &a[8..12], &a[12..], &b[..4], &b[4..]))
    }

    /// Takes note of silences that began or ended until now.
    pub(super) fn pass_silences(&mut self, now: Timestamp) {
        let Passed { over, forgotten } = self.silences.pass(now);
        self.over.extend(over);
        self.dirty.extend(forgotten.into_iter().map(RowName::Silence));
    }

    fn note_silence(&mut self, at: Timestamp, text: String) {
        self.history.push(Entry::Note { at, text });
    }
}

#[cfg(test)]
mod tests;
