//! Whether sources are asked: a daemon whose requests are all stuck turns, writes, and sees nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long requests may wait for their turn without one of them having it.
const STUCK: Duration = Duration::from_mins(1);

/// The requests that wait until others have ended, and when one last had its turn.
#[derive(Clone, Debug, Default)]
pub struct Asking(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: usize,
    /// When a request last had its turn, or began to wait while no other did.
    moved: Option<Instant>,
}

/// A request that waits; dropped when it has its turn, or is given up.
pub struct Waiting<'a>(&'a Asking);

impl Asking {
    /// A request waits for its turn from now on.
    pub fn wait(&self) -> Waiting<'_> {
        let mut queue = self.queue();
        if queue.waiting == 0 {
            queue.moved = Some(Instant::now());
        }
        queue.waiting += 1;
        Waiting(self)
    }

    /// Whether requests have their turns.
    pub fn is_going(&self) -> bool {
        let queue = self.queue();
        queue.waiting == 0 || queue.moved.is_none_or(|at| at.elapsed() < STUCK)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// It has its turn.
    pub fn ends(self) {
        self.0.queue().moved = Some(Instant::now());
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.queue().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn requests_of_which_none_has_its_turn_for_a_minute_are_stuck() {
        let asking = Asking::default();
        assert!(asking.is_going(), "nothing is to be asked");
        let first = asking.wait();
        let second = asking.wait();
        advance(STUCK / 2).await;
        first.ends();
        advance(STUCK / 2).await;
        assert!(asking.is_going(), "one had its turn half a minute ago");
        advance(STUCK / 2).await;
        assert!(!asking.is_going(), "the second waits for more than a minute since");
        drop(second);
        assert!(asking.is_going(), "it was given up: nothing waits");
        advance(STUCK * 2).await;
        let _third = asking.wait();
        assert!(asking.is_going(), "it waits only now");
    }
}
