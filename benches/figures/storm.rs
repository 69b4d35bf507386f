//! Ten thousand alerts at once, each told by itself, by the program itself with its store on disk.

use super::Figure;
use super::daemon::Daemon;
use super::process::{cpu_seconds, memory_mb};
use super::receiver::{Receiver, Seen};
use std::path::Path;

const GROUPS: usize = 10_000;

/// One check with as many keys as there are groups. All fire in its first slot.
pub fn many_groups() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    write_source(&folder.path().join("pipeline.db"));
    let receiver = Receiver::start(GROUPS);
    let daemon = Daemon::start(folder.path(), &configuration(&receiver.url));
    let Seen { requests, alerts, took } = receiver.seen();
    assert_eq!((requests, alerts), (GROUPS, GROUPS), "each is told once");
    let (cpu, memory) = (cpu_seconds(daemon.pid()), memory_mb(daemon.pid(), "VmHWM"));
    let figure = |work: &str, peer, limit, ours| Figure { work: work.into(), peer, limit, ours };
    vec![
        figure("10,000 groups at once, from the fire to the last request", "0.85 s", "0.85 s", format!("{took:.2} s")),
        figure("  processor time of the daemon, its start included", "4.1 s", "1.5 s", format!("{cpu:.2} s")),
        figure("  most memory that was resident", "281 MB", "80 MB", format!("{memory:.0} MB")),
    ]
}

fn configuration(url: &str) -> String {
    format!(
        "sources: {{ warehouse: {{ sqlite: {{ path: pipeline.db }} }} }}\n\
         channels: {{ hook: {{ webhook: {{ url: \"{url}\" }} }} }}\n\
         route: {{ channels: [hook], group_by: ['...'], group_wait: 0s }}\n\
         checks:\n  - check: processor-slowdown\n    source: warehouse\n    every: 1h\n    limit: {GROUPS}\n    \
         collect: {{ query: \"SELECT processor, duration, baseline FROM runs\" }}\n    \
         columns: {{ processor: text, duration: number, baseline: number }}\n    key: [processor]\n    \
         alert: {{ critical: duration > 3 * baseline }}\n    labels: {{ team: data }}\n    \
         title: \"{{{{ processor }}}} took {{{{ duration | duration }}}}\"\n"
    )
}

fn write_source(path: &Path) {
    let mut source = rusqlite::Connection::open(path).unwrap();
    let transaction = source.transaction().unwrap();
    transaction.execute_batch("CREATE TABLE runs (processor TEXT, duration REAL, baseline REAL)").unwrap();
    for n in 0..GROUPS {
        let row = (format!("processor-{n:05}"), 608.0, 74.0);
        transaction.execute("INSERT INTO runs VALUES (?1, ?2, ?3)", row).unwrap();
    }
    transaction.commit().unwrap();
}
