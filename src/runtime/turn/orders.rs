//! What a person orders: it is worked out at once, enters the core, and is answered once it is durable.

use super::Daemon;
use crate::core::Input;
use crate::runtime::silences::{self, Silence, SilenceRefused, SilenceRequest, Silenced};
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
    pub(super) fn reset_breaker(&self, name: &str, reply: oneshot::Sender<Result<(), String>>) -> Option<Input> {
        let names = self.core.breaker_names();
        let known = names.get(name).cloned();
        let listed: Vec<&str> = names.iter().map(|name| &**name).collect();
        let unknown = || format!("there is no channel or source `{name}`: there are {}", listed.join(", "));
        drop(reply.send(known.as_ref().map(|_| ()).ok_or_else(unknown)));
        known.map(Input::ResetBreaker)
    }

    /// Gives this answer once the turn is durable.
    fn promise<T: Send + 'static>(&mut self, reply: oneshot::Sender<Result<T, SilenceRefused>>, answer: T) {
        self.promises.push(Box::new(move |kept| {
            let answer = kept.map(|()| answer).map_err(SilenceRefused::not_kept);
            drop(reply.send(answer));
        }));
    }
}
