//! Checks that ask the same are asked in the same slots.

use super::{SourceDecl, request};
use crate::collectors::{Identity, identity};
use crate::model::Timestamp;
use crate::rules::{Check, Schedule};
use std::collections::HashMap;
use std::sync::Arc;

/// The checks as `run` plans them: those of one `every` that ask one source the same share the slots of the first name
/// among them, so that it is asked once for all.
#[must_use]
pub fn in_shared_slots(checks: &[Arc<Check>], sources: &[SourceDecl]) -> Vec<Arc<Check>> {
    let kinds: HashMap<&str, _> = sources.iter().map(|source| (&*source.name, source.kind)).collect();
    let asks = |check: &Check| {
        let every = check.schedule.interval()?;
        let request = request(check, &check.collect, Timestamp::MIN);
        Some((identity(&check.source, kinds.get(&*check.source)?, &request), every))
    };
    let asked: Vec<Option<(Identity, _)>> = checks.iter().map(|check| asks(check)).collect();
    let mut first: HashMap<&(Identity, _), &Arc<Check>> = HashMap::with_capacity(checks.len());
    for (asks, check) in asked.iter().zip(checks) {
        let Some(asks) = asks else { continue };
        let first = first.entry(asks).or_insert(check);
        if check.name < first.name {
            *first = check;
        }
    }
    let planned = |(asks, check): (&Option<(Identity, _)>, &Arc<Check>)| {
        let schedule: &Schedule = asks.as_ref().map_or(&check.schedule, |asks| &first[asks].schedule);
        if *schedule == check.schedule {
            return Arc::clone(check);
        }
        Arc::new(Check { schedule: schedule.clone(), ..(**check).clone() })
    };
    asked.iter().zip(checks).map(planned).collect()
}
