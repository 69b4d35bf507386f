//! What the system asks of the process.

use tokio::sync::mpsc;

/// A wish of the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Reload,
    /// SIGTERM, SIGINT: with its name.
    Stop(&'static str),
}

/// Listens for signals from now on.
///
/// # Errors
/// Where the system refuses.
#[cfg(unix)]
pub fn listen() -> std::io::Result<mpsc::Receiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(4);
    let all = [
        (SignalKind::hangup(), Signal::Reload),
        (SignalKind::terminate(), Signal::Stop("SIGTERM")),
        (SignalKind::interrupt(), Signal::Stop("SIGINT")),
    ];
    for (kind, meaning) in all {
        let (mut stream, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                // A loop with four signals to hear has heard enough.
                let _ = sender.try_send(meaning);
            }
        });
    }
    Ok(receiver)
}

/// Listens for Ctrl-C from now on.
///
/// # Errors
/// Never here.
#[cfg(not(unix))]
pub fn listen() -> std::io::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.try_send(Signal::Stop("Ctrl-C"));
        }
    });
    Ok(receiver)
}
