//! Who was not answered, and who ordered what.

use super::Telemetry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::{error, info, warn};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    refused: Family<Reason, Counter>,
}

impl Counters {
    pub(super) fn register(&self, own: &mut Registry) {
        own.register("requests_refused", "Requests and connections that were refused", self.refused.clone());
    }
}

impl Telemetry {
    /// A request was refused; `reason` is `token` (a wrong one), `no_token`, `role`, `rate`, `body` or `connections`.
    pub fn request_refused(&self, reason: &'static str) {
        self.0.access.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Somebody sent a token that is none. Not for every one: who guesses would fill the log.
    pub fn wrong_token(&self, from: IpAddr, path: &str) {
        warn!(%from, path, "a wrong token");
    }

    /// A token was used for what changes something.
    pub fn ordered(&self, token: &Arc<str>, method: &str, path: &str) {
        info!(token = %token, "{method} {path}");
    }

    /// Tokens and certificate were read again.
    pub fn doors_changed(&self) {
        info!("the tokens and the certificate were read again");
    }

    /// They changed, and cannot be read.
    pub fn doors_kept(&self, why: &str) {
        error!("the tokens and the certificate are as they were: {why}");
    }

    /// Worth knowing of who may ask.
    pub fn doors_advice(&self, advice: &str) {
        warn!("{advice}");
    }
}
