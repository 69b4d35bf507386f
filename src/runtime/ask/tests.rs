use super::*;
use crate::model::Timestamp;
use crate::runtime::tests::{START, World, check, source};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;

struct Asked {
    asker: Asker,
    world: Arc<World>,
    events: mpsc::UnboundedReceiver<Event>,
}

fn asker() -> Asked {
    let (sender, events) = mpsc::unbounded_channel();
    let (world, mut asker) = (Arc::<World>::default(), Asker::new(sender, Telemetry::new(START)));
    asker.adopt(vec![source(&world, 1)]);
    Asked { asker, world, events }
}

/// A collection of a check by this name whose query names `asks`.
fn collect(name: &str, asks: &str, slot: Timestamp) -> Collect {
    let asked = check(asks);
    let check = crate::rules::Check { name: Arc::from(name), ..asked };
    Collect { check: Arc::new(check), slot, generation: 1, held: crate::core::Held::default() }
}

impl Asked {
    async fn ends(&mut self, count: usize) -> Vec<Evaluated> {
        let mut ends = Vec::new();
        while ends.len() < count {
            if let Some(Event::Evaluated(evaluated)) = self.events.recv().await {
                ends.push(*evaluated);
            }
        }
        ends
    }

    fn requests(&self) -> usize {
        self.world.asked.lock().unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_in_one_slot_is_asked_once() {
    let mut asked = asker();
    let later = START + Duration::from_mins(1);
    asked.asker.start(vec![
        collect("a", "same", START),
        collect("b", "same", START),
        collect("c", "other", START),
        collect("d", "same", later),
    ]);
    let ends = asked.ends(4).await;
    assert_eq!(asked.requests(), 3);
    let tables: Vec<_> = ends
        .iter()
        .filter(|e| ["a", "b"].contains(&&*e.check.name))
        .map(|e| match &e.judged {
            Judged::Rows(rows) => Arc::as_ptr(&rows.table),
            Judged::Failed(failure) => panic!("{failure:?}"),
        })
        .collect();
    assert_eq!(tables[0], tables[1], "the table itself is shared");
    asked.asker.start(vec![collect("a", "same", START)]);
    drop(ends);
    asked.ends(1).await;
    assert_eq!(asked.requests(), 4, "an answer that nobody reads any more is not kept");
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_by_no_more_than_its_permits() {
    let mut asked = asker();
    asked.asker.start((0..40).map(|i| collect(&format!("c{i}"), &format!("t{i}"), START)).collect());
    asked.ends(40).await;
    assert_eq!(asked.world.most_out.load(Ordering::SeqCst), REQUESTS_PER_SOURCE_MAX);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_permit_too_long_is_cut_as_well() {
    let mut asked = asker();
    asked.world.hangs.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    asked.asker.start((0..40).map(|i| collect(&format!("c{i}"), &format!("t{i}"), START)).collect());
    for end in asked.ends(40).await {
        assert!(matches!(end.judged, Judged::Failed(CollectFailure { unreachable: true, .. })));
    }
    assert!(begun.elapsed() < Duration::from_secs(31), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn requests_stand_still_where_sources_that_hang_hold_every_permit() {
    let mut asked = asker();
    asked.world.hangs.store(true, Ordering::SeqCst);
    let names: Vec<Arc<str>> = (0..=REQUESTS_MAX / REQUESTS_PER_SOURCE_MAX).map(|i| format!("s{i}").into()).collect();
    asked.asker.adopt(names.iter().map(|n| SourceSpec { name: Arc::clone(n), ..source(&asked.world, 1) }).collect());
    let of = |name: &Arc<str>, i: usize| {
        let collect = collect(&format!("{name}-{i}"), &format!("t{i}"), START);
        let timeout = Duration::from_mins(5);
        let check = crate::rules::Check { source: Arc::clone(name), timeout, ..(*collect.check).clone() };
        Collect { check: Arc::new(check), ..collect }
    };
    let all = names.iter().flat_map(|name| (0..REQUESTS_PER_SOURCE_MAX).map(move |i| of(name, i)));
    asked.asker.start(all.collect());
    let asking = asked.asker.asking();
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(asking.is_going());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!asking.is_going());
    asked.ends(names.len() * REQUESTS_PER_SOURCE_MAX).await;
    assert!(asking.is_going(), "all are cut: nothing waits");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_did_not_change_is_kept_and_an_unknown_one_is_an_error() {
    let mut asked = asker();
    let other = Arc::<World>::default();
    for (fingerprint, of_first, of_other) in [(1, 1, 0), (2, 1, 1)] {
        asked.asker.adopt(vec![source(&other, fingerprint)]);
        asked.asker.start(vec![collect("a", "x", START)]);
        asked.ends(1).await;
        assert_eq!((asked.requests(), other.asked.lock().unwrap().len()), (of_first, of_other));
    }
    asked.asker.adopt(Vec::new());
    asked.asker.start(vec![collect("a", "x", START)]);
    match &asked.ends(1).await[0].judged {
        Judged::Failed(failure) => assert!(failure.message.contains("there is no source `world`"), "{failure:?}"),
        Judged::Rows(_) => panic!("who was asked?"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_what_is_out() {
    let mut asked = asker();
    asked.world.hangs.store(true, Ordering::SeqCst);
    asked.asker.start(vec![collect("a", "x", START)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    asked.asker.stop().await;
    assert!(asked.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_fallback_is_asked_where_the_own_source_gives_no_answer_and_has_its_whole_time() {
    let mut asked = asker();
    let (dead, spare) = (Arc::<World>::default(), Arc::clone(&asked.world));
    dead.hangs.store(true, Ordering::SeqCst);
    let named = |name: &str, world: &Arc<World>| SourceSpec { name: Arc::from(name), ..source(world, 2) };
    asked.asker.adopt(vec![named("world", &dead), named("spare", &spare)]);
    let with = collect("a", "t", START);
    let fallback = crate::rules::Fallback { source: Arc::from("spare"), collect: Arc::clone(&with.check.collect) };
    let check = crate::rules::Check { fallback: Some(fallback), ..(*with.check).clone() };
    asked.asker.start(vec![Collect { check: Arc::new(check), ..with }]);
    let end = asked.ends(1).await.remove(0);
    assert!(matches!(end.judged, Judged::Rows(_)), "{:?}", end.judged);
    assert!(end.fell_back.is_some_and(|why| why.unreachable));
    assert!(Duration::from_secs(30) < end.took && end.took < Duration::from_secs(31), "{:?}", end.took);
}
