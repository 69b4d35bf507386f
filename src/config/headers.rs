//! `headers` of HTTP, as channels, sources and checks have them.

use super::{Problem, Settings};

/// What is wrong with the names and values under a key, each at its place: RFC 9110, sections 5.1 and 5.5. No value is
/// quoted, for it may be a secret.
#[must_use]
pub fn problems(settings: &Settings, key: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in settings.right(key) {
        if !is_name(&name.text) {
            let problem = Problem::error(format!("`{name}` is no name of an HTTP header")).at(name.place());
            problems.push(problem.help("write letters, digits and `-`, as in `X-Scope-OrgID`"));
        }
        if value.secret().is_some_and(|value| !is_value(value.expose())) {
            let what = "holds a line break or another control character";
            let problem = Problem::error(format!("the value of the header `{name}` {what}")).at(value.place());
            problems.push(problem.help("write it on one line"));
        }
    }
    problems
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || !b.is_ascii_control())
}
