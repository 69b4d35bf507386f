//! `${NAME}` and `${NAME:-default}`, filled in after the YAML was parsed, inside of text only.

use std::borrow::Cow;

use crate::model::Secret;

/// Gives an environment variable's text. An argument, so that no test touches the real environment.
pub type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A text with its names filled in.
#[derive(Debug, PartialEq, Eq)]
pub struct Filled<'a> {
    pub text: Cow<'a, str>,
    /// The values that came from the environment.
    pub given: Vec<Secret>,
    /// The names that nobody knows and that have no default; each stands in the text as it was written.
    pub missing: Vec<Missing>,
}

/// A name without a value, with the bytes of the text that hold it.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    pub name: String,
    pub offset: usize,
    pub len: usize,
}

/// Fills in a text. `$${` writes `${`; any other `$` is itself. A default holds where the name is unset or empty.
pub fn fill<'a>(text: &'a str, env: Env<'_>) -> Filled<'a> {
    if !text.contains("${") {
        return Filled { text: Cow::Borrowed(text), given: Vec::new(), missing: Vec::new() };
    }
    let mut out = String::with_capacity(text.len());
    let (mut given, mut missing) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|n| at + n) {
        out.push_str(&text[at..dollar]);
        let rest = &text[dollar..];
        if rest.starts_with("$${") {
            out.push_str("${");
            at = dollar + 3;
        } else if let Some(asked) = Asked::parse(rest) {
            let value = env(asked.name);
            match (value, asked.default) {
                (Some(value), default) if default.is_none() || !value.is_empty() => {
                    out.push_str(&value);
                    given.push(Secret::new(&value));
                }
                (_, Some(default)) => out.push_str(default),
                (_, None) => {
                    out.push_str(&rest[..asked.len]);
                    missing.push(Missing { name: asked.name.to_owned(), offset: dollar, len: asked.len });
                }
            }
            at = dollar + asked.len;
        } else {
            out.push('$');
            at = dollar + 1;
        }
    }
    out.push_str(&text[at..]);
    Filled { text: Cow::Owned(out), given, missing }
}

/// A reference at the head of a text.
struct Asked<'a> {
    name: &'a str,
    default: Option<&'a str>,
    len: usize,
}

impl Asked<'_> {
    fn parse(text: &str) -> Option<Asked<'_>> {
        let inner = text.strip_prefix("${")?;
        let end = inner.find('}')?;
        let (name, default) = match inner[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&inner[..end], None),
        };
        is_name(name).then_some(Asked { name, default, len: end + 3 })
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        let env = |name: &str| match name {
            "A" => Some("alpha".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${A}".to_owned()),
            _ => None,
        };
        for (text, want) in [
            ("plain", "plain"),
            ("${A}", "alpha"),
            ("<${A}>${A}", "<alpha>alpha"),
            ("${EMPTY}", ""),
            ("${EMPTY:-d}", "d"),
            ("${NOPE:-a default}", "a default"),
            ("${NOPE:-}", ""),
            ("${A:-d}", "alpha"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("$A $$ costs 5$", "$A $$ costs 5$"),
            ("${A", "${A"),
            ("${}", "${}"),
            ("${a b}", "${a b}"),
            ("${NESTED}", "${A}"),
            ("ü${A}ü", "üalphaü"),
        ] {
            let filled = fill(text, &env);
            assert_eq!((&*filled.text, filled.missing.len()), (want, 0), "{text}");
        }
    }

    #[test]
    fn every_missing_name_is_told_with_its_place() {
        let filled = fill("a ${X} ${Y:-y} ${Z}", &|_| None);
        assert_eq!(filled.text, "a ${X} y ${Z}");
        let got: Vec<_> = filled.missing.iter().map(|m| (m.name.as_str(), m.offset, m.len)).collect();
        assert_eq!(got, [("X", 2, 4), ("Z", 15, 4)]);
    }
}
