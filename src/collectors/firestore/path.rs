//! Names of Firestore: of collections, documents and fields.
//! <https://cloud.google.com/firestore/docs/best-practices#field-paths>

use crate::config::{Rule, ScalarError};

pub(super) static COLLECTION: Rule = Rule {
    noun: "a collection",
    example: "users/ana/orders",
    pattern: Some("^[^/]+(/[^/]+/[^/]+)*$"),
    check: |text, shown| {
        if names(text).is_some_and(|count| count % 2 == 1) {
            return Ok(());
        }
        Err(ScalarError::new(format!("`{shown}` is no collection")).help("write `orders`, or `users/ana/orders`"))
    },
};

pub(super) static DOCUMENT: Rule = Rule {
    noun: "a document",
    example: "bellwether/probe",
    pattern: Some("^[^/]+/[^/]+(/[^/]+/[^/]+)*$"),
    check: |text, shown| {
        if names(text).is_some_and(|count| count % 2 == 0) {
            return Ok(());
        }
        Err(ScalarError::new(format!("`{shown}` is no document")).help("write its collection and its id: `orders/17`"))
    },
};

pub(super) static FIELD: Rule = Rule {
    noun: "a field's path",
    example: "phase.name",
    pattern: None,
    check: |text, shown| field(text, shown).map(drop),
};

pub(super) static ORDER: Rule = Rule {
    noun: "a field, and ` desc` where it descends",
    example: "started_at desc",
    pattern: None,
    check: |text, shown| field(order(text).0, shown).map(drop),
};

/// How many names a path has; none where one of them is empty.
fn names(path: &str) -> Option<usize> {
    path.split('/').all(|name| !name.is_empty()).then(|| path.split('/').count())
}

/// The field of an order, and whether it descends.
pub(super) fn order(text: &str) -> (&str, bool) {
    match text.rsplit_once(' ') {
        Some((field, "desc")) => (field.trim_end(), true),
        Some((field, "asc")) => (field.trim_end(), false),
        _ => (text, false),
    }
}

fn field(text: &str, shown: &str) -> Result<Vec<String>, ScalarError> {
    parts(text).ok_or_else(|| {
        ScalarError::new(format!("`{shown}` is no path of a field"))
            .help("write names with a dot between: `phase.name`; one that has a dot itself in backticks")
    })
}

/// The names of a dotted path; what stands in backticks is one name. None where it is no path.
pub(super) fn parts(path: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for c in path.chars() {
        let last = parts.last_mut()?;
        match c {
            '`' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            c if !is_quoted && (c.is_whitespace() || "*~/[]".contains(c)) => return None,
            c => last.push(c),
        }
    }
    (!is_quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// A path as the API takes it: a name that is no plain word stands in backticks.
pub(super) fn quoted(path: &str) -> String {
    let parts = parts(path).unwrap_or_default();
    let quoted = parts.iter().map(|part| {
        let is_word = !part.starts_with(|c: char| c.is_ascii_digit());
        if is_word && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return part.clone();
        }
        format!("`{}`", part.replace('\\', "\\\\").replace('`', "\\`"))
    });
    quoted.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_and_what_is_no_word_is_quoted() {
        for (path, want) in [
            ("a", "a"),
            ("a.b_2", "a.b_2"),
            ("a-b.2c", "`a-b`.`2c`"),
            ("`a.b`.c", "`a.b`.c"),
            ("__name__", "__name__"),
            ("straße", "`straße`"),
        ] {
            assert_eq!(quoted(path), want);
        }
        for wrong in ["", "a.", ".a", "a..b", "`a", "a b", "a[0]"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert_eq!((order("a.b desc"), order("a asc"), order("a")), (("a.b", true), ("a", false), ("a", false)));
    }
}
