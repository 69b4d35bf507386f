use crate::{Asked, columns, params, query, row, said, source, typed_row};
use bellwether::model::{Value, ValueType};
use std::time::{Duration, Instant};
use testkit::Postgres;

pub fn database(postgres: &Postgres, script: &str, keys: &str) -> Asked {
    let database = postgres.database(script).unwrap();
    source("postgres", &format!("url: {}?sslmode=disable\n{keys}", postgres.url(&database)))
}

#[tokio::test]
async fn cells_come_in_their_types() {
    let Some(postgres) = testkit::postgres() else { return };
    let d = database(postgres, "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS int", "");
    for (sql, want) in [
        ("SELECT 1::int2 AS a, 2 AS b, 3::int8 AS c, 4::oid AS d", "a:number=1 b:number=2 c:number=3 d:number=4"),
        (
            "SELECT 1.5::float4 AS a, 'NaN'::float8 AS b, '-infinity'::float8 AS c",
            "a:number=1.5 b:number=NaN c:number=-inf",
        ),
        (
            "SELECT 120034.0500::numeric AS a, -0.007 AS b, 'NaN'::numeric AS c",
            "a:number=120034.05 b:number=-0.007 c:number=NaN",
        ),
        (
            "SELECT true AS a, 'x' AS b, 'y'::varchar(3) AS c, 'z'::char(2) AS d",
            "a:bool=true b:text=x c:text=y d:text=z ",
        ),
        (
            "SELECT 'ok'::mood AS a, 7::small AS b, '{\"k\": 1}'::jsonb AS c, '0-0-0-0-1'::text AS d",
            "a:text=ok b:number=7 c:text={\"k\": 1} d:text=0-0-0-0-1",
        ),
        (
            "SELECT '00000000-0000-0000-0000-0000000000ff'::uuid AS a, 'n'::name AS b",
            "a:text=00000000-0000-0000-0000-0000000000ff b:text=n",
        ),
        (
            "SELECT '2026-01-05 01:30+01'::timestamptz AS a, '2026-01-05 00:30'::timestamp AS b, '2026-01-05'::date AS c",
            "a:time=2026-01-05T00:30:00Z b:time=2026-01-05T00:30:00Z c:time=2026-01-05T00:00:00Z",
        ),
        ("SELECT NULL::int AS a, NULL::text AS b, NULL::timestamptz AS c", "a:?=null b:?=null c:?=null"),
    ] {
        assert_eq!(typed_row(&d.query(sql).await.unwrap()), want, "{sql}");
    }
    let mut request = d.request(&query("SELECT 9007199254740993 AS a, 1.10::numeric AS b"));
    request.columns = Some(columns(&[("a", ValueType::Text), ("b", ValueType::Text)]));
    assert_eq!(typed_row(&d.source.collect(&request).await.unwrap()), "a:text=9007199254740993 b:text=1.10");
}

#[tokio::test]
async fn parameters_take_the_type_of_their_place() {
    let Some(postgres) = testkit::postgres() else { return };
    let d =
        database(postgres, "CREATE TABLE t (n int, at timestamptz); INSERT INTO t VALUES (7, '2026-01-05 00:00Z')", "");
    let with = |sql: &str| {
        let mut request = d.request(&query(sql));
        request.params = params(&[
            ("two", Value::Number(2.0)),
            ("half", Value::Number(0.5)),
            ("name", Value::text("it's")),
            ("on", Value::Bool(true)),
        ]);
        request
    };
    for (sql, want) in [
        ("SELECT n FROM t WHERE at > @now - interval '1 hour' AND at<=@now", "n=7"),
        ("SELECT n / @two AS a, n * @half AS b, n>@two AS c FROM t LIMIT @two", "a=3 b=3.5 c=true"),
        (
            "SELECT @now AS a, @name || '!' AS b, '@name' AS c, @on AS d -- @nobody",
            "a=2026-01-05T00:30:00Z b=it's! c=@name d=true",
        ),
        ("SELECT $q$ @nobody $q$ AS a, ARRAY[1] @> ARRAY[1] AS b, @ -5 AS c", "a= @nobody  b=true c=5"),
        ("SELECT @two::int + @two::int AS a, @now::date AS b", "a=4 b=2026-01-05T00:00:00Z"),
    ] {
        assert_eq!(row(&d.source.collect(&with(sql)).await.unwrap(), 0), want, "{sql}");
    }
    for (sql, want) in [
        ("SELECT @haf", "Refused: unknown parameter `@haf`: did you mean `@half`?"),
        ("SELECT make_interval(days => @half)", "double precision"),
    ] {
        let said = said(d.source.collect(&with(sql)).await);
        assert!(said.contains(want), "{sql}: {said}");
    }
}

#[tokio::test]
async fn what_writes_or_is_no_query_is_refused_and_changes_nothing() {
    let Some(postgres) = testkit::postgres() else { return };
    let d = database(postgres, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "");
    for (sql, want) in [
        ("INSERT INTO t VALUES (2) RETURNING a", "for a source is only read"),
        ("WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d", "for a source is only read"),
        ("DROP TABLE t", "no columns"),
        ("COMMIT", "no columns"),
        ("SET transaction_read_only = off", "no columns"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SELECT nobody FROM t", "column \"nobody\" does not exist"),
        ("SELECT 1 AS a, 2 AS a", "two columns are named `a`"),
        ("SELECT interval '1 day' AS i", "column `i` is of the type interval"),
        ("SELECT 9007199254740993 AS big", "column `big` holds 9007199254740993"),
        ("SELECT 1 / 0 AS x", "division by zero"),
    ] {
        let said = said(d.query(sql).await);
        assert!(said.starts_with("Refused: ") && said.contains(want), "{sql}: {said}");
    }
    assert_eq!(row(&d.query("SELECT string_agg(a::text, ',') AS a FROM t").await.unwrap(), 0), "a=1");
}

#[tokio::test]
async fn a_query_that_never_ends_is_ended_at_the_server() {
    let Some(postgres) = testkit::postgres() else { return };
    let name = postgres.database("").unwrap();
    let d = source("postgres", &format!("url: {}?sslmode=disable", postgres.url(&name)));
    // The connection is there already: a login may take its time.
    d.query("SELECT 1 AS n").await.unwrap();
    let mut request = d.request(&query("SELECT pg_sleep(60)::text AS s"));
    request.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let said = said(d.source.collect(&request).await);
    assert!(said.starts_with("Unreachable: the query did not finish within 300ms"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(3), "it took {:?}", started.elapsed());
    let running = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND state = 'active'");
    let gone = || postgres.sql("postgres", &running).is_ok_and(|n| n.trim() == "0");
    assert!(testkit::wait_until(Duration::from_secs(10), gone), "the server still runs it");
}

#[tokio::test]
async fn tls_is_verified_where_it_is_asked_for_and_a_password_is_never_shown() {
    let Some(postgres) = testkit::postgres() else { return };
    let url = postgres.url("tls_only");
    let authority = postgres.authority();
    let ca = format!("ca: {}", authority.display());
    let wrong = url.replace(Postgres::PASSWORD, "wrong-password");
    for (url, parameters, ca, want) in [
        (&url, "sslmode=verify-full", ca.as_str(), "encrypted=true"),
        (&url, "sslmode=require", "", "encrypted=true"),
        (&url, "", "", "encrypted=true"),
        (&url, "sslmode=verify-full", "", "certificate"),
        (&url, "sslmode=disable", "", "pg_hba.conf"),
        (&wrong, "sslmode=require", "", "password authentication failed"),
    ] {
        let d = source("postgres", &format!("url: {url}?{parameters}\n{ca}"));
        let sql = "SELECT ssl AS encrypted FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let got = d.query(sql).await.map_or_else(|e| format!("{:?}: {e}", e.kind), |table| row(&table, 0));
        assert!(got.contains(want), "{parameters} {ca}: {got}");
        assert!(want.contains("encrypted") || got.starts_with("Unreachable: cannot connect to"), "{got}");
        assert!(!got.contains("password\"") && !got.contains("-password"), "{got}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_made_anew_where_it_was_lost() {
    let Some(postgres) = testkit::postgres() else { return };
    let d = database(postgres, "", "");
    let pid = "SELECT pg_backend_pid() AS pid";
    let first = row(&d.query(pid).await.unwrap(), 0);
    assert_eq!(row(&d.query(pid).await.unwrap(), 0), first);
    let _ = said(d.query("SELECT 1 / 0 AS x").await);
    assert_eq!(row(&d.query(pid).await.unwrap(), 0), first, "an error of the query costs no connection");
    let number = first.trim_start_matches("pid=").to_owned();
    postgres.sql("postgres", &format!("SELECT pg_terminate_backend({number})")).unwrap();
    assert_ne!(row(&d.query(pid).await.unwrap(), 0), first);
}

#[tokio::test]
async fn no_more_connections_are_made_than_allowed() {
    let Some(postgres) = testkit::postgres() else { return };
    let d = database(postgres, "", "max_connections: 1");
    let mut slow = d.request(&query("SELECT pg_sleep(0.3)::text AS s, pg_backend_pid() AS pid"));
    slow.timeout = Duration::from_secs(10);
    let (a, b) = tokio::join!(d.source.collect(&slow), d.source.collect(&slow));
    assert_eq!(row(&a.unwrap(), 0), row(&b.unwrap(), 0));
}

#[tokio::test]
async fn columns_are_told_without_running_the_query() {
    let Some(postgres) = testkit::postgres() else { return };
    let d = database(postgres, "", "");
    let request = d.request(&query("SELECT 1 / 0 AS n, now() AS t, 'x' AS s, true AS b, pg_sleep(60)::text AS never"));
    let told: Vec<String> =
        d.source.columns(&request).await.unwrap().into_iter().map(|(n, t)| format!("{n} {}", t.unwrap())).collect();
    assert_eq!(told, ["n number", "t time", "s text", "b bool", "never text"]);
}
