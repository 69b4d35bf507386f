//! What may stand behind the `?` of a request to Alertmanager's API.

use crate::http::query::Pairs;
use crate::model::{MatchOp, Matcher};
use crate::runtime::v2::Filter;

/// Reads a filter of alerts.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn alerts(pairs: Pairs) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in pairs {
        match &*name {
            "active" => filter.active = truth(&name, &value)?,
            "silenced" => filter.silenced = truth(&name, &value)?,
            "inhibited" => filter.inhibited = truth(&name, &value)?,
            "unprocessed" => filter.unprocessed = truth(&name, &value)?,
            "muted" => filter.muted = truth(&name, &value)?,
            "filter" => filter.matchers.push(matcher(&value)?),
            "receiver" if value.is_empty() => {}
            "receiver" => {
                let regex = Matcher::new("receiver", MatchOp::Matches, &value);
                filter.receiver = Some(regex.map_err(|why| format!("`receiver` is no regular expression: {why}"))?);
            }
            "offset" => filter.offset = number(&name, &value)?,
            "limit" => filter.limit = number(&name, &value)?,
            _ => {
                return Err(format!(
                    "`{name}` is no parameter: there are active silenced inhibited unprocessed muted filter receiver offset limit"
                ));
            }
        }
    }
    Ok(filter)
}

/// Reads a filter of silences.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn silences(pairs: Pairs) -> Result<Vec<Matcher>, String> {
    let read = |(name, value): (String, String)| match &*name {
        "filter" => matcher(&value),
        _ => Err(format!("`{name}` is no parameter: there is filter")),
    };
    pairs.into_iter().map(read).collect()
}

/// Reads a matcher as Alertmanager's users write it: `a=b`, `a="b"`, `a=~"b|c"`.
///
/// Source: alertmanager's `pkg/labels.ParseMatcher`.
///
/// # Errors
/// Says what is wrong with it.
pub fn matcher(text: &str) -> Result<Matcher, String> {
    let wrong = |why: &str| format!("`filter` {text}: {why}");
    let at = text.find(['=', '!']).ok_or_else(|| wrong("a matcher is a label, one of = != =~ !~, and a value"))?;
    let (name, rest) = (text[..at].trim(), &text[at..]);
    let ops = [("=~", MatchOp::Matches), ("!~", MatchOp::NotMatches), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let found = ops.into_iter().find_map(|(op, kind)| Some((kind, rest.strip_prefix(op)?)));
    let (op, value) = found.ok_or_else(|| wrong("there is no operator `!`: write != or !~"))?;
    let (name, value) = (unquoted(name).map_err(wrong)?, unquoted(value.trim()).map_err(wrong)?);
    if name.is_empty() {
        return Err(wrong("the name of a label is missing"));
    }
    Matcher::new(&name, op, &value).map_err(|why| wrong(&format!("the regular expression is wrong: {why}")))
}

/// A text that may stand in double quotes; within, a backslash escapes a quote, a backslash and `n`.
fn unquoted(text: &str) -> Result<String, &'static str> {
    let Some(rest) = text.strip_prefix('"') else { return Ok(text.to_owned()) };
    let inner = rest.strip_suffix('"').ok_or("a quote is not closed")?;
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => return Err("a quote within quotes needs a backslash"),
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(escaped @ ('"' | '\\')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => return Err("a quote is not closed"),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

fn truth(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("`{name}` is `{value}`: it may be `true` or `false`")),
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("`{name}` is `{value}`: it may be a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_read_as_alertmanagers() {
        for (text, want) in [
            ("alertname=Down", r#"alertname="Down""#),
            (r#" a = "b c" "#, r#"a="b c""#),
            ("a=~b|c", r#"a=~"b|c""#),
            ("a!=", r#"a!="""#),
            (r#"a!~"x\\d\"\n""#, r#"a!~"x\\d\"\n""#),
            (r#"a="b\.c""#, r#"a="b\\.c""#),
            (r#""a.b"="c""#, r#"a.b="c""#),
            ("a==b", r#"a="=b""#),
        ] {
            assert_eq!(matcher(text).unwrap().to_string(), want, "{text}");
        }
        for (text, why) in [
            ("a", "a matcher is a label"),
            ("a!b", "write != or !~"),
            ("=b", "the name of a label is missing"),
            (r#"a="b"#, "not closed"),
            (r#"a="b"c""#, "needs a backslash"),
            ("a=~(", "the regular expression is wrong"),
        ] {
            let error = matcher(text).unwrap_err();
            assert!(error.starts_with("`filter` ") && error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_wrong_parameter_says_what_it_may_be() {
        let read = |name: &str, value: &str| alerts(vec![(name.to_owned(), value.to_owned())]);
        assert_eq!(alerts(Vec::new()), Ok(Filter::default()));
        assert_eq!(read("active", "false"), Ok(Filter { active: false, ..Filter::default() }));
        assert!(read("receiver", "a.*").unwrap().receiver.unwrap().takes("abc"));
        for (name, value, why) in [
            ("active", "maybe", "`true` or `false`"),
            ("receiver", "(", "no regular expression"),
            ("limit", "-1", "a whole number"),
            ("page", "1", "`page` is no parameter"),
        ] {
            assert!(read(name, value).unwrap_err().contains(why), "{name}");
        }
    }
}
