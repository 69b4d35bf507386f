use crate::process::run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate authority and what it signed, as PEM files, made by the openssl program.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority and a server's certificate for `localhost` and `127.0.0.1`, good for `days`.
    pub fn new(folder: &Path, days: u32) -> Result<Certificates, String> {
        let made = Certificates { folder: folder.to_owned() };
        made.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj /CN=test-authority \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
             -keyout authority.key -out authority.pem",
        )?;
        made.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=localhost \
             -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext extendedKeyUsage=serverAuth \
             -keyout server.key -out server.csr",
        )?;
        made.openssl(&format!(
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -copy_extensions copyall -days {days} \
             -out server.pem"
        ))?;
        Ok(made)
    }

    /// What a client must trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    fn openssl(&self, arguments: &str) -> Result<(), String> {
        let mut command = Command::new("openssl");
        run(command.args(arguments.split_whitespace()).current_dir(&self.folder)).map(|_| ())
    }
}
