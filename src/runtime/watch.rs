//! Notices that the configuration changed: the folder is watched, and read again every now and then in case an event
//! got lost (a network file system, a folder that was replaced as a whole).
//!
//! The folder rather than its files, because editors and Kubernetes replace files; and what counts is the content, so
//! that a touch, or the store that lies in the same folder, reloads nothing. The content of secret files (`_file`) does
//! not count: after a rotation ask for a reload.

use crate::telemetry::Telemetry;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::ffi::OsStr;
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

/// A number for the names and contents of all files; `None` where they cannot be read. It may block.
pub type Fingerprint = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Watches a folder until the receiver is dropped. A message says that the content is not what it was last; `seen` is
/// what it was at the start.
pub fn start(folder: PathBuf, seen: Option<u64>, fingerprint: Fingerprint, telemetry: Telemetry) -> mpsc::Receiver<()> {
    let (changed, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let (mut seen, mut watcher) = (seen, watch(&folder, &telemetry));
        loop {
            tokio::select! {
                () = changed.closed() => return,
                () = event(&mut watcher) => settle(&mut watcher).await,
                () = sleep(POLL) => {}
            }
            let read = Arc::clone(&fingerprint);
            let found = tokio::task::spawn_blocking(move || read()).await.unwrap_or(None);
            if found != seen {
                seen = found;
                // One message is enough for whoever has not yet looked.
                let _ = changed.try_send(());
                // The folder may be another one of the same name.
                watcher = watch(&folder, &telemetry);
            }
        }
    });
    receiver
}

/// A watcher and its events; `None` where the system has none to give.
type Watching = Option<(RecommendedWatcher, mpsc::Receiver<()>)>;

fn watch(folder: &Path, telemetry: &Telemetry) -> Watching {
    let (sender, events) = mpsc::channel(1);
    let heard = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| matters(&event)) {
            // A full channel has an event in it, and they are all alike.
            let _ = sender.try_send(());
        }
    };
    let watching = notify::recommended_watcher(heard).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    match watching {
        Ok(watcher) => Some((watcher, events)),
        Err(why) => {
            telemetry.watch_failed(&why.to_string());
            None
        }
    }
}

/// Reading is no change, and neither is a write to something that is no configuration: the store's own commits.
fn matters(event: &notify::Event) -> bool {
    !matches!(event.kind, EventKind::Access(_))
        && (event.paths.is_empty() || event.paths.iter().any(|path| may_be_configuration(path)))
}

/// A YAML file, a folder or link without an extension, or Kubernetes' `..data` and what it points to.
fn may_be_configuration(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or("");
    let extension = path.extension().and_then(OsStr::to_str);
    name.starts_with("..") || extension.is_none_or(|e| matches!(e, "yaml" | "yml"))
}

async fn event(watching: &mut Watching) {
    let heard = match watching {
        Some((_, events)) => events.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Waits until nothing happened for a while.
async fn settle(watching: &mut Watching) {
    let end = Instant::now() + QUIET_MAX;
    loop {
        let quiet = end.min(Instant::now() + QUIET);
        tokio::select! {
            () = event(watching) => {}
            () = sleep_until(quiet) => return,
        }
        if end <= Instant::now() {
            return;
        }
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

    #[test]
    fn only_what_may_be_configuration_matters() {
        for (path, want) in [
            ("d/a.yaml", true),
            ("d/a.yml", true),
            ("d/..data", true),
            ("d/..2026_11_24.123", true),
            ("d/rules", true),
            ("d/bellwether.db", false),
            ("d/bellwether.db-wal", false),
            ("d/.a.yaml.swp", false),
        ] {
            assert_eq!(may_be_configuration(Path::new(path)), want, "{path}");
        }
    }
}
