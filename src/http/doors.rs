//! What stands between the port and the routes: tokens, certificate, limits; what of it comes from files is taken up while
//! the daemon runs.

use super::Access;
use super::access::Rules;
use super::house::House;
use super::limits::Buckets;
use super::tls::{self, TlsFiles};
use super::tokens::Tokens;
use crate::telemetry::Telemetry;
use rustls::ServerConfig;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Wrong tokens that one address may send at once, and how many a second after that: a person who mistypes, not a guesser.
const WRONG_TOKENS: (f64, f64) = (0.2, 10.0);
/// How many seconds' worth of requests one address may send at once.
const BURST: f64 = 10.0;

/// What `server:` says of who may ask, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub tokens_file: Option<PathBuf>,
    pub tls: Option<TlsFiles>,
    /// Whether everybody may read.
    pub open: bool,
    /// Whether `server.url` names another machine, or a name: then a proxy may pass strangers on as this machine.
    pub proxied: bool,
}

/// How much may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests a second from one address of another machine.
    pub rate: u32,
    /// Connections at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { rate: 100, connections: 256 }
    }
}

/// Files that were read and are right.
#[derive(Debug)]
pub struct Opened {
    settings: Settings,
    rules: Rules,
    tls: Option<Arc<ServerConfig>>,
}

impl Settings {
    /// Reads the files. It may block.
    ///
    /// # Errors
    /// Says what is wrong in which file.
    pub fn read(self) -> Result<Opened, String> {
        let tokens = self.tokens_file.as_deref().map(Tokens::read).transpose()?;
        let tls = self.tls.as_ref().map(tls::config).transpose()?;
        let rules = Rules { tokens, open: self.open, proxied: self.proxied };
        Ok(Opened { settings: self, rules, tls })
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let tls = self.tls.iter().flat_map(|tls| [&*tls.cert, &*tls.key]);
        self.tokens_file.as_deref().into_iter().chain(tls)
    }

    /// A number for the contents of the files.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files().for_each(|path| std::fs::read(path).ok().hash(&mut hasher));
        hasher.finish()
    }

    /// What is not wrong and should be otherwise.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        self.files().filter(|path| self.tls.as_ref().is_none_or(|tls| tls.cert != *path)).filter_map(wide).collect()
    }
}

/// What to say of a file that others than its owner may open: a key that is read, tokens that are added to.
#[cfg(unix)]
fn wide(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let others = match (mode & 0o022, mode & 0o055) {
        (0, 0) => return None,
        (0, _) => "read",
        _ => "write",
    };
    Some(format!("others than its owner may {others} `{0}` (mode {mode:o}): `chmod 600 {0}`", path.display()))
}

#[cfg(not(unix))]
fn wide(_: &Path) -> Option<String> {
    None
}

/// The doors as they are now. A clone shares them.
#[derive(Clone, Debug)]
pub struct Doors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    access: Access,
    settings: RwLock<Settings>,
    tls: Option<RwLock<Arc<ServerConfig>>>,
    house: Arc<House>,
    requests: Mutex<Buckets>,
    wrong_tokens: Mutex<Buckets>,
    telemetry: Telemetry,
}

impl Doors {
    #[must_use]
    pub fn new(opened: Opened, limits: Limits, telemetry: Telemetry) -> Doors {
        let rate = f64::from(limits.rate);
        Doors(Arc::new(Inner {
            access: Access::new(opened.rules),
            settings: RwLock::new(opened.settings),
            tls: opened.tls.map(RwLock::new),
            house: House::new(limits.connections),
            requests: Mutex::new(Buckets::new(rate, rate * BURST)),
            wrong_tokens: Mutex::new(Buckets::new(WRONG_TOKENS.0, WRONG_TOKENS.1)),
            telemetry,
        }))
    }

    /// No tokens and no TLS: this machine may do everything, others nothing.
    #[must_use]
    pub fn plain(telemetry: Telemetry) -> Doors {
        let opened = Opened { settings: Settings::default(), rules: Rules::default(), tls: None };
        Doors::new(opened, Limits::default(), telemetry)
    }

    /// From now on these hold. Whether there is TLS at all is decided at the start.
    pub fn adopt(&self, opened: Opened) {
        if let Some((tls, new)) = self.0.tls.as_ref().zip(opened.tls) {
            *tls.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        self.0.access.adopt(opened.rules);
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = opened.settings;
    }

    /// Takes up what changes in the files, as long as it is polled. What is broken leaves things as they are.
    pub async fn watch(&self) {
        let look =
            |settings: Settings| async { tokio::task::spawn_blocking(move || settings.fingerprint()).await.ok() };
        let mut seen = look(self.settings()).await;
        loop {
            sleep(LOOK).await;
            let settings = self.settings();
            let found = look(settings.clone()).await;
            if found == seen {
                continue;
            }
            seen = found;
            match tokio::task::spawn_blocking(move || settings.read()).await {
                Ok(Ok(opened)) => {
                    self.adopt(opened);
                    self.0.telemetry.doors_changed();
                }
                Ok(Err(why)) => self.0.telemetry.doors_kept(&why),
                Err(panic) => self.0.telemetry.doors_kept(&panic.to_string()),
            }
        }
    }

    fn settings(&self) -> Settings {
        self.0.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.0.tls.is_some()
    }

    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        Some(Arc::clone(&self.0.tls.as_ref()?.read().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(super) fn house(&self) -> &Arc<House> {
        &self.0.house
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Counts a request of this address.
    pub(super) fn request(&self, from: IpAddr) -> Result<(), Duration> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner).take(from, Instant::now())
    }

    /// Counts a wrong token of this address.
    pub(super) fn wrong_token(&self, from: IpAddr) -> Result<(), Duration> {
        self.0.wrong_tokens.lock().unwrap_or_else(PoisonError::into_inner).take(from, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::{Peer, Role};
    use crate::http::tokens;
    use crate::model::Timestamp;
    use axum::http::{HeaderMap, header};
    use std::fs;

    fn lets_in(doors: &Doors, token: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        let peer = Some(Peer("192.0.2.7".parse().unwrap()));
        doors.access().admits(peer, &headers, Role::Read).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_change_are_taken_up_and_broken_ones_leave_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, tokens::line("a", Role::Read, "first")).unwrap();
        let settings = Settings { tokens_file: Some(path.clone()), ..Settings::default() };
        let telemetry = Telemetry::new(Timestamp::default());
        let doors = Doors::new(settings.read().unwrap(), Limits::default(), telemetry.clone());
        let watching = doors.clone();
        tokio::spawn(async move { watching.watch().await });
        let pause = || async {
            sleep(LOOK * 3).await;
            // The thread that reads is real: its answer comes in real time.
            for _ in 0..50 {
                tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
            }
        };
        pause().await;
        assert!(lets_in(&doors, "first") && !lets_in(&doors, "second"));
        fs::write(&path, "a read").unwrap();
        pause().await;
        assert!(lets_in(&doors, "first"), "broken: as before");
        fs::remove_file(&path).unwrap();
        pause().await;
        assert!(lets_in(&doors, "first"), "gone: as before");
        fs::write(&path, tokens::line("a", Role::Read, "second")).unwrap();
        pause().await;
        assert!(!lets_in(&doors, "first") && lets_in(&doors, "second"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_open_is_spoken_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, "").unwrap();
        let settings = Settings { tokens_file: Some(path.clone()), ..Settings::default() };
        for (mode, want) in [(0o600, None), (0o400, None), (0o644, Some("may read")), (0o660, Some("may write"))] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let advice = settings.advice();
            assert_eq!(advice.len(), usize::from(want.is_some()), "{mode:o} {advice:?}");
            assert!(want.is_none_or(|want| advice[0].contains(want)), "{advice:?}");
        }
    }
}
