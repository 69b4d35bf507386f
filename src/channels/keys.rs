//! Keys that several kinds have.

use crate::config::{Key, Settings, Shape};
use std::time::Duration;

/// How long a send may take: a key of every kind.
pub(super) const TIMEOUT: Key =
    Key::new("timeout", Shape::Duration, "How long one send may take; half of it for connecting.").default("10s");

/// The value of [`TIMEOUT`].
pub(super) fn timeout(settings: &Settings) -> Duration {
    settings.duration(TIMEOUT.name).unwrap_or(Duration::from_secs(10))
}

/// A PEM file of roots: a key of the kinds that speak TLS.
#[cfg(any(feature = "slack", feature = "email", feature = "webhook"))]
pub(super) const CA: Key =
    Key::new("ca", Shape::Path, "A PEM file of root certificates, in place of the system's.").known_as(&["ca_file"]);
