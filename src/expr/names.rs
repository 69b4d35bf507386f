//! Which names a column, a `let` or a param may have, and which name was meant.

use super::syntax;
use rhai::Token;

/// Why a column, a `let` or a param cannot have this name: it is no identifier, a word that Rhai reserves, or `now`.
pub fn name_problem(name: &str) -> Option<String> {
    if name == "now" {
        return Some("`now` is the time of the slot".into());
    }
    let inputs = [name];
    let (mut tokens, _control) = syntax::engine().lex(&inputs);
    match (tokens.next(), tokens.next()) {
        (Some((Token::Identifier(word), _)), Some((Token::EOF, _))) if word.as_str() == name => None,
        (Some((Token::Reserved(_), _)), _) => Some(format!("`{name}` is a word that expressions reserve")),
        (Some((token, _)), _) if token.is_literal() && is_word(name) => {
            Some(format!("`{name}` is a word that expressions reserve"))
        }
        _ => Some(format!("`{name}` is no name: letters, digits and `_`, a letter first")),
    }
}

fn is_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The candidate that `name` was most likely meant to be, where one is near enough.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = name.to_ascii_lowercase();
    let near = candidates.into_iter().filter(|c| *c != name).map(|c| (likeness(&lower, &c.to_ascii_lowercase()), c));
    near.filter(|(likeness, _)| *likeness >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, c)| c)
}

/// Below this a suggestion would mislead more often than help.
const NEAR: f64 = 0.6;

fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_an_expression_could_not_use_are_problems() {
        for name in ["duration", "_x", "a1", "max", "len", "in_flight", "not", "and"] {
            assert_eq!(name_problem(name), None, "{name}");
        }
        for (name, want) in [
            ("now", "time of the slot"),
            ("type_of", "reserve"),
            ("is", "reserve"),
            ("default", "reserve"),
            ("in", "reserve"),
            ("true", "reserve"),
            ("let", "reserve"),
            ("null", "reserve"),
            ("_", "reserve"),
            ("_1", "no name"),
            ("1a", "no name"),
            ("a b", "no name"),
            ("a-b", "no name"),
            ("", "no name"),
            ("größe", "no name"),
        ] {
            let got = name_problem(name).unwrap_or_default();
            assert!(got.contains(want), "{name}: {got}");
        }
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let names = ["dlq_count", "duration", "baseline"];
        for (name, want) in [
            ("dlq_cnt", Some("dlq_count")),
            ("Duration", Some("duration")),
            ("base_line", Some("baseline")),
            ("lag", None),
        ] {
            assert_eq!(nearest(name, names), want, "{name}");
        }
    }
}
