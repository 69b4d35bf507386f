use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn silence(id: &str, matchers: &[&str], starts: i64, ends: i64) -> Silence {
    Silence {
        id: Arc::from(id),
        matchers: matchers.iter().map(|m| Matcher::parse(m).unwrap()).collect(),
        starts: at(starts),
        ends: at(ends),
        created_by: Arc::from("ana"),
        comment: Arc::from("backfill"),
        updated: at(starts),
        declared: None,
    }
}

fn wish(id: Option<&str>, starts: Option<i64>, ends: i64) -> Wish {
    Wish {
        id: id.map(Arc::from),
        matchers: vec![Matcher::parse(r#"team="data""#).unwrap()],
        starts: starts.map(at),
        ends: at(ends),
        created_by: "ana".to_owned(),
        comment: "backfill".to_owned(),
    }
}

fn found(silences: &Silences, labels: &[(&'static str, &'static str)]) -> Option<String> {
    silences.find(&labels.iter().copied().collect()).map(|s| s.id.to_string())
}

#[test]
fn it_holds_from_its_start_up_to_its_end_and_is_listed_for_a_while_after() {
    let mut silences = Silences::default();
    silences.put(silence("s", &[r#"team="data""#], 100, 200));
    let forgotten_at = 200 + i64::try_from(EXPIRED_KEPT.as_secs()).unwrap();
    for (now, holds, next, over) in [
        (50, false, Some(100), ""),
        (99, false, Some(100), ""),
        (100, true, Some(200), ""),
        (199, true, Some(200), ""),
        (200, false, Some(forgotten_at), "s"),
        (forgotten_at - 1, false, Some(forgotten_at), ""),
        (forgotten_at, false, None, ""),
    ] {
        let passed = silences.pass(at(now));
        assert_eq!(passed.over.iter().map(|id| &**id).collect::<String>(), over, "{now}");
        assert_eq!(found(&silences, &[("team", "data")]).is_some(), holds, "{now}");
        assert_eq!(silences.next_due(), next.map(at), "{now}");
        assert_eq!(silences.all(at(now)).is_empty(), now == forgotten_at, "{now}");
    }
}

#[test]
fn of_several_the_one_that_ends_last_is_the_cause() {
    let mut silences = Silences::default();
    silences.put(silence("short", &[r#"team="data""#], 0, 100));
    silences.put(silence("long", &[r#"check=~"a|b""#, r#"severity!="critical""#], 0, 300));
    silences.declare(vec![silence("file", &[r#"team="data""#, r#"check="a""#], 0, 200)]);
    silences.pass(at(10));
    for (labels, want) in [
        (vec![("team", "data")], Some("short")),
        (vec![("team", "data"), ("check", "a")], Some("long")),
        (vec![("team", "data"), ("check", "a"), ("severity", "critical")], Some("file")),
        (vec![("check", "b")], Some("long")),
        (vec![("check", "c"), ("team", "ml")], None),
    ] {
        assert_eq!(found(&silences, &labels).as_deref(), want, "{labels:?}");
    }
}

#[test]
fn one_that_was_edited_frees_whom_it_held_and_holds_whom_it_names_now() {
    let mut silences = Silences::default();
    silences.put(silence("s", &[r#"team="data""#], 0, 100));
    silences.pass(at(10));
    silences.put(silence("s", &[r#"team="ml""#], 0, 100));
    assert_eq!(silences.next_due(), Some(Timestamp::MIN), "it wants to be asked at once");
    let over: Vec<Arc<str>> = silences.pass(at(20)).over;
    assert_eq!(over, [Arc::from("s")]);
    assert_eq!((found(&silences, &[("team", "data")]), found(&silences, &[("team", "ml")])), (None, Some("s".into())));
}

#[test]
fn what_is_granted() {
    let mut silences = Silences::default();
    silences.put(silence("began", &[r#"a="b""#], 10, 500));
    silences.put(silence("over", &[r#"a="b""#], 10, 50));
    let grant = |wish| silences.grant(wish, Arc::from("new"), at(100));
    for (what, wish, want) in [
        ("a start that is past is now", wish(None, Some(20), 200), ("new", 100, 200)),
        ("so is none", wish(None, None, 200), ("new", 100, 200)),
        ("one in the future stays", wish(None, Some(150), 200), ("new", 150, 200)),
        ("an edited one keeps its id and its start", wish(Some("began"), None, 900), ("began", 10, 900)),
        ("but it may be put off", wish(Some("began"), Some(300), 900), ("began", 300, 900)),
        ("of one that is over another is made", wish(Some("over"), None, 900), ("new", 100, 900)),
    ] {
        let silence = grant(wish).unwrap();
        assert_eq!((&*silence.id, silence.starts, silence.ends), (want.0, at(want.1), at(want.2)), "{what}");
        assert_eq!(silence.updated, at(100));
    }
}

#[test]
fn what_is_refused_says_what_to_do() {
    let mut silences = Silences::default();
    silences.declare(vec![Silence { declared: Some(Arc::from("a.yaml:3")), ..silence("file", &[r#"a="b""#], 0, 900) }]);
    let open = vec![Matcher::parse(r#"a!="b""#).unwrap()];
    for (wish, want) in [
        (wish(None, None, 100), "give a later end"),
        (wish(None, Some(300), 200), "before it starts"),
        (wish(Some("gone"), None, 200), "there is no silence `gone`"),
        (wish(Some("file"), None, 200), "declared in a.yaml:3"),
        (Wish { matchers: Vec::new(), ..wish(None, None, 200) }, "at least one matcher"),
        (Wish { matchers: open, ..wish(None, None, 200) }, "does not match the empty text"),
        (Wish { comment: " ".into(), ..wish(None, None, 200) }, "give a `comment`"),
        (Wish { created_by: String::new(), ..wish(None, None, 200) }, "give `created_by`"),
    ] {
        let why = silences.grant(wish, Arc::from("new"), at(100)).unwrap_err().to_string();
        assert!(why.contains(want), "{why}");
    }
}

#[test]
fn an_id_is_a_uuid_and_no_two_are_alike() {
    let mut dispatch = Dispatch::new(super::super::Config::default(), Vec::new(), at(0), 7);
    let ids: HashSet<Arc<str>> = (0..10_000).map(|_| dispatch.new_silence_id(at(0))).collect();
    assert_eq!(ids.len(), 10_000);
    for id in ids.iter().take(100) {
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
        assert!(parts[2].starts_with('8') && "89ab".contains(&parts[3][..1]), "{id}");
    }
}
