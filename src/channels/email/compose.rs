//! A notification as a mail: headers, text and HTML. Pure.

use crate::channels::render::{Message, html, one_line, plain};
use crate::model::{Notification, Receipt};
use lettre::Message as Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A mail, and what names it where it begins a thread.
#[derive(Debug)]
pub(super) struct Composed {
    pub mail: Mail,
    pub receipt: Option<Receipt>,
}

/// The mail. Its identity and its time are the notification's, so that a retry is the same message.
pub(super) fn compose(
    notification: &Notification,
    from: &Mailbox,
    to: &[Mailbox],
    url: Option<&str>,
) -> Result<Composed, String> {
    let message = Message::new(notification, url);
    let thread = Thread::new(notification, &message, from, to);
    let mut mail = Mail::builder().from(from.clone()).subject(&thread.subject).message_id(Some(thread.id.clone()));
    mail = to.iter().fold(mail, |mail, to| mail.to(to.clone()));
    if let Some(last) = thread.references.last() {
        mail = mail.in_reply_to(last.clone()).references(thread.references.join(" "));
    }
    // RFC 3834: so that nobody's holiday note answers it.
    mail = mail
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    let micros = u64::try_from(notification.at.as_micros()).unwrap_or(0);
    mail = mail.date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
    let parts = MultiPart::alternative_plain_html(plain::plain(&message), html::html(&message));
    let mail = mail.multipart(parts).map_err(|e| format!("the mail cannot be composed: {e}"))?;
    Ok(Composed { mail, receipt: thread.receipt })
}

/// Where a mail stands among the others of its group.
struct Thread {
    id: String,
    subject: String,
    /// The ids of what it answers, the first first (RFC 5322, 3.6.4).
    references: Vec<String>,
    /// Of a mail whose subject is its own: what follows stands under it.
    receipt: Option<Receipt>,
}

impl Thread {
    fn new(notification: &Notification, message: &Message<'_>, from: &Mailbox, to: &[Mailbox]) -> Thread {
        let full_id = |id: &str| format!("<{}@{}>", one_line(id), from.email.domain());
        let id = full_id(&notification.id);
        let to: Vec<String> = to.iter().map(|to| to.email.to_string()).collect();
        let to: Arc<str> = Arc::from(to.join(", "));
        // Others, since a reload, have none of it.
        let first = notification.first.as_ref().filter(|first| first.to == to);
        let references: Vec<String> = match first {
            Some(first) => first.place.split(' ').map(str::to_owned).collect(),
            // The first may have come all the same.
            None if notification.thread != notification.id => vec![full_id(&notification.thread)],
            None => Vec::new(),
        };
        // An alarm has a subject of its own, since people go by it.
        if let Some(first) = first.filter(|_| !notification.alarms()) {
            return Thread { id, subject: format!("Re: {}", first.message), references, receipt: None };
        }
        let subject = message.subject();
        let place = references.first().map_or_else(|| id.clone(), |root| format!("{root} {id}"));
        let receipt = Receipt {
            to,
            place: place.into(),
            message: Arc::from(subject.as_str()),
            said: Arc::from(""),
            shared: false,
        };
        Thread { id, subject, references, receipt: Some(receipt) }
    }
}
