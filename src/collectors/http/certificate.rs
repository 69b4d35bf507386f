//! When a server's certificate ends.

use crate::model::Timestamp;
use x509_cert::der::Decode;

/// `notAfter` of a certificate in DER (RFC 5280); `None` where it cannot be read.
pub(super) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    Some(Timestamp::from_secs(i64::try_from(end.as_secs()).ok()?))
}
