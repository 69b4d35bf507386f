//! # `console`: the terminal that the daemon runs in
//!
//! ```yaml
//! channels:
//!   terminal: { console: {} }
//! ```
//!
//! **What is written.** To standard output: one line with the time and the headline, and under it what is known, further
//! in. It is coloured where standard output is a terminal and `NO_COLOR` is not set. Control characters of the data are
//! dropped. The daemon's own log goes to standard error.

use super::Channel;
use super::keys::{TIMEOUT, timeout};
use super::registry::{Context, Kind};
use super::render::{Message, plain};
use super::unanswered;
use crate::config::{Record, Settings};
use crate::model::{Delivery, FailureClass, Notification};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

pub const KIND: Kind = Kind {
    name: "console",
    source_text: include_str!("console.rs"),
    record: &RECORD,
    rate: None,
    room: |_| None,
    check: |_| Vec::new(),
    build: |settings, context| Ok(Arc::new(stdout(settings, context))),
};

static RECORD: Record = Record::new("console", "The terminal that the daemon runs in.", &[TIMEOUT]);

/// Writes to a stream, one message at a time.
struct Console<W> {
    out: Arc<Mutex<W>>,
    coloured: bool,
    timeout: Duration,
    url: Option<Arc<str>>,
}

fn stdout(settings: &Settings, context: &Context) -> Console<std::io::Stdout> {
    let out = std::io::stdout();
    let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    Console { out: Arc::new(Mutex::new(out)), coloured, timeout: timeout(settings), url: context.url.clone() }
}

#[async_trait::async_trait]
impl<W: Write + Send + 'static> Channel for Console<W> {
    async fn send(&self, notification: &Notification) -> Delivery {
        let message = Message::new(notification, self.url.as_deref());
        let text = if self.coloured { plain::coloured(&message) } else { plain::plain(&message) };
        let text = format!("{} {text}", notification.at.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ"));
        // A pipe that nobody reads blocks the writer: it waits on a thread of its own, and the next message for it.
        let Ok(mut out) = tokio::time::timeout(self.timeout, Arc::clone(&self.out).lock_owned()).await else {
            return not_sent(
                FailureClass::TimedOut,
                format!("waited {:?} while another message was being written", self.timeout),
            );
        };
        let write = tokio::task::spawn_blocking(move || out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        match tokio::time::timeout(self.timeout, write).await {
            Ok(Ok(Ok(()))) => Delivery::delivered(),
            Ok(Ok(Err(e))) => not_sent(FailureClass::Lost, format!("cannot write to standard output: {e}")),
            Ok(Err(e)) => unanswered(FailureClass::Other, format!("the writer ended: {e}"), None),
            Err(_) => {
                unanswered(FailureClass::TimedOut, format!("standard output took nothing for {:?}", self.timeout), None)
            }
        }
    }
}

fn not_sent(class: FailureClass, why: String) -> Delivery {
    Delivery::NotSent { why, retry_after: None, ill: true, class }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::render::samples;
    use std::sync::mpsc;

    struct Fails;

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Takes nothing until its sender is gone.
    struct Blocks(mpsc::Receiver<()>);

    impl Write for Blocks {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(text.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn console<W>(out: W, coloured: bool) -> Console<W> {
        Console { out: Arc::new(Mutex::new(out)), coloured, timeout: Duration::from_millis(50), url: None }
    }

    #[tokio::test]
    async fn a_message_is_written_whole_and_coloured_for_a_terminal_alone() {
        let (_, fired) = samples::all().swap_remove(0);
        for (coloured, first_line) in [
            (false, "2026-03-05T14:00:10Z CRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline"),
            (
                true,
                "2026-03-05T14:00:10Z \x1b[1;31mCRITICAL processor-slowdown — PredictionCoordinator ran 8.2x its baseline\x1b[0m",
            ),
        ] {
            let console = console(Vec::new(), coloured);
            assert_eq!(console.send(&fired).await, Delivery::delivered());
            let text = String::from_utf8(console.out.lock().await.clone()).unwrap();
            assert_eq!(text.lines().next(), Some(first_line));
            assert!(text.ends_with("declared   rules/slow.yaml:4\n"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_closed_pipe_is_not_sent_and_a_full_one_is_unanswered() {
        let (_, fired) = samples::all().swap_remove(0);
        assert!(matches!(console(Fails, false).send(&fired).await, Delivery::NotSent { ill: true, .. }));
        let (reader, full) = mpsc::channel();
        let console = console(Blocks(full), false);
        assert!(matches!(console.send(&fired).await, Delivery::Unanswered { .. }));
        assert!(matches!(console.send(&fired).await, Delivery::NotSent { .. }), "the next waits for the first");
        drop(reader);
    }
}
