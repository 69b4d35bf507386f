//! The daemon whole, but for the command line: files, a real store, a real source, a receiver, and the API.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use axum::routing::post;
use axum::{Json, Router};
use bellwether::load::{self, Mode};
use bellwether::model::Timestamp;
use bellwether::runtime::{self, Fingerprint, Handle, Loaded, Loader, Opener, Options, Signal, SystemClock};
use bellwether::store::Sqlite;
use bellwether::telemetry::Telemetry;
use bellwether::{config, http};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody's words for what a receiver was told: `firing slow{processor="X"}`.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<String>>>);

impl Receiver {
    /// Listens, and gives its URL.
    async fn listen(&self) -> String {
        let told = self.clone();
        let hear = post(move |Json(body): Json<Value>| async move {
            let alerts = body["alerts"].as_array().cloned().unwrap_or_default();
            let words = alerts.iter().map(|a| format!("{} {}", a["status"], a["labels"]["processor"]).replace('"', ""));
            told.0.lock().unwrap().extend(words);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", hear)).await });
        format!("http://{address}/")
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A folder with a source of two processors, one of them slow, and a check of them.
fn folder(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let source = rusqlite::Connection::open(at("pipeline.db")).unwrap();
    source
        .execute_batch("CREATE TABLE runs (processor, duration); INSERT INTO runs VALUES ('X', 608.0), ('Y', 70.0);")
        .unwrap();
    let main = format!(
        "sources: {{ local: {{ sqlite: {{ path: pipeline.db }} }} }}\n\
         channels: {{ hook: {{ webhook: {{ url: \"{url}\" }} }} }}\n\
         route: {{ channels: [hook], group_wait: 0s, group_interval: 1s }}\n\
         store: {{ path: state.db }}\n"
    );
    std::fs::write(at("bellwether.yaml"), main).unwrap();
    std::fs::write(at("rules.yaml"), rules(300)).unwrap();
    folder
}

fn rules(limit: u32) -> String {
    format!(
        "checks:\n  - check: slow\n    source: local\n    every: 1s\n    key: [processor]\n    \
         collect: {{ query: \"SELECT processor, duration FROM runs\" }}\n    alert: {{ critical: duration > {limit} }}\n"
    )
}

struct Daemon {
    handle: Handle,
    url: String,
    signals: mpsc::Sender<Signal>,
    task: tokio::task::JoinHandle<Result<(), String>>,
}

fn loaded(folder: &Path) -> Result<Loaded, String> {
    let loaded = load::load(folder, &|_| None, Mode::Strict).map_err(|e| e.to_string())?;
    let said = || loaded.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>().join("\n");
    Loaded::of(loaded.config.as_ref().ok_or_else(said)?)
}

async fn start(folder: &Path) -> Daemon {
    let telemetry = Telemetry::new(Timestamp::default());
    let (handle, inbox) = runtime::channel(telemetry.clone());
    let (signals, receiver) = mpsc::channel(1);
    let (files, again): (PathBuf, PathBuf) = (folder.into(), folder.into());
    let loader: Loader = Arc::new(move || loaded(&files));
    let fingerprint: Fingerprint =
        Arc::new(move || Some(config::Folder::read(&again, &mut config::Problems::new()).ok()?.hash));
    let state = folder.join("state.db");
    let store: Opener = Arc::new(move || Ok(Box::new(Sqlite::open(&state)?)));
    let options = Options {
        loaded: loaded(folder).unwrap(),
        loader,
        folder: folder.into(),
        fingerprint,
        store,
        clock: Box::new(SystemClock::start()),
        inbox,
        signals: receiver,
        telemetry,
        seed: 7,
    };
    let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let doors = http::Doors::plain(Telemetry::new(Timestamp::default()));
    tokio::spawn(http::serve(listener, handle.clone(), http::Guard::new(address, None), doors));
    Daemon { handle, url: format!("http://{address}"), signals, task: tokio::spawn(runtime::run(options)) }
}

impl Daemon {
    async fn get(&self, path: &str) -> Value {
        let text = reqwest::get(format!("{}{path}", self.url)).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    async fn stop(self) {
        self.signals.send(Signal::Stop("SIGTERM")).await.unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_file_to_a_message_through_a_restart_and_reloads() {
    let receiver = Receiver::default();
    let folder = folder(&receiver.listen().await);
    let daemon = start(folder.path()).await;
    eventually("the first message", async || receiver.told() == ["firing X"]).await;

    eventually("the end of the send", async || {
        daemon.get("/api/v1/alerts").await["items"][0]["channels"][0]["believes"] == "firing"
    })
    .await;
    let alert = daemon.get("/api/v1/alerts?severity=critical").await["items"][0].clone();
    assert_eq!((&alert["key"]["processor"], &alert["values"]["duration"]), (&"X".into(), &608.0.into()), "{alert}");

    // A broken file is refused, and the old rules go on.
    std::fs::write(folder.path().join("rules.yaml"), "checks: [{ check: slow, wen: x }]\n").unwrap();
    let refused = reqwest::Client::new().post(format!("{}/-/reload", daemon.url)).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(daemon.get("/api/v1/status").await["config"]["rejected"].is_string());
    assert_eq!(daemon.get("/api/v1/checks?check=slow").await["total"], 1);

    // What was told is known after a restart: nothing is told twice.
    std::fs::write(folder.path().join("rules.yaml"), rules(300)).unwrap();
    daemon.stop().await;
    let daemon = start(folder.path()).await;
    eventually("a slot after the restart", async || {
        daemon.get("/api/v1/checks").await["items"][0]["last_slot"].is_string() && daemon.handle.is_ready()
    })
    .await;

    // A saved file is live without being asked for: Y passes its new limit.
    std::fs::write(folder.path().join("rules.yaml"), rules(50)).unwrap();
    eventually("the other processor", async || receiver.told().contains(&"firing Y".into())).await;
    let told = receiver.told();
    assert_eq!(told.iter().filter(|t| *t == "firing X").count(), 2, "once, and once beside Y's news: {told:?}");
    daemon.stop().await;
}
