//! What a source was given in secret is in nothing that it says back: neither in rows nor in errors.

use crate::exec::script;
use crate::{ENVIRONMENT, row, said, source};
use testkit::{FaultServer, Reply};

const KEY: &str = ENVIRONMENT[0].1;
const IN_A_FILE: &str = "file-key-5d8cc01f";

/// A file that holds a secret, and its folder.
fn secret_file() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{IN_A_FILE}\n")).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[tokio::test]
async fn a_plugin_that_prints_a_secret_gives_rows_without_it() {
    let (_folder, file) = secret_file();
    for exit in 0..=3 {
        for (text, keys, want) in [
            ("echo \"login as $K failed\"", "env: { K: '${KEY}' }", "output=login as *** failed"),
            ("echo \"$K $L\"", "env: { K: '${KEY}', L: 'x ${OTHER_KEY}' }", "output=*** x ***"),
            ("echo \"OK $L | '$K'=1\"", "env: { K: '${KEY}', L: light }", "output=OK light ___=1"),
            ("cat", &format!("stdin_file: {file}"), "output=***"),
            ("echo \"${#K} of $K\"", &format!("env: {{ K_file: {file} }}"), "output=17 of ***"),
            ("echo ${KEY} ${REGION:-x}", "", "output=*** ***"),
            // What anybody reads in the file is no secret, unless its name says so.
            ("echo \"$MODE $API_TOKEN\"", "env: { MODE: quick, API_TOKEN: written-out }", "output=quick ***"),
        ] {
            let keys = format!("{}{keys}", script(&format!("{text}; exit {exit}")));
            let table = source("exec", "{}").collect(&keys).await.unwrap();
            assert_eq!(row(&table, 0), format!("exit={exit} {want}"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_plugin_that_fails_with_a_secret_gives_an_error_without_it() {
    let (_folder, file) = secret_file();
    for (text, keys) in [
        ("echo $K >&2; exit 4", "env: { K: '${KEY}' }"),
        ("echo $K; exit 4", "env: { K: '${KEY}' }"),
        ("cat; exit 4", &format!("stdin_file: {file}")),
        ("echo \"OK | what is $K\"", "env: { K: '${KEY}' }"),
        // The end of what an error quotes falls into the secret.
        ("printf '%0495d%s' 0 $K; exit 4", "env: { K: '${KEY}' }"),
        ("echo ${KEY}; exit 4", ""),
    ] {
        let said = said(source("exec", "{}").collect(&format!("{}{keys}", script(text))).await);
        assert!(!said.contains(&KEY[..4]) && !said.contains(IN_A_FILE), "{text}: {said}");
    }
}

#[tokio::test]
async fn a_plugin_that_lacks_a_column_says_no_secret_besides() {
    let (_folder, file) = secret_file();
    for (text, keys) in [
        ("echo \"key is $K\" >&2", "env: { K: '${KEY}' }"),
        ("cat >&2", &format!("stdin_file: {file}")),
        // The end that is kept begins in the secret.
        ("printf '%s%0290d' $K 0 >&2", "env: { K: '${KEY}' }"),
        (
            "i=0; while [ $i -lt 900 ]; do printf '%s' $K >&2; i=$((i+1)); done; echo >&2; echo end >&2",
            "env: { K: '${KEY}' }",
        ),
    ] {
        let table = source("exec", "{}").collect(&format!("{}{keys}", script(text))).await.unwrap();
        let said = table.said().unwrap();
        assert!(!said.contains(&KEY[..4]) && !said.contains(IN_A_FILE), "{text}: {said}");
        assert!(said.contains("***") || said == "end", "{text}: {said}");
    }
}

#[tokio::test]
async fn a_server_that_echoes_a_secret_gives_rows_without_it() {
    let (_folder, file) = secret_file();
    for (of_source, of_check, echo, want) in [
        ("{}", "headers: { Authorization: 'Bearer ${KEY}' }", format!("Bearer {KEY}"), "***"),
        ("headers: { X-Key: '${KEY}' }", "", format!("<{KEY}>"), "<***>"),
        ("{}", &format!("headers: {{ X-Key_file: {file} }}"), IN_A_FILE.to_owned(), "***"),
        (&format!("bearer_token_file: {file}"), "", format!("Bearer {IN_A_FILE}"), "Bearer ***"),
        ("username: ana\npassword: '${KEY}'", "", "Basic YW5hOmtleS03N2FiMjBlOQ==".to_owned(), "Basic ***"),
        ("{}", &format!("body_file: {file}"), IN_A_FILE.to_owned(), "***"),
        ("headers: { Accept: application/json }", "", "application/json".to_owned(), "application/json"),
    ] {
        let server = FaultServer::start([Reply::json(200, &format!(r#"{{"echo":"{echo}"}}"#))]);
        let keys = format!("url: '{}?k=${{KEY}}'\njson: {{ echo: /echo }}\n{of_check}", server.url("/"));
        let table = source("http", of_source).collect(&keys).await.unwrap();
        assert!(row(&table, 0).starts_with(&format!("echo={want} status=200")), "{echo}: {}", row(&table, 0));
    }
    // The names that are filled into a URL are taken for secrets.
    let server = FaultServer::start([Reply::json(200, &format!(r#"{{"url":"/?k={KEY}"}}"#))]);
    let keys = format!("url: '{}?k=${{KEY}}'\njson: {{ url: /url }}", server.url("/"));
    let table = source("http", "{}").collect(&keys).await.unwrap();
    assert!(row(&table, 0).starts_with("url=/?k=*** "), "{}", row(&table, 0));
}

#[tokio::test]
async fn an_error_that_quotes_an_answer_quotes_no_half_of_a_secret() {
    let server = FaultServer::start([Reply::text(200, &format!("{} {KEY}", "x".repeat(72)))]);
    let keys = format!("url: '{}'\nheaders: {{ X-Key: '${{KEY}}' }}\njson: {{ a: /a }}", server.url("/"));
    let said = said(source("http", "{}").collect(&keys).await);
    assert!(said.contains("xx ***`") && !said.contains(&KEY[..4]), "{said}");
}

#[tokio::test]
async fn a_label_that_holds_a_secret_is_shown_without_it_and_one_of_the_query_as_it_is() {
    let series = format!(r#"{{"metric":{{"seen":"as {KEY}","region":"eu-west"}},"value":[1,"2"]}}"#);
    let answer = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#);
    let server = FaultServer::start([Reply::json(200, &answer)]);
    let prometheus = source("prometheus", &format!("url: '{}'\nbearer_token: '${{KEY}}'", server.url("")));
    let table = prometheus.collect("promql: 'up{region=\"${REGION}\"}'").await.unwrap();
    assert_eq!(row(&table, 0), "region=eu-west seen=as *** value=2");
}

#[tokio::test]
async fn a_query_that_fails_shows_no_name_that_was_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    drop(std::fs::File::create(&path).unwrap());
    let sqlite = source("sqlite", &format!("path: {}", path.display()));
    let said = said(sqlite.query("SELECT * FROM \"${KEY}\"").await);
    assert!(said.contains("no such table: ***"), "{said}");
}
