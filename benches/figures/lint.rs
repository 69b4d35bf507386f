//! `lint`, by the program itself.

use super::process::{bellwether, children_cpu_seconds};
use super::{Figure, least};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

const CHECKS: usize = 10_000;
const RUNS: u32 = 5;

/// Checks as people write them, in one file and in a hundred.
pub fn many_checks() -> Vec<Figure> {
    [1, 100].into_iter().flat_map(in_files).collect()
}

fn in_files(files: usize) -> [Figure; 2] {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    write_configuration(folder.path(), files);
    let cpu = children_cpu_seconds();
    let wall = least(RUNS, || {
        let begun = Instant::now();
        let status = bellwether("lint", folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "lint found errors in what the bench wrote");
        begun.elapsed().as_secs_f64()
    });
    let cpu = (children_cpu_seconds() - cpu) / f64::from(RUNS);
    let files = if files == 1 { "one file".to_owned() } else { format!("{files} files") };
    [
        Figure {
            work: format!("lint of 10,000 checks in {files}"),
            peer: "0.53 s",
            limit: "0.5 s",
            ours: format!("{wall:.2} s"),
        },
        Figure { work: "  processor time, mean".into(), peer: "", limit: "", ours: format!("{cpu:.2} s") },
    ]
}

fn write_configuration(folder: &Path, files: usize) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "bellwether.yaml",
        "sources: { warehouse: { sqlite: { path: pipeline.db } } }\nchannels: { terminal: { console: {} } }\n\
         route: { channels: [terminal] }\n",
    );
    for file in 0..files {
        let mut yaml = String::from("checks:\n");
        (0..CHECKS / files).for_each(|n| check(&mut yaml, file * (CHECKS / files) + n));
        write(&format!("rules-{file:03}.yaml"), &yaml);
    }
}

fn check(yaml: &mut String, n: usize) {
    write!(
        yaml,
        r#"  - check: processor-slowdown-{n}
    source: warehouse
    collect: {{ query: "SELECT processor, duration, baseline FROM runs WHERE pool = {n}" }}
    columns: {{ processor: text, duration: number, baseline: number }}
    key: [processor]
    every: 15m
    let: {{ ratio: duration / baseline }}
    alert:
      critical: ratio > 3 && duration > 60
      warning: {{ when: ratio > 2, for: 30m, until: ratio < 1.5 }}
    labels: {{ team: data, pool: "{n}" }}
    title: "{{{{ processor }}}} ran {{{{ ratio | round(1) }}}}x its baseline"
"#
    )
    .unwrap();
}
