//! What a person orders: it is worked out at once, enters the core, and is answered once it is durable.

use super::Daemon;
use crate::core::Input;
use crate::runtime::silences::{self, Silence, SilenceRefused, SilenceRequest, Silenced};
use crate::runtime::views::ResetBreaker;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Daemon {
    pub(super) fn put_silence(
        &mut self,
        request: SilenceRequest,
        reply: oneshot::Sender<Result<Silenced, SilenceRefused>>,
    ) -> Option<Input> {
        let (now, dry_run) = (self.clock.now(), request.dry_run);
        match silences::granted(&mut self.core, request, now) {
            Ok((silence, silenced)) if !dry_run => {
                self.promise(reply, silenced);
                Some(Input::Silence(Box::new(silence)))
            }
            answer => {
                drop(reply.send(answer.map(|(_, silenced)| silenced)));
                None
            }
        }
    }

    pub(super) fn expire_silence(
        &mut self,
        id: String,
        reply: oneshot::Sender<Result<Silence, SilenceRefused>>,
    ) -> Option<Input> {
        match silences::expired(&self.core, &id, self.clock.now()) {
            Ok(silence) => {
                self.promise(reply, silence);
                Some(Input::ExpireSilence { id: Arc::from(id) })
            }
            Err(why) => {
                drop(reply.send(Err(why)));
                None
            }
        }
    }

    /// No promise is kept of it: a start has what was tripped tried when its wait is over.
    pub(super) fn reset_breaker(
        &mut self,
        name: &str,
        reply: oneshot::Sender<Result<Vec<ResetBreaker>, String>>,
    ) -> Option<Input> {
        let found = self.core.breakers_named(name, self.clock.now());
        if found.is_empty() {
            let names = self.core.breaker_names();
            let listed: Vec<&str> = names.iter().map(|name| &**name).collect();
            let unknown = format!("there is no channel or source `{name}`: there are {}", listed.join(", "));
            drop(reply.send(Err(unknown)));
            return None;
        }
        let reset = found.into_iter().map(|(of, was, failures)| ResetBreaker { of, was, failures });
        drop(reply.send(Ok(reset.collect())));
        Some(Input::ResetBreaker(Arc::from(name)))
    }

    /// Gives this answer once the turn is durable.
    fn promise<T: Send + 'static>(&mut self, reply: oneshot::Sender<Result<T, SilenceRefused>>, answer: T) {
        self.promises.push(Box::new(move |kept| {
            let answer = kept.map(|()| answer).map_err(SilenceRefused::not_kept);
            drop(reply.send(answer));
        }));
    }
}
