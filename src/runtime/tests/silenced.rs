use super::*;
use crate::model::Matcher;
use crate::model::silence::SilenceState;
use crate::runtime::silences::{SilenceFilter, SilenceRefused, SilenceRequest, Silenced};

fn request(matcher: &str, minutes: u64) -> SilenceRequest {
    SilenceRequest {
        id: None,
        matchers: vec![Matcher::parse(matcher).unwrap()],
        starts: None,
        ends: START + Duration::from_mins(minutes),
        created_by: "ana".into(),
        comment: "planned backfill".into(),
        yes: false,
        dry_run: false,
    }
}

async fn put(daemon: &Run, request: SilenceRequest) -> Result<Silenced, SilenceRefused> {
    daemon.handle.put_silence(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_durable_once_it_is_answered_holds_over_a_restart_and_may_be_expired() {
    let daemon = start(&["alpha", "beta"]);
    daemon.wait(2).await;
    let made = put(&daemon, request(r#"check="alpha""#, 600)).await.unwrap();
    assert_eq!((made.hides.firing, made.hides.checks, made.hides.every_critical), (0, 1, false));
    assert_eq!(made.silence.state, SilenceState::Active);
    let kept = daemon.memory.saved().rows;
    assert!(kept.iter().any(|row| matches!(row, crate::model::record::Row::Silence(s) if s.id == made.silence.id)));
    daemon.world.set(11.0);
    daemon.wait(61).await;
    assert_eq!(daemon.world.told(), ["fired beta"]);
    let (world, memory) = (Arc::clone(&daemon.world), daemon.memory.clone());
    daemon.stop().await.unwrap();

    let again = start_with(world, &memory, None, &["alpha", "beta"]);
    again.wait(200).await;
    assert_eq!(again.world.told(), ["fired beta"]);
    let page = again.handle.alerts(AlertFilter::default()).await.unwrap();
    let held = page.items[0].channels[0].held.clone().unwrap();
    let want = format!("silenced by `{}` (ana: planned backfill) until 2026-01-05T10:00:00Z", made.silence.id);
    assert_eq!(held, want);
    let ended = again.handle.expire_silence(made.silence.id.to_string()).await.unwrap().unwrap();
    assert_eq!(ended.state, SilenceState::Expired);
    again.wait(61).await;
    assert_eq!(again.world.told(), ["fired beta", "fired alpha"]);
    let listed = again.handle.silences(SilenceFilter::default()).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&ended), "it stays listed");
    let twice = again.handle.expire_silence(ended.id.to_string()).await.unwrap();
    assert_eq!(twice, Ok(ended), "what is over stays as it was");
    let unknown = again.handle.expire_silence("nobody".into()).await.unwrap();
    assert!(matches!(unknown, Err(SilenceRefused::Unknown(_))), "{unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_hides_every_critical_must_be_meant_and_a_dry_run_makes_nothing() {
    let daemon = start(&["alpha", "beta"]);
    daemon.world.set(11.0);
    daemon.wait(61).await;
    let all = request(r#"severity="critical""#, 600);
    let refused = put(&daemon, all.clone()).await;
    assert!(matches!(refused, Err(SilenceRefused::NeedsYes(_))), "{refused:?}");
    let tried = put(&daemon, SilenceRequest { dry_run: true, ..all.clone() }).await.unwrap();
    assert_eq!((tried.hides.firing, tried.hides.checks, tried.hides.every_critical), (2, 2, true));
    assert_eq!(daemon.handle.silences(SilenceFilter::default()).await.unwrap().total, 0);
    put(&daemon, SilenceRequest { yes: true, ..all }).await.unwrap();
    assert_eq!(daemon.handle.silences(SilenceFilter::default()).await.unwrap().total, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silence_that_cannot_be_kept_says_so_and_holds_all_the_same() {
    let daemon = start(&["alpha", "beta"]);
    daemon.wait(2).await;
    daemon.memory.fail_next(100);
    let refused = put(&daemon, request(r#"check="alpha""#, 600)).await;
    assert!(matches!(&refused, Err(SilenceRefused::NotKept(why)) if why.contains("told to fail")), "{refused:?}");
    daemon.world.set(11.0);
    daemon.wait(61).await;
    let told = daemon.world.told();
    assert!(told.contains(&"fired beta".into()) && !told.contains(&"fired alpha".into()), "{told:?}");
}
