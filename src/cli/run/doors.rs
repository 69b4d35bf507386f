//! Who may ask the daemon, as `server:` says.

use crate::http::Doors;
use crate::http::doors::{Limits, Settings};
use crate::http::tls::TlsFiles;
use crate::load::ServerConfig;
use crate::telemetry::Telemetry;
use std::net::{IpAddr, SocketAddr};

/// What the files are, and how far anybody may read.
pub(super) fn settings(server: &ServerConfig) -> Settings {
    Settings {
        tokens_file: server.tokens_file.clone(),
        tls: server.tls.as_ref().map(|tls| TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() }),
        open: server.open,
        proxied: server.url.as_deref().is_some_and(names_another),
    }
}

/// The doors at the start, with a word of what should be otherwise.
///
/// # Errors
/// Says what is wrong in which file.
pub(super) fn open(server: &ServerConfig, address: SocketAddr, telemetry: &Telemetry) -> Result<Doors, String> {
    let settings = settings(server);
    settings.advice().iter().for_each(|advice| telemetry.doors_advice(advice));
    if !address.ip().is_loopback() && settings.tls.is_none() {
        telemetry.doors_advice(
            "tokens and alerts pass other machines in the clear: set `server: { tls: { cert: …, key: … } }`, or let a proxy \
             on this machine speak HTTPS",
        );
    }
    let limits = Limits { rate: server.rate, connections: server.connections };
    Ok(Doors::new(settings.read()?, limits, telemetry.clone()))
}

/// Whether a URL leads to more than this machine.
fn names_another(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return true };
    let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
    host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_this_machine_leads_to_no_other() {
        for (url, want) in [
            ("http://localhost:9600", false),
            ("http://127.0.0.1:9600/x", false),
            ("http://[::1]:9600", false),
            ("https://bellwether.example", true),
            ("https://localhost.example", true),
            ("http://192.0.2.7:9600", true),
        ] {
            assert_eq!(names_another(url), want, "{url}");
        }
    }
}
