//! An HTTP client of few lines, so that a test's question does not go through the code it tests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Asks a server on this machine; its status and body. HTTP/1.0, so that the answer is not cut into chunks.
pub fn request(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(u16, String), String> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    let answer = exchange(port, &format!("{head}\r\n{body}")).map_err(|error| format!("{method} {path}: {error}"))?;
    split_answer(&answer).ok_or_else(|| format!("{method} {path}: not HTTP: {answer:?}"))
}

/// `GET`, and the body where the status is 200.
pub fn get(port: u16, path: &str) -> Result<String, String> {
    match request("GET", port, path, &[], "")? {
        (200, body) => Ok(body),
        (status, body) => Err(format!("GET {path}: {status}: {body}")),
    }
}

fn exchange(port: u16, text: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 << 10];
    while !is_whole(&answer) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            // Where a child of the test ends meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether all is there that the head tells of: some servers leave the connection open. Without a length, all is what
/// comes before the end of the connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| head + 4 + length <= answer.len())
}

fn split_answer(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
