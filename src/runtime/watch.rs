//! Notices that the configuration changed: the folder is watched, and read again every now and then in case an event
//! got lost (a network file system, a folder that was replaced as a whole).
//!
//! The folder rather than its files, because editors and Kubernetes replace files; and what counts is the content, so
//! that a touch reloads nothing. The content of secret files (`_file`) does not count: after a rotation ask for a reload.

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(target_os = "linux")]
use inotify::Watcher;

use crate::telemetry::Telemetry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// A save is several events: nothing is read before this much quiet.
const QUIET: Duration = Duration::from_millis(300);
/// But a folder that is never quiet is read after this.
const QUIET_MAX: Duration = Duration::from_secs(3);
/// How often the folder is read without an event.
const POLL: Duration = Duration::from_secs(30);
/// And how often where there are no events.
const POLL_UNWATCHED: Duration = Duration::from_secs(2);

/// A number for the names and contents of all files; `None` where they cannot be read. It may block.
pub type Fingerprint = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Watches a folder until the receiver is dropped. A message says that the content is not what it was last; `seen` is
/// what it was at the start.
pub fn start(folder: PathBuf, seen: Option<u64>, fingerprint: Fingerprint, telemetry: Telemetry) -> mpsc::Receiver<()> {
    let (changed, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let (mut seen, mut was_watched) = (seen, true);
        loop {
            let (watcher, found) = look(&folder, &fingerprint).await;
            let watcher = watcher.inspect_err(|why| {
                if was_watched {
                    telemetry.watch_failed(&why.to_string(), POLL_UNWATCHED);
                }
            });
            let watcher = watcher.ok();
            was_watched = watcher.is_some();
            if found != seen {
                seen = found;
                // One message is enough for whoever has not yet looked.
                let _ = changed.try_send(());
            }
            tokio::select! {
                () = changed.closed() => return,
                () = news(watcher.as_ref()) => {}
            }
        }
    });
    receiver
}

/// A watcher, and then what is there: what changes after the look is an event.
async fn look(folder: &Path, fingerprint: &Fingerprint) -> (io::Result<Watcher>, Option<u64>) {
    let (folder, read) = (folder.to_owned(), Arc::clone(fingerprint));
    let looked = tokio::task::spawn_blocking(move || (Watcher::new(&folder), read())).await;
    looked.unwrap_or_else(|panic| (Err(io::Error::other(panic)), None))
}

/// Waits until it is time to look again.
async fn news(watcher: Option<&Watcher>) {
    let Some(watcher) = watcher else { return sleep(POLL_UNWATCHED).await };
    tokio::select! {
        () = event(watcher) => settle(watcher).await,
        () = sleep(POLL) => {}
    }
}

async fn event(watcher: &Watcher) {
    if watcher.event().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until nothing happened for a while.
async fn settle(watcher: &Watcher) {
    let end = Instant::now() + QUIET_MAX;
    loop {
        let quiet = end.min(Instant::now() + QUIET);
        tokio::select! {
            () = event(watcher) => {}
            () = sleep_until(quiet) => return,
        }
        if end <= Instant::now() {
            return;
        }
    }
}

/// Other systems are not listened to: there the folder is read more often.
#[cfg(not(target_os = "linux"))]
struct Watcher;

#[cfg(not(target_os = "linux"))]
impl Watcher {
    fn new(_: &Path) -> io::Result<Watcher> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    async fn event(&self) -> io::Result<()> {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use std::fs;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    fn fingerprint(folder: &Path) -> Fingerprint {
        let folder = folder.to_owned();
        Arc::new(move || {
            let mut hasher = DefaultHasher::new();
            fs::read_to_string(folder.join("a.yaml")).ok()?.hash(&mut hasher);
            Some(hasher.finish())
        })
    }

    fn watched(folder: &Path) -> mpsc::Receiver<()> {
        let read = fingerprint(folder);
        start(folder.to_owned(), read(), read, Telemetry::new(Timestamp::default()))
    }

    /// Whether a change is noticed within less time than the poll needs.
    async fn noticed(changed: &mut mpsc::Receiver<()>) -> bool {
        tokio::time::timeout(POLL / 2, changed.recv()).await.is_ok()
    }

    #[tokio::test]
    async fn a_saved_file_is_noticed_by_its_event() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "one").unwrap();
        let mut changed = watched(folder.path());
        tokio::task::yield_now().await;
        fs::write(folder.path().join("b.tmp"), "two").unwrap();
        fs::rename(folder.path().join("b.tmp"), folder.path().join("a.yaml")).unwrap();
        assert!(noticed(&mut changed).await);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_config_map_that_is_swapped_is_noticed_by_its_event() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("..v1", "one"), ("..v2", "two")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("a.yaml"), text).unwrap();
        }
        symlink("..v1", at("..data")).unwrap();
        symlink("..data/a.yaml", at("a.yaml")).unwrap();
        let mut changed = watched(folder.path());
        tokio::task::yield_now().await;
        symlink("..v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(noticed(&mut changed).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_poll_notices_what_no_event_told_and_a_touch_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("a.yaml");
        fs::write(&at, "one").unwrap();
        let read = fingerprint(folder.path());
        // A folder that cannot be watched, whose content can be read.
        let nowhere = folder.path().join("nowhere");
        let mut changed = start(nowhere, read(), read, Telemetry::new(Timestamp::default()));
        fs::write(&at, "one").unwrap();
        assert!(tokio::time::timeout(POLL * 3, changed.recv()).await.is_err(), "the content is the same");
        fs::write(&at, "two").unwrap();
        assert!(tokio::time::timeout(POLL * 3, changed.recv()).await.is_ok());
    }
}
