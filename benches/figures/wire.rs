//! HTTP with nothing between it and the socket: a client that keeps its connection, and a receiver that says when a
//! request had come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(2);

/// A connection that is used again and again.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// `None` where nobody listens.
    pub fn connect(port: u16) -> Option<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Client(BufReader::new(stream)))
    }

    /// Asks, and gives the status and the body.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        self.send(method, path, body);
        let (first, body) = message(&mut self.0).unwrap();
        (first.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}

/// A receiver of webhooks in this process; each request is answered at once, and its instant and body given on.
pub struct Hook {
    pub url: String,
    pub requests: Receiver<(Instant, Vec<u8>)>,
}

impl Hook {
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Hook { url, requests }
    }
}

fn serve(stream: TcpStream, sender: &Sender<(Instant, Vec<u8>)>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some((_, body)) = message(&mut stream) {
        let came = Instant::now();
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        if sender.send((came, body)).is_err() {
            return;
        }
    }
}

/// The first line and the body; `None` at the end of the connection.
fn message(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((first, body))
}
