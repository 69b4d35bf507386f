//! In an Alertmanager's place: how soon an alert that is sent is told, by the program itself with its store on disk.

use super::Figure;
use super::daemon::Daemon;
use super::wire::{Client, Hook};
use std::time::{Duration, Instant};

const ALERTS: usize = 300;
/// Sent before the measure begins: connections are made, statements prepared.
const WARM: usize = 20;
/// Between two alerts: each is measured by itself, with the answer of the one before it on disk.
const PAUSE: Duration = Duration::from_millis(10);

pub fn one_alert() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let hook = Hook::start();
    let configuration = format!(
        "channels: {{ hook: {{ webhook: {{ url: \"{}\" }} }} }}\n\
         route: {{ channels: [hook], group_by: ['...'], group_wait: 0s }}\n",
        hook.url
    );
    let daemon = Daemon::start(folder.path(), &configuration);
    let mut client = daemon.client();
    let mut took: Vec<f64> = (0..WARM + ALERTS).map(|n| told(&mut client, &hook, n)).skip(WARM).collect();
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() - 1) * percent / 100] * 1e3;
    let figure =
        |work: &str, peer, ours: f64| Figure { work: work.into(), peer, limit: peer, ours: format!("{ours:.2} ms") };
    vec![
        figure("one alert by the v2 API, until the receiver has it: p50", "1.2 ms", at(50)),
        figure("  p99 of 300", "2.5 ms", at(99)),
    ]
}

/// Seconds from the first byte of the request to the last of the message.
fn told(client: &mut Client, hook: &Hook, n: usize) -> f64 {
    std::thread::sleep(PAUSE);
    let body = format!(
        r#"[{{"labels":{{"alertname":"Down","instance":"host-{n:04}"}},"annotations":{{"summary":"host-{n:04} is down"}}}}]"#
    );
    let begun = Instant::now();
    assert_eq!(client.ask("POST", "/api/v2/alerts", &body).0, 200);
    let (came, message) = hook.requests.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(String::from_utf8_lossy(&message).contains(&format!("host-{n:04}")));
    came.duration_since(begun).as_secs_f64()
}
