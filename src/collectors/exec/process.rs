//! A program in a process group of its own, which does not outlive its deadline.

use super::super::error::CollectError;
use super::super::limits::Limits;
use crate::model::{FailureClass, Secret};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What of standard error is kept: its end.
const STDERR_BYTES_MAX: usize = 4 << 10;

const CHUNK_BYTES: usize = 8 << 10;

/// How long output is still read once the program has ended and its group is killed.
const GRACE: Duration = Duration::from_secs(1);

/// The daemon's variables that a program is given.
const INHERITED: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC"];

pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) env: Vec<(String, Secret)>,
    pub(super) stdin: Secret,
}

pub(super) struct Ended {
    /// `None` where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    /// The end of its standard error.
    pub(super) stderr: String,
}

/// Kills a process group when it goes: at the end, at the deadline, and when nobody waits any longer.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Nothing is left to kill where all of it has ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Program {
    /// For errors.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn spawn(&self) -> Result<(Child, Group), CollectError> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).current_dir(&self.folder).env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(self.env.iter().map(|(name, value)| (name, value.expose())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|e| self.not_started(&e))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok((child, Group(group)))
    }

    fn not_started(&self, error: &std::io::Error) -> CollectError {
        let name = self.name();
        match error.kind() {
            ErrorKind::NotFound if !self.folder.is_dir() => CollectError::refused(format_args!(
                "`{name}` cannot run in `{}`: there is no such folder",
                self.folder.display()
            )),
            ErrorKind::NotFound => CollectError::refused(format_args!(
                "there is no program `{name}`: install it, or name it with its path in `command`"
            )),
            ErrorKind::PermissionDenied => {
                CollectError::refused(format_args!("`{name}` may not be run: `chmod +x` it, or run its interpreter"))
            }
            _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => CollectError::refused(format_args!(
                "`{name}` is no program: begin it with `#!`, or run its interpreter"
            )),
            _ => CollectError::unreachable(format_args!("`{name}` could not be started: {error}")),
        }
    }
}

/// Runs a program to its end; at the deadline it is killed with all of its group.
pub(super) async fn run(program: Program, deadline: Duration, limits: Limits) -> Result<Ended, CollectError> {
    let (child, group) = program.spawn()?;
    let ended = timeout(deadline, finish(child, group, &program, limits)).await;
    ended.map_err(|_| {
        let name = program.name();
        CollectError::unreachable(format_args!(
            "`{name}` did not end within {deadline:?} and was killed: make it quicker, or raise the check's `timeout`"
        ))
        .classed(FailureClass::TimedOut)
    })?
}

async fn finish(mut child: Child, group: Group, program: &Program, limits: Limits) -> Result<Ended, CollectError> {
    let failed =
        |e: std::io::Error| CollectError::unreachable(format_args!("`{}` cannot be talked to: {e}", program.name()));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = program.stdin.expose().as_bytes().to_vec();
    // A program that does not read its input is no error.
    let feed = tokio::spawn(async move {
        let _ = stdin.write_all(&input).await;
    });
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
    let status = {
        let reading =
            async { tokio::try_join!(read_all(out, &mut stdout, limits), read_end(err, &mut stderr)).map(|_| ()) };
        tokio::pin!(reading);
        tokio::select! {
            // Its output is closed, or too much; the program itself may take a moment more.
            read = &mut reading => {
                read?;
                child.wait().await.map_err(failed)?
            }
            status = child.wait() => {
                // Whoever still holds the output open is not waited for.
                drop(group);
                timeout(GRACE, &mut reading).await.unwrap_or(Ok(()))?;
                status.map_err(failed)?
            }
        }
    };
    feed.abort();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Ended { code: status.code(), stderr, stdout })
}

/// Reads to the end, or to the limit.
async fn read_all(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>, limits: Limits) -> Result<(), CollectError> {
    let mut counter = limits.counter();
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        counter.bytes(count)?;
        into.extend_from_slice(&chunk[..count]);
    }
    Ok(())
}

/// Reads to the end, and keeps the last lines: there a program says why it failed. The writer does not wait for a reader.
async fn read_end(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>) -> Result<(), CollectError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut is_cut = false;
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        into.extend_from_slice(&chunk[..count]);
        let over = into.len().saturating_sub(STDERR_BYTES_MAX);
        is_cut |= 0 < over;
        into.drain(..over);
    }
    if is_cut {
        // Half of a line may be half of a secret, which nobody would know for one.
        let line = into.iter().position(|byte| *byte == b'\n').map_or(into.len(), |end| end + 1);
        into.drain(..line);
    }
    Ok(())
}
