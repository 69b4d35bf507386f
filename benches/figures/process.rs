//! What the system says of a process.

use std::path::Path;
use std::process::{Child, Command};

/// Linux counts processor time in hundredths of a second, whatever the kernel's own clock (`man 5 proc`, USER_HZ).
const TICKS: f64 = 100.0;

/// Processor seconds of a process so far, with all its threads.
pub fn cpu_seconds(pid: u32) -> f64 {
    // The name in brackets may hold blanks; utime and stime are fields 14 and 15.
    sum_of_fields(&format!("/proc/{pid}/stat"), 14)
}

/// Processor seconds of the children that this process waited for: fields 16 and 17.
pub fn children_cpu_seconds() -> f64 {
    sum_of_fields("/proc/self/stat", 16)
}

fn sum_of_fields(path: &str, first: usize) -> f64 {
    let stat = std::fs::read_to_string(path).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks = after_name.split(' ').skip(first - 3).take(2).map(|t| t.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS
}

/// A line of `/proc/PID/status` in MB: `VmRSS` is what is resident, `VmHWM` the most that ever was.
pub fn memory_mb(pid: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')).unwrap();
    found.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}

/// The program that is measured.
pub fn bellwether(command: &str, folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bellwether"));
    program.arg(command).arg(folder);
    program
}

/// Ends with whoever holds it.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
