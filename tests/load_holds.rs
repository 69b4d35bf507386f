//! Silences and calendars in files: what is wrong, and what is right and yet probably not meant.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder fails")]

use bellwether::load::{self, Mode};
use bellwether::model::Timestamp;
use bellwether::rules::lint::advise;

const BASE: &str = "sources: { s: { sqlite: { path: a.db } } }
channels: { terminal: { console: {} } }
checks:
  - check: queue
    description: Queues that grow.
    source: s
    collect: { query: 'SELECT name, n FROM queues' }
    columns: { name: text, n: number }
    key: [name]
    labels: { team: data }
    alert: { critical: n > 100, warning: n > 10 }
  - check: lag
    description: Lag that grows.
    source: s
    collect: { query: 'SELECT n FROM lags' }
    columns: { n: number }
    labels: { team: ml }
    alert: { critical: n > 100 }
  - { check: idea, description: Not told yet., mode: shadow, source: s, collect: { query: 'SELECT n FROM ideas' },
      columns: { n: number }, alert: { critical: n > 100 } }
";

/// `line:column [advice: ]message | help` of what is said of this text, as of 2026-03-05.
fn said(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let route = if text.contains("route:") { "" } else { "route: { channels: [terminal] }\n" };
    std::fs::write(folder.path().join("a.yaml"), format!("{BASE}{route}")).unwrap();
    std::fs::write(folder.path().join("b.yaml"), text).unwrap();
    let mut loaded = load::load(folder.path(), &|_| None, Mode::Lenient).unwrap();
    loaded.outline.now = Timestamp::parse("2026-03-05T00:00:00Z").unwrap();
    advise(&loaded.outline, &loaded.sources, &mut loaded.problems);
    loaded.problems.sort();
    let shown = loaded.problems.iter().map(|problem| {
        let place = problem.place.as_ref().map(|p| format!("{}:{}", p.line, p.column)).unwrap_or_default();
        let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        let level = if problem.is_error() { "" } else { "advice: " };
        format!("{place} {level}{}{help}", problem.message)
    });
    shown.collect()
}

fn silence(matchers: &str, starts: &str, ends: &str) -> String {
    format!(
        "silences:\n  - {{ name: s, matchers: [{matchers}], starts: {starts}T00:00:00Z, ends: {ends}T00:00:00Z, \
         created_by: ana, comment: c }}"
    )
}

#[test]
fn silences() {
    for (text, want) in [
        (silence(r#"'check="queue"'"#, "2026-03-05", "2026-03-06"), ""),
        (silence(r#"'name="x"', 'severity="warning"'"#, "2026-03-05", "2026-03-06"), ""),
        (silence(r#"'check="source-unreachable"'"#, "2026-03-05", "2026-03-06"), ""),
        (silence(r#"'reason="limit"'"#, "2026-03-05", "2026-03-06"), ""),
        (silence(r#"'check="queue"'"#, "2026-03-06", "2026-03-05"), "ends before it starts"),
        (silence(r#"'check!="queue"'"#, "2026-03-05", "2026-03-06"), "does not match the empty text"),
        (silence("", "2026-03-05", "2026-03-06"), "at least one matcher"),
        (silence(r#"'check="queue"'"#, "2026-03-03", "2026-03-04"), "advice: the silence `s` ended at 2026-03-04"),
        (
            silence(r#"'check="queu"'"#, "2026-03-05", "2026-03-06"),
            r#"advice: the silence `s` holds nothing: no alert has `check="queu"` | did you mean `queue`?"#,
        ),
        (
            silence(r#"'region="eu"'"#, "2026-03-05", "2026-03-06"),
            "advice: the silence `s` holds nothing: no alert has",
        ),
        (
            silence(r#"'check="lag"', 'severity="warning"'"#, "2026-03-05", "2026-03-06"),
            "advice: the silence `s` holds nothing: no alert matches all",
        ),
        (
            silence(r#"'severity="critical"'"#, "2026-03-05", "2026-03-06"),
            "advice: the silence `s` hides every critical",
        ),
        (silence(r#"'team=~"data|ml"'"#, "2026-03-05", "2026-03-06"), "advice: the silence `s` hides every critical"),
        (silence(r#"'team="data"'"#, "2026-03-05", "2026-03-06"), ""),
        (silence(r#"'severity="critical"', 'name!=""'"#, "2026-03-05", "2026-03-06"), ""),
        ("silences:\n  - { name: s, matchers: ['check=\"lag\"'] }".to_owned(), "`starts` is missing"),
        (
            silence(r#"'check="queue"'"#, "2026-03-05", "2026-03-06").replace("comment: c", "comment: ' '"),
            "`comment` is empty",
        ),
        (
            format!(
                "{0}\n{1}",
                silence(r#"'check="lag"'"#, "2026-03-05", "2026-03-06"),
                silence(r#"'check="lag"'"#, "2026-03-05", "2026-03-06").trim_start_matches("silences:\n"),
            ),
            "two silences are named `s`",
        ),
    ] {
        let said = said(&text);
        match want {
            "" => assert_eq!(said, Vec::<String>::new(), "{text}"),
            want => assert!(said.iter().any(|line| line.contains(want)), "{text}\n{said:#?}"),
        }
    }
}

#[test]
fn calendars() {
    let used = "route: { channels: [terminal], active_during: [office] }\n";
    for (calendar, want) in [
        ("{ times: '09:00-18:00' }", ""),
        ("{ timezone: Europe/Berlin, weekdays: [mon-thu, fri], times: ['22:00-06:00'] }", ""),
        ("{ times: ['00:00-24:00'], holidays: [2026-12-25] }", ""),
        ("{ times: ['00:00-24:00'], holidays: { 2026-12-25: Christmas } }", ""),
        ("{ weekdays: mon-fri }", "2:13 `times` is missing"),
        ("{ times: [] }", "`times` is empty: the calendar would never be active"),
        ("{ times: ['09:00-18:00'], weekdays: [] }", "`weekdays` is empty"),
        ("{ times: ['9-18'] }", "`9-18` is no range of hours | write hours and minutes"),
        ("{ times: ['09:00-09:00'] }", "a whole day is `00:00-24:00`"),
        ("{ times: ['09:00-18:00'], weekdays: [fry] }", "`fry` is no day of the week | did you mean `fri`?"),
        ("{ times: ['09:00-18:00'], holidays: [2026-02-30] }", "`2026-02-30` is no date"),
        ("{ times: ['09:00-18:00'], holidays: { 2026-2-3: x } }", "`2026-2-3` is no date"),
        ("{ times: ['09:00-18:00'], location: UTC }", "`timezone`"),
    ] {
        let said = said(&format!("calendars:\n  office: {calendar}\n{used}"));
        match want {
            "" => assert_eq!(said, Vec::<String>::new(), "{calendar}"),
            want => assert!(said.len() == 1 && said[0].contains(want), "{calendar}\n{said:#?}"),
        }
    }
}

#[test]
fn the_calendars_of_routes() {
    let calendars = "calendars: { office: { times: '09:00-18:00' }, late: { times: '22:00-23:00' } }\n";
    for (route, want) in [
        ("active_during: office, mute_during: late", ""),
        ("active_during: ofice, mute_during: late", "did you mean `office`?"),
        ("active_during: office", "advice: no route names the calendar `late`"),
        ("active_during: [office, late], mute_during: [late, office]", "this route never tells"),
    ] {
        let said = said(&format!("{calendars}route: {{ channels: [terminal], {route} }}\n"));
        match want {
            "" => assert_eq!(said, Vec::<String>::new(), "{route}"),
            want => assert!(said.iter().any(|line| line.contains(want)), "{route}\n{said:#?}"),
        }
    }
}
