//! `token`: makes the tokens that open the API of a daemon.

use super::{print, say};
use crate::http::access::Role;
use crate::http::tokens::{self, Tokens};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a token: prints it, once, and keeps its hash.
    New(New),
}

#[derive(clap::Args)]
struct New {
    /// Whose it is: letters, digits, `-`, `_`, `.`, `@`.
    name: String,
    /// What it may do; each role may do what those before it may.
    #[arg(long, value_parser = ["read", "silence", "admin"])]
    role: String,
    /// The file of `server.tokens_file`, to which its line is added; by default the line is printed.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// 0 where there is a new token, 1 where there is not.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Command::New(new) = &arguments.command;
    match made(new) {
        Ok(token) => {
            print(&format!("{token}\n"));
            0
        }
        Err(why) => {
            say(&format!("error: {why}"));
            1
        }
    }
}

/// The token, once its line is kept or was told.
fn made(new: &New) -> Result<String, String> {
    tokens::check_name(&new.name)?;
    let role = Role::from_name(&new.role).ok_or("a role is `read`, `silence` or `admin`")?;
    let token = tokens::random()?;
    let line = tokens::line(&new.name, role, &token);
    match &new.file {
        Some(path) => {
            add(path, &new.name, &line)?;
            say(&format!(
                "`{}` may {}: its hash stands in `{}`. The token is shown this once:",
                new.name,
                may(role),
                path.display()
            ));
        }
        None => say(&format!(
            "Add this line to the file of `server.tokens_file`:\n\n{line}\n\n`{}` may {}. The token is shown this once:",
            new.name,
            may(role)
        )),
    }
    Ok(token)
}

fn may(role: Role) -> &'static str {
    match role {
        Role::Anyone => "nothing",
        Role::Read => "read",
        Role::Silence => "read, make and end silences, and send alerts",
        Role::Admin => "do everything",
    }
}

/// Adds a line to a file, which is made, for its owner alone, where it is not there.
fn add(path: &Path, name: &str, line: &str) -> Result<(), String> {
    let failed = |e: &std::io::Error| format!("cannot write `{}`: {e}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        Err(e) => return Err(failed(&e)),
    };
    if text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let there = Tokens::read(path).map_err(|why| format!("nothing was added: {why}"))?;
        if there.has(name) {
            return Err(format!(
                "`{}` has a token `{name}`: take its line out, or choose another name",
                path.display()
            ));
        }
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let before = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = options.open(path).map_err(|e| failed(&e))?;
    file.write_all(format!("{before}{line}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, file: &Path) -> Result<String, String> {
        made(&New { name: name.into(), role: "silence".into(), file: Some(file.into()) })
    }

    #[test]
    fn a_token_is_added_to_the_file_by_its_hash_and_a_name_stands_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let first = new("ana", &path).unwrap();
        // A line that somebody wrote without its end stays a line.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.trim_end()).unwrap();
        let second = new("ben", &path).unwrap();
        let tokens = Tokens::read(&path).unwrap();
        for (token, name) in [(&first, "ana"), (&second, "ben")] {
            let found = tokens.matching(token).unwrap();
            assert_eq!((&*found.name, found.role), (name, Role::Silence));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&first) && !text.contains(&second), "{text}");
        assert!(new("ana", &path).unwrap_err().contains("has a token `ana`"));
        assert!(new("a b", &path).unwrap_err().contains("a name is of letters"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "nothing was added");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bellwether.yaml");
        std::fs::write(&path, "server: {}\n").unwrap();
        let error = new("ana", &path).unwrap_err();
        assert!(error.contains("nothing was added") && error.contains("bellwether.yaml:1"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "server: {}\n");
    }
}
