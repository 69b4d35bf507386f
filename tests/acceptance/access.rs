//! Who may ask the real daemon, over what, and how much.

use super::daemon::{Daemon, Home, bellwether, eventually};
use std::net::TcpStream;
use std::process::{Command, Output};
use testkit::{Certificates, http};

const CONSOLE: &str = "channels: { terminal: { console: {} } }\nroute: { channels: [terminal] }";

/// A home whose `server` has these keys too.
fn home(server: &str) -> Home {
    let home = Home::new(CONSOLE);
    home.slow("critical: duration > 300");
    let main = std::fs::read_to_string(home.config().join("bellwether.yaml")).unwrap();
    home.write("bellwether.yaml", &main.replace("\"127.0.0.1:0\" }", &format!("\"127.0.0.1:0\", {server} }}")));
    home
}

/// Makes a token, and keeps it in a file of its name.
fn token(home: &Home, name: &str, role: &str) -> String {
    let tokens = home.path("tokens");
    let made = bellwether().args(["token", "new", name, "--role", role, "--file"]).arg(tokens).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    std::fs::write(home.path(name), &token).unwrap();
    token
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The status of a request with this `Authorization`, and what was said.
fn ask(daemon: &Daemon, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    http::request(method, daemon.port, path, headers, "").unwrap()
}

#[test]
fn tokens_open_what_their_role_says_and_are_shown_nowhere() {
    let home = home("tokens_file: ../tokens");
    let tokens = [("ci", "read"), ("prometheus", "silence"), ("ana", "admin")].map(|(n, role)| token(&home, n, role));
    let [read, silence, admin] = tokens.each_ref().map(|token| format!("Bearer {token}"));
    let daemon = home.start_with(|command| command.args(["--log", "trace"]));
    let with = |token: &str, headers: &[(&str, &str)]| {
        let headers: Vec<(&str, &str)> = [&[("Authorization", token)], headers].concat();
        [("GET", "/api/v1/alerts"), ("POST", "/-/reload")].map(|(method, path)| ask(&daemon, method, path, &headers).0)
    };
    let far = [("X-Forwarded-For", "127.0.0.1")];
    let without = |headers: &[(&str, &str)]| {
        [("GET", "/api/v1/alerts"), ("POST", "/-/reload")].map(|(method, path)| ask(&daemon, method, path, headers).0)
    };
    assert_eq!((without(&[]), without(&far)), ([200, 401], [401, 401]));
    assert_eq!((with(&read, &[]), with(&read, &far)), ([200, 403], [200, 403]));
    assert_eq!((with(&silence, &[]), with(&admin, &far)), ([200, 403], [200, 200]));
    assert_eq!(with("Bearer bw_none-of-these-tokens", &[]), [401, 401]);
    assert_eq!(ask(&daemon, "GET", "/healthz", &[("Authorization", "Bearer x")]).0, 200);
    let (_, why) = ask(&daemon, "POST", "/-/reload", &[("Authorization", &read)]);
    assert!(why.contains("needs the role `admin`, and the role of `ci` is `read`"), "{why}");

    // A broken file refuses the reload and leaves what was.
    let file = std::fs::read_to_string(home.path("tokens")).unwrap();
    std::fs::write(home.path("tokens"), file.replace("ana admin", "ana boss")).unwrap();
    let (status, why) = ask(&daemon, "POST", "/-/reload", &[("Authorization", &admin)]);
    assert!(status == 400 && why.contains("tokens:3: the role of `ana` is none"), "{status} {why}");
    // A token whose line is taken out opens nothing soon after, though nobody reloads.
    std::fs::write(home.path("tokens"), file.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    eventually("the end of a token", || with(&read, &[]) == [401, 401]);
    assert_eq!(with(&admin, &far), [200, 200]);

    let metrics = daemon.metrics();
    assert!(metrics.contains("bellwether_requests_refused_total{reason=\"token\"}"), "{metrics}");
    assert!(daemon.stderr().contains("a wrong token"), "it is logged");
    assert!(daemon.stderr().contains("POST /-/reload token=ana"), "and so is who ordered what: {}", daemon.stderr());
    for text in [daemon.stderr(), daemon.stdout(), metrics, file, ask(&daemon, "GET", "/api/v1/status", &[]).1] {
        for token in tokens.iter().map(String::as_str).chain(["none-of-these-tokens"]) {
            assert!(!text.contains(token.trim_start_matches("bw_")), "a token is shown: {text}");
        }
    }
    daemon.stop();
}

#[test]
fn https_with_a_token_from_a_file_and_a_certificate_that_is_renewed() {
    let home = home(
        "tokens_file: ../tokens, open: false, url: 'https://bell.example', \
                     tls: { cert: ../server.pem, key: ../server.key }",
    );
    let certificates = Certificates::new(&home.path(""), 1).unwrap();
    let first = home.path("first.pem");
    std::fs::copy(certificates.authority(), &first).unwrap();
    token(&home, "ci", "read");
    let mut command = bellwether();
    let mut daemon = Daemon::spawn(&home, {
        command.arg("run").arg(home.config());
        command
    });
    eventually("the address in the log", || daemon.found_port());
    let url = format!("https://localhost:{}", daemon.port);
    let status = |more: &[&std::ffi::OsStr]| {
        bellwether().args(["status", "--url", &url]).args(more).env("BELLWETHER_TOKEN", "").output().unwrap()
    };
    let (token, first) = (home.path("ci"), first.as_os_str());
    let with_token = ["--ca".as_ref(), first, "--token-file".as_ref(), token.as_os_str()];
    eventually("an answer over HTTPS", || status(&with_token).status.code() == Some(0));
    let untrusted = status(&[]);
    assert!(untrusted.status.code() == Some(2) && said(&untrusted).contains("`--ca FILE`"), "{}", said(&untrusted));
    // Behind `server.url` a proxy may stand: then this machine proves nothing.
    let nobody = status(&["--ca".as_ref(), first]);
    assert!(nobody.status.code() == Some(2) && said(&nobody).contains("--token-file"), "{}", said(&nobody));
    let plain = http::get(daemon.port, "/healthz").unwrap_err();
    assert!(plain.contains("400: HTTPS is spoken here"), "{plain}");

    Certificates::new(&home.path(""), 1).unwrap();
    let authority = certificates.authority();
    let renewed = ["--ca".as_ref(), authority.as_os_str(), "--token-file".as_ref(), token.as_os_str()];
    eventually("the new certificate", || status(&renewed).status.code() == Some(0));
    assert_eq!(status(&with_token).status.code(), Some(2), "the old one is gone");
    daemon.stop();
}

/// The commands of `docs/access.md` make what works, and their authority alone does not.
#[test]
fn a_certificate_of_ones_own_is_made_as_the_documentation_says() {
    let home = home("tls: { cert: ../server.pem, key: ../server.key }");
    let docs = include_str!("../../docs/access.md");
    let (_, block) = docs.split_once("```sh\n").expect("the commands");
    let commands = block.split("```").next().unwrap();
    let made = Command::new("sh").args(["-e", "-c", commands]).current_dir(home.path("")).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let mut daemon = Daemon::spawn(&home, {
        let mut command = bellwether();
        command.arg("run").arg(home.config());
        command
    });
    eventually("the address in the log", || daemon.found_port());
    let url = format!("https://127.0.0.1:{}", daemon.port);
    let status = || bellwether().args(["status", "--url", &url, "--ca"]).arg(home.path("ca.pem")).output().unwrap();
    eventually("an answer over HTTPS", || status().status.code() == Some(0));
    for (from, to) in [("ca.pem", "server.pem"), ("ca.key", "server.key")] {
        std::fs::copy(home.path(from), home.path(to)).unwrap();
    }
    eventually("the authority shown as the server's", || said(&status()).contains("is an authority's own"));
    daemon.stop();
}

/// As `docs/access.md` says to write it: with a token that may send, and not with one that may read.
#[test]
fn prometheus_and_amtool_send_over_https_with_a_token() {
    let home = home(
        "tokens_file: ../tokens, tls: { cert: ../server.pem, key: ../server.key }, \
                     url: 'https://bell.example'",
    );
    let certificates = Certificates::new(&home.path(""), 1).unwrap();
    let authority = certificates.authority();
    for (name, role) in [("reader", "read"), ("prometheus", "silence")] {
        token(&home, name, role);
    }
    let mut command = bellwether();
    command.arg("run").arg(home.config());
    let mut daemon = Daemon::spawn(&home, command);
    eventually("the address in the log", || daemon.found_port());
    let Some(amtool) = testkit::amtool() else { return };
    let as_who = |name: &str| {
        let how = format!(
            "authorization: {{ credentials_file: {} }}, tls_config: {{ ca_file: {} }}",
            home.path(name).display(),
            authority.display()
        );
        let file = home.path(&format!("{name}.yml"));
        std::fs::write(&file, format!("{{ {how} }}")).unwrap();
        (format!("--http.config.file={}", file.display()), how)
    };
    let url = format!("--alertmanager.url=https://127.0.0.1:{}", daemon.port);
    let run = |name: &str, arguments: &[&str]| {
        let mut command = amtool.command();
        command.arg(&url).arg(as_who(name).0).args(arguments);
        let output = command.output().unwrap();
        (output.status.success(), said(&output))
    };
    let refused = run("reader", &["alert", "add", "Refused", "job=x"]);
    assert!(!refused.0 && refused.1.contains("403"), "{}", refused.1);
    assert!(run("prometheus", &["alert", "add", "Taken", "job=x"]).0);
    let listed = || run("reader", &["alert", "query"]).1;
    let rules = "groups: [{ name: g, rules: [{ alert: Sent, expr: vector(1), labels: { job: y } }] }]";
    let how = format!("scheme: https, {}, ", as_who("prometheus").1);
    let Some(_prometheus) = testkit::alerting_prometheus_as(rules, daemon.port, &how) else { return };
    eventually("both alerts", || listed().contains("Taken") && listed().contains("Sent"));
    assert!(!listed().contains("Refused"));
    daemon.stop();
}

#[test]
fn what_cannot_be_opened_safely_is_not_started() {
    for (server, want) in [
        ("tokens_file: none", "cannot read the tokens of `"),
        ("tokens_file: none", "bellwether.yaml:"),
        ("tokens_file: none", "`bellwether token new NAME --role read --file "),
        ("tls: { cert: none.pem, key: none.key }", "cannot read the certificate `"),
    ] {
        let output = bellwether().arg("run").arg(home(server).config()).output().unwrap();
        assert!(output.status.code() == Some(1) && said(&output).contains(want), "{}", said(&output));
    }
    let far = Home::new(CONSOLE);
    let main = std::fs::read_to_string(far.config().join("bellwether.yaml")).unwrap();
    far.write("bellwether.yaml", &main.replace("127.0.0.1:0", "0.0.0.0:0"));
    for command in ["run", "lint"] {
        let output = bellwether().arg(command).arg(far.config()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("`tokens_file: tokens`"), "{}", said(&output));
    }
}

/// The checks go on, and health answers, while hundreds of connections send their heads letter by letter.
#[test]
fn a_flood_of_connections_holds_up_neither_the_checks_nor_health() {
    let home = home("limits: { connections: 64 }");
    home.ran("X", 70);
    let daemon = home.start();
    let connect = |_| TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    let mut flood: Vec<TcpStream> = (0..300).map(connect).collect();
    let before = daemon.metric("bellwether_evaluations_total{check=\"slow\",outcome=\"ok\"}");
    for (n, letter) in "GET /api/v1/status HTTP/1.1".chars().enumerate() {
        for stream in &mut flood {
            // Those that lost their place hear so.
            let _ = std::io::Write::write(stream, letter.to_string().as_bytes());
        }
        assert_eq!(http::get(daemon.port, "/healthz").as_deref(), Ok("ok\n"), "after {n} letters");
    }
    daemon.judged("slow", before + 2.0);
    daemon.stop();
}
