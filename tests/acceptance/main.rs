//! The real binary, in the world: files, a source, receivers, signals, `kill -9`. Few cases, generous windows.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod access;
mod alertmanager;
mod commands;
mod daemon;
mod drill;
mod first_alert;
mod kills;
mod preview;
mod reload;
mod restart;
mod secrets;
mod serving;
mod sick;
mod silences;
mod store;
mod why;

use daemon::eventually;
use serde_json::Value;
use std::time::Duration;
use testkit::FaultServer;

/// What messages to a webhook said, in their order: `firing slow X`.
fn words(receiver: &FaultServer) -> Vec<String> {
    receiver.requests().iter().flat_map(|request| alerts(&request.json())).collect()
}

fn alerts(message: &Value) -> Vec<String> {
    let alerts = message["alerts"].as_array().unwrap();
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    let word = |a: &Value| {
        let labels = &a["labels"];
        [text(&a["status"]), text(&labels["check"]), text(&labels["processor"])].join(" ").trim_end().to_owned()
    };
    alerts.iter().map(word).collect()
}

/// Waits until the receiver was told these words, in any order and perhaps more.
fn told(receiver: &FaultServer, wanted: &[&str]) {
    eventually(&format!("{wanted:?}"), || {
        let words = words(receiver);
        wanted.iter().all(|want| words.iter().any(|word| word == want))
    });
}

/// How often the receiver was told these words.
fn times(receiver: &FaultServer, word: &str) -> usize {
    words(receiver).iter().filter(|told| *told == word).count()
}

/// What a write that was begun needs to be on the disk.
fn settle() {
    std::thread::sleep(Duration::from_millis(500));
}
