//! Secrets: in no log, no answer, no message, no error.

use super::daemon::{Home, bellwether, eventually};
use super::told;
use testkit::{FaultServer, Reply, http};

/// Each stands in another place of the configuration.
const SECRETS: [(&str, &str); 6] = [
    ("HOOK_KEY", "hook-key-5d8cc01f"),
    ("DATABASE_KEY", "database-key-77ab20e9"),
    ("MAIL_KEY", "mail-key-c04be611"),
    ("HEADER_KEY", "header-key-1e90d3aa"),
    ("PLUGIN_KEY", "plugin-key-90cc2b17"),
    ("OUTPUT_KEY", "output-key-4d1f0a3e"),
];

#[test]
fn a_secret_is_shown_nowhere() {
    let receiver = FaultServer::start([Reply::status(200)]);
    let refusing = FaultServer::start([Reply::text(403, "hook-key-5d8cc01f is not welcome")]);
    let web = FaultServer::start([Reply::text(401, "not with Bearer header-key-1e90d3aa")]);
    let nobody = testkit::free_port();
    let home = Home::new(&format!(
        "channels:\n  \
           hook: {{ webhook: {{ url: \"{}\" }} }}\n  \
           refused: {{ webhook: {{ url: \"{}/${{HOOK_KEY}}\" }} }}\n  \
           gone: {{ webhook: {{ url: \"http://127.0.0.1:{nobody}/${{HOOK_KEY}}\" }} }}\n  \
           mail: {{ email: {{ smtp: \"smtp://127.0.0.1:{nobody}\", username: x, password: \"${{MAIL_KEY}}\",\n    \
             from: \"a@example.com\", to: [b@example.com] }} }}\n\
         route: {{ channels: [hook, refused, gone, mail], group_by: ['...'], group_wait: 0s }}",
        receiver.url("/"),
        refusing.url(""),
    ));
    let url = web.url("/");
    home.write(
        "sources.yaml",
        &format!(
            "sources:\n  \
               orders: {{ postgres: {{ url: \"postgres://me:${{DATABASE_KEY}}@127.0.0.1:{nobody}/orders\" }} }}\n  \
               web: {{ http: {{}} }}\n  \
               plugins: {{ exec: {{}} }}\n\
             checks:\n\
             - {{ check: orders, source: orders, every: 1s, collect: {{ query: 'SELECT 1 AS n' }}, alert: {{ critical: n > 1 }} }}\n\
             - check: plugin\n  \
               source: plugins\n  \
               every: 1s\n  \
               collect: {{ command: [sh, -c, 'echo \"$KEY\"; exit 7'], env: {{ KEY: '${{PLUGIN_KEY}}' }} }}\n  \
               alert: {{ critical: exit > 1 }}\n\
             - check: chatty\n  \
               source: plugins\n  \
               every: 1s\n  \
               collect: {{ command: [sh, -c, 'echo \"it is $KEY\"; exit 2'], env: {{ KEY: '${{OUTPUT_KEY}}' }} }}\n  \
               alert: {{ critical: exit > 1 }}\n  \
               labels: {{ said: '{{{{ output }}}}' }}\n  \
               title: '{{{{ output }}}}'\n\
             - check: web\n  \
               source: web\n  \
               every: 1s\n  \
               collect: {{ url: '{url}', headers: {{ Authorization: 'Bearer ${{HEADER_KEY}}' }}, json: {{ n: /n }} }}\n  \
               alert: {{ critical: n > 1 }}\n"
        ),
    );
    home.slow("critical: duration > 300");
    home.ran("X", 608);
    let daemon = home.start_with(|command| command.envs(SECRETS).args(["--log", "trace"]));
    told(
        &receiver,
        &["firing slow X", "firing source-unreachable", "firing channel-down", "firing check-failing", "firing chatty"],
    );
    eventually("a failed send", || daemon.stderr().contains("refused: "));

    // A file that is wrong on the very line of a secret is quoted.
    home.write("broken.yaml", "channels: { x: { webhook: { url: \"http://h.example/${HOOK_KEY}\", odd: 1 } } }\n");
    let (status, said) = daemon.reload();
    assert_eq!(status, 400, "{said}");
    let mut shown = vec![said];
    for path in ["/metrics", "/api/v1/alerts", "/api/v1/checks", "/api/v1/status"] {
        shown.push(http::get(daemon.port, path).unwrap());
    }
    for arguments in
        [&["eval", "--explain"][..], &["eval", "--format", "json"], &["lint"], &["lint", "--online"], &["test"]]
    {
        let output = bellwether().current_dir(home.config()).args(arguments).envs(SECRETS).output().unwrap();
        shown.extend([output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    std::fs::remove_file(home.config().join("broken.yaml")).unwrap();
    for arguments in [&["eval", "."][..], &["lint", "--online"], &["schema", "."]] {
        let output = bellwether().current_dir(home.config()).args(arguments).envs(SECRETS).output().unwrap();
        shown.extend([output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    shown.extend(receiver.requests().iter().map(testkit::Request::text));
    shown.extend([daemon.stdout(), daemon.stderr()]);
    daemon.stop();
    shown.push(String::from_utf8_lossy(&std::fs::read(home.path("state.db")).unwrap()).into_owned());

    for (name, secret) in SECRETS {
        for text in &shown {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{name} is shown: {}", line.unwrap_or_default());
        }
    }
    let used = web.requests().iter().any(|r| r.header("authorization") == Some("Bearer header-key-1e90d3aa"));
    assert!(used, "the secrets were in use");
}
