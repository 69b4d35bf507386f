//! HEALTH, METRICS AND THE API: questions that the loop answers between two turns.
//!
//! It listens on loopback unless told otherwise. `access` says who may ask what, and `guard` keeps web pages from reaching
//! it through somebody's browser.

pub mod access;
mod api;
mod breakers;
pub mod doors;
mod drill;
mod gate;
mod guard;
mod house;
mod limits;
mod query;
mod silences;
pub mod tls;
pub mod tokens;
mod v2;

pub use access::Access;
pub use doors::Doors;
pub use guard::Guard;

use crate::runtime::handle::Handle;
use access::Peer;
use axum::Router;
use axum::http::Request;
use house::{Guest, Seat};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long one connection may last, however it is used.
const CONNECTION_MAX: Duration = Duration::from_mins(10);
/// How long a client may take to agree on TLS.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

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
pub async fn serve(listener: TcpListener, handle: Handle, guard: Guard, doors: Doors) {
    let router = api::router(handle, guard, &doors);
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            // Out of file descriptors: they come back when connections end.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        // A socket of both families shows IPv4 as a part of IPv6.
        let from = from.ip().to_canonical();
        if let Some(guest) = doors.house().enter(from, Instant::now()) {
            tokio::spawn(connection(stream, guest, from, router.clone(), doors.tls()));
            continue;
        }
        doors.telemetry().request_refused("connections");
        // In plain words where they fit; who speaks TLS hears that it is over.
        if !doors.has_tls() {
            let _ = stream.try_write(FULL);
        }
    }
}

/// What a client hears that has no room.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

async fn connection(stream: TcpStream, guest: Guest, from: IpAddr, router: Router, tls: Option<Arc<ServerConfig>>) {
    let seat = Arc::clone(&guest.seat);
    // An answer that is small leaves at once.
    let _ = stream.set_nodelay(true);
    let served = async {
        match tls {
            None => exchange(stream, &guest.seat, from, router).await,
            Some(tls) => {
                if let Ok(Some(stream)) = timeout(HANDSHAKE_PATIENCE, agreed(stream, tls)).await {
                    exchange(stream, &guest.seat, from, router).await;
                }
            }
        }
    };
    tokio::select! {
        _ = timeout(CONNECTION_MAX, served) => {}
        () = seat.shown_the_door() => {}
    }
}

/// A client that speaks plain HTTP where TLS is spoken is told so.
async fn agreed(mut stream: TcpStream, tls: Arc<ServerConfig>) -> Option<TlsStream<TcpStream>> {
    let mut first = [0; 1024];
    if stream.peek(&mut first[..1]).await.is_ok_and(|read| read == 1 && first[0].is_ascii_uppercase()) {
        let _ = stream.read(&mut first).await;
        let _ = stream.write_all(NOT_PLAIN).await;
        return None;
    }
    TlsAcceptor::from(tls).accept(stream).await.ok()
}

/// What a client of plain HTTP hears.
const NOT_PLAIN: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 36\r\nConnection: close\r\n\r\n\
    HTTPS is spoken here: write https://";

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, seat: &Seat, from: IpAddr, router: Router) {
    let service = TowerToHyperService::new(router);
    let answer = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(from));
        seat.set_silent(None);
        let answer = service.call(request);
        async {
            let answer = answer.await;
            seat.set_silent(Some(Instant::now()));
            answer
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), answer);
    // A client that went away or talks nonsense is its own affair.
    let _ = served.await;
}

#[cfg(test)]
mod tests;
