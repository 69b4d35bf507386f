//! Calls a URL while the loop turns, sources are asked and the store writes: whoever waits for the call hears of our death by its absence.

use super::asking::Asking;
use super::handle::Pulse;
use crate::model::Secret;
use crate::telemetry::Telemetry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// `heartbeat:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatSpec {
    /// Such URLs carry their key in the path.
    pub url: Secret,
    pub every: Duration,
}

/// The calls as they are now; dropping it ends them.
#[derive(Debug)]
pub struct Heartbeat {
    spec: Option<HeartbeatSpec>,
    task: Option<JoinHandle<()>>,
    vitals: Vitals,
    telemetry: Telemetry,
}

/// What must be well for a call.
#[derive(Clone, Debug)]
struct Vitals {
    pulse: Pulse,
    asking: Asking,
    store_writes: Arc<AtomicBool>,
}

impl Vitals {
    /// What is not well.
    fn ill(&self) -> Option<&'static str> {
        match (self.pulse.is_alive(), self.asking.is_going(), self.store_writes.load(Ordering::Relaxed)) {
            (false, ..) => Some("the loop is stuck"),
            (_, false, _) => Some("no source was asked for a minute, and requests wait"),
            (.., false) => Some("the store fails"),
            _ => None,
        }
    }
}

impl Heartbeat {
    #[must_use]
    pub fn new(pulse: Pulse, asking: Asking, telemetry: Telemetry) -> Heartbeat {
        let vitals = Vitals { pulse, asking, store_writes: Arc::new(AtomicBool::new(true)) };
        Heartbeat { spec: None, task: None, vitals, telemetry }
    }

    /// Tells it whether the store writes.
    pub fn store_writes(&self, writes: bool) {
        self.vitals.store_writes.store(writes, Ordering::Relaxed);
    }

    /// Calls as this says from now on, if it says otherwise than before.
    pub fn adopt(&mut self, spec: Option<HeartbeatSpec>) {
        if self.spec == spec {
            return;
        }
        self.end();
        self.spec = spec;
        let (vitals, telemetry) = (self.vitals.clone(), self.telemetry.clone());
        self.task = self.spec.clone().map(|spec| tokio::spawn(beat(spec, vitals, telemetry)));
    }

    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.end();
    }
}

async fn beat(spec: HeartbeatSpec, vitals: Vitals, telemetry: Telemetry) {
    let client = match reqwest::Client::builder().timeout(CALL_MAX).build() {
        Ok(client) => client,
        Err(why) => return telemetry.heartbeat(Err(&why.to_string())),
    };
    let mut ticks = interval(spec.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(why) = vitals.ill() {
            telemetry.heartbeat(Err(why));
            continue;
        }
        let result = client.get(spec.url.expose()).send().await.and_then(reqwest::Response::error_for_status);
        // An error of reqwest may quote the URL.
        let result = result.map_err(|e| spec.url.redact(&e.without_url().to_string()));
        telemetry.heartbeat(result.as_ref().map(drop).map_err(String::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::runtime::handle::channel;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[tokio::test(start_paused = true)]
    async fn it_does_not_call_while_every_request_is_stuck() {
        let telemetry = Telemetry::new(Timestamp::default());
        let (_handle, inbox) = channel(telemetry.clone());
        let asking = Asking::default();
        let heartbeat = Heartbeat::new(inbox.pulse, asking.clone(), telemetry);
        let waiting = asking.wait();
        assert_eq!(heartbeat.vitals.ill(), None);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(heartbeat.vitals.ill(), Some("no source was asked for a minute, and requests wait"));
        waiting.ends();
        assert_eq!(heartbeat.vitals.ill(), None);
    }

    #[tokio::test]
    async fn it_calls_while_the_store_writes_and_not_when_it_fails() {
        let telemetry = Telemetry::new(Timestamp::default());
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(&format!("http://{}/ping/key", server.local_addr().unwrap()));
        let (_handle, inbox) = channel(telemetry.clone());
        let mut heartbeat = Heartbeat::new(inbox.pulse, Asking::default(), telemetry.clone());
        heartbeat.adopt(Some(HeartbeatSpec { url, every: Duration::from_millis(5) }));
        let (mut stream, _) = server.accept().await.unwrap();
        let mut head = [0; 14];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"GET /ping/key ");
        heartbeat.store_writes(false);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
        drop(stream);
        while !telemetry.encode().contains(r#"bellwether_heartbeats_total{outcome="failed"}"#) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(telemetry.encode().contains(r#"bellwether_heartbeats_total{outcome="ok"} 1"#));
    }
}
