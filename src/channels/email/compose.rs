//! A notification as a mail: headers, text and HTML. Pure.

use crate::channels::render::{Message, html, one_line, plain};
use crate::model::Notification;
use lettre::Message as Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use std::time::{Duration, SystemTime};

/// How long a subject may be, in characters: beyond that no mail program shows it.
const SUBJECT_MAX: usize = 200;

/// The mail. Its identity and its time are the notification's, so that a retry is the same message.
pub(super) fn compose(
    notification: &Notification,
    from: &Mailbox,
    to: &[Mailbox],
    url: Option<&str>,
) -> Result<Mail, String> {
    let message = Message::new(notification, url);
    let subject: String = one_line(&message.headline).chars().take(SUBJECT_MAX).collect();
    let id = |id: &str| format!("<{}@{}>", one_line(id), from.email.domain());
    let mut mail = Mail::builder().from(from.clone()).subject(subject).message_id(Some(id(&notification.id)));
    mail = to.iter().fold(mail, |mail, to| mail.to(to.clone()));
    if notification.thread != notification.id {
        let thread = id(&notification.thread);
        mail = mail.in_reply_to(thread.clone()).references(thread);
    }
    // RFC 3834: so that nobody's holiday note answers it.
    mail = mail
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    let micros = u64::try_from(notification.at.as_micros()).unwrap_or(0);
    mail = mail.date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
    let parts = MultiPart::alternative_plain_html(plain::plain(&message), html::html(&message));
    mail.multipart(parts).map_err(|e| format!("the mail cannot be composed: {e}"))
}
