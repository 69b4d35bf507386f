//! The faults of a far side by name, and how a send to it ends: what the simulation plays, and what the channels are held
//! to.

/// A fault that a far side may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub fault: &'static str,
    /// `not_sent`, `unanswered` or `refused`; ` ill` where it counts against the far side, ` after 7s` where that asks us to
    /// wait.
    pub ends: &'static str,
    /// The class of the failure.
    pub class: &'static str,
}

const fn outcome(fault: &'static str, ends: &'static str, class: &'static str) -> Outcome {
    Outcome { fault, ends, class }
}

/// Each has a scene in the conformance of the channels, by its name.
pub const OUTCOMES: &[Outcome] = &[
    outcome("429 with Retry-After", "not_sent after 7s", "rate_limited"),
    outcome("500", "unanswered", "server_error"),
    outcome("hang", "unanswered", "timed_out"),
    outcome("refused", "not_sent ill", "refused"),
    outcome("reset after the body was sent", "unanswered", "lost"),
    outcome("200 with ok:false", "refused", "rejected"),
    outcome("revoked webhook, 403", "refused", "unauthorised"),
    outcome("revoked webhook, 404 no_service", "refused", "rejected"),
    outcome("SMTP 421", "not_sent ill", "server_error"),
    outcome("SMTP 451", "not_sent", "rate_limited"),
    outcome("SMTP 550", "refused", "rejected"),
    outcome("DNS gone", "not_sent ill", "unreachable"),
];
