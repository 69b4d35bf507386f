use super::tokens::From;
use super::*;
use crate::collectors::registry::Place;
use crate::config::{Document, Problems, Reader, Record, Settings, Source};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Clock;
use testkit::{FaultServer, Reply, Request, ServiceAccount};

static SERVICE: Service =
    Service { name: "Stones", endpoint: "https://stones.googleapis.com", role: "`roles/stones.viewer` on the project" };

static RECORD: Record =
    Record::new("stones", "Stones.", &[PROJECT, CREDENTIALS, IMPERSONATE, SCOPES, QUOTA_PROJECT, ENDPOINT]);

fn settings(yaml: &str) -> Settings {
    let source = Arc::new(Source::new("bellwether.yaml", "bellwether.yaml", yaml.to_owned()));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems).expect("the test wrote YAML");
    let reader = Reader { folder: Path::new("/"), env: &|_| None, lenient: false, fill: true };
    let settings = reader.record(&source, &document.root, &RECORD, &mut problems);
    assert!(problems.is_empty(), "{yaml}");
    settings
}

fn google(yaml: &str) -> Google {
    Google::new(&SERVICE, &settings(yaml), &Place { name: "stones", folder: Path::new("/etc") }).unwrap()
}

fn at(server: &FaultServer) -> Google {
    google(&format!("endpoint: {}\nproject: p", server.url("")))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn wanted(from: From) -> Wanted {
    Wanted { from, impersonate: None, scopes: None }
}

/// Tokens of credentials in a file.
fn tokens(folder: &Path, credentials: &Json) -> Arc<Tokens> {
    let path = folder.join("credentials.json");
    std::fs::write(&path, credentials.to_string()).unwrap();
    Arc::new(Tokens::new(wanted(From::File(path)), Environment::default()))
}

fn user(token_uri: &str) -> Json {
    json!({ "type": "authorized_user", "client_id": "id", "client_secret": "hunter2secret",
            "refresh_token": "hunter2refresh", "token_uri": token_uri, "quota_project_id": "quota" })
}

fn granted(token: &str) -> Reply {
    Reply::json(200, &json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" }).to_string())
}

async fn token_of(tokens: &Tokens) -> Result<String, String> {
    tokens.pass(soon()).await.map(|pass| pass.token.expose().to_owned()).map_err(|error| error.message)
}

fn bearer(request: &Request) -> &str {
    request.header("authorization").and_then(|h| h.strip_prefix("Bearer ")).unwrap_or("none")
}

fn refusal(code: u16, status: &str, reason: &str) -> Reply {
    let errors = json!([{ "reason": reason, "message": "the server's words." }]);
    let body =
        json!({ "error": { "code": code, "message": "the server's words.", "status": status, "errors": errors } });
    Reply::json(code, &body.to_string())
}

#[test]
fn only_google_is_sent_a_token() {
    for (endpoint, anonymous) in [
        ("https://bigquery.googleapis.com", false),
        ("https://us-central1-monitoring.googleapis.com/", false),
        ("http://bigquery.googleapis.com", true),
        ("https://googleapis.com.example", true),
        ("https://evilgoogleapis.com", true),
        ("http://127.0.0.1:9050", true),
    ] {
        assert_eq!(google(&format!("endpoint: {endpoint}")).is_anonymous(), anonymous, "{endpoint}");
    }
    assert!(!google("{}").is_anonymous());
}

#[test]
fn credentials_are_read_from_where_the_source_says() {
    let of = |yaml: &str| Wanted::of(&settings(yaml), Path::new("/etc/rules"));
    assert_eq!(of("{}"), wanted(From::ApplicationDefault));
    assert_eq!(of("credentials: application_default"), wanted(From::ApplicationDefault));
    assert_eq!(of("credentials: metadata"), wanted(From::Metadata));
    assert_eq!(of("credentials: key.json"), wanted(From::File("/etc/rules/key.json".into())));
    assert_eq!(of("credentials: /run/key.json"), wanted(From::File("/run/key.json".into())));
    let all = of("impersonate: a@b\nscopes: [x, y]");
    assert_eq!((all.impersonate.as_deref(), all.scopes.unwrap().join(" ")), (Some("a@b"), "x y".to_owned()));
}

#[test]
fn who_wants_the_same_shares_it() {
    let one = Tokens::shared(wanted(From::File("/a".into())));
    assert!(Arc::ptr_eq(&one, &Tokens::shared(wanted(From::File("/a".into())))));
    assert!(!Arc::ptr_eq(&one, &Tokens::shared(wanted(From::File("/b".into())))));
}

#[tokio::test]
async fn a_service_account_signs_for_itself_and_is_verified_by_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let account = ServiceAccount::new(folder.path()).unwrap();
    let api = FaultServer::start([Reply::json(200, "{}")]);
    let wants = Wanted { scopes: Some(vec!["a".into(), "b".into()]), ..wanted(From::File(account.key_file())) };
    let google =
        google(&format!("endpoint: {}", api.url(""))).trusting(Arc::new(Tokens::new(wants, Environment::default())));
    google.ask(&Call::get("/v1/x"), soon()).await.unwrap();
    let claims = account.claims(bearer(&api.wait_for_requests(1)[0])).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ServiceAccount::EMAIL), &json!(ServiceAccount::EMAIL)));
    assert_eq!(claims["scope"], "a b");
    let now = jiff::Timestamp::now().as_second();
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((now - 30..=now).contains(&issued) && (now + 3500..now + 3700).contains(&expires), "{claims} at {now}");
    assert_eq!(google.project(soon()).await.unwrap(), ServiceAccount::PROJECT);
    // What another key signed is none of this account's.
    let folder = tempfile::tempdir().unwrap();
    let other = ServiceAccount::new(folder.path()).unwrap();
    assert!(other.claims(bearer(&api.requests()[0])).is_err());
}

#[tokio::test]
async fn a_users_login_is_refreshed_once_for_all_and_names_its_quota_project() {
    let folder = tempfile::tempdir().unwrap();
    let (oauth, api) = (FaultServer::start([granted("token-1")]), FaultServer::start([Reply::json(200, "{}")]));
    let google = at(&api).trusting(tokens(folder.path(), &user(&oauth.url("/token"))));
    for _ in 0..3 {
        google.ask(&Call::get("/v1/x").query("a", "b c"), soon()).await.unwrap();
    }
    let asked = oauth.requests();
    assert_eq!((asked.len(), asked[0].json()["refresh_token"].as_str()), (1, Some("hunter2refresh")));
    let request = &api.wait_for_requests(3)[2];
    assert_eq!((request.path.as_str(), bearer(request)), ("/v1/x?a=b+c", "token-1"));
    assert_eq!(request.header("x-goog-user-project"), Some("quota"));
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_made_anew_once() {
    let folder = tempfile::tempdir().unwrap();
    let oauth = FaultServer::start([granted("stale"), granted("fresh")]);
    let denied = refusal(401, "UNAUTHENTICATED", "authError");
    let api = FaultServer::start([denied.clone(), Reply::json(200, "{\"a\":1}"), denied]);
    let google = at(&api).trusting(tokens(folder.path(), &user(&oauth.url("/token"))));
    assert_eq!(google.ask(&Call::get("/x"), soon()).await.unwrap()["a"], 1);
    let sent: Vec<_> = api.requests().iter().map(|r| bearer(r).to_owned()).collect();
    assert_eq!(sent, ["stale", "fresh"]);
    let error = google.ask(&Call::get("/x"), soon()).await.unwrap_err().error;
    assert!(error.message.starts_with("Stones does not take the credentials (401): the server's words"), "{error}");
    assert_eq!(api.requests().len(), 4, "one retry and no more");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let oauth = FaultServer::start([granted("hunter2token")]);
    for (minutes, want) in
        [(10, "10m behind the server's"), (-10, "10m ahead of the server's"), (0, "look at `credentials`")]
    {
        let there = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&there).unwrap();
        let api = FaultServer::start([refusal(401, "UNAUTHENTICATED", "").header("Date", &date)]);
        let google = at(&api).trusting(tokens(folder.path(), &user(&oauth.url("/token"))));
        let error = google.ask(&Call::get("/x"), soon()).await.unwrap_err().error;
        assert!(error.message.contains(want), "{error}");
    }
}

#[tokio::test]
async fn why_there_is_no_token_is_said_with_what_to_do_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let gone = json!({ "error": "invalid_grant", "error_description": "Token has been revoked, hunter2refresh." });
    for (reply, want) in [
        (
            Reply::json(400, &gone.to_string()),
            "Token has been revoked, ***. (invalid_grant): run `gcloud auth application-default login` again",
        ),
        (Reply::html(200, "<html>hunter2secret"), "run `gcloud auth application-default login` again"),
        (Reply::json(503, "{}"), "503"),
        (Reply::Close, "there is no Google access token: "),
    ] {
        let oauth = FaultServer::start([reply]);
        let said = token_of(&tokens(folder.path(), &user(&oauth.url("/token")))).await.unwrap_err();
        assert!(said.contains(want) && !said.contains("hunter2"), "{said}");
    }
    let nobody = format!("http://127.0.0.1:{}/token", testkit::free_port());
    let said = token_of(&tokens(folder.path(), &user(&nobody))).await.unwrap_err();
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn a_permanent_refusal_is_asked_again_and_so_heals() {
    let folder = tempfile::tempdir().unwrap();
    let oauth = FaultServer::start([Reply::json(400, "{\"error\":\"invalid_grant\"}"), granted("back")]);
    let tokens = tokens(folder.path(), &user(&oauth.url("/token")));
    assert!(token_of(&tokens).await.unwrap_err().contains("invalid_grant"));
    assert_eq!(token_of(&tokens).await.unwrap(), "back");
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_is_cut_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let oauth = FaultServer::start([Reply::Hang]);
    let tokens = tokens(folder.path(), &user(&oauth.url("/token")));
    let started = Clock::now();
    let error = tokens.pass(Deadline::after(Duration::from_millis(200))).await.err().unwrap();
    assert!(error.message.contains("Google access token did not finish within 200ms"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_machines_token_and_project_come_from_the_metadata_server() {
    let server = FaultServer::answering(|request| match request.header("metadata-flavor") {
        Some("Google") if request.path.ends_with("/project-id") => Reply::text(200, "machine-project"),
        Some("Google") => granted("machine-token"),
        _ => Reply::status(403),
    });
    let environment = Environment { metadata: Some(server.url("")), ..Environment::default() };
    let api = FaultServer::start([Reply::json(200, "{}")]);
    for from in [From::Metadata, From::ApplicationDefault] {
        let tokens = Arc::new(Tokens::new(wanted(from), environment.clone()));
        let google = google(&format!("endpoint: {}", api.url(""))).trusting(tokens);
        assert_eq!(google.project(soon()).await.unwrap(), "machine-project");
        google.ask(&Call::get("/x"), soon()).await.unwrap();
        assert_eq!(bearer(&api.requests()[0]), "machine-token");
    }
    let nobody = Environment { metadata: Some(format!("http://127.0.0.1:{}", testkit::free_port())), ..environment };
    let said = token_of(&Tokens::new(wanted(From::ApplicationDefault), nobody)).await.unwrap_err();
    assert!(said.contains("run `gcloud auth application-default login`, give `credentials: key.json`"), "{said}");
}

/// Workload identity federation: a subject token in a file, Google's token service, and a service account behind it.
#[tokio::test]
async fn a_federated_identity_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("subject"), "{\"token\":\"hunter2subject\"}").unwrap();
    let account = |sts: &FaultServer, field: &str| {
        json!({ "type": "external_account", "audience": "//iam.googleapis.com/a", "token_url": sts.url("/v1/token"),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "credential_source": { "file": folder.path().join("subject"),
                                       "format": { "type": "json", "subject_token_field_name": field } } })
    };
    let exchanged = json!({ "access_token": "federated", "expires_in": 3600, "token_type": "Bearer",
                            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" });
    let denied = json!({ "error": "invalid_target", "error_description": "The audience is unknown" });
    let sts = FaultServer::start([Reply::json(200, &exchanged.to_string()), Reply::json(400, &denied.to_string())]);
    assert_eq!(token_of(&tokens(folder.path(), &account(&sts, "token"))).await.unwrap(), "federated");
    assert!(sts.requests()[0].text().contains("subject_token=hunter2subject"));
    let said = token_of(&tokens(folder.path(), &account(&sts, "token"))).await.unwrap_err();
    assert!(said.contains("The audience is unknown (invalid_target): look at the workload identity pool"), "{said}");
    let said = token_of(&tokens(folder.path(), &account(&sts, "tokn"))).await.unwrap_err();
    assert!(said.contains("subject token field") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_service_account_is_impersonated() {
    let folder = tempfile::tempdir().unwrap();
    let oauth = FaultServer::start([granted("mine")]);
    let given = json!({ "accessToken": "theirs", "expireTime": "2099-01-01T00:00:00Z" });
    let denied = refusal(403, "PERMISSION_DENIED", "");
    let iam = FaultServer::start([Reply::json(200, &given.to_string()), denied]);
    let path = folder.path().join("user.json");
    std::fs::write(&path, user(&oauth.url("/token")).to_string()).unwrap();
    let wants = Wanted { impersonate: Some("them@p.iam".into()), ..wanted(From::File(path)) };
    let tokens = || Tokens::new(wants.clone(), Environment::default()).impersonating_at(&iam.url(""));
    assert_eq!(token_of(&tokens()).await.unwrap(), "theirs");
    let request = &iam.requests()[0];
    assert_eq!(request.path, "/v1/projects/-/serviceAccounts/them@p.iam:generateAccessToken");
    assert_eq!(bearer(request), "mine");
    let said = token_of(&tokens()).await.unwrap_err();
    assert!(
        said.contains("the server's words") && said.contains("`roles/iam.serviceAccountTokenCreator` on `them@p.iam`"),
        "{said}"
    );
}

#[test]
fn application_default_credentials_are_looked_for_in_googles_order() {
    let folder = tempfile::tempdir().unwrap();
    let (named, known) = (folder.path().join("named"), folder.path().join("known"));
    let mut environment = Environment { well_known: Some(known.clone()), ..Environment::default() };
    assert_eq!(environment.application_default().unwrap(), None, "the metadata server");
    std::fs::write(&known, "{\"type\":\"known\"}").unwrap();
    assert_eq!(environment.application_default().unwrap().unwrap().0["type"], "known");
    environment.named = Some(named.clone());
    let gone = environment.application_default().unwrap_err();
    assert!(gone.message.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{gone}");
    std::fs::write(&named, "{\"private_key\": hunter2").unwrap();
    let broken = environment.application_default().unwrap_err();
    assert!(broken.message.contains("it is no JSON, line 1") && !broken.message.contains("hunter2"), "{broken}");
}

#[tokio::test]
async fn each_refusal_says_whose_fault_it_is_and_what_to_do() {
    for (reply, want) in [
        (
            refusal(403, "PERMISSION_DENIED", "accessDenied"),
            "Unreachable: Stones refuses access (403): the server's words: grant `roles/stones.viewer` on the project",
        ),
        (
            Reply::json(
                403,
                "{\"error\":{\"code\":403,\"message\":\"Enable it by visiting …\",\"details\":[{\"reason\":\"SERVICE_DISABLED\"}]}}",
            ),
            "Unreachable: Stones is not switched on in the project (403): Enable it by visiting …",
        ),
        (
            refusal(403, "", "quotaExceeded"),
            "Unreachable: Stones takes no more requests now (403): the server's words: ask less often",
        ),
        (
            refusal(404, "NOT_FOUND", "notFound"),
            "Refused: Stones does not know what is asked for (404): the server's words",
        ),
        (refusal(400, "INVALID_ARGUMENT", "invalid"), "Refused: Stones answered 400: the server's words"),
        (Reply::status(302).header("Location", "http://127.0.0.1:1/"), "Refused: Stones answered 302, a redirect"),
        (Reply::html(413, "<h1>Too large"), "Refused: Stones answered 413: `<h1>Too large` (text/html; charset=utf-8)"),
        (Reply::json(200, "{"), "Refused: the answer is not JSON"),
        (Reply::json(400, "[{\"error\":{\"message\":\"in a list\"}}]"), "Refused: Stones answered 400: in a list"),
    ] {
        let server = FaultServer::start([reply]);
        let error = at(&server).ask(&Call::get("/x"), soon()).await.unwrap_err().error;
        let said = format!("{:?}: {error}", error.kind);
        assert!(said.starts_with(want), "{said}");
        assert_eq!((server.requests().len(), bearer(&server.requests()[0])), (1, "none"));
    }
}

#[tokio::test]
async fn what_may_pass_is_asked_again_when_the_server_says_so() {
    let busy = |wait: &str| refusal(429, "RESOURCE_EXHAUSTED", "").header("Retry-After", wait);
    let server = FaultServer::start([
        busy("0"),
        refusal(503, "UNAVAILABLE", "").header("Retry-After", "0"),
        Reply::json(200, "{}"),
    ]);
    at(&server).ask(&Call::get("/x"), soon()).await.unwrap();
    assert_eq!(server.requests().len(), 3);
    let server = FaultServer::start([busy("0")]);
    let error = at(&server).ask(&Call::get("/x"), soon()).await.unwrap_err().error;
    assert!(error.message.starts_with("Stones takes no more requests now (429)"), "{error}");
    assert_eq!(server.requests().len(), 3);
    // A wait beyond the deadline is not begun.
    let server = FaultServer::start([busy("60")]);
    let started = Clock::now();
    at(&server).ask(&Call::get("/x"), soon()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5) && server.requests().len() == 1);
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_deadline() {
    for reply in [Reply::Hang, Reply::one_byte_a_second(&"x".repeat(60))] {
        let server = FaultServer::start([reply]);
        let error = at(&server).ask(&Call::get("/x"), Deadline::after(Duration::from_millis(300))).await.unwrap_err();
        assert!(
            error.error.message.starts_with("the request to Stones did not finish within 300ms"),
            "{}",
            error.error
        );
    }
}

#[tokio::test]
async fn pages_are_read_to_the_last_and_have_to_end() {
    let page = |token: &str| Reply::json(200, &json!({ "n": 1, "nextPageToken": token }).to_string());
    for (call, want) in [
        (Call::get("/x").query("pageToken", ""), "/x?pageToken= /x?pageToken=b /x?pageToken=c"),
        (Call::post("/x", json!({ "k": 1 })), "{\"k\":1} {\"k\":1,\"pageToken\":\"b\"} {\"k\":1,\"pageToken\":\"c\"}"),
    ] {
        let server = FaultServer::start([page("b"), page("c"), Reply::json(200, "{}")]);
        let google = at(&server);
        let mut pages = google.pages(call, soon());
        let mut count = 0;
        while pages.next().await.unwrap().is_some() {
            count += 1;
        }
        let sent = server.requests();
        let sent: Vec<_> = sent.iter().map(|r| if r.body.is_empty() { r.path.clone() } else { r.text() }).collect();
        assert_eq!((count, sent.join(" ").as_str()), (3, want));
    }
    let server = FaultServer::start([page("again")]);
    let google = at(&server);
    let mut pages = google.pages(Call::get("/x"), soon());
    assert!(pages.next().await.is_ok());
    assert!(pages.next().await.unwrap_err().error.message.contains("does not end after 2 pages"));
}

#[tokio::test]
async fn an_emulator_has_no_project_of_its_own() {
    let error = google("endpoint: http://127.0.0.1:1").project(soon()).await.unwrap_err();
    assert!(error.message.contains("write `project:`"), "{error}");
}

#[test]
fn a_name_is_one_segment_of_a_path() {
    assert_eq!(Call::segment("a b/c?d:e~(default)"), "a%20b%2Fc%3Fd:e~%28default%29");
}
