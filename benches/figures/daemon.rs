//! `bellwether run` in a folder.

use super::process::{Ended, bellwether};
use super::wire::Client;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

pub struct Daemon {
    process: Ended,
    port: u16,
}

impl Daemon {
    /// Starts one with this configuration besides what lies in the folder; its store and its log lie there, too.
    pub fn start(folder: &Path, configuration: &str) -> Daemon {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = format!("server: {{ listen: \"127.0.0.1:{port}\" }}\n");
        std::fs::write(folder.join("bench.yaml"), format!("{configuration}{place}")).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = bellwether("run", folder);
        let process = command.current_dir(folder).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon { process: Ended(process), port }
    }

    /// A connection to it, once it is ready.
    pub fn client(&self) -> Client {
        loop {
            if let Some(mut client) = Client::connect(self.port)
                && client.ask("GET", "/readyz", "").0 == 200
            {
                return client;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }
}
