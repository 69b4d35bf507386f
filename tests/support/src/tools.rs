//! Where the installed programs are: what `scripts/tools` linked at `target/tools`, or `BELLWETHER_TOOLS`.

use std::path::{Path, PathBuf};

/// The top of the source tree.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the tests run beside their sources")
}

/// A program or data file that `scripts/tools` installs, by its path in the tools folder: `python/bin/python`.
pub fn installed(path: &str) -> Result<PathBuf, String> {
    let tools = std::env::var_os("BELLWETHER_TOOLS").map_or_else(|| repository().join("target/tools"), PathBuf::from);
    existing(tools.join(path))
}

/// A program of ours that starts a server: `tests/servers/NAME`.
pub fn server_program(name: &str) -> PathBuf {
    repository().join("tests/servers").join(name)
}

/// A plugin of the system's, else of the tools folder.
pub fn monitoring_plugin(name: &str) -> Result<PathBuf, String> {
    existing(Path::new("/usr/lib/nagios/plugins").join(name))
        .or_else(|_| installed(&format!("debian/usr/lib/nagios/plugins/{name}")))
}

/// A program of PostgreSQL's, the newest version's: Debian keeps them out of the PATH.
pub fn postgres_program(name: &str) -> Result<PathBuf, String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    newest.map_or_else(|| in_path(name), Ok)
}

/// A program in the PATH.
pub fn in_path(name: &str) -> Result<PathBuf, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is not in the PATH: run scripts/tools"))
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    if path.exists() { Ok(path) } else { Err(format!("{} is not there: run scripts/tools", path.display())) }
}
