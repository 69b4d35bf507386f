use std::io::Write;

/// The server, or `None` where it cannot be had, so that the suite can skip itself: says why on the terminal, past the
/// test runner's capture, and adds a line to the file that `BELLWETHER_SKIPS` names. With `BELLWETHER_REQUIRE_SERVERS`
/// set it panics instead.
pub fn require<T>(what: &str, started: Result<T, String>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(why) => {
            assert!(
                std::env::var_os("BELLWETHER_REQUIRE_SERVERS").is_none(),
                "{what} is required here and cannot be had: {why}\nRun scripts/tools and try again."
            );
            skip(what, &why);
            None
        }
    }
}

/// The same for what comes from no registry: where the machine does not have it, the suite is skipped, required or not.
pub fn if_there<T>(what: &str, is_there: bool, started: impl FnOnce() -> Result<T, String>) -> Option<T> {
    if is_there {
        return require(what, started());
    }
    skip(what, "this machine does not have it, and no registry does");
    None
}

fn skip(what: &str, why: &str) {
    let suite = suite_name();
    let line = format!("{suite}: no {what}: {why}\n");
    // A reason that cannot be written is no reason to fail.
    let _ = write!(std::io::stderr(), "skipped: {line}");
    if let Some(path) = std::env::var_os("BELLWETHER_SKIPS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// The test binary's name without cargo's hash: `servers_smoke`.
fn suite_name() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    name.rsplit_once('-').map_or(name.clone(), |(suite, _)| suite.to_owned())
}
