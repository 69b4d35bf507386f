//! One message over one connection, step by step: an SMTP answer means different things at different steps.

use super::super::render::one_line;
use super::super::unanswered;
use crate::model::{Delivery, FailureClass, Secret};
use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where mail is handed over, and as whom.
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub hello: ClientId,
    pub login: Option<Credentials>,
    /// The login's password, which no error may show.
    pub secret: Secret,
    pub connect_timeout: Duration,
}

pub(super) enum Security {
    Implicit(TlsParameters),
    StartTls(TlsParameters),
    None,
}

/// One attempt to hand over one message.
pub(super) struct Attempt<'a> {
    server: &'a Server,
    message: &'a Message,
    handed_over: AtomicBool,
    timeout: Duration,
}

/// At which step something happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    Login,
    Sender,
    Recipients,
    Data,
    Content,
}

impl Step {
    /// What to do about a refusal at this step.
    const fn advice(self) -> &'static str {
        match self {
            Step::Connect => "it takes no mail from here: look at `smtp`, and whether it knows this machine",
            Step::Login => "look at `username` and `password`",
            Step::Sender => "look at `from`: the server must let us send as that",
            Step::Recipients => "look at `to`, and whether the server passes mail on to there",
            Step::Data | Step::Content => {
                "the server does not take the message itself: look for its rules on content and size"
            }
        }
    }
}

impl<'a> Attempt<'a> {
    pub fn new(server: &'a Server, message: &'a Message, timeout: Duration) -> Attempt<'a> {
        Attempt { server, message, handed_over: AtomicBool::new(false), timeout }
    }

    /// Whether the content was being sent: from then on it may have arrived.
    pub fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::SeqCst)
    }

    /// Sends over a kept connection where it still lives, else over a new one; the connection where it can be kept.
    pub async fn run(&self, kept: Option<AsyncSmtpConnection>) -> (Delivery, Option<AsyncSmtpConnection>) {
        let mut connection = match self.connected(kept).await {
            Ok(connection) => connection,
            Err(delivery) => return (delivery, None),
        };
        let (delivery, usable) = match self.hand_over(&mut connection).await {
            Ok(delivery) => (delivery, true),
            // What the server answered leaves the connection well; the next message begins anew.
            Err((delivery, answered)) => (delivery, answered && connection.command(Rset).await.is_ok()),
        };
        (delivery, (usable && !connection.has_broken()).then_some(connection))
    }

    async fn connected(&self, kept: Option<AsyncSmtpConnection>) -> Result<AsyncSmtpConnection, Delivery> {
        if let Some(mut connection) = kept
            && connection.test_connected().await
        {
            return Ok(connection);
        }
        let implicit = match &self.server.security {
            Security::Implicit(parameters) => Some(parameters.clone()),
            Security::StartTls(_) | Security::None => None,
        };
        let Server { host, port, hello, connect_timeout, .. } = self.server;
        let connect =
            AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), Some(*connect_timeout), hello, implicit, None);
        let mut connection = connect.await.map_err(|e| self.failed(Step::Connect, &e))?;
        if let Security::StartTls(parameters) = &self.server.security {
            if !connection.can_starttls() {
                let why = "the server offers no STARTTLS, and nothing is sent in the clear".to_owned();
                return Err(Delivery::NotSent { why, retry_after: None, ill: true, class: FailureClass::Unreachable });
            }
            let upgraded = connection.starttls(parameters.clone(), hello).await;
            upgraded.map_err(|e| self.failed(Step::Connect, &e))?;
        }
        if let Some(login) = &self.server.login {
            let logged_in = connection.auth(DEFAULT_MECHANISMS, login).await;
            logged_in.map_err(|e| self.failed(Step::Login, &e))?;
        }
        Ok(connection)
    }

    /// The delivery; of one that failed also whether the server answered.
    async fn hand_over(&self, connection: &mut AsyncSmtpConnection) -> Result<Delivery, (Delivery, bool)> {
        let failed = |step, error: &Error| (self.failed(step, error), error.status().is_some());
        let envelope = self.message.envelope();
        let sender = Mail::new(envelope.from().cloned(), Vec::new());
        connection.command(sender).await.map_err(|e| failed(Step::Sender, &e))?;
        let mut refused: Vec<(String, Error)> = Vec::new();
        for to in envelope.to() {
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(e) if e.status().is_some() => refused.push((to.to_string(), e)),
                Err(e) => return Err(failed(Step::Recipients, &e)),
            }
        }
        if refused.len() == envelope.to().len() {
            // One that may be taken later makes it worth another attempt.
            let (_, error) = refused.iter().find(|(_, e)| e.is_transient()).unwrap_or(&refused[0]);
            return Err(failed(Step::Recipients, error));
        }
        connection.command(Data).await.map_err(|e| failed(Step::Data, &e))?;
        self.handed_over.store(true, Ordering::SeqCst);
        connection.message(&self.message.formatted()).await.map_err(|e| failed(Step::Content, &e))?;
        let but: Vec<String> = refused.iter().map(|(to, e)| format!("{to} was refused: {}", self.quote(e))).collect();
        Ok(Delivery::Delivered { but: (!but.is_empty()).then(|| but.join("; ")), receipt: None })
    }

    fn failed(&self, step: Step, error: &Error) -> Delivery {
        let said = self.quote(error);
        let code = error.status().map(u16::from);
        let class = class(step, error);
        let wait = |ill| Delivery::NotSent { why: said.clone(), retry_after: None, ill, class };
        match (step, code) {
            (Step::Login, Some(500..=599)) => {
                Delivery::Refused { why: format!("the login was refused: {said}: {}", step.advice()), class }
            }
            (Step::Login, None) if error.is_client() => {
                Delivery::Refused { why: format!("the server offers no login that we know: {said}"), class }
            }
            (_, Some(500..=599)) => Delivery::Refused { why: format!("{said}: {}", step.advice()), class },
            (Step::Content, None) => {
                unanswered(class, format!("no answer after the message was handed over: {said}"), None)
            }
            // 421: the server is going away. Another 4xx to a message is greylisting or a full mailbox.
            (Step::Sender | Step::Recipients | Step::Data | Step::Content, Some(code)) => wait(code == 421),
            (_, _) => wait(true),
        }
    }

    /// An error in one line: what the server said, or what happened to the connection.
    fn quote(&self, error: &Error) -> String {
        if error.is_timeout() {
            return format!("the mail server did not answer within {:?}", self.timeout);
        }
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            let said = next.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = next.source();
        }
        one_line(&self.server.secret.redact(&text).chars().take(300).collect::<String>())
    }
}

fn class(step: Step, error: &Error) -> FailureClass {
    if error.is_timeout() {
        return FailureClass::TimedOut;
    }
    match (step, error.status().map(u16::from)) {
        // RFC 5321: 421 is a server that goes away; 530 and 535 (RFC 4954) want a login or do not take it.
        (Step::Login, _) | (_, Some(530 | 535)) => FailureClass::Unauthorised,
        (_, Some(421)) => FailureClass::ServerError,
        (_, Some(400..=499)) => FailureClass::RateLimited,
        (_, Some(_)) => FailureClass::Rejected,
        (_, None) if is_cut_off(error) => FailureClass::Lost,
        (_, None) if error.is_response() => FailureClass::Malformed,
        (_, None) => FailureClass::of_connection(error),
    }
}

/// Whether the connection ended before an answer did: lettre has no kind of its own for that, only these words.
fn is_cut_off(error: &Error) -> bool {
    error.is_response()
        && std::error::Error::source(error).is_some_and(|cause| cause.to_string() == "incomplete response")
}
