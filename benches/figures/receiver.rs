//! A receiver of webhooks, in a process of its own, that only counts until everything has come.

use super::process::Ended;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use bellwether::model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The argument that makes this program a receiver.
pub const COMMAND: &str = "receive";
/// How long what comes twice is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// What a receiver saw.
#[derive(Serialize, Deserialize)]
pub struct Seen {
    pub requests: usize,
    /// Alerts that came, each counted once.
    pub alerts: usize,
    /// Seconds from the instant at which the first alert fired to the last request.
    pub took: f64,
}

/// A receiver that was started.
pub struct Receiver {
    pub url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Ended,
}

impl Receiver {
    /// Starts one that waits for so many requests.
    pub fn start(expected: usize) -> Receiver {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.arg(COMMAND).arg(expected.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        Receiver { url, lines, _process: Ended(process) }
    }

    /// Waits until all has come, and for what comes twice.
    pub fn seen(mut self) -> Seen {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

type Requests = Arc<Mutex<Vec<(jiff::Timestamp, Bytes)>>>;

/// Receives, and says what it saw.
#[tokio::main(flavor = "current_thread")]
pub async fn serve(expected: usize) {
    let requests: Requests = Arc::default();
    let heard = Arc::clone(&requests);
    let hear = post(move |body: Bytes| async move {
        heard.lock().unwrap().push((jiff::Timestamp::now(), body));
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", hear)).await });
    while requests.lock().unwrap().len() < expected {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(GRACE).await;
    println!("{}", serde_json::to_string(&seen(&requests.lock().unwrap())).unwrap());
}

fn seen(requests: &[(jiff::Timestamp, Bytes)]) -> Seen {
    let bodies = requests.iter().map(|(_, body)| serde_json::from_slice::<serde_json::Value>(body).unwrap());
    let alerts: Vec<serde_json::Value> = bodies.flat_map(|b| b["alerts"].as_array().unwrap().clone()).collect();
    let fired = alerts.iter().map(|a| Timestamp::parse(a["startsAt"].as_str().unwrap()).unwrap()).min().unwrap();
    let last = requests.iter().map(|(at, _)| *at).max().unwrap();
    let distinct: HashSet<&str> = alerts.iter().map(|a| a["fingerprint"].as_str().unwrap()).collect();
    Seen {
        requests: requests.len(),
        alerts: distinct.len(),
        took: Timestamp::from_micros(last.as_microsecond()).seconds_since(fired),
    }
}
