//! Text that must not be shown.

use std::fmt;
use std::sync::Arc;

/// A secret: a password, a token, a URL that carries one. It prints as `***`; only [`Secret::expose`] gives it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Arc<str>);

impl Secret {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Secret(Arc::from(text))
    }

    /// The text itself. Call it where the secret leaves for its server, and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every occurrence of this secret replaced by `***`: for errors that quote what a server said.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&*self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let s = Secret::new("hunter2");
        assert_eq!(format!("{s} {s:?} {}", s.redact("login hunter2 failed")), "*** *** login *** failed");
    }
}
