//! A wall around other people's bugs: a panic becomes an error of the one who panicked.

use futures_util::FutureExt as _;
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// What a future gave, or what it panicked with. Nothing that it held is used afterwards.
pub async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| text(&*panic))
}

/// What a function gave on a thread that may be busy for long, or what it panicked with.
pub async fn spawned<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => text(&*panic),
        Err(cancelled) => cancelled.to_string(),
    })
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("a panic without words").to_owned()
}
