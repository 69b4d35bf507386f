//! Reads the configuration again, one reading at a time, without holding up the loop.

use super::guard::spawned;
use super::views::Reloaded;
use super::{Event, Events, Loaded, Loader};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Where the end of a reload is awaited.
pub type Reply = oneshot::Sender<Result<Reloaded, String>>;

/// Who wants a reload, and whether one is under way.
pub struct Reloads {
    loader: Loader,
    events: Events,
    running: bool,
    /// Those who wait for the reading that is under way.
    waiting: Vec<Reply>,
    /// Asked for while one was under way, which may have read the files before they were whole.
    again: Option<Vec<Reply>>,
}

impl Reloads {
    #[must_use]
    pub fn new(loader: Loader, events: Events) -> Reloads {
        Reloads { loader, events, running: false, waiting: Vec::new(), again: None }
    }

    /// Asks for a reload. It ends as an [`Event::Loaded`].
    pub fn ask(&mut self, reply: Option<Reply>) {
        if self.running {
            self.again.get_or_insert_default().extend(reply);
            return;
        }
        self.waiting.extend(reply);
        self.running = true;
        let (loader, events) = (Arc::clone(&self.loader), self.events.clone());
        tokio::spawn(async move {
            let loaded = spawned(move || loader()).await;
            let loaded = loaded.unwrap_or_else(|panic| Err(format!("a bug was caught while loading: {panic}")));
            // A loop that is gone needs no configuration.
            let _ = events.send(Event::Loaded(loaded.map(Box::new)));
        });
    }

    /// One has ended so: tells those who wait, and starts the next where one was asked for.
    pub fn ended(&mut self, result: &Result<Reloaded, String>) {
        self.running = false;
        for reply in self.waiting.drain(..) {
            // Who went away does not want to know.
            let _ = reply.send(result.clone());
        }
        if let Some(replies) = self.again.take() {
            self.waiting = replies;
            self.ask(None);
        }
    }
}

/// Only to name it in [`Event`].
pub type LoadResult = Result<Box<Loaded>, String>;
