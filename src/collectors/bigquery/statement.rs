//! Whether a text is one query that only reads.

use super::super::sql_text::{Dialect, QueryProblem, tokens};

/// How a query begins: <https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax>. No statement that
/// changes something begins so.
const BEGINNINGS: [&str; 4] = ["SELECT", "WITH", "FROM", "("];

/// What is wrong with a statement, and where.
pub(super) fn problem(sql: &str) -> Option<QueryProblem> {
    let mut tokens = tokens(sql, Dialect::BigQuery);
    let Some((first, at)) = tokens.next() else {
        return Some(QueryProblem { message: "there is no query: write a SELECT".to_owned(), at: 0..sql.len() });
    };
    if !BEGINNINGS.iter().any(|beginning| first.eq_ignore_ascii_case(beginning)) {
        let message = format!("`{first}` begins no query, and a source is only read: write a SELECT");
        return Some(QueryProblem { message, at });
    }
    tokens.find(|(token, _)| *token == ";")?;
    let (next, at) = tokens.find(|(token, _)| *token != ";")?;
    let message = format!("`{next}` begins another statement: a check asks one query, without a `;` within");
    Some(QueryProblem { message, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_statement_that_reads() {
        for (sql, want) in [
            ("SELECT 1", ""),
            ("-- a\n# b\n/* c */ with x AS (SELECT 1) SELECT * FROM x;\n", ""),
            ("(SELECT 1) UNION ALL (SELECT 2)", ""),
            ("FROM t |> AGGREGATE COUNT(*)", ""),
            ("SELECT ';', `a;b`, \"\"\";\"\"\"; -- ; x", ""),
            ("", "there is no query"),
            ("-- nothing", "there is no query"),
            ("DELETE FROM t WHERE true", "`DELETE` begins no query"),
            ("/* SELECT */ CREATE TABLE t AS SELECT 1", "`CREATE` begins no query"),
            ("DECLARE x INT64; SELECT x", "`DECLARE` begins no query"),
            ("SELECT 1; DROP TABLE t", "`DROP` begins another statement"),
            ("SELECT 1;; SELECT 2", "`SELECT` begins another statement"),
        ] {
            let said = problem(sql).map(|p| p.message).unwrap_or_default();
            assert!(said.starts_with(want) && said.is_empty() == want.is_empty(), "{sql}: {said}");
        }
        assert_eq!(problem("SELECT 1; DROP TABLE t").unwrap().at, 10..14);
    }
}
