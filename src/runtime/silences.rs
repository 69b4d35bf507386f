//! Silences as the API has them: what is asked for, what is shown, and why one is refused.

use super::views::{Instant, Page, Window};
use crate::core::{Core, Reach, SilenceRefusal, SilenceWish};
use crate::model::silence::SilenceState;
use crate::model::{self, Matcher, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// Which silences are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SilenceFilter {
    /// One alone.
    pub id: Option<String>,
    pub state: Option<SilenceState>,
    pub window: Window,
}

/// A silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// Of a file's silence its name.
    pub id: Arc<str>,
    /// As text: `team="data"`.
    pub matchers: Vec<Matcher>,
    pub state: SilenceState,
    pub starts: Instant,
    pub ends: Instant,
    pub created_by: Arc<str>,
    pub comment: Arc<str>,
    /// When it was made, edited or expired.
    pub updated: Instant,
    /// Where it is declared, where it comes from a file: it is edited there.
    pub declared: Option<Arc<str>>,
}

/// What a silence hides as things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hides {
    /// Alerts that fire and match, of checks and received ones.
    pub firing: usize,
    /// Checks some alert of which could match.
    pub checks: usize,
    /// Whether no critical alert would be told: none that the checks can have, and none that fires now.
    pub every_critical: bool,
}

/// A silence that was made or edited, and what it hides now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silenced {
    pub silence: Silence,
    pub hides: Hides,
}

/// What is to be silenced.
#[derive(Clone, Debug, PartialEq)]
pub struct SilenceRequest {
    /// The silence to edit; `None` makes a new one.
    pub id: Option<String>,
    pub matchers: Vec<Matcher>,
    /// Now, where it is not given or is past.
    pub starts: Option<Timestamp>,
    pub ends: Timestamp,
    pub created_by: String,
    pub comment: String,
    /// It may hide every critical alert.
    pub yes: bool,
    /// Only say what it would hide.
    pub dry_run: bool,
}

/// Why a silence was not made, edited or expired; each is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SilenceRefused {
    /// There is none of this id.
    Unknown(String),
    /// It cannot be as it is asked for.
    Wrong(String),
    /// It would hide every critical alert, and nobody said that this is meant.
    NeedsYes(String),
    /// It holds, but the store could not keep it: it ends with the daemon unless the store recovers before.
    NotKept(String),
}

impl SilenceRefused {
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            SilenceRefused::Unknown(why)
            | SilenceRefused::Wrong(why)
            | SilenceRefused::NeedsYes(why)
            | SilenceRefused::NotKept(why) => why,
        }
    }

    pub(super) fn not_kept(why: &str) -> SilenceRefused {
        SilenceRefused::NotKept(format!(
            "it is so from now on, but could not be kept: a restart may undo it, unless the store recovers before ({why})"
        ))
    }
}

impl From<SilenceRefusal> for SilenceRefused {
    fn from(refusal: SilenceRefusal) -> SilenceRefused {
        match refusal {
            SilenceRefusal::Unknown(why) => SilenceRefused::Unknown(why),
            SilenceRefusal::Wrong(why) => SilenceRefused::Wrong(why),
        }
    }
}

/// Silences that pass the filter: active before pending before expired.
pub(super) fn list(core: &Core, filter: &SilenceFilter, now: Timestamp) -> Page<Silence> {
    let passes = |s: &Arc<model::Silence>| {
        filter.id.as_deref().is_none_or(|id| *s.id == *id) && filter.state.is_none_or(|state| s.state(now) == state)
    };
    let found: Vec<_> = core.dispatch.silences().all(now).into_iter().filter(passes).collect();
    filter.window.of(found, |silence| shown(&silence, now))
}

/// The silence that a request comes to, and what it hides.
pub(super) fn granted(
    core: &mut Core,
    request: SilenceRequest,
    now: Timestamp,
) -> Result<(model::Silence, Silenced), SilenceRefused> {
    let wish = SilenceWish {
        id: request.id.map(Arc::from),
        matchers: request.matchers,
        starts: request.starts,
        ends: request.ends,
        created_by: request.created_by,
        comment: request.comment,
    };
    let silence = core.grant_silence(wish, now)?;
    let Reach { firing, checks, every_critical } = core.reach(&silence.matchers);
    if every_critical && !request.yes && !request.dry_run {
        return Err(SilenceRefused::NeedsYes(format!(
            "this silence would hide every critical alert, all that fire now and all that the checks can have (alerts that \
             fire now and match: {firing}): add a matcher, or say that it is meant (`--yes`; `\"yes\": true` by the API)"
        )));
    }
    let silenced = Silenced { silence: shown(&silence, now), hides: Hides { firing, checks, every_critical } };
    Ok((silence, silenced))
}

/// The silence of this id as it is once somebody has expired it.
pub(super) fn expired(core: &Core, id: &str, now: Timestamp) -> Result<Silence, SilenceRefused> {
    let silence = core.dispatch.silences().editable(id)?;
    let mut shown = shown(silence, now);
    if shown.state != SilenceState::Expired {
        shown.state = SilenceState::Expired;
        (shown.starts, shown.ends, shown.updated) = (Instant(silence.starts.min(now)), Instant(now), Instant(now));
    }
    Ok(shown)
}

fn shown(silence: &model::Silence, now: Timestamp) -> Silence {
    Silence {
        id: Arc::clone(&silence.id),
        matchers: silence.matchers.clone(),
        state: silence.state(now),
        starts: Instant(silence.starts),
        ends: Instant(silence.ends),
        created_by: Arc::clone(&silence.created_by),
        comment: Arc::clone(&silence.comment),
        updated: Instant(silence.updated),
        declared: silence.declared.clone(),
    }
}
