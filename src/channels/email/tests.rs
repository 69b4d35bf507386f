//! Against an SMTP server of few lines that does as it is told.

use crate::channels::conformance::{build, outcome};
use crate::channels::render::samples;
use crate::model::{Delivery, Notification};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server says to a command; the first whose words begin the line counts. `HANG` and `CLOSE` are no answers.
type Script = &'static [(&'static str, &'static str)];

struct Server {
    port: u16,
    /// What the clients said, each connection begun by `(connected)`.
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::clone(&said));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                heard.lock().unwrap().push("(connected)".to_owned());
                tokio::spawn(converse(stream, script, Arc::clone(&heard)));
            }
        });
        Server { port, said }
    }

    fn said(&self, start: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    fn yaml(&self, more: &str) -> String {
        let port = self.port;
        format!("smtp: 'smtp://127.0.0.1:{port}?tls=none', from: a@x.example, {more}")
    }
}

async fn converse(stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut content) = ("(greeting)".to_owned(), false);
    loop {
        heard.lock().unwrap().push(line.trim_end().to_owned());
        let end_of_content = content && line == ".\r\n";
        if !content || end_of_content {
            let asked = if end_of_content { "(content)" } else { line.as_str() };
            let answer =
                script.iter().find(|(start, _)| asked.starts_with(start)).map_or("250 ok", |(_, answer)| answer);
            match answer {
                "HANG" => std::future::pending::<()>().await,
                "CLOSE" => return None,
                answer => stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await.ok()?,
            }
            content = asked.starts_with("DATA") && answer.starts_with("354");
        }
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
    }
}

const WELL: Script = &[("(greeting)", "220 hello"), ("DATA", "354 go on"), ("QUIT", "221 bye")];

/// The script of a server that is well but for one answer.
macro_rules! but {
    ($($fault:expr),+) => { &[$($fault),+, ("(greeting)", "220 hello"), ("DATA", "354 go on"), ("QUIT", "221 bye")] };
}

fn fired() -> Notification {
    samples::all().swap_remove(0).1
}

#[tokio::test]
async fn each_fault_of_a_mail_server_has_its_outcome() {
    let cases: [(&str, Script, &str); 29] = [
        ("well", WELL, "delivered"),
        ("busy at the door", but![("(greeting)", "421 too busy")], "not_sent ill"),
        ("no mail here", but![("(greeting)", "554 no")], "refused"),
        ("later at the door", but![("(greeting)", "451 later")], "not_sent ill"),
        ("leaves at the sender", but![("MAIL", "421 shutting down")], "not_sent ill"),
        ("leaves at the data", but![("DATA", "421 shutting down")], "not_sent ill"),
        ("leaves after the content", but![("(content)", "421 shutting down")], "not_sent ill"),
        ("content to try later", but![("(content)", "451 local error")], "not_sent"),
        ("content unwanted", but![("(content)", "550 not this")], "refused"),
        ("mute at the door", but![("(greeting)", "HANG")], "not_sent ill"),
        ("gone at the door", but![("(greeting)", "CLOSE")], "not_sent ill"),
        ("not a mail server", but![("(greeting)", "HTTP/1.1 400 Bad Request")], "not_sent ill"),
        ("no such sender", but![("MAIL", "550 who?")], "refused"),
        ("sender to wait", but![("MAIL", "452 later")], "not_sent"),
        ("mute at the sender", but![("MAIL", "HANG")], "not_sent ill"),
        ("greylisted", but![("RCPT", "451 4.7.1 greylisted")], "not_sent"),
        ("both refused", but![("RCPT", "550 unknown")], "refused"),
        ("one refused", but![("RCPT TO:<b@", "550 unknown")], "delivered but"),
        ("one greylisted", but![("RCPT TO:<b@", "451 later")], "delivered but"),
        ("one refused, one greylisted", but![("RCPT TO:<b@", "550 no"), ("RCPT", "451 later")], "not_sent"),
        ("gone at the recipient", but![("RCPT", "CLOSE")], "not_sent ill"),
        ("leaves at the recipient", but![("RCPT", "421 shutting down")], "not_sent ill"),
        ("no data", but![("DATA", "554 no valid recipients")], "refused"),
        ("no data now", but![("DATA", "451 later")], "not_sent"),
        ("content refused", but![("(content)", "554 spam")], "refused"),
        ("content to wait", but![("(content)", "452 disk full")], "not_sent"),
        ("mute after the content", but![("(content)", "HANG")], "unanswered"),
        ("gone after the content", but![("(content)", "CLOSE")], "unanswered"),
        ("babble after the content", but![("(content)", "<html>")], "unanswered"),
    ];
    for (case, script, want) in cases {
        let server = Server::start(script).await;
        let timeout = if script[0].1 == "HANG" { "300ms" } else { "10s" };
        let yaml = server.yaml(&format!("timeout: {timeout}, to: [b@y.example, c@z.example]"));
        let mail = build("email", &yaml).unwrap();
        let delivery = mail.send(&fired()).await;
        assert_eq!(outcome(&delivery), want, "{case}: {delivery:?}");
        if let Delivery::Delivered { but: Some(but), .. } = delivery {
            assert!(but.starts_with("b@y.example was refused"), "{but}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_lost_and_babble_is_malformed() {
    for (step, answer, want) in [
        ("(content)", "CLOSE", "lost"),
        ("MAIL", "CLOSE", "lost"),
        ("(content)", "<html>", "malformed"),
        ("(content)", "421 shutting down", "server_error"),
    ] {
        let delivery = ends(step, answer).await;
        assert_eq!(delivery.class().map(crate::model::FailureClass::name), Some(want), "{step}: {delivery:?}");
    }
}

#[tokio::test]
async fn a_refusal_says_at_which_step_and_what_to_look_at() {
    for (script, want) in [
        (but![("(greeting)", "554 no")], "look at `smtp`"),
        (but![("MAIL", "550 5.7.1 not yours")], "look at `from`"),
        (but![("RCPT", "550 5.1.1 unknown")], "look at `to`"),
        (but![("DATA", "554 no")], "the message itself"),
        (but![("(content)", "554 spam")], "the message itself"),
    ] as [(Script, &str); 5]
    {
        let server = Server::start(script).await;
        let delivery = build("email", &server.yaml("to: b@y.example")).unwrap().send(&fired()).await;
        let Delivery::Refused { why, .. } = &delivery else { panic!("{want}: {delivery:?}") };
        assert!(why.contains(want) && why.contains(script[0].1.split(' ').next_back().unwrap()), "{why}");
    }
}

#[tokio::test]
async fn without_a_connection_or_without_tls_nothing_was_sent() {
    let server = Server::start(but![("EHLO", "250 HELP")]).await;
    let nobody = testkit::free_port();
    for (smtp, want) in [
        (format!("smtp://127.0.0.1:{nobody}?tls=none"), "no connection"),
        (format!("smtp://127.0.0.1:{}", server.port), "offers no STARTTLS"),
        (format!("smtps://127.0.0.1:{}", server.port), ""),
        ("smtps://no-such-host.invalid".to_owned(), ""),
    ] {
        let yaml = format!("smtp: '{smtp}', from: a@x.example, to: b@y.example, timeout: 4s");
        let delivery = build("email", &yaml).unwrap().send(&fired()).await;
        assert_eq!(outcome(&delivery), "not_sent ill", "{smtp}: {delivery:?}");
        if want.contains("STARTTLS") {
            assert!(format!("{delivery:?}").contains(want), "{delivery:?}");
        }
    }
    assert_eq!(server.said("MAIL"), 0);
}

#[tokio::test]
async fn a_login_that_fails_is_told_without_the_password() {
    let cases: [(Script, &str); 3] = [
        (but![("EHLO", "250 AUTH PLAIN"), ("AUTH", "535 hunter2 is not the password")], "refused"),
        (but![("EHLO", "250 AUTH PLAIN"), ("AUTH", "454 try later")], "not_sent ill"),
        (but![("EHLO", "250 AUTH GSSAPI")], "refused"),
    ];
    for (script, want) in cases {
        let server = Server::start(script).await;
        let yaml = server.yaml("to: b@y.example, username: ana, password: hunter2");
        let delivery = build("email", &yaml).unwrap().send(&fired()).await;
        assert_eq!(outcome(&delivery), want, "{delivery:?}");
        assert!(!format!("{delivery:?}").contains("hunter2"), "{delivery:?}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_also_after_a_refusal() {
    for (script, sends) in [(WELL, 3), (but![("RCPT", "550 unknown")], 3)] {
        let server = Server::start(script).await;
        let mail = build("email", &server.yaml("to: b@y.example")).unwrap();
        for _ in 0..sends {
            mail.send(&fired()).await;
        }
        assert_eq!((server.said("(connected)"), server.said("MAIL")), (1, sends));
    }
    // One that the server has closed in the meantime costs nothing but a new one.
    let server = Server::start(but![("NOOP", "CLOSE")]).await;
    let mail = build("email", &server.yaml("to: b@y.example")).unwrap();
    for _ in 0..2 {
        assert_eq!(outcome(&mail.send(&fired()).await), "delivered");
    }
    assert_eq!(server.said("(connected)"), 2);
}

#[tokio::test]
async fn a_resolve_stands_under_its_alert_and_data_adds_no_header() {
    let server = Server::start(WELL).await;
    let mail = build("email", &server.yaml("to: ['On call <b@y.example>', c@z.example]")).unwrap();
    let mut first = fired();
    first.thread = Arc::clone(&first.id);
    mail.send(&first).await;
    let hostile = samples::hostile();
    mail.send(&hostile).await;
    mail.send(&hostile).await;
    let said = server.said.lock().unwrap().clone();
    let headers =
        |name: &str| -> Vec<&str> { said.iter().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).collect() };
    // A retry has the id of the message that it repeats.
    assert_eq!(headers("Message-ID"), ["<n-7f3a-2@x.example>"; 3]);
    assert_eq!(headers("In-Reply-To"), ["<n-7f3a-1@x.example>"; 2]);
    assert_eq!(headers("References"), ["<n-7f3a-1@x.example>"; 2]);
    assert_eq!(headers("Date"), ["Thu, 05 Mar 2026 14:00:10 +0000"; 3]);
    assert_eq!(headers("To"), ["\"On call\" <b@y.example>, c@z.example"; 3]);
    assert_eq!(headers("Auto-Submitted"), ["auto-generated"; 3]);
    assert_eq!(headers("Bcc"), Vec::<&str>::new());
    assert_eq!(server.said("RCPT TO:"), 6, "{said:#?}");
    for part in ["Content-Type: text/plain; charset=utf-8", "Content-Type: text/html; charset=utf-8"] {
        assert_eq!(said.iter().filter(|line| *line == part).count(), 3);
    }
}

#[test]
fn an_end_has_the_subject_and_the_references_of_the_alarm_before_it() {
    // Decoded, as a reader has it.
    let header = |mail: &lettre::Message, name| mail.headers().get_raw(name).unwrap_or_default().to_owned();
    let sample = |name: &str| samples::all().into_iter().find(|(n, _)| *n == name).unwrap().1;
    let compose = |notification: &Notification, to: &str| {
        let (from, to) = ("a@x.example".parse().unwrap(), [to.parse().unwrap()]);
        super::compose::compose(notification, &from, &to, None).unwrap()
    };
    let mut first = None;
    let mut subject = String::new();
    for (name, n, under, alarms) in [
        ("fired", 1, "", true),
        ("eased", 2, "<n-1@x.example>", false),
        ("escalated", 3, "<n-1@x.example>", true),
        ("repeat", 4, "<n-1@x.example> <n-3@x.example>", false),
        ("resolved", 5, "<n-1@x.example> <n-3@x.example>", false),
    ] {
        let (id, thread) = (Arc::from(format!("n-{n}")), Arc::from("n-1"));
        let composed = compose(&Notification { id, thread, first: first.clone(), ..sample(name) }, "b@y.example");
        assert_eq!(header(&composed.mail, "References"), under, "{name}");
        assert_eq!(header(&composed.mail, "In-Reply-To"), under.rsplit(' ').next().unwrap(), "{name}");
        let written = header(&composed.mail, "Subject");
        if alarms {
            assert!(written.starts_with("CRITICAL") && written != subject, "{name}: {written}");
            (first, subject) = (composed.receipt, written);
        } else {
            assert_eq!((composed.receipt, written), (None, format!("Re: {subject}")), "{name}");
        }
    }
    // Whoever is told since a reload has no mail that this one could answer.
    let to_another = compose(&Notification { first, ..sample("resolved") }, "c@z.example");
    assert!(header(&to_another.mail, "Subject").starts_with("RESOLVED"));
    assert!(to_another.receipt.is_some());
}

/// How a send ends on a server that answers this once the client has begun, for whoever wants to know it by the fault's name.
pub async fn ends(step: &'static str, answer: &'static str) -> Delivery {
    let script: Script = Box::leak(Box::new([(step, answer), WELL[0], WELL[1], WELL[2]]));
    let server = Server::start(script).await;
    build("email", &server.yaml("to: b@y.example")).unwrap().send(&fired()).await
}
