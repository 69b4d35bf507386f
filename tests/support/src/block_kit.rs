use crate::tools::{installed, server_program};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// Whether Slack would take these blocks, asked of two oracles: the JSON Schema of Slack's own TypeScript types (which
/// shapes exist), and slack_sdk's models with the limits of Slack's documentation (lengths and counts).
///
/// `Err` of the outer result: the oracles are not installed. The inner one says what is wrong.
pub fn check_blocks(blocks: &Value) -> Result<Result<(), String>, String> {
    check("Blocks", blocks)
}

/// The same for the `attachments` of a message, and the blocks in them.
pub fn check_attachments(attachments: &Value) -> Result<Result<(), String>, String> {
    check("Attachments", attachments)
}

fn check(what: &str, value: &Value) -> Result<Result<(), String>, String> {
    let mut shapes = Command::new(installed("node/bin/node")?);
    shapes.arg(server_program("block_kit_shapes.mjs")).arg(installed("block_kit.schema.json")?).arg(what);
    let mut limits = Command::new(installed("python/bin/python")?);
    limits.arg(server_program("block_kit_limits.py"));
    for oracle in [&mut shapes, &mut limits] {
        if let Err(complaint) = ask(oracle, value)? {
            return Ok(Err(complaint));
        }
    }
    Ok(Ok(()))
}

/// Exit 0: nothing wrong. Exit 1: the complaint stands on standard output. Anything else: it could not judge.
fn ask(oracle: &mut Command, value: &Value) -> Result<Result<(), String>, String> {
    oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = oracle.spawn().map_err(|error| format!("cannot start {oracle:?}: {error}"))?;
    let mut stdin = child.stdin.take().expect("it was piped above");
    stdin.write_all(value.to_string().as_bytes()).map_err(|error| format!("{oracle:?}: {error}"))?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| format!("{oracle:?}: {error}"))?;
    match output.status.code() {
        Some(0) => Ok(Ok(())),
        Some(1) if output.stderr.is_empty() => Ok(Err(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        _ => Err(format!("{oracle:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}
