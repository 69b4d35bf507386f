//! The daemon with the example, when nothing happens.

use super::Figure;
use super::daemon::Daemon;
use super::process::{cpu_seconds, memory_mb};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// What is resident half a minute after the start.
pub fn example() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pipeline"), folder.path());
    let daemon = Daemon::start(folder.path(), "");
    std::thread::sleep(PATIENCE);
    let (memory, cpu) = (memory_mb(daemon.pid(), "VmRSS"), cpu_seconds(daemon.pid()));
    let figure = |work: &str, limit, ours| Figure { work: work.into(), peer: "", limit, ours };
    vec![
        figure("idle daemon with examples/pipeline, resident after 30 s", "40 MB", format!("{memory:.1} MB")),
        figure("  processor time until then", "", format!("{cpu:.2} s")),
    ]
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
