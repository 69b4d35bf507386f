//! Fallbacks, rates and gathering, on a virtual clock: who is told what, when, and in whose place.

#[path = "delivery/desk.rs"]
mod desk;

use bellwether::model::record::Row;
use desk::{Desk, Fate};
use std::time::Duration;

const TWO: &str = "
channels:
  slack: { console: {}, fallback: mail }
  mail: { console: {} }
route: { channels: [slack], group_by: ['...'], group_wait: 0s, group_interval: 30s }
";

/// The heads of what arrived, without the alerts about the channel itself.
fn without_health(inbox: Vec<String>) -> Vec<String> {
    inbox.into_iter().filter(|line| !line.contains("channel-down")).collect()
}

#[test]
fn what_a_tripped_channel_was_not_told_goes_to_its_fallback_at_once_and_says_so() {
    let mut desk = Desk::new(TWO);
    desk.set("a", 7.0).set("b", 0.0).pass(5);
    assert_eq!(desk.inbox("slack"), ["0 fired a"]);
    desk.fate("slack", Fate::Down).set("b", 20.0).set("c", 7.0).pass(60);
    let mail = without_health(desk.inbox("mail"));
    assert_eq!(mail.len(), 2, "{mail:?}");
    assert!(mail[0].ends_with("fired b") && mail[1].ends_with("fired c"), "the critical one first: {mail:?}");
    let told = desk.sent.iter().find(|s| s.says() == "fired b" && s.channel == "mail").unwrap();
    let absent = &told.notification.occasion.instead_of;
    assert_eq!(absent.iter().map(|a| (&*a.channel, &*a.why)).collect::<Vec<_>>(), [("slack", "the desk says so")]);
    assert!(desk.inbox("mail").iter().any(|line| line.contains("fired channel-down")), "{:?}", desk.inbox("mail"));
}

#[test]
fn a_channel_that_is_back_hears_one_digest_and_nothing_twice() {
    let mut desk = Desk::new(TWO);
    desk.set("a", 7.0).pass(5);
    desk.fate("slack", Fate::Down).set("b", 20.0).set("c", 7.0).set("d", 7.0).pass(60);
    // One ends while it is away, one that slack knew ends, too.
    desk.set("c", 0.0).set("a", 0.0).pass(60);
    let mail = without_health(desk.inbox("mail"));
    assert!(mail.iter().any(|line| line.ends_with("resolved c")), "the rest of its life: {mail:?}");
    assert!(mail.iter().any(|line| line.ends_with("resolved a")), "slack was told that it fires: {mail:?}");
    desk.fate("slack", Fate::Takes).pass(1200);
    let slack = desk.inbox("slack");
    assert_eq!(slack.len(), 2, "{slack:?}");
    assert_eq!(slack[1].split_once(' ').unwrap().1, "fired b; resolved a; came and went: c; fired d");
    let digest = desk.last("slack");
    assert!(digest.notification.occasion.away.is_some());
    let before = without_health(desk.inbox("mail")).len();
    desk.set("b", 0.0).pass(600);
    assert!(desk.inbox("slack").last().unwrap().ends_with("resolved b"));
    let mail = without_health(desk.inbox("mail"));
    assert_eq!(mail.len(), before + 1, "who was told of it is told its end: {mail:?}");
    desk.set("e", 7.0).pass(600);
    assert!(desk.inbox("slack").last().unwrap().ends_with("fired e"));
    assert_eq!(without_health(desk.inbox("mail")).len(), before + 1, "it is slack's matter again");
}

#[test]
fn what_is_refused_goes_to_the_fallback_though_nothing_tripped() {
    let mut desk = Desk::new(TWO);
    desk.fate("slack", Fate::Refuses).set("a", 7.0).pass(5);
    assert_eq!(without_health(desk.inbox("mail")), ["0 fired a"]);
    desk.fate("slack", Fate::Takes).pass(1200);
    assert_eq!(desk.inbox("slack"), ["900 fired a"], "tried again after a quarter of an hour");
}

#[test]
fn what_was_refused_is_told_as_soon_as_the_channel_takes_another_message() {
    let mut desk = Desk::new(TWO);
    desk.fate("slack", Fate::Refuses).set("a", 7.0).pass(60);
    let tries = desk.sent.iter().filter(|s| s.channel == "slack").count();
    assert_eq!(tries, 1, "it would refuse the same at once");
    desk.fate("slack", Fate::Takes).set("b", 7.0).pass(20);
    assert_eq!(desk.inbox("slack"), ["69 fired b", "69 fired a"]);
    assert!(desk.last("slack").notification.occasion.away.is_some());
    desk.set("a", 0.0).pass(40);
    assert!(desk.inbox("slack").last().unwrap().ends_with("resolved a"), "{:?}", desk.inbox("slack"));
}

#[test]
fn nobody_hears_through_itself_that_it_does_not_take_messages() {
    let mut desk = Desk::new(
        "
channels:
  main: { console: {}, fallback: spare }
  spare: { console: {} }
route: { channels: [main], group_by: ['...'], group_wait: 0s, group_interval: 30s }
",
    );
    desk.fate("main", Fate::Down).fate("spare", Fate::Down).set("a", 20.0).pass(300);
    desk.fate("spare", Fate::Takes).pass(900);
    let spare = desk.inbox("spare");
    assert!(!spare.iter().any(|line| line.contains("channel-down spare")), "{spare:?}");
    assert!(spare.iter().any(|line| line.contains("fired a")), "{spare:?}");
    assert!(spare.iter().any(|line| line.contains("fired channel-down")), "that main is: {spare:?}");
}

#[test]
fn a_row_of_fallbacks_is_walked_down() {
    let mut desk = Desk::new(
        "
channels:
  slack: { console: {}, fallback: mail }
  mail: { console: {}, fallback: hook }
  hook: { console: {} }
route: { channels: [slack], group_by: ['...'], group_wait: 0s }
",
    );
    desk.fate("slack", Fate::Refuses).fate("mail", Fate::Refuses).set("a", 7.0).pass(5);
    assert_eq!(without_health(desk.inbox("hook")), ["0 fired a"]);
    desk.fate("slack", Fate::Takes).fate("mail", Fate::Takes).pass(2000);
    assert_eq!(desk.inbox("slack"), ["900 fired a"]);
    assert_eq!(without_health(desk.inbox("mail")), Vec::<String>::new(), "slack is back, mail need not be told");
    assert_eq!(without_health(desk.inbox("hook")), ["0 fired a"]);
}

#[test]
fn a_restart_forgets_neither_who_stands_for_whom_nor_what_is_owed() {
    let mut desk = Desk::new(TWO);
    desk.set("a", 7.0).pass(5);
    desk.fate("slack", Fate::Down).set("b", 20.0).pass(60);
    assert_eq!(without_health(desk.inbox("mail")).len(), 1);
    desk.restart().pass(60);
    assert_eq!(without_health(desk.inbox("mail")).len(), 1, "not told twice");
    desk.set("b", 0.0).pass(60);
    assert!(desk.inbox("mail").iter().any(|line| line.ends_with("resolved b")));
    desk.fate("slack", Fate::Takes).restart().pass(1200);
    assert_eq!(desk.inbox("slack").last().unwrap().split_once(' ').unwrap().1, "came and went: b");
}

#[test]
fn a_start_writes_what_differs_from_what_was_kept_and_nothing_else() {
    let titles = |desk: &Desk| -> Vec<String> {
        let written = desk.written.iter();
        written.filter_map(|row| if let Row::Subject(s) = row { Some(s.view.title.clone()) } else { None }).collect()
    };
    let mut desk = Desk::new(TWO);
    desk.set("a", 7.0).set("b", 20.0).pass(60);
    desk.restart();
    assert_eq!(titles(&desk), Vec::<String>::new());
    let mut written = titles(desk.restart_with(&Desk::with(TWO, "    title: \"{{ k }} is high\"\n")));
    written.sort_unstable();
    assert_eq!(written, ["a is high", "b is high"]);
    assert_eq!(titles(desk.restart()), Vec::<String>::new());
}

#[test]
fn more_than_the_rate_lets_through_is_gathered_and_the_critical_comes_first() {
    let mut desk = Desk::new(
        "
channels: { slack: { console: {}, rate: 1/m } }
route: { channels: [slack], group_by: ['...'], group_wait: 0s, group_interval: 1s }
",
    );
    desk.set("a", 7.0).set("b", 7.0).set("c", 20.0).set("d", 7.0).pass(5);
    assert_eq!(desk.inbox("slack"), ["0 fired c"]);
    desk.pass(60);
    assert_eq!(desk.inbox("slack")[1..], ["60 fired a; fired b; fired d"]);
    assert_eq!(desk.last("slack").notification.occasion.gathered, Some(3));
    desk.set("e", 20.0).pass(20);
    assert_eq!(desk.inbox("slack")[2..], ["69 fired e"], "what is critical waits for a second at most");
    desk.set("a", 0.0).set("b", 0.0).pass(120);
    assert_eq!(desk.inbox("slack")[3..], ["180 resolved a; resolved b"], "its token was taken from the time to come");
}

#[test]
fn channels_that_tell_one_room_share_its_rate() {
    let mut desk = Desk::new(
        "
channels:
  a: { slack: { webhook: 'https://slack.example/one' } }
  b: { slack: { webhook: 'https://slack.example/one' } }
  c: { slack: { webhook: 'https://slack.example/two' } }
  d: { slack: { token: xoxb-1, room: '#data' } }
  e: { slack: { token: xoxb-1, room: data } }
  f: { slack: { token: xoxb-1, room: '#other' } }
route: { channels: [a, b, c, d, e, f], group_by: ['...'], group_wait: 0s, group_interval: 1s }
",
    );
    desk.set("k", 7.0).pass(5);
    let told: Vec<String> = ["a", "b", "c", "d", "e", "f"].iter().flat_map(|name| desk.inbox(name)).collect();
    assert_eq!(told, ["0 fired k", "1 fired k", "0 fired k", "0 fired k", "1 fired k", "0 fired k"]);
    desk.restart().set("k", 20.0).pass(5);
    let times = |name| desk.inbox(name)[1].split_once(' ').unwrap().0.parse::<f64>().unwrap();
    assert!((times("b") - times("a") - 1.0).abs() < 0.01, "{:?} {:?}", desk.inbox("a"), desk.inbox("b"));
}

#[test]
fn the_cap_per_hour_holds_back_all_but_the_critical_and_loses_nothing() {
    let mut desk = Desk::new(
        "
channels: { slack: { console: {}, max_per_hour: 2 } }
route: { channels: [slack], group_by: ['...'], group_wait: 0s, group_interval: 1s }
",
    );
    for key in ["a", "b", "c", "d"] {
        desk.set(key, 7.0).pass(10);
    }
    assert_eq!(desk.inbox("slack"), ["0 fired a", "19 fired b"]);
    desk.set("c", 0.0).pass(3600);
    assert_eq!(desk.inbox("slack")[2..], ["3600 fired d; came and went: c"]);
    desk.set("e", 7.0).pass(10).set("f", 7.0).pass(10);
    assert_eq!(desk.inbox("slack").len(), 4);
    desk.set("x", 20.0).pass(10);
    assert_eq!(desk.inbox("slack")[4..], ["3669 fired x; fired f"], "what waited goes with it");
}

#[test]
fn retry_after_is_obeyed_to_the_second_and_is_no_ill_health() {
    let mut desk = Desk::new(TWO);
    desk.fate("slack", Fate::Limits(Duration::from_secs(37))).set("a", 7.0).pass(5);
    desk.fate("slack", Fate::Takes).pass(60);
    assert_eq!(desk.inbox("slack"), ["37 fired a"]);
    assert_eq!(desk.inbox("mail"), Vec::<String>::new());
}

#[test]
fn a_channel_that_hangs_holds_up_no_other() {
    let names: Vec<String> = (0..20).map(|i| format!("c{i}")).collect();
    let channels: Vec<String> = names.iter().map(|name| format!("  {name}: {{ console: {{}} }}\n")).collect();
    let yaml = format!(
        "channels:\n{}route: {{ channels: [{}], group_by: ['...'], group_wait: 0s }}\n",
        channels.concat(),
        names.join(", ")
    );
    let mut desk = Desk::new(&yaml);
    desk.fate("c3", Fate::Hangs(Duration::from_secs(30)));
    for key in ["a", "b", "c"] {
        desk.set(key, 20.0).pass(10);
    }
    for name in names.iter().filter(|name| *name != "c3") {
        let own = without_health(desk.inbox(name));
        assert_eq!(own, ["0 fired a", "19 fired b", "29 fired c"], "{name}");
    }
}

#[test]
fn thirty_thousand_keys_of_one_check_are_one_message() {
    let mut desk = Desk::new("channels: { slack: { console: {} } }\nroute: { channels: [slack], group_wait: 0s }\n");
    for i in 0..30_000 {
        desk.set(&format!("k{i}"), 20.0);
    }
    desk.pass(15);
    let inbox = desk.inbox("slack");
    assert_eq!(inbox.len(), 1, "{}", inbox.len());
    assert_eq!(desk.last("slack").notification.items.len(), 1);
    assert!(desk.last("slack").notification.items[0].alert.body.starts_with("30000 instances fire"));
}

const MAIN: &str = "
channels:
  main: { console: {}, breaker: { failures: 1, wait: 30m, wait_max: 30m } }
  other: { console: {} }
route: { channels: [main], group_by: ['...'], group_wait: 0s, group_interval: 1s }
";

/// Told, and over; told, and firing; never told, and over; and all of it while the channel is away.
fn owed() -> Desk {
    let mut desk = Desk::new(MAIN);
    desk.set("a", 7.0).set("b", 7.0).pass(15);
    desk.fate("main", Fate::Down).set("a", 0.0).set("c", 20.0).pass(20).set("c", 0.0).pass(20);
    assert_eq!(desk.core.dispatch.undelivered(desk.now).len(), 2, "{:?}", desk.core.dispatch.undelivered(desk.now));
    desk
}

#[test]
fn what_a_channel_was_owed_that_is_gone_its_heir_is_told() {
    let mut desk = owed();
    desk.reload(&Desk::new(&MAIN.replace("main", "renamed"))).pass(10);
    let told = desk.inbox("renamed");
    let mut told: Vec<&str> = told.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    told.sort_unstable();
    assert_eq!(told, ["came and went: a", "came and went: c", "fired b"]);
    assert_eq!(desk.core.dispatch.undelivered(desk.now), []);
    let down =
        desk.sent.iter().filter(|s| s.channel == "other").map(|s| s.notification.items[0].alert.note).next_back();
    assert_eq!(down.flatten().map(bellwether::model::alert::EndNote::text), Some("taken out of the configuration"));
}

#[test]
fn where_nobody_follows_a_channel_that_is_gone_the_history_says_that_nobody_was_told() {
    let mut desk = owed();
    let nobody = "channels: { other: { console: {} } }\nroute: { channels: [other], routes: [{ matchers: ['check=\"c\"'], channels: [] }] }";
    desk.reload(&Desk::new(nobody)).pass(10);
    let said: Vec<&String> = desk.noted.iter().filter(|text| text.contains("nobody is told")).collect();
    assert_eq!(said.len(), 2, "{:?}", desk.noted);
    assert!(said[0].starts_with("`main` was taken out of the configuration before it was told of an end"), "{said:?}");
}

const FLAPS: &str = "
channels: { slack: { console: {} } }
route: { channels: [slack], group_by: ['...'], group_wait: 0s, group_interval: 1s }
";

#[test]
fn what_flaps_is_told_once_as_flapping_and_once_when_it_is_steady() {
    let rule = "    flapping: { changes: 4, window: 10m }\n";
    for (last, want) in [(0.0, "resolved a"), (7.0, "steady a")] {
        let mut desk = Desk::with(FLAPS, rule);
        for _ in 0..10 {
            desk.set("a", 7.0).pass(30).set("a", 0.0).pass(30);
        }
        desk.set("a", last).pass(30);
        let inbox = desk.inbox("slack");
        let told: Vec<&str> = inbox.iter().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(told, ["fired a", "resolved a", "fired a", "flapping a"], "{inbox:?}");
        desk.pass(600);
        assert!(desk.inbox("slack")[4].ends_with(want), "{:?}", desk.inbox("slack"));
        assert_eq!(desk.inbox("slack").len(), 5);
        desk.set("a", 7.0 - last).pass(60);
        assert_eq!(desk.inbox("slack").len(), 6, "after that each change is told again");
    }
}

#[test]
fn what_flaps_and_gets_worse_is_told_and_a_restart_changes_nothing() {
    let mut desk = Desk::with(FLAPS, "    flapping: { changes: 3, window: 10m }\n");
    for _ in 0..4 {
        desk.set("a", 7.0).pass(30).set("a", 0.0).pass(30);
    }
    desk.restart().set("a", 20.0).pass(30).set("a", 0.0).pass(30);
    let inbox = desk.inbox("slack");
    let told: Vec<&str> = inbox.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(told, ["fired a", "resolved a", "flapping a", "escalated a"]);
    desk.restart().pass(600);
    assert!(desk.inbox("slack")[4].ends_with("resolved a"), "{:?}", desk.inbox("slack"));
    let end = &desk.last("slack").notification.items[0].alert;
    assert_eq!(end.note.map(bellwether::model::alert::EndNote::text), Some("steady after flapping"));
}

#[test]
fn what_is_steady_is_told_where_its_last_firing_leads_and_where_it_was_told_to_flap() {
    let routes = "
channels: { page: { console: {} }, desk: { console: {} } }
route:
  channels: [desk]
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  routes: [{ matchers: ['severity=\"critical\"'], channels: [page] }]
";
    let mut desk = Desk::with(routes, "    flapping: { changes: 3, window: 10m }\n");
    for value in [20.0, 0.0, 20.0, 0.0, 7.0] {
        desk.set("a", value).pass(30);
    }
    desk.pass(600);
    let told = |channel| desk.inbox(channel).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    let (page, desk): (Vec<String>, Vec<String>) = (told("page"), told("desk"));
    assert_eq!(page, ["fired a", "resolved a", "flapping a", "steady a"]);
    assert_eq!(desk, ["fired a"], "its last firing was a warning");
}

#[test]
fn what_is_out_by_another_group_claims_no_turn_that_the_rate_does_not_give() {
    let mut desk = Desk::new(
        "
channels: { slack: { console: {}, rate: 1/m } }
route:
  channels: [slack]
  group_by: [severity]
  group_wait: 0s
  group_interval: 1s
  routes: [{ matchers: ['severity=\"critical\"'], channels: [slack] }]
",
    );
    desk.set("b", 20.0).pass(70);
    desk.fate("slack", Fate::Hangs(Duration::from_secs(30))).set("a", 7.0).pass(10);
    // The warning is out still; its alert is critical now, and the critical group has an end to tell.
    desk.fate("slack", Fate::Takes).set("a", 20.0).set("b", 0.0).pass(120);
    assert_eq!(desk.inbox("slack"), ["0 fired b", "109 fired a; resolved b"]);
}

#[test]
fn what_was_not_told_stands_in_the_list_of_the_undelivered_with_its_reason() {
    let mut desk = Desk::new(FLAPS);
    desk.fate("slack", Fate::Down).set("a", 7.0).pass(40);
    let untold = desk.core.dispatch.undelivered(desk.now);
    let lines: Vec<String> = untold.iter().map(|u| format!("{} {} {}", u.alert, u.channel, u.firing)).collect();
    assert_eq!(lines, [r#"c{k="a"} slack true"#]);
    let want = "`slack` takes no messages now: the desk says so; next: its breaker lets one message through at 2026-01-05T00:0";
    assert!(untold[0].why.starts_with(want), "{}", untold[0].why);
    desk.fate("slack", Fate::Takes).pass(120);
    assert_eq!(desk.core.dispatch.undelivered(desk.now), []);
}

#[test]
fn what_was_out_when_the_daemon_died_is_no_failure_of_the_far_side() {
    let mut desk = Desk::new(FLAPS);
    desk.fate("slack", Fate::Hangs(Duration::from_mins(5)));
    for key in ["a", "b", "c", "d", "e", "f"] {
        desk.set(key, 7.0);
    }
    desk.pass(5);
    desk.fate("slack", Fate::Takes).restart().pass(2);
    assert_eq!(desk.core.dispatch.channel_reports(desk.now)[0].breaker, "admitting");
    assert_eq!(desk.inbox("slack").len(), 6, "all of it is said again at once: {:?}", desk.inbox("slack"));
}

#[test]
fn what_fires_after_a_probe_failed_does_not_wait_for_the_next_attempt() {
    let yaml = "channels: { one: { console: {}, fallback: two }, two: { console: {} } }
route: { channels: [one], group_wait: 0s, group_interval: 1s }";
    let mut desk = Desk::new(yaml);
    // So many attempts that the group's next one is half a minute off, or more.
    desk.fate("one", Fate::Down).set("a", 11.0).pass(4_000);
    let probes = |desk: &Desk| desk.sent.iter().filter(|sent| sent.channel == "one").count();
    let before = probes(&desk);
    while probes(&desk) == before {
        desk.pass(1);
    }
    let set_at = desk.sent.last().unwrap().at + 1.0;
    desk.set("b", 11.0).pass(60);
    let told = desk.sent.iter().find(|sent| sent.channel == "two" && sent.says().contains("fired b")).unwrap();
    assert!(told.at - set_at <= 10.0, "its slot comes within 10 s: {} after {set_at}", told.at);
    assert_eq!(probes(&desk), before + 1, "and the channel itself is left alone");
}
