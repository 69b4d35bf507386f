//! Which alert a person means.

use super::{AlertRef, Core, NoAlert};
use crate::config::did_you_mean;
use crate::model::record::Topic;
use crate::model::{AlertId, AlertState};
use crate::store::Store;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Alerts that are listed where a name may mean several.
const LISTED_MAX: usize = 12;
/// Alerts that are looked for; where there are more, only that is said.
const FOUND_MAX: usize = 1_000;

/// Which alert a text means, as far as the core knows.
pub enum Found {
    One(AlertId),
    /// None that is active has that name.
    Others(Others),
}

/// What else may be meant.
#[derive(Default)]
pub struct Others {
    /// Remembered, and named like that.
    remembered: BTreeSet<String>,
    /// Active, and the name of each begins like that.
    begun: BTreeSet<String>,
    /// What is said where none of them is.
    none: String,
}

/// Looks for an alert among those that are active or remembered.
///
/// # Errors
/// Where the text means several that are active.
pub fn find(core: &Core, named: &AlertRef) -> Result<Found, NoAlert> {
    let known = core.engine.ids_of(&named.check);
    let is_active = |state: AlertState| state != AlertState::Inactive;
    let own = known.iter().filter(|(_, state)| is_active(*state)).map(|(id, _)| id);
    let told = core.dispatch.ids_that(|id| named.fits(id));
    let active: BTreeSet<&AlertId> = own.filter(|id| named.fits(id)).chain(&told).collect();
    // Labels alone may be those of any check.
    let any: Vec<&AlertId> =
        if named.is_nameless() { core.active().filter(|id| named.fits(id)).collect() } else { vec![] };
    let fitting: BTreeSet<&AlertId> = active.into_iter().chain(any).collect();
    let several: Vec<&AlertId> = fitting.into_iter().collect();
    match several.as_slice() {
        [one] => Ok(Found::One((*one).clone())),
        [] => {
            let remembered = known.iter().map(|(id, _)| id).filter(|id| named.fits(id));
            let begun = core.active().filter(|id| named.begins(id)).take(FOUND_MAX);
            Ok(Found::Others(Others {
                remembered: remembered.map(ToString::to_string).collect(),
                begun: begun.map(ToString::to_string).collect(),
                none: none(core, named),
            }))
        }
        several => match several.iter().find(|id| named.is(id)) {
            Some(id) => Ok(Found::One((*id).clone())),
            None => Err(unclear(named, &several.iter().map(ToString::to_string).collect())),
        },
    }
}

/// The text of the alert that is meant, from those that are remembered and those of the history.
///
/// # Errors
/// Where there is none, or there are several.
pub fn choose(named: &AlertRef, others: Others, store: Option<&mut dyn Store>) -> Result<String, NoAlert> {
    let Others { mut remembered, mut begun, none } = others;
    if let Some(store) = store {
        remembered.extend(of_history(named, store).into_iter().filter(|text| means(named, text, AlertRef::covers)));
        if remembered.is_empty() && begun.is_empty() {
            let like = begun_in_history(named, store);
            begun.extend(like.into_iter().filter(|text| means(named, text, AlertRef::begins_like)));
        }
    }
    for found in [remembered, begun] {
        let whole = found.iter().find(|text| means(named, text, AlertRef::is_whole));
        match (found.len(), whole) {
            (0, _) => {}
            (1, _) => return found.into_iter().next().ok_or(NoAlert::Unknown(none)),
            (_, Some(one)) => return Ok(one.clone()),
            (_, None) => return Err(unclear(named, &found)),
        }
    }
    Err(NoAlert::Unknown(none))
}

/// The alerts of the history that may be named like that.
fn of_history(named: &AlertRef, store: &mut dyn Store) -> Vec<String> {
    let mut found: Vec<String> = [named.text.as_str(), named.check.as_str()]
        .into_iter()
        .filter(|text| store.lines(Topic::Alert(text), i64::MAX, 1).is_ok_and(|lines| !lines.entries.is_empty()))
        .map(str::to_owned)
        .collect();
    let begins = if named.is_nameless() {
        vec!["{".to_owned()]
    } else {
        vec![format!("{}{{", named.check), AlertId::received_begins(&named.check, true)]
    };
    for begin in begins {
        found.extend(store.alerts_from(&begin, FOUND_MAX).unwrap_or_default());
    }
    if found.is_empty() {
        // A label that sorts before `alertname` hides it.
        found = store.alerts_from("{", FOUND_MAX).unwrap_or_default();
    }
    found
}

/// The same of those whose name only begins so.
fn begun_in_history(named: &AlertRef, store: &mut dyn Store) -> Vec<String> {
    let begins = [named.check.clone(), AlertId::received_begins(&named.check, false)];
    let begins = begins.iter().filter(|_| !named.is_nameless());
    begins.flat_map(|begin| store.alerts_from(begin, FOUND_MAX).unwrap_or_default()).collect()
}

fn means(named: &AlertRef, text: &str, how: fn(&AlertRef, &AlertRef) -> bool) -> bool {
    AlertRef::parse(text).is_ok_and(|other| how(named, &other))
}

/// That there is no such alert: what is written wrong, or that there is nothing to be wrong about.
fn none(core: &Core, named: &AlertRef) -> String {
    let lists =
        "`/api/v1/checks` lists the checks, `/api/v1/alerts` what is active, and what is over is kept for `store.keep`";
    if named.is_nameless() {
        return format!("no alert with these labels is known: {lists}");
    }
    let name = &named.check;
    if let Some(key) = core.engine.key_of(name) {
        return none_of(&key.names, key.is_open, named);
    }
    let key = if named.pairs.is_empty() { "" } else { " with this key" };
    let names = core.engine.check_names();
    let hint = did_you_mean(name, names.iter().map(|name| &**name)).map(|hint| format!(": {hint} "));
    let hint = hint.unwrap_or_else(|| ": ".to_owned());
    format!("no alert of a check `{name}` is known{key}, and none with that alertname{hint}{lists}")
}

/// The same of a check that there is.
fn none_of(key: &[Arc<str>], is_open: bool, named: &AlertRef) -> String {
    let name = &named.check;
    let is_odd = |column: &&String| *column != "reason" && !is_open && !key.iter().any(|known| **known == ***column);
    if let Some(odd) = named.pairs.iter().map(|(column, _)| column).find(is_odd) {
        let has = match key {
            [] => "it has no `key`".to_owned(),
            names => format!("its `key` is `{}`", names.join("`, `")),
        };
        let hint = did_you_mean(odd, key.iter().map(|column| &**column)).map(|hint| format!(": {hint}"));
        return format!("the key of check `{name}` has no column `{odd}`, {has}{}", hint.unwrap_or_default());
    }
    let key = if named.pairs.is_empty() { "" } else { " with this key" };
    format!(
        "there is a check `{name}`, and it has no alert{key}: none fires or is pending, and none is in the history, which \
         is kept for `store.keep`; `bellwether eval DIR {name}` shows what it makes of its rows now"
    )
}

fn unclear(named: &AlertRef, alerts: &BTreeSet<String>) -> NoAlert {
    let count = alerts.len();
    let listed: Vec<&str> = alerts.iter().take(LISTED_MAX).map(String::as_str).collect();
    let more = count.saturating_sub(listed.len());
    let least = if FOUND_MAX <= count { "at least " } else { "" };
    let more = if more > 0 { format!("\nand {least}{more} more") } else { String::new() };
    NoAlert::Unclear(format!(
        "`{}` may be one of {least}{count} alerts: name one\n{}{more}",
        named.text,
        listed.join("\n")
    ))
}
