use super::*;
use crate::dispatch::drill::{DrillOrder, view};
use crate::dispatch::report::ChannelReport;
use crate::dispatch::{ChannelRules, Config, GroupBy, Route, Send, Timers};
use crate::model::record::Entry;
use crate::model::{Change, ChangeKind, Delivery, FailureClass, FlapRule};
use std::time::Duration;

fn config() -> Config {
    let name: Arc<str> = Arc::from("slack");
    let root = Route {
        id: Arc::from("{}"),
        matchers: Vec::new(),
        continues: false,
        channels: vec![Arc::clone(&name)],
        group_by: GroupBy::Labels(Vec::new()),
        timers: Timers::default(),
        during: crate::dispatch::calendar::During::default(),
        routes: Vec::new(),
        declared: Arc::from("a.yaml:1"),
    };
    Config { route: Some(root), channels: vec![ChannelRules::new(&name)], ..Config::default() }
}

/// One alert that fired at 0, told to `slack` behind the default timers.
struct World {
    dispatch: Dispatch,
    alert: AlertId,
    out: Vec<Send>,
}

impl World {
    fn new() -> World {
        World::with(config())
    }

    fn with(config: Config) -> World {
        let now = Timestamp::default();
        let labels = [("check", "slow")].into_iter().collect();
        let order = DrillOrder { id: Arc::from("1"), labels, severity: Severity::Warning, channel: None };
        let view = Arc::new(view(&order, now));
        let alert = view.id.clone();
        let mut dispatch = Dispatch::new(config, Vec::new(), now, 7);
        let change = Change { at: now, kind: ChangeKind::Fired, severity: Severity::Warning, note: None, view };
        dispatch.changed(&change, Vec::new(), None);
        World { dispatch, alert, out: Vec::new() }
    }

    fn advance(&mut self, secs: i64) {
        let out = self.dispatch.advance(Timestamp::from_secs(secs), &|_| None);
        self.out.extend(out);
    }

    fn answer(&mut self, secs: i64, delivery: &Delivery) {
        for send in std::mem::take(&mut self.out) {
            let now = Timestamp::from_secs(secs);
            self.dispatch.answered(&send.notification.id, delivery, Duration::ZERO, now);
        }
        self.advance(secs);
    }

    fn report(&self, secs: i64) -> ChannelReport {
        self.dispatch.channel_reports(Timestamp::from_secs(secs)).remove(0)
    }

    /// What the first channel knows, and the sentences.
    fn says(&self, secs: i64) -> String {
        let one = &self.dispatch.outlook(&self.alert, Timestamp::from_secs(secs))[0];
        format!("{}: {}. {}", one.knows.name(), one.because, one.next)
    }

    /// Why it stands among what was not told, and the instant that the outlook gives.
    fn untold(&self, secs: i64) -> (String, Option<i64>) {
        let now = Timestamp::from_secs(secs);
        let at = self.dispatch.outlook(&self.alert, now)[0].at.map(Timestamp::as_secs);
        let [one] = &self.dispatch.undelivered(now)[..] else { panic!("one that was not told") };
        (one.why.clone(), at)
    }

    /// The decisions that the history has of it.
    fn decisions(&mut self) -> Vec<String> {
        let said = |entry| if let Entry::Decision { decision, .. } = entry { Some(decision) } else { None };
        self.dispatch.take_history().into_iter().filter_map(said).collect()
    }

    /// The alert fires or is over.
    fn change(&mut self, secs: i64, kind: ChangeKind) {
        let at = Timestamp::from_secs(secs);
        let order = DrillOrder {
            id: Arc::from("1"),
            labels: [("check", "slow")].into_iter().collect(),
            severity: Severity::Warning,
            channel: None,
        };
        let ended = (kind == ChangeKind::Resolved).then_some(at);
        let since = if ended.is_some() { Timestamp::default() } else { at };
        let view = Arc::new(crate::model::alert::AlertView { since, ended, ..view(&order, at) });
        let change = Change { at, kind, severity: Severity::Warning, note: None, view };
        self.dispatch.changed(&change, Vec::new(), None);
        self.advance(secs);
    }

    fn assert_says(&self, secs: i64, parts: [&str; 3]) {
        let said = self.says(secs);
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }
}

fn failed() -> Delivery {
    Delivery::NotSent { why: "no connection".into(), retry_after: None, ill: true, class: FailureClass::Refused }
}

#[test]
fn each_step_of_a_message_says_what_it_waits_for() {
    let mut world = World::new();
    world.advance(1);
    world.assert_says(1, ["not_told: its group gathers news", "`group_wait` 30s", "it leaves at 1970-01-01T00:00:30Z"]);
    world.advance(30);
    world.assert_says(31, ["not_told: a message was sent at 1970-01-01T00:00:30Z", "no answer yet", "its answer"]);
    world.answer(32, &Delivery::Delivered { but: None, receipt: None });
    world.assert_says(33, ["told: it knows what is true", "a repeat is due at", "1970-01-01T04:00:30Z"]);
}

#[test]
fn what_fails_says_when_it_is_tried_again_and_what_its_channel_says() {
    let mut world = World::new();
    world.advance(30);
    world.answer(31, &failed());
    world.assert_says(31, ["not_told: one attempt failed", "it is sent again at", "1970-01-01T00:00:3"]);
    let mut now = 31;
    while world.dispatch.channel_reports(Timestamp::from_secs(now))[0].breaker == "admitting" {
        now += 60;
        world.advance(now);
        world.answer(now, &failed());
    }
    world.assert_says(
        now,
        ["not_told: `slack` takes no messages now: no connection", "its breaker lets one", "through at"],
    );
    world.advance(now + 3600);
    world.answer(now + 3600, &Delivery::Refused { why: "no such room".into(), class: FailureClass::Refused });
    world.assert_says(now + 3600, ["`slack` refused the message", "it is tried again at", "when what it says changes"]);
}

#[test]
fn labels_that_no_route_takes_say_so() {
    let mut config = config();
    config.route.as_mut().unwrap().channels.clear();
    let dispatch = Dispatch::new(config, Vec::new(), Timestamp::default(), 7);
    let why = dispatch.led(&LabelSet::default(), Timestamp::default()).unwrap_err();
    assert!(why.contains("leads to no channel"), "{why}");
}

fn lost() -> Delivery {
    Delivery::Unanswered { why: "it answered 500".into(), retry_after: None, class: FailureClass::ServerError }
}

#[test]
fn a_message_that_may_have_arrived_is_not_called_failed() {
    let mut world = World::new();
    world.advance(30);
    world.answer(31, &lost());
    world.assert_says(31, ["unsure: one attempt was not confirmed: it answered 500", "it is sent again at", "00:00:3"]);
}

#[test]
fn the_latest_failure_is_shown_and_what_it_went_down_by_is_kept() {
    let mut world = World::new();
    world.advance(30);
    let mut now = 30;
    while world.report(now).breaker == "admitting" {
        now += 60;
        world.answer(now, &failed());
        world.advance(now + 60);
    }
    let tripped = world.report(now);
    let last = |report: &ChannelReport| {
        report.last_failure.as_ref().map(|last| format!("{} {}: {}", last.at.as_secs(), last.class.name(), last.why))
    };
    assert_eq!(last(&tripped), Some(format!("{now} refused: no connection")));
    now += 3600;
    world.advance(now);
    world.answer(now, &lost());
    let probed = world.report(now);
    assert_eq!(last(&probed), Some(format!("{now} server_error: it answered 500")));
    assert_eq!(probed.down.as_deref(), Some("no connection"));
    world.assert_says(now, ["`slack` takes no messages now: it answered 500", "its breaker lets one", "through at"]);
    world.advance(now + 3600);
    world.answer(now + 3601, &Delivery::delivered());
    let well = world.report(now + 3601);
    assert_eq!((well.breaker, well.last_failure, well.down), ("admitting", None, None));
}

#[test]
fn when_a_channel_was_told_is_known_without_the_history() {
    let mut world = World::new();
    world.advance(30);
    let told_at = |world: &World| world.dispatch.outlook(&world.alert, Timestamp::from_secs(40))[0].told_at;
    world.answer(31, &failed());
    assert_eq!(told_at(&world), None);
    world.advance(90);
    world.answer(95, &Delivery::delivered());
    let told = told_at(&world).expect("it was delivered");
    assert!(31 < told.as_secs() && told.as_secs() < 95, "when it left, not when it was answered: {told}");
}

#[test]
fn an_alert_that_flaps_says_since_when_and_what_is_true() {
    let mut world = World::new();
    world.advance(30);
    world.answer(31, &Delivery::delivered());
    let rule = FlapRule { changes: 2, window: Duration::from_mins(10) };
    let order =
        DrillOrder { id: Arc::from("1"), labels: LabelSet::default(), severity: Severity::Warning, channel: None };
    let shown = view(&order, Timestamp::default());
    let mut change = |second: i64, kind: ChangeKind| {
        let at = Timestamp::from_secs(second);
        let ended = (kind == ChangeKind::Resolved).then_some(at);
        let view = Arc::new(crate::model::alert::AlertView { ended, ..shown.clone() });
        let change = Change { at, kind, severity: Severity::Warning, note: None, view };
        world.dispatch.changed(&change, Vec::new(), Some(rule));
    };
    change(40, ChangeKind::Resolved);
    change(50, ChangeKind::Fired);
    change(60, ChangeKind::Resolved);
    world.advance(340);
    world.answer(341, &Delivery::delivered());
    let flaps = world.dispatch.flapping(&world.alert).expect("it flaps");
    assert_eq!((flaps.rule.as_str(), flaps.changes, flaps.fires), ("2 changes within 10m", 1, None));
    assert_eq!((flaps.since, flaps.true_since), (Some(Timestamp::from_secs(50)), Timestamp::from_secs(60)));
    let parts =
        ["told_flapping: its single changes are not told", "it is told that it is over at", "if nothing changes"];
    world.assert_says(341, parts);
}

/// `mail` and `slack` are told; `slack` as these rules say.
fn with_mail(slack: ChannelRules) -> Config {
    let mut config = config();
    let mail: Arc<str> = Arc::from("mail");
    config.route.as_mut().unwrap().channels.push(Arc::clone(&mail));
    config.channels = vec![slack, ChannelRules::new(&mail)];
    config
}

#[test]
fn who_was_told_everything_is_not_called_untold_while_another_is_owed_the_end() {
    let mut world = World::with(with_mail(ChannelRules::new(&Arc::from("slack"))));
    world.advance(30);
    world.answer(31, &Delivery::delivered());
    world.change(100, ChangeKind::Resolved);
    world.advance(400);
    let out = std::mem::take(&mut world.out);
    for send in &out {
        let answer = if *send.notification.channel == *"mail" { Delivery::delivered() } else { failed() };
        world.dispatch.answered(&send.notification.id, &answer, Duration::ZERO, Timestamp::from_secs(401));
    }
    world.assert_says(401, ["told: nothing is left to tell. nothing", "", ""]);
    let [mail, slack] = &world.dispatch.outlook(&world.alert, Timestamp::from_secs(401))[..] else { panic!("two") };
    assert_eq!((mail.knows, slack.knows), (Knows::Over, Knows::Old(Severity::Warning)));
    assert!(mail.told_at.is_some());
}

#[test]
fn a_cap_per_hour_is_named_with_the_end_of_its_hour() {
    let mut rules = ChannelRules::new(&Arc::from("slack"));
    rules.hourly = Some(1);
    let mut config = config();
    config.channels = vec![rules];
    let mut world = World::with(config);
    world.advance(30);
    world.answer(31, &Delivery::delivered());
    world.change(100, ChangeKind::Resolved);
    assert_eq!(world.untold(101).1, Some(330), "the group's interval");
    assert!(world.untold(101).0.contains("`group_interval` is 5m; next: it leaves at 1970-01-01T00:05:30Z"));
    world.advance(400);
    let (cap, over) = ("`slack` had the 1 that its `max_per_hour` allows since 1970-01-01T00:00:30Z", "01:00:30Z");
    world.assert_says(401, [cap, "that hour is over at 1970-01-01T", over]);
    let (why, at) = world.untold(401);
    assert!(why.contains(cap) && why.contains(over), "{why}");
    assert_eq!(at, Some(3630));
    for second in 410..420 {
        // What happens on another channel asks anew.
        world.dispatch.refresh(&world.alert.clone(), Timestamp::from_secs(second));
        world.advance(second);
    }
    let said = world.decisions();
    assert!(said.len() == 1 && said[0].starts_with(&format!("not sent: {cap}; that hour is over at")), "{said:?}");
}

#[test]
fn a_digest_that_waits_says_until_when() {
    let mut slack = ChannelRules::new(&Arc::from("slack"));
    slack.fallback = Some(Arc::from("spare"));
    let mut config = config();
    config.channels = vec![slack, ChannelRules::new(&Arc::from("spare"))];
    let mut world = World::with(config);
    world.advance(30);
    let refused = Delivery::Refused { why: "no such room".into(), class: FailureClass::Rejected };
    world.answer(31, &refused);
    world.advance(32);
    // The fallback has it.
    for send in std::mem::take(&mut world.out) {
        assert_eq!(&*send.notification.channel, "spare");
        world.dispatch.answered(
            &send.notification.id,
            &Delivery::delivered(),
            Duration::ZERO,
            Timestamp::from_secs(33),
        );
    }
    let (why, at) = world.untold(40);
    assert_eq!(at, Some(31 + 900), "{why}");
    let want = "its fallback `spare` is told in its place, as it was away: no such room; \
                next: at 1970-01-01T00:15:31Z it is told in one message what it missed";
    assert_eq!(why, want);
}
