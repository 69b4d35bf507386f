use crate::certificates::Certificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What the server does with one request, after it has read it whole.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole answer.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// The bytes as they are, then the end of the connection: what is not HTTP, or is cut short.
    Raw(Vec<u8>),
    /// The head of a 200 at once, then one byte of the body at each interval.
    Trickle { body: Vec<u8>, interval: Duration },
    /// The status, after this long; other requests are answered in the meantime.
    Late { status: u16, after: Duration },
    /// Nothing, for as long as the server lives.
    Hang,
    /// Nothing, and the connection closed.
    Close,
    /// Nothing, and the connection reset (RST).
    Reset,
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn text(status: u16, body: &str) -> Reply {
        Reply::status(status).header("Content-Type", "text/plain").body(body)
    }

    pub fn json(status: u16, body: &str) -> Reply {
        Reply::status(status).header("Content-Type", "application/json").body(body)
    }

    pub fn html(status: u16, body: &str) -> Reply {
        Reply::status(status).header("Content-Type", "text/html; charset=utf-8").body(body)
    }

    /// One byte a second.
    pub fn one_byte_a_second(body: &str) -> Reply {
        Reply::Trickle { body: body.into(), interval: Duration::from_secs(1) }
    }

    /// This answer with another header; other replies have none.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        if let Reply::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    fn body(mut self, text: &str) -> Reply {
        if let Reply::Answer { body, .. } = &mut self {
            text.as_bytes().clone_into(body);
        }
        self
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// With the query: `/api/v1/query?query=up`.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Request {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }
}

/// An HTTP server that does as its script says: a reply for each request in turn, the last one again and again; or what a
/// function answers.
///
/// It runs on threads, so that it serves a test with or without tokio, and on a paused clock. One request to a
/// connection.
pub struct FaultServer {
    address: SocketAddr,
    state: Arc<State>,
    scheme: &'static str,
}

struct State {
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    over: AtomicBool,
    tls: Option<Arc<rustls::ServerConfig>>,
}

type Script = Box<dyn FnMut(&Request) -> Reply + Send>;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl FaultServer {
    pub fn start(script: impl IntoIterator<Item = Reply>) -> FaultServer {
        FaultServer::launch(in_turn(script), None)
    }

    /// A server whose replies a function chooses; for one request at a time.
    pub fn answering(choose: impl FnMut(&Request) -> Reply + Send + 'static) -> FaultServer {
        FaultServer::launch(Box::new(choose), None)
    }

    /// A scripted server behind TLS (`https://localhost:…`).
    pub fn start_tls(script: impl IntoIterator<Item = Reply>, certificates: &Certificates) -> FaultServer {
        FaultServer::launch(in_turn(script), Some(Arc::new(tls_config(certificates))))
    }

    fn launch(script: Script, tls: Option<Arc<rustls::ServerConfig>>) -> FaultServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State {
            script: Mutex::new(script),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            over: AtomicBool::new(false),
            tls,
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &shared));
        FaultServer { address, state, scheme }
    }

    /// The address of a path: `server.url("/hook")`.
    pub fn url(&self, path: &str) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on these replies, whatever the script had left.
    pub fn rewrite(&self, script: impl IntoIterator<Item = Reply>) {
        *lock(&self.state.script) = in_turn(script);
    }

    /// The requests so far, the first first.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// The requests, once there are `count`; panics where there are fewer after ten seconds. Blocks its thread.
    pub fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        let waiting = lock(&self.state.requests);
        let limit = Duration::from_secs(10);
        let few = |requests: &mut Vec<Request>| requests.len() < count;
        let (requests, _) = self.state.arrived.wait_timeout_while(waiting, limit, few).expect("no thread panicked");
        assert!(count <= requests.len(), "{count} requests should have come; there are {requests:#?}");
        requests.clone()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this lock")
}

fn tls_config(certificates: &Certificates) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_file_iter(certificates.certificate())
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .expect("openssl wrote a certificate");
    let key = PrivateKeyDer::from_pem_file(certificates.key()).expect("openssl wrote a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key belongs to the certificate")
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for connection in listener.incoming().flatten() {
        if state.over.load(Ordering::SeqCst) {
            return;
        }
        let state = Arc::clone(state);
        // A client that goes away is no error of the server's.
        std::thread::spawn(move || drop(serve(&connection, &state)));
    }
}

fn serve(socket: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream: Box<dyn Stream> = match &state.tls {
        None => Box::new(socket.try_clone()?),
        Some(config) => {
            let connection = rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
            Box::new(rustls::StreamOwned::new(connection, socket.try_clone()?))
        }
    };
    let request = read_request(&mut stream)?;
    let reply = (lock(&state.script))(&request);
    lock(&state.requests).push(request);
    state.arrived.notify_all();
    match reply {
        Reply::Answer { status, headers, body } => stream.write_all(&answer(status, &headers, &body))?,
        Reply::Raw(bytes) => stream.write_all(&bytes)?,
        Reply::Trickle { body, interval } => trickle(&mut stream, &body, interval, state)?,
        Reply::Late { status, after } => {
            sleep_until_over(state, after);
            stream.write_all(&answer(status, &[], &[]))?;
        }
        Reply::Hang => sleep_until_over(state, Duration::MAX),
        Reply::Close => {}
        Reply::Reset => return socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO)),
    }
    stream.flush()?;
    socket.shutdown(std::net::Shutdown::Write)
}

fn in_turn(script: impl IntoIterator<Item = Reply>) -> Script {
    let mut replies = script.into_iter().collect::<VecDeque<_>>();
    assert!(!replies.is_empty(), "a script needs a reply");
    Box::new(move |_| match replies.len() {
        1 => replies[0].clone(),
        _ => replies.pop_front().expect("the last reply is never taken"),
    })
}

fn answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a String takes all that is written to it");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn trickle(stream: &mut dyn Stream, body: &[u8], interval: Duration, state: &State) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 Scripted\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    for byte in body {
        stream.write_all(&[*byte])?;
        stream.flush()?;
        sleep_until_over(state, interval);
    }
    Ok(())
}

fn sleep_until_over(state: &State, limit: Duration) {
    let started = Instant::now();
    while started.elapsed() < limit && !state.over.load(Ordering::SeqCst) {
        std::thread::sleep(limit.min(Duration::from_millis(20)));
    }
}

fn read_request(stream: &mut dyn Stream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let first = read_line(&mut reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut reader)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: Vec::new(), at: Instant::now() };
    request.body = read_body(&mut reader, &request)?;
    Ok(request)
}

fn read_body(reader: &mut impl BufRead, request: &Request) -> std::io::Result<Vec<u8>> {
    if request.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        return read_chunks(reader);
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&read_line(reader)?, 16).map_err(std::io::Error::other)?;
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk)?;
        body.append(&mut chunk);
        read_line(reader)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
