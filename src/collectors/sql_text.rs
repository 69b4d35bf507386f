//! `@name` in a query: found outside quotes and comments, checked against what is known, or made `$1`.

use crate::config::did_you_mean;
use crate::model::Value;
use std::ops::Range;
use std::sync::Arc;

/// Whose quotes and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `'…'`, `"…"`, `` `…` ``, `[…]`, `-- …`, `/* … */`.
    Sqlite,
    /// `'…'`, `E'…'`, `"…"`, `$tag$…$tag$`, `-- …`, nested `/* … */`; `@` is also part of operators.
    Postgres,
    /// `'…'`, `"…"`, `'''…'''`, `"""…"""`, each with backslashes, `` `…` ``, `-- …`, `# …`, `/* … */`; `@@name` is a variable
    /// of the system's.
    BigQuery,
}

/// One `@name` of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub name: String,
    /// Its bytes in the query, the `@` included.
    pub at: Range<usize>,
}

/// Something about a query that cannot be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryProblem {
    pub message: String,
    /// Its bytes in the query.
    pub at: Range<usize>,
}

/// Every `@name` of a query that is outside quotes and comments, in order.
#[must_use]
pub fn spots(sql: &str, dialect: Dialect) -> Vec<Spot> {
    scan(sql, dialect).0
}

/// What is wrong with a query's parameters: names that are neither `now` nor among `params`, and the
/// parameters of other libraries (`$1`, `?`, `:name`).
#[must_use]
pub fn problems(sql: &str, dialect: Dialect, params: &[&str]) -> Vec<QueryProblem> {
    let (spots, mut problems) = scan(sql, dialect);
    for spot in spots {
        if spot.name != "now" && !params.contains(&spot.name.as_str()) {
            problems.push(QueryProblem { message: unknown(&spot.name, params), at: spot.at });
        }
    }
    problems.sort_by_key(|p| p.at.start);
    problems
}

/// Says that no param is called `name`, and which one may be meant.
#[must_use]
pub fn unknown(name: &str, params: &[&str]) -> String {
    match did_you_mean(name, std::iter::once("now").chain(params.iter().copied())) {
        Some(hint) => format!("unknown parameter `@{name}`: {}", hint.replacen('`', "`@", 1)),
        None => format!("unknown parameter `@{name}`: declare it under `params:`, or write `@now`"),
    }
}

/// The query with `$1`, `$2`, … in place of its `@name`s, and the names in the order of their numbers.
#[must_use]
pub fn numbered(sql: &str, dialect: Dialect) -> (String, Vec<String>) {
    let mut out = String::with_capacity(sql.len());
    let mut names: Vec<String> = Vec::new();
    let mut copied = 0;
    for spot in spots(sql, dialect) {
        let number = names.iter().position(|n| *n == spot.name).unwrap_or_else(|| {
            names.push(spot.name.clone());
            names.len() - 1
        });
        out.push_str(&sql[copied..spot.at.start]);
        out.push_str(&format!("${}", number + 1));
        copied = spot.at.end;
    }
    out.push_str(&sql[copied..]);
    (out, names)
}

/// The params that a query uses, for telling whether two requests are the same one.
#[must_use]
pub fn used(sql: &str, dialect: Dialect, params: &[(Arc<str>, Value)]) -> Vec<(Arc<str>, Value)> {
    let spots = spots(sql, dialect);
    params.iter().filter(|(name, _)| spots.iter().any(|s| s.name == **name)).cloned().collect()
}

/// Where a byte of a query is, for a message: `line 2, column 5 of the query`.
#[must_use]
pub fn line_and_column(sql: &str, offset: usize) -> String {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!("line {line}, column {column} of the query")
}

/// The words and signs of a query that are outside quotes and comments, in order, each with its bytes: `SELECT`, `(`, `;`.
pub fn tokens(sql: &str, dialect: Dialect) -> impl Iterator<Item = (&str, Range<usize>)> {
    let bytes = sql.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let from = at;
            let end = skip(bytes, at, dialect);
            at = end.max(at + 1);
            let is_word = is_word(bytes[from]);
            let is_sign = end == from && bytes[from].is_ascii_punctuation();
            if (is_word || is_sign)
                && let Some(text) = sql.get(from..at)
            {
                return Some((text, from..at));
            }
        }
        None
    })
}

fn scan(sql: &str, dialect: Dialect) -> (Vec<Spot>, Vec<QueryProblem>) {
    let bytes = sql.as_bytes();
    let (mut spots, mut problems) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at, dialect);
        if end > at {
            at = end;
        } else if bytes[at] == b'@' {
            at = parameter(sql, at, dialect, &mut spots, &mut problems);
        } else {
            problems.extend(foreign(bytes, at, dialect));
            at += 1;
        }
    }
    (spots, problems)
}

/// Where the quote, comment, word or number that begins at `at` ends; `at` itself where none does.
fn skip(bytes: &[u8], at: usize, dialect: Dialect) -> usize {
    use Dialect::{BigQuery, Postgres, Sqlite};
    match (bytes[at], bytes.get(at + 1), dialect) {
        (c @ (b'\'' | b'"'), _, BigQuery) if bytes[at..].starts_with(&[c; 3]) => tripled(bytes, at, c),
        (c @ (b'\'' | b'"' | b'`'), _, BigQuery) => quoted(bytes, at, c, true),
        (b'\'' | b'"', _, _) => quoted(bytes, at, bytes[at], false),
        (b'`', _, Sqlite) => quoted(bytes, at, b'`', false),
        (b'[', _, Sqlite) => find(bytes, at + 1, b"]"),
        (b'e' | b'E', Some(b'\''), Postgres) => quoted(bytes, at + 1, b'\'', true),
        (b'-', Some(b'-'), _) | (b'#', _, BigQuery) => find(bytes, at, b"\n"),
        (b'/', Some(b'*'), _) => comment(bytes, at, dialect == Postgres),
        (b'@', Some(b'@'), BigQuery) => at + 2 + bytes[at + 2..].iter().take_while(|c| is_word(**c)).count(),
        (b'$', _, Postgres) => dollar_quoted(bytes, at),
        (c, _, _) if is_word(c) => at + bytes[at..].iter().take_while(|c| is_word(**c) || **c == b'$').count(),
        _ => at,
    }
}

const fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

/// The end of a quotation; a doubled quote is part of it, and in `E'…'` a backslash guards what follows.
fn quoted(bytes: &[u8], open: usize, quote: u8, backslash: bool) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash => at += 1,
            c if c == quote && bytes.get(at + 1) == Some(&quote) => at += 1,
            c if c == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The end of a quotation between three quotes; a backslash guards what follows.
fn tripled(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 3;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            _ if bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Just behind the next `needle`, or the end.
fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(needle.len()).position(|w| w == needle).map_or(bytes.len(), |i| from + i + needle.len())
}

fn comment(bytes: &[u8], open: usize, nested: bool) -> usize {
    if !nested {
        return find(bytes, open + 2, b"*/");
    }
    let (mut depth, mut at) = (1, open + 2);
    while at < bytes.len() && depth > 0 {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// The end of `$tag$…$tag$`; `at` itself where the `$` opens no quotation.
fn dollar_quoted(bytes: &[u8], at: usize) -> usize {
    let tag = bytes[at + 1..].iter().take_while(|c| is_word(**c)).count();
    let opens = bytes.get(at + 1 + tag) == Some(&b'$') && !bytes[at + 1].is_ascii_digit();
    if opens { find(bytes, at + tag + 2, &bytes[at..at + tag + 2]) } else { at }
}

/// Reads the `@` at `at` and returns where to go on.
fn parameter(sql: &str, at: usize, dialect: Dialect, spots: &mut Vec<Spot>, problems: &mut Vec<QueryProblem>) -> usize {
    let name: String = sql[at + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let span = at..at + 1 + name.len();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return at + 1;
    }
    if dialect == Dialect::Postgres {
        match operator_before(sql.as_bytes(), at) {
            "<" => problems.push(QueryProblem {
                message: format!("`<@` is an operator of Postgres: put a space before `@{name}`"),
                at: span.clone(),
            }),
            // These end where the parameter begins; `@@`, `!@` and other operators with an `@` in them do not.
            "" | "=" | ">" | ">=" | "<=" | "<>" | "!=" | "+" | "-" | "*" | "/" | "%" | "||" | "~" => {
                spots.push(Spot { name, at: span.clone() });
            }
            _ => {}
        }
    } else {
        spots.push(Spot { name, at: span.clone() });
    }
    span.end
}

/// The operator characters that stand directly before `at`.
fn operator_before(bytes: &[u8], at: usize) -> &str {
    let count = bytes[..at].iter().rev().take_while(|c| b"+-*/<>=~!@#%^&|`?".contains(c)).count();
    std::str::from_utf8(&bytes[at - count..at]).unwrap_or_default()
}

/// A parameter as other libraries write it.
fn foreign(bytes: &[u8], at: usize, dialect: Dialect) -> Option<QueryProblem> {
    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
    let before = at.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let is = match (bytes[at], dialect) {
        (b'$', Dialect::Postgres) => next.is_ascii_digit(),
        (b'$', Dialect::Sqlite) => is_word(next),
        (b'?', Dialect::Sqlite | Dialect::BigQuery) => true,
        (b':', Dialect::Sqlite) => is_word(next) && before != b':',
        _ => false,
    };
    is.then(|| {
        let len = 1 + bytes[at + 1..].iter().take_while(|c| is_word(**c)).count();
        let text = String::from_utf8_lossy(&bytes[at..at + len]).into_owned();
        QueryProblem {
            message: format!("`{text}` is bound to nothing: write `@name`, a name under `params:`"),
            at: at..at + len,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dialect::{BigQuery, Postgres, Sqlite};

    #[test]
    fn names_are_found_outside_quotes_and_comments_only() {
        for (dialect, sql, want) in [
            (Sqlite, "SELECT @a, '@b''@b', \"@c\", `@d`, [@e] -- @f\n, @g /* @h /* */ , @i", "a g i"),
            (Postgres, "SELECT @a, '@b''@b', \"@c\" -- @f\n, @g /* @h /* @h */ @h */ , @i", "a g i"),
            (Postgres, r"SELECT E'\'@a', @b, e'\\', @c, N'\', @d", "b c d"),
            (Postgres, "SELECT $$ @a $$, $x$ @b $$ $x$, @c, a$b$ @d", "c d"),
            (Postgres, "WHERE a @> b AND c <@ d AND @-1 = 1 AND a @@ q AND @ x > 1 AND t @? '$.a'", ""),
            (Postgres, "WHERE a>@a AND b=@b AND c>=@c::timestamptz AND x[@i:@j]", "a b c i j"),
            (Postgres, "WHERE tags @>@a AND q @@name", ""),
            (
                BigQuery,
                "SELECT @a, '@b\\'@b', \"@c\\\\\", `@d`, [@e], x[@f] -- @g\n, @h # @i\n, @j /* @k */ , @l",
                "a e f h j l",
            ),
            (BigQuery, "SELECT r'\\d@a', '''@b ' @b''', \"\"\"@c\" @c\"\"\", @@project_id, @@now, @d", "d"),
            (BigQuery, "SELECT '''unfinished @a' @b", ""),
            (Sqlite, "SELECT '@unfinished", ""),
            (Sqlite, "WHERE t > datetime(@now, '-1 day') AND ü@x", "now x"),
        ] {
            let names: Vec<String> = spots(sql, dialect).into_iter().map(|s| s.name).collect();
            assert_eq!(names.join(" "), want, "{dialect:?} {sql}");
        }
    }

    #[test]
    fn a_name_has_one_number_wherever_it_stands() {
        let (sql, names) = numbered("SELECT @now::date, '@now', @x-@now", Postgres);
        assert_eq!((sql.as_str(), names.join(" ").as_str()), ("SELECT $1::date, '@now', $2-$1", "now x"));
    }

    #[test]
    fn what_is_bound_to_nothing_is_a_problem_with_its_place() {
        for (dialect, sql, want) in [
            (Sqlite, "SELECT @factr", "7..13 unknown parameter `@factr`: did you mean `@factor`?"),
            (Sqlite, "SELECT @zzz", "7..11 unknown parameter `@zzz`: declare it under `params:`, or write `@now`"),
            (Sqlite, "SELECT ?1", "7..9 `?1` is bound to nothing: write `@name`, a name under `params:`"),
            (Sqlite, "SELECT :a", "7..9 `:a` is bound to nothing: write `@name`, a name under `params:`"),
            (Postgres, "SELECT $1", "7..9 `$1` is bound to nothing: write `@name`, a name under `params:`"),
            (Postgres, "SELECT 1 <@now", "10..14 `<@` is an operator of Postgres: put a space before `@now`"),
            (BigQuery, "SELECT ?", "7..8 `?` is bound to nothing: write `@name`, a name under `params:`"),
            (Postgres, "SELECT a::text, b[1:2], '$1', c ? 'k', @now, @factor", ""),
        ] {
            let got: Vec<String> =
                problems(sql, dialect, &["factor"]).into_iter().map(|p| format!("{:?} {}", p.at, p.message)).collect();
            assert_eq!(got.join("; "), want, "{dialect:?} {sql}");
        }
    }

    #[test]
    fn no_text_makes_the_scan_fall_over() {
        for sql in [
            "@",
            "$",
            "$$",
            "$a",
            "E'",
            "E'\\",
            "/*",
            "/*/",
            "--",
            "[",
            "'",
            "@1",
            "ü@ü",
            "'''",
            "'''\\",
            "@@",
            "#",
            "`\\",
            "$é$ @a $é$",
        ] {
            for dialect in [Sqlite, Postgres, BigQuery] {
                let _ = problems(sql, dialect, &[]);
                let _ = tokens(sql, dialect).count();
                let _ = numbered(sql, dialect);
            }
        }
    }
}
