//! Channels that are there only where something is set.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::dispatch::Route;
use bellwether::load::{self, Loaded, Mode};

const FILE: &str = r#"
channels:
  terminal: { console: {} }
  team:     { slack: { webhook: "${SLACK_WEBHOOK}" }, only_if: "${SLACK_WEBHOOK:-}" }
route:
  channels: [terminal, team]
  routes:
    - { matchers: ['team="ml"'], channels: [team] }
"#;

fn load(text: &str, webhook: Option<&str>, mode: Mode) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bellwether.yaml"), text).unwrap();
    let env = |name: &str| webhook.filter(|_| name == "SLACK_WEBHOOK").map(ToOwned::to_owned);
    load::load(folder.path(), &env, mode).unwrap()
}

/// The channels, then the channels of the root and of its first child, and the notes.
fn shown(loaded: &Loaded) -> String {
    let config = loaded.config.as_ref().unwrap_or_else(|| panic!("{}", loaded.problems.human(&loaded.sources, false)));
    let route = config.dispatch.route.as_ref().unwrap();
    let told = |route: &Route| route.channels.join(" ");
    let notes = loaded.notes.join("; ");
    format!(
        "{} | {} | {} | {notes}",
        config.dispatch.names().cloned().collect::<Vec<_>>().join(" "),
        told(route),
        told(&route.routes[0])
    )
}

#[test]
fn an_empty_only_if_leaves_a_channel_out_and_its_routes_go_on_without_it() {
    let url = Some("https://hooks.example/x");
    let out = "terminal | terminal | terminal | channel `team` is left out: its `only_if: ${SLACK_WEBHOOK:-}` is empty";
    for (webhook, mode, want) in [
        (url, Mode::Strict, "terminal team | terminal team | team | "),
        (None, Mode::Strict, out),
        (Some(""), Mode::Strict, out),
        (None, Mode::Lenient, "terminal team | terminal team | team | "),
    ] {
        assert_eq!(shown(&load(FILE, webhook, mode)), want, "{webhook:?} {mode:?}");
    }
}

#[test]
fn a_name_without_a_default_is_missing_here_too_and_a_wrong_channel_stays_wrong() {
    let no_default = FILE.replace(":-}", "}");
    let errors = load(&no_default, None, Mode::Strict).problems;
    assert!(errors.iter().all(|e| e.message == "the environment has no `SLACK_WEBHOOK`"), "{errors:?}");
    assert_eq!(errors.len(), 2);
    let wrong = FILE.replace("slack: {", "slack: { rom: x,");
    assert!(load(&wrong, None, Mode::Lenient).problems.has_errors(), "lint sees it where it is left out");
}

#[test]
fn a_root_that_lost_all_its_channels_is_noted() {
    let alone = FILE.replace("[terminal, team]", "[team]");
    let loaded = load(&alone, None, Mode::Strict);
    assert!(shown(&loaded).ends_with("told to nobody"), "{}", shown(&loaded));
    // A name that nobody declares is an error, and nothing that was left out.
    let misspelt = FILE.replace("[terminal, team]", "[termnal]");
    let loaded = load(&misspelt, Some("https://hooks.example/x"), Mode::Strict);
    assert_eq!((loaded.problems.len(), &*loaded.notes.join("; ")), (1, ""));
}
