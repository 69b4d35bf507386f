//! `bellwether run` in a folder.

use super::process::{Ended, bellwether};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

pub struct Daemon(Ended);

impl Daemon {
    /// Starts one with this configuration besides what lies in the folder; its store and its log lie there, too.
    pub fn start(folder: &Path, configuration: &str) -> Daemon {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = format!("server: {{ listen: \"127.0.0.1:{port}\" }}\n");
        std::fs::write(folder.join("bench.yaml"), format!("{configuration}{place}")).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = bellwether("run", folder);
        let process = command.current_dir(folder).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon(Ended(process))
    }

    pub fn pid(&self) -> u32 {
        self.0.0.id()
    }
}
