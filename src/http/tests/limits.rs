//! Who sends too much, too slowly, or opens too many connections.

use super::*;
use tokio::net::TcpSocket;

/// A connection to this server from this address of the machine, on which this was sent.
async fn connected(url: &str, from: &str, text: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn answer_to(url: &str, from: &str, text: &str) -> String {
    let (mut stream, mut answer) = (connected(url, from, text).await, Vec::new());
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const STATUS: &str = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Hundreds of connections that send a head letter by letter, or nothing, hold up nobody: neither others nor those of the
/// same address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_flood_of_silent_connections_takes_no_place_from_who_asks() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    let mut silent = Vec::new();
    for n in 0..400 {
        silent.push(connected(&url, "127.0.0.2", ["", "GET /api/v1/al"][n % 2]).await);
    }
    for from in ["127.0.0.1", "127.0.0.2"] {
        for (question, want) in [(HEALTH, "ok\n"), (STATUS, "\"version\"")] {
            let answer = answer_to(&url, from, question).await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(want), "{from}: {answer}");
        }
    }
    for stream in &mut silent[390..] {
        stream.write_all(b"e").await.unwrap();
    }
    assert!(answer_to(&url, "127.0.0.1", HEALTH).await.starts_with("HTTP/1.1 200"));
    let mut byte = [0];
    let first = tokio::time::timeout(Duration::from_secs(5), silent[0].read(&mut byte)).await;
    assert!(matches!(first, Ok(Ok(0) | Err(_))), "the first of the silent ones had to leave: {first:?}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    let head = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let announced = answer_to(&url, "127.0.0.1", &format!("{head}Content-Length: 1048577\r\n\r\n")).await;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("longer than 1048576 bytes"), "{announced}");
    let chunk = "x".repeat(1 << 20);
    let chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n100000\r\n{chunk}\r\n1\r\nx\r\n0\r\n\r\n");
    let chunked = answer_to(&url, "127.0.0.1", &chunks).await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    let fits = answer_to(&url, "127.0.0.1", &format!("{head}Content-Length: 2\r\n\r\n{{}}")).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let url = daemon(Ok(Reloaded { checks: 3 })).await;
    let head = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx";
    let mut stream = connected(&url, "127.0.0.1", head).await;
    tokio::time::pause();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
}
