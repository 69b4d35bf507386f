//! # `email`: mail over SMTP
//!
//! ```yaml
//! channels:
//!   oncall-email:
//!     email:
//!       smtp: "smtps://smtp.example:465"
//!       username: bellwether
//!       password_file: /run/secrets/smtp
//!       from: "Bellwether <alerts@example.com>"
//!       to: [oncall@example.com]
//! ```
//!
//! **The way there.** `smtps://` speaks TLS from the first byte (port 465). `smtp://` starts in the clear and demands
//! STARTTLS (port 587): where the server does not offer it, nothing is sent. `smtp://localhost:25?tls=none` does without,
//! for a mail server on this machine alone. With a `username` that is not empty and a password it logs in. Connections are
//! kept and used again.
//!
//! **What is sent.** One message to all of `to`, as text and as HTML. The subject is the headline. Its `Message-ID` stays
//! the same when it is sent again.
//!
//! **Threads.** What follows in the same group names the first message in `References` and `In-Reply-To`, so that
//! programs that go by these (RFC 5256) show one thread from the first alert to the last end. Others want the same subject
//! too, as Gmail says of itself. So an easing, an end and a repeat have the subject of the last alarm behind `Re:`, and say
//! in their first line what they are: under `CRITICAL slow — …` stands `Re: CRITICAL slow — …`, which begins with
//! `RESOLVED slow`. An alarm (what fires anew, an escalation, what came and went) has a subject of its own, since people go
//! by it: by subject it begins another conversation, and the end stands there.
//!
//! **What counts as delivered.** That the server took it for at least one recipient; the others are named. A 4xx, such as
//! greylisting, is tried again. A 5xx for every recipient, and a failed login, are refusals. Where the connection is lost
//! after the message was handed over, nobody knows, and what is true then is said again.

mod compose;
mod dialogue;

use super::Channel;
use super::keys::{CA, TIMEOUT, timeout};
use super::registry::{Built, Context, Kind};
use super::unanswered;
use crate::config::{Key, Problem, Record, Rule, ScalarError, Settings, Shape};
use crate::model::{Delivery, FailureClass, Notification, Secret};
use compose::Composed;
use dialogue::{Attempt, Security, Server};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use reqwest::Url;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many connections one channel has at most.
const CONNECTIONS_MAX: usize = 4;

pub const KIND: Kind = Kind {
    name: "email",
    source_text: include_str!("mod.rs"),
    record: &RECORD,
    check,
    rate: None,
    room: |_| None,
    build,
};

static RECORD: Record = Record::new(
    "email",
    "Mail over SMTP.",
    &[
        Key::new(
            "smtp",
            Shape::Checked(&SERVER),
            "The mail server: `smtps://host:465`, or `smtp://host:587` with STARTTLS.",
        )
        .required()
        .known_as(&["smarthost", "host", "server"]),
        Key::new("username", Shape::Text, "Who logs in.").known_as(&["auth_username", "user"]),
        Key::new("password", Shape::Secret, "The password of `username`.").known_as(&["auth_password"]),
        Key::new("from", Shape::Checked(&ADDRESS), "The sender.").required(),
        Key::new("to", Shape::OneOrMany(&Shape::Checked(&ADDRESS)), "The recipients: one message goes to all.")
            .required(),
        CA,
        TIMEOUT,
    ],
);

static SERVER: Rule = Rule {
    noun: "a mail server",
    example: "smtps://smtp.example:465",
    pattern: Some("^smtps?://"),
    check: |text, shown| server_url(text, shown).map(|_| ()),
};

static ADDRESS: Rule = Rule {
    noun: "a mail address",
    example: "Bellwether <alerts@example.com>",
    pattern: Some("@"),
    check: |text, shown| address(text, shown).map(|_| ()),
};

struct Email {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
    url: Option<Arc<str>>,
    permits: Semaphore,
    /// Connections that wait for the next message.
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

#[async_trait::async_trait]
impl Channel for Email {
    async fn send(&self, notification: &Notification) -> Delivery {
        let Composed { mail, receipt } = match compose::compose(notification, &self.from, &self.to, self.url.as_deref())
        {
            Ok(composed) => composed,
            Err(why) => return Delivery::Refused { why, class: FailureClass::Other },
        };
        let attempt = Attempt::new(&self.server, &mail, self.timeout);
        let ended = tokio::time::timeout(self.timeout, self.attempt(&attempt)).await;
        let ended = ended.unwrap_or_else(|_| {
            if attempt.is_handed_over() {
                return unanswered(
                    FailureClass::TimedOut,
                    format!("no answer within {:?} after the message was handed over", self.timeout),
                    None,
                );
            }
            let why = format!("the mail server was too slow: {:?} were not enough", self.timeout);
            Delivery::NotSent { why, retry_after: None, ill: true, class: FailureClass::TimedOut }
        });
        match ended {
            Delivery::Delivered { but, .. } => Delivery::Delivered { but, receipt },
            other => other,
        }
    }
}

impl Email {
    async fn attempt(&self, attempt: &Attempt<'_>) -> Delivery {
        let _permit = self.permits.acquire().await.expect("never closed");
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match attempt.run(idle).await {
            (delivery, Some(connection)) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                delivery
            }
            (delivery, None) => delivery,
        }
    }
}

/// A server's address, taken apart.
#[derive(Debug)]
struct ServerUrl {
    host: String,
    port: u16,
    tls: UrlTls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlTls {
    Implicit,
    StartTls,
    None,
}

fn server_url(text: &str, shown: &str) -> Result<ServerUrl, ScalarError> {
    let example = "write `smtps://smtp.example:465`, or `smtp://smtp.example:587` for STARTTLS";
    let url: Url = text.parse().map_err(|e| ScalarError::new(format!("`{shown}` is no URL: {e}")).help(example))?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let Some(host) = host.filter(|_| matches!(url.scheme(), "smtp" | "smtps")) else {
        return Err(ScalarError::new(format!("`{shown}` is no address of a mail server")).help(example));
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            ScalarError::new("the address of a mail server holds no login").help("write `username` and `password`")
        );
    }
    let tls = match (url.scheme(), url.query()) {
        ("smtps", None) => UrlTls::Implicit,
        (_, None) => UrlTls::StartTls,
        ("smtp", Some("tls=none")) if is_loopback(&host) => UrlTls::None,
        ("smtp", Some("tls=none")) => {
            return Err(ScalarError::new(format!("`tls=none` would send to `{host}` in the clear"))
                .help("only a mail server on this machine may do without TLS: take `?tls=none` away"));
        }
        _ => {
            return Err(
                ScalarError::new(format!("`{shown}` has an unknown option")).help("the one option is `?tls=none`")
            );
        }
    };
    let port = url.port().unwrap_or(match tls {
        UrlTls::Implicit => 465,
        UrlTls::StartTls => 587,
        UrlTls::None => 25,
    });
    Ok(ServerUrl { host, port, tls })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn address(text: &str, shown: &str) -> Result<Mailbox, ScalarError> {
    let mailbox: Result<Mailbox, _> = text.trim().parse();
    let mailbox = mailbox.map_err(|_| {
        ScalarError::new(format!("`{shown}` is no mail address"))
            .help("write `oncall@example.com`, or `\"On call <oncall@example.com>\"`")
    })?;
    // Other servers on the way may not know SMTPUTF8.
    if !mailbox.email.to_string().is_ascii() {
        return Err(ScalarError::new(format!("`{shown}` is no address in ASCII"))
            .help("write the domain in its `xn--` form; the name before `@` must be ASCII"));
    }
    Ok(mailbox)
}

fn check(settings: &Settings) -> Vec<Problem> {
    let wrong = |what: &str, key: &str| vec![Problem::error(what).at(settings.key_place(key))];
    match (settings.has("username"), settings.has("password")) {
        (true, false) => wrong("a `username` needs a `password` or a `password_file`", "username"),
        (false, true) => wrong("a `password` needs a `username`", "password"),
        _ if settings.list("to").is_some_and(<[_]>::is_empty) => {
            let problem = Problem::error("`to` is empty: nobody is told").at(settings.place("to"));
            vec![problem.help("write at least one recipient, `to: [oncall@example.com]`")]
        }
        _ => Vec::new(),
    }
}

fn build(settings: &Settings, context: &Context) -> Built {
    let wrong = |what: String, key: &str| Box::new(Problem::error(what).at(settings.place(key)));
    if let Some(problem) = check(settings).pop() {
        return Err(Box::new(problem));
    }
    let text = |key: &str| settings.text(key).unwrap_or_default();
    let smtp = server_url(text("smtp"), text("smtp")).map_err(|e| wrong(e.message, "smtp"))?;
    let from = address(text("from"), text("from")).map_err(|e| wrong(e.message, "from"))?;
    let to: Result<Vec<Mailbox>, _> = settings.texts("to").into_iter().map(|text| address(text, text)).collect();
    let to = to.map_err(|e| wrong(e.message, "to"))?;
    let secret = settings.secret("password");
    let username = settings.text("username").filter(|user| !user.is_empty());
    let login = username.zip(secret).map(|(user, password)| (user.to_owned(), password.clone()));
    let security = security(settings, &smtp)?;
    Ok(Arc::new(Email {
        server: Server {
            host: smtp.host,
            port: smtp.port,
            security,
            hello: ClientId::default(),
            secret: login.as_ref().map_or_else(Secret::default, |(_, password)| password.clone()),
            login: login.map(|(user, password)| Credentials::new(user, password.expose().to_owned())),
            connect_timeout: timeout(settings) / 2,
        },
        from,
        to,
        timeout: timeout(settings),
        url: context.url.clone(),
        permits: Semaphore::new(CONNECTIONS_MAX),
        idle: Mutex::new(Vec::new()),
    }))
}

fn security(settings: &Settings, smtp: &ServerUrl) -> Result<Security, Box<Problem>> {
    if smtp.tls == UrlTls::None {
        return Ok(Security::None);
    }
    let wrong = |what: String, key: &str| Box::new(Problem::error(what).at(settings.place(key)));
    let mut parameters = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = settings.path(CA.name) {
        let failed = |e: &dyn std::fmt::Display| {
            wrong(format!("cannot read the certificates of `{}`: {e}", path.display()), CA.name)
        };
        let pem = std::fs::read(path).map_err(|e| failed(&e))?;
        let roots = Certificate::from_pem(&pem).map_err(|e| failed(&e))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(roots);
    }
    let parameters = parameters.build().map_err(|e| wrong(format!("TLS cannot be prepared: {e}"), "smtp"))?;
    Ok(if smtp.tls == UrlTls::Implicit { Security::Implicit(parameters) } else { Security::StartTls(parameters) })
}

#[cfg(test)]
pub(super) mod tests;
