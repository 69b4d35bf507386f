//! # `exec`: a monitoring plugin
//!
//! ```yaml
//! sources:
//!   plugins: { exec: {} }
//! checks:
//!   - check: disk-full
//!     source: plugins
//!     collect: { command: [/usr/lib/nagios/plugins/check_disk, -w, "20%", -c, "10%", -p, /] }
//!     alert: { critical: exit == 2, warning: exit == 1 }
//!     title: "{{ output }}"
//! ```
//!
//! **What is run.** `command` is a list: the program and its arguments, without a shell. A program with a `/` in it is
//! looked for from the configuration's folder, another one in `PATH`. It runs in that folder, with `PATH`, `HOME`, `USER`,
//! `TZ`, `LANG` and `LC_*` of the daemon and with what `env` adds: no other variable of the daemon reaches it, for they
//! may hold its secrets. `stdin` is written to it. The values of `env` and `stdin` are never shown: where
//! the program prints one that came from `${NAME}` or a file, also in `command`, its output reads `***` there.
//!
//! **The convention** is that of Nagios, Icinga and Debian's `monitoring-plugins`. `exit` is 0 ok, 1 warning, 2 critical,
//! 3 unknown; another exit or a signal is a failed collection that shows what it wrote to standard error. Where an answer
//! lacks a column that the check needs, the end of its standard error is shown, too: a program that died with exit 1 says
//! there why. `output` is the first line, up to its `|`. Behind a `|` stand performance values, `'label'=value[unit];warn;crit;min;max`, also on the lines that
//! follow. Each is a number column under its label (`/var` is `_var`), in base units: `ms us ns` become seconds, `KB MB GB TB`
//! (and `KiB …`) bytes by 1024, as those plugins count them; `%`, `c` and other units stay as they are. `U`, and
//! what is no number, is null. Thresholds are the plugin's own affair and no columns: write `when`. What is not `label=value` is an error.
//!
//! **The end.** The program has a process group of its own. At the check's `timeout` the whole group is killed; when the program
//! ends, what it left running in its group is killed too, and what still holds its output open is not waited for.
//!
//! **Limits.** `max_bytes` of the source, for what it writes to standard output.

mod perfdata;
mod process;

use super::conceal::Hidden;
use super::error::CollectError;
use super::limits::{self, Limits};
use super::registry::{DefaultKey, Kind, StaticColumns};
use super::{Collector, Request};
use crate::config::{Key, Problem, Record, Settings, Shape};
use crate::model::{Secret, Table, TableBuilder, Value, ValueType};
use process::{Ended, Program};
use std::path::PathBuf;
use std::sync::Arc;

pub const KIND: Kind = Kind {
    name: "exec",
    source_text: include_str!("mod.rs"),
    source: &SOURCE,
    collect: &COLLECT,
    binds: None,
    check_request,
    static_columns: |_| StaticColumns {
        known: vec![("exit".to_owned(), Some(ValueType::Number)), ("output".to_owned(), Some(ValueType::Text))],
        complete: false,
    },
    default_key: DefaultKey::OneInstance,
    build: |source, place| Ok(Arc::new(Exec { folder: place.folder.to_owned(), limits: Limits::of(source) })),
};

static SOURCE: Record =
    Record::new("exec", "Programs that keep the convention of Nagios' plugins.", &[limits::MAX_BYTES]);

static COLLECT: Record = Record::new(
    "exec",
    "One program.",
    &[
        Key::new("command", Shape::List(&Shape::Text), "The program and its arguments; no shell reads them.")
            .required()
            .carries_secrets(),
        Key::new("env", Shape::MapOf(&Shape::Secret), "Variables of the program; their values are never shown."),
        Key::new("stdin", Shape::Secret, "What the program reads; never shown."),
    ],
);

/// Programs of this machine.
struct Exec {
    folder: PathBuf,
    limits: Limits,
}

#[async_trait::async_trait]
impl Collector for Exec {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let program = self.program(&request.collect)?;
        let name = program.name();
        let ended = process::run(program, request.timeout, self.limits).await?;
        table(&name, &ended, &Hidden::of_request(&request.collect))
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        Ok(super::columns_of(&self.collect(request).await?))
    }
}

impl Exec {
    fn program(&self, collect: &Settings) -> Result<Program, CollectError> {
        let mut command = collect.texts("command").into_iter().map(str::to_owned);
        let program = command.next().ok_or_else(|| CollectError::refused("`command` is empty: name a program"))?;
        let path = if program.contains('/') { self.folder.join(&program) } else { PathBuf::from(&program) };
        let env = collect.map("env").unwrap_or_default().iter();
        Ok(Program {
            path,
            arguments: command.collect(),
            folder: self.folder.clone(),
            env: env.filter_map(|(name, value)| Some((name.text.to_string(), value.secret()?.clone()))).collect(),
            stdin: collect.secret("stdin").cloned().unwrap_or_else(|| Secret::new("")),
        })
    }
}

fn table(name: &str, ended: &Ended, hidden: &Hidden) -> Result<Table, CollectError> {
    let code = match ended.code {
        Some(code @ 0..=3) => code,
        code => {
            let how = code.map_or_else(|| "was killed by a signal".to_owned(), |code| format!("exited with {code}"));
            let said = [&ended.stderr, &ended.stdout].into_iter().find(|said| !said.trim().is_empty());
            return Err(CollectError::refused(format_args!(
                "`{name}` {how}, where a plugin exits with 0 to 3: {}",
                said.map_or("it said nothing", String::as_str)
            )));
        }
    };
    let output = perfdata::split(&ended.stdout);
    let values =
        perfdata::values(&output.perfdata).map_err(|e| CollectError::refused(format_args!("`{name}`: {e}")))?;
    let labels = values.iter().map(|(label, _)| hidden.out_of_cells(label).unwrap_or_else(|| label.clone()));
    let names = ["exit", "output"].map(str::to_owned).into_iter().chain(labels);
    let mut table = TableBuilder::new(names).map_err(|e| CollectError::refused(format_args!("`{name}`: {e}")))?;
    let cells = [Value::Number(code.into()), Value::text(&output.first_line)];
    table.push(cells.into_iter().chain(values.iter().map(|(_, v)| v.clone()))).map_err(CollectError::refused)?;
    Ok(table.finish().with_said(&super::error::one_line(&ended.stderr)))
}

fn check_request(collect: &Settings, _: &[&str]) -> Vec<Problem> {
    let command = collect.texts("command");
    let mut problems = Vec::new();
    if collect.list("command").is_some_and(<[_]>::is_empty) {
        let problem = Problem::error("`command` is empty").at(collect.place("command"));
        problems.push(problem.help("write the program and its arguments: `[check_disk, -w, \"20%\"]`"));
    }
    if let [only] = command.as_slice()
        && only.contains(' ')
    {
        let words = only.split_whitespace().collect::<Vec<_>>().join(", ");
        let problem = Problem::error("`command` is one word with spaces, and no shell reads it");
        problems.push(problem.at(collect.place("command")).help(format!("write it as a list: `[{words}]`")));
    }
    problems
}
