//! HTTPS: the certificate and its key, out of PEM files.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, InconsistentKeys, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those that signed it.
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// What a server of TLS 1.2 and 1.3 needs.
///
/// # Errors
/// Says which file is wrong, and how.
pub fn config(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let (chain, key) = (chain(&files.cert)?, key(&files.key)?);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| format!("TLS cannot be had: {e}"))?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(|e| match e {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("`{}` is not the key of the first certificate in `{}`", files.key.display(), files.cert.display())
        }
        e => format!("`{}` and `{}` make no server: {e}", files.cert.display(), files.key.display()),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |e: pem::Error| format!("cannot read the certificate `{}`: {}", path.display(), why(e));
    let chain = CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if chain.is_empty() {
        return Err(format!("`{}` holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)", path.display()));
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| match e {
        pem::Error::NoItemsFound => format!(
            "`{}` holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`); one with a passphrase cannot be read",
            path.display()
        ),
        e => format!("cannot read the key `{}`: {}", path.display(), why(e)),
    })
}

/// Without what it quotes of a file, which may be of a key.
fn why(error: pem::Error) -> String {
    match error {
        pem::Error::Io(e) => e.to_string(),
        pem::Error::MissingSectionEnd { .. } => "it is cut: a section has no end".to_owned(),
        _ => "it is not PEM".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Certificates;

    #[test]
    fn what_is_wrong_is_said_with_its_file() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let right = Certificates::new(one.path(), 1).unwrap();
        let second = Certificates::new(other.path(), 1).unwrap();
        let cut = one.path().join("cut.key");
        let text = std::fs::read_to_string(right.key()).unwrap();
        std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
        for (cert, key, want) in [
            (right.certificate(), right.key(), None),
            (one.path().join("none.pem"), right.key(), Some("cannot read the certificate `")),
            (right.key(), right.key(), Some("server.key` holds no certificate in PEM")),
            (right.certificate(), right.certificate(), Some("server.pem` holds no private key in PEM")),
            (right.certificate(), one.path().join("none.key"), Some("none.key`: No such file")),
            (right.certificate(), cut, Some("cut.key`: it is cut")),
            (right.certificate(), second.key(), Some("is not the key of the first certificate in")),
        ] {
            let made = config(&TlsFiles { cert, key }).map(drop);
            match want {
                None => assert_eq!(made, Ok(())),
                Some(want) => assert!(made.clone().is_err_and(|why| why.contains(want)), "{made:?}, not {want}"),
            }
        }
    }
}
