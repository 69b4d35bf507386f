use super::*;
use std::fs;
use std::io::{Read, Write};
use testkit::{FaultServer, Reply};

fn client(url: &str, token: Option<&str>) -> Client {
    Client { base: given(url).unwrap(), token: token.map(Secret::new), roots: None, patience: PATIENCE }
}

#[test]
fn the_address_is_that_of_the_folder_also_where_the_rest_does_not_load() {
    for (server, want) in [
        ("", "http://127.0.0.1:9600"),
        ("server: { listen: 0.0.0.0:9700 }", "http://127.0.0.1:9700"),
        ("server: { listen: '[::]:9700' }", "http://[::1]:9700"),
        ("server: { listen: 10.1.2.3:9700 }", "http://10.1.2.3:9700"),
        ("server: { url: 'https://bell.example/x/' }", "https://bell.example/x"),
        ("server: { url: '${NOT_SET_ANYWHERE}', listen: 127.0.0.1:9700 }", "http://127.0.0.1:9700"),
        ("server: { listen: 127.0.0.1:9700 }\nchekcs: []\nchecks: [{ chek: 1 }]", "http://127.0.0.1:9700"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bellwether.yaml"), format!("{server}\nstore: {{ path: state.db }}\n")).unwrap();
        let client = Client::new(folder.path(), &Access { url: None, token_file: None, ca: None }).unwrap();
        assert_eq!(client.address(), want, "{server}");
    }
}

#[test]
fn what_cannot_be_asked_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "server: { listen: 127.0.0.1:0 }\n").unwrap();
    let (empty, gone) = (folder.path().join("empty"), folder.path().join("gone"));
    fs::write(&empty, "\n").unwrap();
    let url = || Some("http://127.0.0.1:1".to_owned());
    for (access, want) in [
        (Access { url: None, token_file: None, ca: None }, "port 0"),
        (Access { url: Some("bell:9600".into()), token_file: None, ca: None }, "write it as `http://127.0.0.1:9600`"),
        (Access { url: url(), token_file: Some(empty), ca: None }, "is empty"),
        (Access { url: url(), token_file: Some(gone.clone()), ca: None }, "cannot read the token"),
        (Access { url: url(), token_file: None, ca: Some(gone) }, "cannot read the certificates"),
    ] {
        let error = Client::new(folder.path(), &access).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    let server = FaultServer::start([Reply::status(200)]);
    let problem = r#"{ "error": "there is no channel `x`" }"#;
    for (reply, token, want) in [
        (Reply::status(401), None, "asks for a token: give one with `--token-file FILE`"),
        (Reply::status(403), None, "perhaps it takes a token"),
        (
            Reply::text(403, "it needs the role silence\n"),
            Some("t"),
            "with another role may (it needs the role silence)",
        ),
        (Reply::json(503, r#"{ "error": "try again" }"#), None, "busy: ask again (try again)"),
        (Reply::status(302), None, "ask the daemon itself with `--url`"),
        (Reply::json(404, problem), None, "there is no channel `x`"),
        (Reply::status(404), None, "older than this command"),
        (Reply::html(500, "<h1>bad</h1>"), None, "answered 500"),
        (Reply::text(200, "hello"), None, "it is no Bellwether"),
    ] {
        server.rewrite([reply]);
        let refusal = client(&server.url(""), token).get("/api/v1/status", &[]).unwrap_err();
        assert!(refusal.message.contains(want), "{refusal}");
    }
}

#[test]
fn where_nothing_listens_that_is_said() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusal = client(&format!("http://{free}"), None).get("/api/v1/status", &[]).unwrap_err();
    assert_eq!(refusal.status, None);
    let said = refusal.message;
    assert!(said.contains(&format!("nothing answers at http://{free}")) && said.contains("refused"), "{said}");
}

#[test]
fn a_plain_port_asked_for_https_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Closed with what was asked unread, the answer would be thrown away as well.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let said = client(&format!("https://{at}"), None).get("/api/v1/status", &[]).unwrap_err().message;
    assert!(said.contains(&format!("speaks plain HTTP: ask `--url http://{at}`")), "{said}");
}

#[test]
fn a_question_carries_its_parameters_its_body_and_the_token() {
    let server = FaultServer::start([Reply::json(200, r#"{ "total": 0 }"#)]);
    let client = client(&server.url("/below/"), Some("s3cret"));
    let answer = client.get("/api/v1/alerts", &[("matcher", "team=\"a b\"")]).unwrap();
    assert_eq!(answer["total"], 0);
    client.ask(&Method::POST, "/api/v1/breakers/x/reset", &[], Some(&serde_json::json!({ "yes": true }))).unwrap();
    let [asked, posted]: [_; 2] = server.requests().try_into().ok().unwrap();
    assert_eq!(asked.path, "/below/api/v1/alerts?matcher=team%3D%22a+b%22");
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
    assert_eq!((posted.path.as_str(), posted.json()["yes"].as_bool()), ("/below/api/v1/breakers/x/reset", Some(true)));
    assert!(!format!("{client:?}").contains("s3cret"));
}
