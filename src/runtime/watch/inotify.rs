//! What Linux says of a folder and the folders in it.
//!
//! It is asked only for what ends a save: a file that was written and closed, made, moved or deleted. What is written to a
//! file that stays open, as the store's commits and a log are, is no news and costs nothing, wherever the file lies.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes of events read at once: some dozens.
const BUFFER: usize = 4096;

const NEWS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// Folders that are watched, as they are now: a new folder in them is news, and then wants a new watcher.
pub struct Watcher(AsyncFd<OwnedFd>);

impl Watcher {
    /// Watches this folder and those in it, links followed and names that begin with `.` passed over.
    ///
    /// # Errors
    /// Where the system has no more watches to give, or there is no such folder.
    pub fn new(folder: &Path) -> io::Result<Watcher> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        add(&events, folder, &mut HashSet::new())?;
        #[expect(deprecated, reason = "the other way is unsafe, and an `OwnedFd` keeps its descriptor")]
        let events = AsyncFd::with_interest(events, Interest::READABLE)?;
        Ok(Watcher(events))
    }

    /// Waits for news of what may be configuration.
    ///
    /// # Errors
    /// Where the system has no more to say.
    pub async fn event(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(heard) = ready.try_io(|events| drain(events.get_ref()))
                && heard?
            {
                return Ok(());
            }
        }
    }
}

fn add(events: &OwnedFd, folder: &Path, seen: &mut HashSet<i32>) -> io::Result<()> {
    // A folder that was met before has the number it had: links may lead in a circle.
    if !seen.insert(inotify::add_watch(events, folder, NEWS)?) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") || !path.is_dir() {
            continue;
        }
        match add(events, &path, seen) {
            // It is gone already, or may not be read; what cannot be read is no configuration.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {}
            added => added?,
        }
    }
    Ok(())
}

/// Takes all events that wait. Whether one is of what may be configuration; `WouldBlock` where none waits.
fn drain(events: &OwnedFd) -> io::Result<bool> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut reader = Reader::new(events, &mut buffer);
    let (mut any, mut matters) = (false, false);
    loop {
        match reader.next() {
            Ok(event) => {
                any = true;
                matters |= event.file_name().is_none_or(|name| may_be_configuration(name, event.events()));
            }
            Err(Errno::AGAIN) if any => return Ok(matters),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// A YAML file, a folder, a link to one, or Kubernetes' `..data` and what it points to.
fn may_be_configuration(name: &CStr, events: ReadFlags) -> bool {
    let name = name.to_bytes();
    if name.starts_with(b".") {
        return name.starts_with(b"..");
    }
    events.contains(ReadFlags::ISDIR)
        || [&b".yaml"[..], b".yml"].iter().any(|end| name.ends_with(end))
        || !name.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// The bytes of the events that wait.
    fn waiting(watcher: &Watcher) -> u64 {
        rustix::io::ioctl_fionread(watcher.0.get_ref()).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_to_a_file_that_stays_open_wakes_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<fs::File> = ["bellwether.db-wal", "log", "a.yaml"]
            .map(|name| fs::File::create(folder.path().join(name)).unwrap())
            .into_iter()
            .collect();
        let watcher = Watcher::new(folder.path()).unwrap();
        for file in &mut files {
            file.write_all(b"x").unwrap();
            file.sync_all().unwrap();
        }
        assert_eq!(waiting(&watcher), 0);
        files.pop();
        watcher.event().await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_in_the_folder_is_watched_and_a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("rules/of");
        fs::create_dir_all(&inner).unwrap();
        std::os::unix::fs::symlink("..", inner.join("round")).unwrap();
        let watcher = Watcher::new(folder.path()).unwrap();
        fs::write(inner.join("a.yaml"), "one").unwrap();
        watcher.event().await.unwrap();
    }

    #[test]
    fn only_what_may_be_configuration_matters() {
        for (name, events, want) in [
            (c"a.yaml", ReadFlags::CLOSE_WRITE, true),
            (c"a.yml", ReadFlags::MOVED_TO, true),
            (c"..data", ReadFlags::MOVED_TO, true),
            (c"..2026_11_24.123", ReadFlags::CREATE, true),
            (c"rules", ReadFlags::CREATE, true),
            (c"rules.d", ReadFlags::CREATE.union(ReadFlags::ISDIR), true),
            (c"bellwether.db", ReadFlags::CLOSE_WRITE, false),
            (c"bellwether.db-wal", ReadFlags::CREATE, false),
            (c".a.yaml.swp", ReadFlags::CLOSE_WRITE, false),
            (c".git", ReadFlags::CREATE.union(ReadFlags::ISDIR), false),
        ] {
            assert_eq!(may_be_configuration(name, events), want, "{name:?}");
        }
    }
}
