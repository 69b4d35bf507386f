//! A hundred thousand alerts that fire: a page of their list, and a restart among them.

use super::daemon::Daemon;
use super::wire::{Client, Hook};
use super::{Figure, least};
use std::path::Path;
use std::time::{Duration, Instant};

const ALERTS: usize = 100_000;
const GROUPS: usize = 10_000;
const PAGE: usize = 100;

/// One check with as many keys, all of which fire in its first slot and are told in groups of ten.
pub fn firing() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    write_source(&folder.path().join("pipeline.db"));
    let hook = Hook::start();
    let configuration = configuration(&hook.url);
    let daemon = Daemon::start(folder.path(), &configuration);
    for _ in 0..GROUPS {
        hook.requests.recv_timeout(Duration::from_mins(2)).unwrap();
    }
    // The last answers are written.
    std::thread::sleep(Duration::from_secs(3));
    let mut client = daemon.client();
    let v1 = pages(&mut client, "/api/v1/alerts?");
    let v2 = pages(&mut client, "/api/v2/alerts?");
    let filtered = pages(&mut client, "/api/v2/alerts?silenced=false&filter=pool%3D~%22pool-.*7%22&");
    drop(daemon);
    let begun = Instant::now();
    let again = Daemon::start(folder.path(), &configuration);
    let mut client = again.client();
    let ready = begun.elapsed().as_secs_f64();
    let (_, status) = client.ask("GET", "/api/v1/status", "");
    assert!(String::from_utf8_lossy(&status).contains(r#""firing":100000"#));
    let figure = |work: &str, limit, ours| Figure { work: work.into(), peer: "", limit, ours };
    vec![
        figure("100,000 firing alerts: the slowest of five pages of 100, v1", "50 ms", format!("{:.1} ms", v1 * 1e3)),
        figure("  v2", "50 ms", format!("{:.1} ms", v2 * 1e3)),
        figure("  v2 with a filter over all of them", "50 ms", format!("{:.1} ms", filtered * 1e3)),
        figure("restart with them and 10,000 groups, until ready", "2 s", format!("{ready:.2} s")),
    ]
}

/// The slowest of pages all over the list, each the best of three.
fn pages(client: &mut Client, list: &str) -> f64 {
    let page = |client: &mut Client, offset: usize| {
        let begun = Instant::now();
        let (status, body) = client.ask("GET", &format!("{list}offset={offset}&limit={PAGE}"), "");
        assert!(status == 200 && 20_000 < body.len(), "{status}: {} bytes", body.len());
        begun.elapsed().as_secs_f64()
    };
    // A filter lets a tenth pass.
    let offsets = [0, 2_500, 5_000, 7_500, 9_900].map(|at| if list.contains("filter") { at / 2 } else { at * 10 });
    offsets.into_iter().map(|offset| least(3, || page(client, offset))).fold(0.0, f64::max)
}

fn configuration(url: &str) -> String {
    format!(
        "sources: {{ warehouse: {{ sqlite: {{ path: pipeline.db, max_rows: {ALERTS} }} }} }}\n\
         channels: {{ hook: {{ webhook: {{ url: \"{url}\" }} }} }}\n\
         route: {{ channels: [hook], group_by: [pool], group_wait: 0s }}\n\
         checks:\n  - check: processor-slowdown\n    source: warehouse\n    every: 24h\n    limit: {ALERTS}\n    \
         collect: {{ query: \"SELECT processor, pool, duration, baseline FROM runs\" }}\n    \
         columns: {{ processor: text, pool: text, duration: number, baseline: number }}\n    key: [processor, pool]\n    \
         alert: {{ critical: duration > 3 * baseline }}\n    labels: {{ team: data }}\n    \
         title: \"{{{{ processor }}}} took {{{{ duration | duration }}}}\"\n"
    )
}

fn write_source(path: &Path) {
    let mut source = rusqlite::Connection::open(path).unwrap();
    let transaction = source.transaction().unwrap();
    transaction.execute_batch("CREATE TABLE runs (processor TEXT, pool TEXT, duration REAL, baseline REAL)").unwrap();
    for n in 0..ALERTS {
        let row = (format!("processor-{n:06}"), format!("pool-{:05}", n % GROUPS), 608.0, 74.0);
        transaction.execute("INSERT INTO runs VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    }
    transaction.commit().unwrap();
}
