//! `fallback:`: another source, asked where the check's own cannot be read, and never in silence.

use bellwether::core::{Core, CoreConfig, Input, Options, Turn};
use bellwether::engine::{CollectFailure, Evaluated, evaluate};
use bellwether::load::{self, Mode};
use bellwether::model::record::Saved;
use bellwether::model::{Delivery, FailureClass, TableBuilder, Timestamp, Value};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const START: Timestamp = Timestamp::from_secs(1_767_571_200);
const RULES: &str = "
sources: { first: { sqlite: { path: first.db } }, second: { sqlite: { path: second.db, script: second.sql } } }
channels: { terminal: { console: {} } }
route: { channels: [terminal], group_wait: 0s, group_interval: 1s, group_by: ['...'] }
checks:
  - check: queue
    source: first
    collect: { query: SELECT n FROM q }
    fallback: { source: second, collect: { query: SELECT n FROM q } }
    on_error: warning
    alert: { critical: n > 5 }
";

/// What the sources say in one slot: `None` is asked nothing.
#[derive(Clone, Copy)]
enum Says {
    Value(f64),
    Gone,
    Refuses,
}

struct Story {
    core: Core,
    now: Timestamp,
    told: Vec<String>,
    notes: Vec<Option<String>>,
    _folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Story {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("a.yaml"), RULES).expect("written");
        let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
        let human = loaded.problems.human(&loaded.sources, false);
        let config = loaded.config.unwrap_or_else(|| panic!("{human}"));
        let config = CoreConfig {
            checks: config.checks,
            dispatch: config.dispatch,
            self_alerts: config.self_alerts,
            ..CoreConfig::default()
        };
        let core = Core::new(config, Saved::default(), START, Options { seed: 1, eager: true });
        Story { core, now: START, told: Vec::new(), notes: Vec::new(), _folder: folder }
    }

    /// The next slot, in which the first source says this, and the second is asked where that is no answer.
    fn slot(mut self, first: Says, second: Says) -> Story {
        let turn = loop {
            let turn = self.core.handle(self.now, []);
            if !turn.collects.is_empty() {
                break turn;
            }
            self.now = self.now + Duration::from_secs(1);
        };
        let collect = turn.collects.into_iter().next().expect("one check");
        let (fell_back, answer) = match said(first) {
            Err(why) => (Some(why), said(second)),
            answer => (None, answer),
        };
        let judged = evaluate(&collect.check, collect.slot, answer);
        let (check, slot, generation) = (collect.check, collect.slot, collect.generation);
        let evaluated = Evaluated { check, slot, generation, took: Duration::ZERO, fell_back, judged };
        let mut turn = self.core.handle(self.now, [Input::Evaluated(Box::new(evaluated))]);
        while let Some(inputs) = self.deliver(&turn) {
            turn = self.core.handle(self.now, inputs);
        }
        self
    }

    fn deliver(&mut self, turn: &Turn) -> Option<Vec<Input>> {
        let items = turn.sends.iter().flat_map(|send| &send.notification.items);
        for item in items {
            self.told.push(format!("{} {}", item.kind.name(), item.alert.id));
            self.notes.push(item.alert.fell_back.clone());
        }
        let delivered = |id: &Arc<str>| Input::Delivered {
            id: Arc::clone(id),
            took: Duration::ZERO,
            delivery: Delivery::delivered(),
        };
        let inputs: Vec<Input> = turn.sends.iter().map(|send| delivered(&send.notification.id)).collect();
        (!inputs.is_empty()).then_some(inputs)
    }
}

fn said(says: Says) -> Result<Arc<bellwether::model::Table>, CollectFailure> {
    match says {
        Says::Value(n) => {
            let mut table = TableBuilder::new(["n"]).expect("one column");
            table.push([Value::Number(n)]).expect("one cell");
            Ok(Arc::new(table.finish()))
        }
        Says::Gone => Err(CollectFailure {
            unreachable: true,
            message: "refused to connect".into(),
            class: FailureClass::Other,
            retry_after: None,
        }),
        Says::Refuses => Err(CollectFailure {
            unreachable: false,
            message: "no such table: q".into(),
            class: FailureClass::Other,
            retry_after: None,
        }),
    }
}

#[test]
fn the_fallbacks_answer_is_judged_and_the_message_says_which_was_read() {
    let story = Story::new().slot(Says::Gone, Says::Value(9.0)).slot(Says::Value(1.0), Says::Gone);
    assert_eq!(story.told, ["fired queue", "resolved queue"]);
    let why = "read from `second`, because `first` gave no answer: refused to connect";
    assert_eq!(story.notes, [Some(why.to_owned()), None]);
}

#[test]
fn a_source_that_is_gone_is_an_alert_though_its_fallback_answers() {
    let gone = Story::new().slot(Says::Gone, Says::Value(1.0)).slot(Says::Gone, Says::Value(1.0));
    assert_eq!(gone.told, ["fired source-unreachable{source=\"first\"}"]);
    let back = gone.slot(Says::Value(1.0), Says::Gone);
    assert_eq!(back.told[1..], ["resolved source-unreachable{source=\"first\"}"]);
}

#[test]
fn a_request_that_is_refused_is_an_alert_though_the_fallback_answers() {
    let story = Story::new().slot(Says::Refuses, Says::Value(1.0)).slot(Says::Value(1.0), Says::Gone);
    assert_eq!(story.told, ["fired check-failing{check=\"queue\"}", "resolved check-failing{check=\"queue\"}"]);
}

#[test]
fn where_neither_answers_nothing_resolves_and_both_reasons_are_told() {
    let fired = Story::new().slot(Says::Value(9.0), Says::Gone).slot(Says::Gone, Says::Gone);
    assert_eq!(fired.told, ["fired queue"], "the next try shows whether the sources are away");
    let report = fired.core.engine.check_report("queue").expect("there is one");
    let both = "refused to connect; and the fallback `second`: refused to connect";
    assert_eq!((report.error.as_deref(), report.answered), (Some(both), None));
    assert_eq!(report.firing, 1);
    let mut away = fired.slot(Says::Gone, Says::Gone).told;
    away.sort_unstable();
    let gone = |source: &str| format!("fired source-unreachable{{source=\"{source}\"}}");
    assert_eq!(away, ["fired queue".to_owned(), gone("first"), gone("second")]);
}

#[test]
fn what_is_wrong_in_a_fallback_is_told_at_its_place() {
    for (yaml, want) in [
        (RULES.replace("fallback: { source: second", "fallback: { source: secnd"), "unknown source `secnd`"),
        (RULES.replace("second, collect: { query", "second, collect: { qery"), "unknown key `qery`"),
        (RULES.replace("{ source: second, collect: { query: SELECT n FROM q } }", "{ source: second }"), "`collect`"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("a.yaml"), yaml).expect("written");
        let loaded = load::load(folder.path(), &|_| None, Mode::Lenient).expect("a folder");
        let errors: Vec<String> = loaded.problems.iter().filter(|p| p.is_error()).map(|p| p.message.clone()).collect();
        assert!(matches!(&errors[..], [one] if one.contains(want)), "{errors:?}");
    }
}

/// The first source's file is not there.
#[test]
fn eval_and_lint_ask_the_fallback_as_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.yaml"), RULES).expect("written");
    std::fs::write(folder.path().join("second.sql"), "CREATE TABLE q (n); INSERT INTO q VALUES (9);").expect("written");
    let bellwether = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwether"));
        let output = command.args(arguments).arg(folder.path()).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = bellwether(&["eval"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("note: queue was read from `second`, because `first` gave no answer:"), "{text}");
    let (_, json) = bellwether(&["eval", "--format", "json"]);
    assert!(json.contains("\"answered\": \"second\""), "{json}");
    std::fs::write(folder.path().join("second.sql"), "CREATE TABLE q (m);").expect("written");
    std::fs::remove_file(folder.path().join("second.db")).expect("it was made");
    let (code, text) = bellwether(&["lint", "--online"]);
    assert!(
        code == Some(1)
            && text.contains("a.yaml:9:")
            && text.contains("`second` says: the query is refused: no such column: n"),
        "{text}"
    );
}
