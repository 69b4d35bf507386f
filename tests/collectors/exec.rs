use crate::{Asked, row, said, source};
use std::time::{Duration, Instant};

fn plugins() -> Asked {
    source("exec", "max_bytes: 64KiB")
}

/// A `collect:` that runs a script, as a plugin would be.
pub fn script(text: &str) -> String {
    format!("command:\n  - /bin/sh\n  - -c\n  - |\n    {}\n", text.replace('\n', "\n    "))
}

#[tokio::test]
async fn exits_outputs_and_performance_values_are_columns() {
    for (text, want) in [
        ("echo 'DISK OK | /=2643MB;5948 /var=U'", "exit=0 output=DISK OK _=2771386368 _var=null"),
        ("echo WARN; echo long; exit 1", "exit=1 output=WARN"),
        ("echo \"CRIT | 'a b'=30ms\"; exit 2", "exit=2 output=CRIT a_b=0.03"),
        ("exit 3", "exit=3 output="),
        ("echo noise >&2; cat; exit 0", "exit=0 output=typed"),
        ("echo $GIVEN $HIDDEN; pwd >&2", "exit=0 output=x"),
    ] {
        let keys = format!("{}stdin: typed\nenv: {{ GIVEN: x }}", script(text));
        let table = plugins().collect(&keys).await.unwrap();
        assert_eq!(row(&table, 0), want, "{text}");
    }
}

#[tokio::test]
async fn the_daemons_variables_do_not_reach_a_plugin() {
    let table = plugins().collect(&script("env | grep -c '^CARGO' ; true")).await.unwrap();
    assert_eq!(row(&table, 0), "exit=0 output=0");
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")), "cargo sets some for this test");
}

#[tokio::test]
async fn a_real_plugin_is_understood() {
    if let Some(dummy) = testkit::monitoring_plugin("check_dummy") {
        let table = plugins().collect(&format!("command: [{}, '2', on fire]", dummy.display())).await.unwrap();
        assert_eq!(row(&table, 0), "exit=2 output=CRITICAL: on fire");
    }
    if let Some(disk) = testkit::monitoring_plugin("check_disk") {
        let table =
            plugins().collect(&format!("command: [{}, -w, '1', -c, '1', -p, /]", disk.display())).await.unwrap();
        let used = table.columns()[table.column_index("_").expect("a column for /")].value(0);
        let bellwether::model::Value::Number(used) = used else { panic!("no number") };
        assert!(used > 1024.0 * 1024.0, "bytes: {}", row(&table, 0));
    }
}

#[tokio::test]
async fn what_is_no_plugin_says_what_it_is() {
    for (keys, want) in [
        (
            script("echo broken >&2; exit 4"),
            "Refused: `/bin/sh` exited with 4, where a plugin exits with 0 to 3: broken",
        ),
        (script("echo out; exit 127"), "exited with 127, where a plugin exits with 0 to 3: out"),
        (script("kill -9 $$"), "was killed by a signal"),
        (script("echo 'OK | what is this'"), "no performance value"),
        (script("echo 'OK | a=1 a=2'"), "two columns are named `a`"),
        (script("echo 'OK | exit=1'"), "two columns are named `exit`"),
        ("command: [no-such-program]".to_owned(), "Refused: there is no program `no-such-program`"),
        ("command: [/etc/hostname]".to_owned(), "`/etc/hostname` "),
        (format!("{}env: {{ KEY: hunter2 }}", script("echo $KEY >&2; exit 9")), "0 to 3: ***"),
        (script("yes"), "LimitPassed: the answer has more than 65536 bytes"),
    ] {
        let asked = plugins();
        let mut request = asked.request(&keys);
        request.timeout = Duration::from_secs(5);
        let said = said(asked.source.collect(&request).await);
        assert!(said.contains(want), "{keys}: {said}");
    }
}

#[tokio::test]
async fn what_a_plugin_wrote_to_standard_error_stands_beside_its_columns() {
    let numbers = (1..=5_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    for (text, want) in [
        ("echo fine", None),
        ("echo Traceback >&2; echo '  No module' >&2; exit 1", Some("Traceback No module".to_owned())),
        ("seq 1 5000 >&2; exit 1", Some(format!("…{}", &numbers[numbers.len() - 300..]))),
        ("head -c 9000 /dev/zero | tr '\\0' x >&2; exit 1", None),
    ] {
        let table = plugins().collect(&script(text)).await.unwrap();
        assert_eq!(table.said(), want.as_deref(), "{text}");
    }
}

/// Whether a process that was started with this marker in its command line is there.
fn is_running(marker: &str) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .any(|line| line.starts_with("sleep") && line.contains(marker))
}

#[tokio::test]
async fn a_plugin_that_hangs_is_killed_with_its_children() {
    let asked = plugins();
    let mut request = asked.request(&script("sleep 61.125 & sleep 61.25 & wait"));
    request.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let said = said(asked.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: `/bin/sh` did not end within 300ms and was killed"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
    let gone = || !is_running("61.125") && !is_running("61.25");
    assert!(testkit::wait_until(Duration::from_secs(5), gone), "its children still run");
}

#[tokio::test]
async fn a_plugin_that_forks_and_ends_is_not_waited_for_and_its_child_is_killed() {
    let started = Instant::now();
    let table = plugins().collect(&script("sleep 62.5 & echo 'OK | a=1'")).await.unwrap();
    assert_eq!(row(&table, 0), "exit=0 output=OK a=1");
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    assert!(testkit::wait_until(Duration::from_secs(5), || !is_running("62.5")), "its child still runs");
}

#[tokio::test]
async fn a_child_that_fled_its_group_and_holds_the_output_is_not_waited_for() {
    let started = Instant::now();
    let table = plugins().collect(&script("setsid sleep 3.75 & echo OK")).await.unwrap();
    assert_eq!(row(&table, 0), "exit=0 output=OK");
    assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_nobody_waits_for_leaves_no_process() {
    let asked = plugins();
    let request = asked.request(&script("sleep 63.5 & wait"));
    let task = tokio::spawn(async move { asked.source.collect(&request).await });
    assert!(testkit::wait_until(Duration::from_secs(5), || is_running("63.5")), "it was not started");
    task.abort();
    assert!(testkit::wait_until(Duration::from_secs(5), || !is_running("63.5")), "it still runs");
}
