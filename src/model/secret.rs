//! Text that must not be shown.

use std::fmt;
use std::sync::Arc;

/// A shorter word of a secret is no secret by itself: `Bearer`.
const WORD_BYTES_MIN: usize = 8;

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

    /// What of it may come back by itself, and is as secret: all of it, also as one line; each long word (the key in
    /// `Bearer key`, a line of a certificate's key); and the password, where it is a URL that has one.
    #[must_use]
    pub fn parts(&self) -> Vec<Secret> {
        let text = self.expose();
        let words = text.split_whitespace().filter(|word| WORD_BYTES_MIN <= word.len() && *word != text);
        let login = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()?.rsplit_once('@'));
        let password = login.and_then(|(login, _)| login.split_once(':')).map(|(_, password)| password);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let more = words.chain(password).map(Secret::new);
        [self.clone(), Secret::new(&line)].into_iter().chain(more).collect()
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
