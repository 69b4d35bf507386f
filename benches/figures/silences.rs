//! Thousands of silences against a hundred thousand alerts.

use super::Figure;
use bellwether::core::{Core, CoreConfig, Input, Options};
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{Matcher, Silence, TableBuilder, Timestamp, Value};
use bellwether::testing::evaluated;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ALERTS: usize = 100_000;
const SILENCES: usize = 5_000;
/// Silences that ask for no single value: each is tried on every alert.
const OPEN: usize = 20;
const START: Timestamp = Timestamp::from_secs(1_767_571_200);
const YAML: &str = "
sources: { web: { http: {} } }
channels: { terminal: { console: {} } }
route: { channels: [terminal], group_by: [check], group_wait: 30s }
checks:
  - check: slow
    source: web
    collect: { url: \"http://127.0.0.1\" }
    every: 1h
    limit: 100000
    columns: { host: text, value: number }
    key: [host]
    alert: { critical: value > 3 }
";

/// All alerts fire in one slot, with the silences and without; and one more silence is made and ended.
pub fn many() -> Vec<Figure> {
    let (without, _) = fired(0, 0);
    let (with, mut core) = fired(SILENCES, OPEN);
    let silence = silence(SILENCES, r#"host="host-099999""#);
    let id = Arc::clone(&silence.id);
    let begun = Instant::now();
    core.handle(START + Duration::from_mins(2), [Input::Silence(Box::new(silence))]);
    core.handle(START + Duration::from_mins(3), [Input::ExpireSilence { id }]);
    let order = begun.elapsed().as_secs_f64() / 2.0;
    let figure = |work: &str, seconds: f64| Figure {
        work: work.into(),
        peer: "",
        limit: "",
        ours: format!("{:.0} ms", seconds * 1e3),
    };
    vec![
        figure("100,000 alerts fire: the turn that decides of all", without),
        figure("  with 5,020 silences, 20 of them regular expressions", with),
        figure("  one silence more is made, or ends", order),
    ]
}

/// The seconds of the turns in which all alerts fire and what is told of them is decided.
fn fired(silences: usize, open: usize) -> (f64, Core) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bench.yaml"), YAML).unwrap();
    let config = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap().config.unwrap();
    let config = CoreConfig {
        checks: config.checks,
        dispatch: config.dispatch,
        self_alerts: config.self_alerts,
        ..CoreConfig::default()
    };
    let mut core = Core::new(config, Saved::default(), START, Options { seed: 1, eager: true });
    let made = (0..silences).map(|n| silence(n, &format!(r#"host="host-{:06}""#, n * 7)));
    let open = (0..open).map(|n| silence(SILENCES + 1 + n, &format!(r#"host=~"host-0.*{n:02}9""#)));
    let mut turn = core.handle(START, made.chain(open).map(|silence| Input::Silence(Box::new(silence))));
    while turn.collects.is_empty() {
        let due = core.next_due().unwrap();
        turn = core.handle(due, []);
    }
    let collect = turn.collects.remove(0);
    let mut table = TableBuilder::new(["host", "value"]).unwrap();
    for n in 0..ALERTS {
        table.push([Value::text(&format!("host-{n:06}")), Value::Number(8.0)]).unwrap();
    }
    let evaluated = evaluated(&collect, Ok(Arc::new(table.finish())));
    let begun = Instant::now();
    let slot = collect.slot;
    core.handle(slot, [Input::Evaluated(evaluated)]);
    let turn = core.handle(slot + Duration::from_secs(30), []);
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(turn.sends.len(), 1, "one group");
    (took, core)
}

fn silence(n: usize, matcher: &str) -> Silence {
    Silence {
        id: format!("silence-{n}").into(),
        matchers: vec![Matcher::parse(matcher).unwrap()],
        starts: START,
        ends: START + Duration::from_hours(9),
        created_by: "ana".into(),
        comment: "bench".into(),
        updated: START,
        declared: None,
    }
}
