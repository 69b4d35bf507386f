//! `run`: the daemon. Here everything is put together, and nothing is decided.

mod doors;
mod log;

use super::{Folder, environment, loaded, refusal, say};
use crate::config::{self, Problems};
use crate::http::{self, Doors};
use crate::load::{self, Config, Mode};
use crate::model::Timestamp;
use crate::runtime::signals;
use crate::runtime::{self, Fingerprint, Loaded, Loader, Opener, Options, SystemClock};
use crate::store::Sqlite;
use crate::telemetry::Telemetry;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: Folder,
    /// How the log, which goes to standard error, is written.
    #[arg(long, value_enum, default_value = "text")]
    log_format: log::Format,
    /// What is logged: `error`, `warn`, `info`, `debug`, or filters as `RUST_LOG` has them.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    log: String,
}

/// 0 on a clean stop, 1 where it cannot start.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let folder = &arguments.folder.folder;
    if let Err(why) = log::start(&arguments.log, arguments.log_format) {
        say(&format!("error: {why}"));
        return 1;
    }
    let Some((config, notes)) = loaded(folder, &environment, Mode::Serving) else { return 1 };
    if config.files == 0 {
        say(&format!("error: {}", load::no_file(folder)));
        return 1;
    }
    for note in notes {
        say(&format!("note: {note}"));
    }
    match runtime::block_on(serve(&config)).and_then(|ended| ended) {
        Ok(()) => 0,
        Err(why) => {
            say(&format!("error: {}", why.replace('\n', "\nerror: ")));
            1
        }
    }
}

async fn serve(config: &Config) -> Result<(), String> {
    let telemetry = Telemetry::new(Timestamp::from(jiff::Timestamp::now()));
    let signals = signals::listen().map_err(|why| format!("cannot listen for signals: {why}"))?;
    let (handle, inbox) = runtime::channel(telemetry.clone());
    let loaded = Loaded::of(config)?;
    let listener = http::bind(config.server.listen).await?;
    let address = listener.local_addr().map_err(|why| format!("cannot listen on {}: {why}", config.server.listen))?;
    let doors = doors::open(&config.server, address, &telemetry)?;
    let url = format!("{}://{address}", if doors.has_tls() { "https" } else { "http" });
    telemetry.serving(&config.folder.display().to_string(), &config.dispatch.reached(), &url);
    let guard = http::Guard::new(address, config.server.url.as_deref());
    let api = tokio::spawn(http::serve(listener, handle, guard, doors.clone()));
    let watching = doors.clone();
    let watch = tokio::spawn(async move { watching.watch().await });
    let options = Options {
        loaded,
        loader: loader(config, doors, telemetry.clone()),
        folder: config.folder.clone(),
        fingerprint: fingerprint(config.folder.clone()),
        store: opener(config.store.path.clone()),
        clock: Box::new(SystemClock::start()),
        inbox,
        signals,
        telemetry,
        seed: seed(),
    };
    let ended = runtime::run(options).await;
    api.abort();
    watch.abort();
    ended
}

/// Reads the folder again. What was taken at the start stays as it was then, and that is said.
fn loader(config: &Config, doors: Doors, telemetry: Telemetry) -> Loader {
    let folder = config.folder.clone();
    let (server, store) = (config.server.clone(), config.store.path.clone());
    Arc::new(move || {
        let mut loaded = load::load(&folder, &environment, Mode::Serving).map_err(|error| error.to_string())?;
        let Some(config) = loaded.config.take() else { return Err(refusal(&loaded, false)) };
        // A volume that is gone, or a copy that is under way, ends no alert.
        if config.files == 0 {
            return Err(load::no_file(&folder));
        }
        let opened = doors::settings(&config.server).read()?;
        for (key, changed) in [
            ("server.listen", config.server.listen != server.listen),
            ("server.url", config.server.url != server.url),
            ("server.tls", config.server.tls.is_some() != server.tls.is_some()),
            ("server.limits", (config.server.rate, config.server.connections) != (server.rate, server.connections)),
            ("store.path", config.store.path != store),
        ] {
            if changed {
                telemetry.needs_restart(key);
            }
        }
        let loaded = Loaded::of(&config)?;
        doors.adopt(opened);
        Ok(loaded)
    })
}

fn fingerprint(folder: PathBuf) -> Fingerprint {
    Arc::new(move || config::Folder::read(&folder, &mut Problems::new()).ok().map(|folder| folder.hash))
}

fn opener(path: PathBuf) -> Opener {
    Arc::new(move || Ok(Box::new(Sqlite::open(&path)?)))
}

/// A number that no other start had: the standard library's hasher has random keys.
fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
