//! The classes of failures, the same for those who are told and those who are asked.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kept a message or a question from its answer. One class for each next step of the person who looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Nothing listens there: the connection was refused.
    Refused,
    /// No connection for another reason: its name has no address, the network or TLS fails.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// It asked us to wait, such as by a 429.
    RateLimited,
    /// It does not take the credentials.
    Unauthorised,
    /// It answered what cannot be read.
    Malformed,
    /// It said that the fault is its own, such as by a 500.
    ServerError,
    /// The connection was lost before the answer was whole.
    Lost,
    /// It understood and said no.
    Rejected,
    /// Anything else: what is ours, and what was kept by a version without classes.
    #[default]
    Other,
}

impl FailureClass {
    pub const ALL: [FailureClass; 10] = [
        FailureClass::Refused,
        FailureClass::Unreachable,
        FailureClass::TimedOut,
        FailureClass::RateLimited,
        FailureClass::Unauthorised,
        FailureClass::Malformed,
        FailureClass::ServerError,
        FailureClass::Lost,
        FailureClass::Rejected,
        FailureClass::Other,
    ];

    /// As the API and the metrics name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FailureClass::Refused => "refused",
            FailureClass::Unreachable => "unreachable",
            FailureClass::TimedOut => "timed_out",
            FailureClass::RateLimited => "rate_limited",
            FailureClass::Unauthorised => "unauthorised",
            FailureClass::Malformed => "malformed",
            FailureClass::ServerError => "server_error",
            FailureClass::Lost => "lost",
            FailureClass::Rejected => "rejected",
            FailureClass::Other => "other",
        }
    }

    /// What a status of HTTP other than 2xx says.
    #[must_use]
    pub const fn of_http(status: u16) -> FailureClass {
        match status {
            401 | 403 | 407 => FailureClass::Unauthorised,
            408 | 504 => FailureClass::TimedOut,
            425 | 429 => FailureClass::RateLimited,
            500..=599 => FailureClass::ServerError,
            _ => FailureClass::Rejected,
        }
    }

    /// Why a connection could not be made, or was lost: by the first cause that is the system's own word.
    #[must_use]
    pub fn of_connection(error: &(dyn std::error::Error + 'static)) -> FailureClass {
        use std::io::ErrorKind;
        let mut next = Some(error);
        while let Some(error) = next {
            let Some(io) = error.downcast_ref::<std::io::Error>() else {
                next = error.source();
                continue;
            };
            match io.kind() {
                ErrorKind::ConnectionRefused => return FailureClass::Refused,
                ErrorKind::TimedOut => return FailureClass::TimedOut,
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => return FailureClass::Lost,
                // What it wraps is no `source` of it.
                _ => next = io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
            }
        }
        FailureClass::Unreachable
    }
}

/// The latest failure of a far side that has not succeeded since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    pub at: Timestamp,
    pub class: FailureClass,
    /// What went wrong, for people.
    pub why: String,
}

/// How many failures there were of each class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureCounts(BTreeMap<FailureClass, u64>);

impl FailureCounts {
    pub fn add(&mut self, class: FailureClass) {
        *self.0.entry(class).or_default() += 1;
    }

    /// The classes that occurred, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FailureClass, u64)> {
        self.0.iter().map(|(class, count)| (*class, *count))
    }
}

/// One of each occurrence.
impl FromIterator<FailureClass> for FailureCounts {
    fn from_iter<I: IntoIterator<Item = FailureClass>>(classes: I) -> Self {
        let mut counts = FailureCounts::default();
        classes.into_iter().for_each(|class| counts.add(class));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn statuses_and_causes_have_their_class() {
        for (status, want) in [
            (401, "unauthorised"),
            (403, "unauthorised"),
            (404, "rejected"),
            (302, "rejected"),
            (408, "timed_out"),
            (429, "rate_limited"),
            (500, "server_error"),
            (504, "timed_out"),
        ] {
            assert_eq!(FailureClass::of_http(status).name(), want, "{status}");
        }
        for (kind, want) in [
            (ErrorKind::ConnectionRefused, "refused"),
            (ErrorKind::ConnectionReset, "lost"),
            (ErrorKind::TimedOut, "timed_out"),
            (ErrorKind::HostUnreachable, "unreachable"),
        ] {
            let behind = Error::other(Error::from(kind));
            assert_eq!(FailureClass::of_connection(&behind).name(), want, "{kind}");
        }
    }

    #[test]
    fn counts_are_kept_by_name() {
        let counts: FailureCounts = [FailureClass::TimedOut, FailureClass::TimedOut].into_iter().collect();
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(text, r#"{"timed_out":2}"#);
        assert_eq!(serde_json::from_str::<FailureCounts>(&text).unwrap(), counts);
    }
}
