//! Whether the connection is encrypted, and whether it matters who answers.

use super::super::error::CollectError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// `sslmode`, with the roots that verify.
pub(super) struct Tls {
    mode: Mode,
    ca: Option<PathBuf>,
    /// Made at the first connection: reading the system's roots takes time.
    ready: Mutex<Option<MakeRustlsConnect>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// Takes `sslmode` and `sslrootcert` out of a URL or a `key=value` string.
pub(super) fn split(url: &str, ca: Option<PathBuf>) -> Result<(String, Tls), CollectError> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let (head, options, between) = match url.split_once('?') {
        Some((head, options)) if is_url => (head, options, '&'),
        None if is_url => (url, "", '&'),
        _ => ("", url, ' '),
    };
    let (mut mode, mut ca) = (Mode::Prefer, ca);
    let mut kept = Vec::new();
    for option in options.split(between).filter(|o| !o.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", word)) => mode = Mode::parse(word)?,
            Some(("sslrootcert", path)) => ca = ca.or_else(|| Some(PathBuf::from(path))),
            _ => kept.push(option),
        }
    }
    let kept = kept.join(&between.to_string());
    let rest = if kept.is_empty() || !is_url { format!("{head}{kept}") } else { format!("{head}?{kept}") };
    Ok((rest, Tls { mode, ca, ready: Mutex::new(None) }))
}

impl Mode {
    fn parse(word: &str) -> Result<Mode, CollectError> {
        match word {
            "disable" => Ok(Mode::Disable),
            "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-full" => Ok(Mode::VerifyFull),
            _ => Err(CollectError::unreachable(
                "the source's `url` has an unknown sslmode: write `disable`, `prefer`, `require` or `verify-full`",
            )),
        }
    }
}

impl Tls {
    pub(super) fn ssl_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyFull => SslMode::Require,
        }
    }

    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, CollectError> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = &*ready {
            return Ok(connector.clone());
        }
        let connector = MakeRustlsConnect::new(self.client_config()?);
        Ok(ready.insert(connector).clone())
    }

    fn client_config(&self) -> Result<ClientConfig, CollectError> {
        let failed = |e: rustls::Error| CollectError::unreachable(format_args!("TLS cannot be set up: {e}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = match (&self.ca, self.mode) {
            (Some(path), mode) if mode != Mode::Disable => builder.with_root_certificates(roots(path)?),
            (None, Mode::VerifyFull) => builder.with_platform_verifier().map_err(failed)?,
            _ => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone::new(&provider))),
        };
        Ok(builder.with_no_client_auth())
    }
}

fn roots(path: &Path) -> Result<RootCertStore, CollectError> {
    let failed = |e: &dyn std::fmt::Display| {
        CollectError::unreachable(format_args!("cannot read the `ca` file `{}`: {e}", path.display()))
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| failed(&e))? {
        store.add(certificate.map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
    }
    if store.is_empty() {
        return Err(failed(&"it holds no certificate in PEM"));
    }
    Ok(store)
}

/// Takes every certificate, as libpq does under `prefer` and `require`; that the server holds its key is proved still.
#[derive(Debug)]
struct Anyone(WebPkiSupportedAlgorithms);

impl Anyone {
    fn new(provider: &CryptoProvider) -> Anyone {
        Anyone(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_taken_out_of_the_url() {
        for (url, rest, mode, ca) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d", Mode::Prefer, None),
            ("postgres://u:p@h/d?sslmode=verify-full", "postgres://u:p@h/d", Mode::VerifyFull, None),
            ("postgresql://h/d?a=b&sslmode=disable&c=d", "postgresql://h/d?a=b&c=d", Mode::Disable, None),
            ("host=h sslmode=require sslrootcert=/ca.pem user=u", "host=h user=u", Mode::Require, Some("/ca.pem")),
        ] {
            let (got, tls) = split(url, None).unwrap();
            assert_eq!((got.as_str(), tls.mode, tls.ca), (rest, mode, ca.map(PathBuf::from)), "{url}");
        }
        let error = split("postgres://u:hunter2@h/d?sslmode=maybe", None).map(|_| ()).unwrap_err();
        assert!(error.message.contains("`verify-full`") && !error.message.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_ca_that_cannot_be_read_is_named() {
        let (_, tls) = split("postgres://h/d?sslmode=require", Some(PathBuf::from("/no/such.pem"))).unwrap();
        let error = tls.connector().map(|_| ()).unwrap_err();
        assert!(error.message.contains("`/no/such.pem`"), "{error}");
    }
}
