use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take until it answers. Two cores may be shared with a compiler.
const START_MAX: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// A server's process and its folder. Killed when dropped.
pub struct Server {
    child: Child,
    stop_signal: &'static str,
    folder: TempDir,
}

impl Server {
    /// Starts `command` with its output in `log` in the folder, and waits until `ready` says so.
    pub fn start(
        folder: TempDir,
        command: Command,
        stop_signal: &'static str,
        mut ready: impl FnMut() -> bool,
    ) -> Result<Server, String> {
        let command = logging_to(command, &folder.path().join("log"))?;
        let child = spawn(command)?;
        let mut server = Server { child, stop_signal, folder };
        let started = Instant::now();
        while !ready() {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("it ended at once ({status}): {}", server.log()));
            }
            if START_MAX < started.elapsed() {
                return Err(format!("it did not answer within {START_MAX:?}: {}", server.log()));
            }
            std::thread::sleep(POLL);
        }
        Ok(server)
    }

    /// The folder of its data; gone with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written to its output.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Stops the process where it stands, so that it takes connections and answers nothing; `CONT` lets it go on.
    pub fn signal(&self, signal: &str) {
        let target = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &target]).stderr(Stdio::null()).status();
        assert!(sent.is_ok(), "cannot send {signal}: {sent:?}");
    }

    /// Ends it now.
    pub fn stop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(self.stop_signal);
            // A server that was stopped (SIGSTOP) ends only when it goes on.
            self.signal("CONT");
            let _ = self.child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A folder for one server, readable by the user it runs as. What an earlier run left behind is removed first: a server
/// that all tests of a binary share is never dropped.
pub fn server_folder() -> Result<TempDir, String> {
    static SWEPT: LazyLock<()> = LazyLock::new(sweep);
    LazyLock::force(&SWEPT);
    let name = format!("{FOLDER_PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&name).tempdir().map_err(|error| format!("cannot make a folder: {error}"))
}

const FOLDER_PREFIX: &str = "bellwether-test-";

fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn logging_to(mut command: Command, log: &Path) -> Result<Command, String> {
    let file = std::fs::File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    let copy = file.try_clone().map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    Ok(command)
}

/// The command, run so that the kernel ends it with `signal` when the test process ends, as `user` where one is given.
pub fn ended_with_us(program: &Path, signal: &str, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(signal);
    if let Some(user) = user {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--init-groups");
    }
    command.arg("--").arg(program);
    command
}

/// Spawns from one thread that lives as long as the process: the kernel's "parent death" is the death of the *thread*
/// that spawned, and a test's own thread ends with the test.
fn spawn(command: Command) -> Result<Child, String> {
    static KEEPER: LazyLock<Sender<(Command, Sender<io::Result<Child>>)>> = LazyLock::new(|| {
        let (orders_tx, orders_rx) = channel::<(Command, Sender<io::Result<Child>>)>();
        std::thread::spawn(move || {
            for (mut command, child_tx) in orders_rx {
                let _ = child_tx.send(command.spawn());
            }
        });
        orders_tx
    });
    let what = format!("{command:?}");
    let (child_tx, child_rx) = channel();
    KEEPER.send((command, child_tx)).expect("the keeper waits for orders as long as the process lives");
    let child = child_rx.recv().expect("the keeper answers each order");
    child.map_err(|error| format!("cannot start {what}: {error}"))
}

/// Runs a program to its end; its standard output, or what it said and how it ended.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{command:?}: {}: {}{text}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A loopback port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Asks again and again, at most for `limit`; whether it came true.
pub fn wait_until(limit: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if happened() {
            return true;
        }
        if limit < started.elapsed() {
            return false;
        }
        std::thread::sleep(POLL);
    }
}
