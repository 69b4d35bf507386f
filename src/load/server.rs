//! `server:`: where it listens, and who may ask it.

use super::declare::SERVER;
use super::{Loading, Mode, ServerConfig, TlsConfig};
use crate::config::{Problem, Problems, Settings};
use std::net::SocketAddr;

impl Loading<'_> {
    /// `None` where it is wrong; that has been told.
    pub(super) fn server(&mut self) -> Option<ServerConfig> {
        let Some(written) = self.single("server", &SERVER) else { return "127.0.0.1:9600".parse().ok().map(plain) };
        let listen: SocketAddr = written.text("listen")?.parse().ok()?;
        let tokens_file = written.path("tokens_file").map(std::path::Path::to_owned);
        if self.mode == Mode::Serving {
            self.problems.extend(no_tokens(&written));
        }
        let open = written.boolean("open").unwrap_or(false);
        if !listen.ip().is_loopback() && tokens_file.is_none() && !open && written.lacks("tokens_file") {
            let problem =
                Problem::error(format!("`{listen}` is reached from other machines, and nobody needs a token there"));
            self.problems.push(problem.at(written.place("listen")).help(
                "write `tokens_file: tokens`, and make a token with `bellwether token new NAME --role read --file \
                 tokens`; or `open: true`, and everybody who reaches it may read",
            ));
        }
        let limits = written.record("limits");
        let number = |key: &str| limits.and_then(|limits| limits.integer(key));
        Some(ServerConfig {
            url: written.text("url").map(ToOwned::to_owned),
            tls: written.record("tls").and_then(tls),
            tokens_file,
            open,
            rate: number("rate").and_then(|n| n.try_into().ok()).unwrap_or(RATE),
            connections: number("connections").and_then(|n| n.try_into().ok()).unwrap_or(CONNECTIONS),
            ..plain(listen)
        })
    }
}

/// A file of tokens that cannot be opened. What stands in it is read by who opens the doors.
fn no_tokens(written: &Settings) -> Problems {
    let mut problems = Problems::new();
    let Some(path) = written.path("tokens_file") else { return problems };
    if let Err(error) = std::fs::File::open(path) {
        let path = path.display();
        let problem = Problem::error(format!("cannot read the tokens of `{path}`: {error}"));
        let help = format!("make it, and a first token: `bellwether token new NAME --role read --file {path}`");
        problems.push(problem.at(written.place("tokens_file")).help(help));
    }
    problems
}

/// As `limits` says where it is not written.
const RATE: u32 = 100;
const CONNECTIONS: usize = 256;

fn plain(listen: SocketAddr) -> ServerConfig {
    ServerConfig { listen, url: None, tokens_file: None, tls: None, open: false, rate: RATE, connections: CONNECTIONS }
}

fn tls(written: &Settings) -> Option<TlsConfig> {
    Some(TlsConfig { cert: written.path("cert")?.to_owned(), key: written.path("key")?.to_owned() })
}
