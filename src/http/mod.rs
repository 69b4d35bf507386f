//! HEALTH, METRICS AND THE API: questions that the loop answers between two turns.
//!
//! It listens on loopback unless told otherwise. `access` says who may ask what, and `guard` keeps web pages from reaching
//! it through somebody's browser.

pub mod access;
mod api;
mod gate;
mod guard;
mod query;
mod silences;
pub mod tokens;

pub use access::Access;
pub use guard::Guard;

use crate::runtime::handle::Handle;
use access::Peer;
use axum::Extension;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long one connection may last, however it is used.
const CONNECTION_MAX: Duration = Duration::from_mins(10);
/// Connections at once; more wait.
const CONNECTIONS_MAX: usize = 64;

/// Takes the address.
///
/// # Errors
/// Says what to do where it cannot be had.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(listen).await.map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => format!(
            "{listen} is in use, perhaps by another Bellwether: stop that one, or set another address with \
             `server: {{ listen: \"{}:9601\" }}`",
            listen.ip()
        ),
        ErrorKind::AddrNotAvailable => {
            format!("{listen} is no address of this machine: set `server: {{ listen: \"127.0.0.1:9600\" }}`")
        }
        ErrorKind::PermissionDenied => format!("this user may not listen on {listen}: take a port above 1023"),
        _ => format!("cannot listen on {listen}: {e}"),
    })
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, handle: Handle, guard: Guard, access: Access) {
    let (router, slots) = (api::router(handle, guard, &access), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, from)) => {
                // A socket of both families shows IPv4 as a part of IPv6.
                let router = router.clone().layer(Extension(Peer(from.ip().to_canonical())));
                tokio::spawn(async move {
                    connection(stream, router).await;
                    drop(slot);
                });
            }
            // Out of file descriptors: they come back when connections end.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A client that went away or talks nonsense is its own affair.
    let _ = timeout(CONNECTION_MAX, served).await;
}

#[cfg(test)]
mod tests;
