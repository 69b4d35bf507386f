//! The house rules that the compiler does not keep: who may import whom, what a quiet room may not mention, how long a
//! function and a file may be, and words that do not belong in the tree.
//!
//! It reads text, not syntax, but only what is code: see `tidy/reader.rs`.

#[path = "tidy/reader.rs"]
mod reader;

use reader::{Source, block_length, code, rust_files, starts_a_word, tracked_files};

/// What each room may import, besides itself. A path (`engine::evaluate`) allows that part of a room alone.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("expr", &["model"]),
    ("config", &["model"]),
    ("rules", &["model", "expr", "config"]),
    ("collectors", &["model", "config"]),
    ("engine", &["model", "expr", "rules"]),
    ("dispatch", &["model"]),
    ("channels", &["model", "config"]),
    ("store", &["model"]),
    ("load", &["model", "expr", "config", "rules", "dispatch", "collectors", "channels"]),
    ("core", &["model", "rules", "engine", "dispatch"]),
    // A test gives a check fixed slots and reads the longest timers of the routes.
    (
        "testing",
        &[
            "model",
            "rules",
            "core",
            "dispatch",
            CORE_SENDS,
            CORE_COLLECTS,
            CORE_FAILURES,
            CORE_HEARS,
            JUDGE,
            MEANT,
            "load",
            "channels",
        ],
    ),
    ("telemetry", &["model"]),
    (
        "runtime",
        &[
            "model",
            "core",
            CORE_SENDS,
            CORE_COLLECTS,
            CORE_FAILURES,
            CORE_HEARS,
            JUDGE,
            MEANT,
            "load",
            "collectors",
            "channels",
            "store",
            "telemetry",
        ],
    ),
    ("http", &["model", "runtime", "telemetry"]), // telemetry: the media type of its metrics
    ("cli", &["*"]),
];

/// Who drives the core handles the effects it returns and the inputs it takes, though other rooms made them.
const CORE_SENDS: &str = "dispatch::Send";
const CORE_COLLECTS: &str = "engine::Collect";
const CORE_FAILURES: &str = "engine::CollectFailure";
const CORE_HEARS: &str = "engine::Evaluated";
/// Judging a table is a pure function, called where the table was collected.
const JUDGE: &str = "engine::evaluate";
/// The nearest of some names: who asks the daemon for a name that is not there is told as one who writes it in a file.
const MEANT: &str = "config::did_you_mean";

/// Rooms without a clock, a socket, an await or a log.
const QUIET: &[&str] = &["model", "expr", "rules", "engine", "dispatch", "core", "load", "testing"];

/// Words, the rooms where they may not stand, and what to do instead.
const MENTIONS: &[(&[&str], &[&str], &str)] = &[
    (
        &["SystemTime::now", "Instant::now", "Timestamp::now(", "Zoned::now("],
        QUIET,
        "time is an argument: take `now` from the caller",
    ),
    (&["tokio", ".await", "async fn", "thread::sleep"], QUIET, "only the edge waits: return an effect"),
    (&["tracing", "println!"], QUIET, "return what happened, and let the caller narrate it"),
    (
        &["std::fs", "std::net", "std::process", "std::env"],
        &["model", "expr", "rules", "engine", "dispatch", "core"],
        "no I/O in the middle of the house: take the data from the caller",
    ),
];

/// Words that stand nowhere in product code.
const BANNED: &[(&str, &str)] = &[
    (".unwrap()", "write `expect(\"why this cannot fail\")`, or return an error"),
    ("todo!", "write it, or leave it out"),
    ("unimplemented!", "write it, or leave it out"),
    ("dbg!", "take it out"),
];

/// Words that stand in no file of the tree: this machine's, or notes to oneself. (In two halves here, so that this file
/// may be read too.)
const FOREIGN: &[(&str, &str)] =
    &[("/work", "/"), ("/tmp/", "helpers"), ("helper ", "agent"), ("this ", "session"), ("FIX", "ME"), ("XX", "X:")];

/// The folder of real series lies beside the repository, where there is one. Who may say so.
const SHARED_FOLDER: (&str, &str) = ("../", "shared");
const SHARED_FOLDER_READERS: &[&str] = &["tests/real_series.rs", "scripts/", "benches/"];

const FUNCTION_LINES_MAX: usize = 60;
const FUNCTION_LINES_MEDIAN_MAX: usize = 12;
const FILE_LINES_MAX: usize = 400;

/// Functions and files that are longer than they should be, with their length: `("src/a.rs::f", 70)`. The list may only
/// shrink: what got shorter must be written down as shorter, what is short enough must be taken out.
const TOO_LONG: &[(&str, usize)] = &[];

#[test]
fn imports_follow_the_allow_list() {
    report(&code().iter().flat_map(import_complaints).collect::<Vec<_>>());
}

#[test]
fn every_room_is_in_the_allow_list() {
    let unknown = code().into_iter().filter(|file| file.room.is_some() && allowed(file).is_none());
    let complaint = |file: Source| format!("{}: this room is not in ROOMS of tests/tidy.rs: add it", file.path);
    report(&unknown.map(complaint).collect::<Vec<_>>());
}

#[test]
fn quiet_rooms_mention_no_clock_socket_await_or_log() {
    let mut complaints = Vec::new();
    for file in code() {
        for (words, rooms, advice) in MENTIONS {
            if file.room.as_deref().is_some_and(|room| rooms.contains(&room)) {
                complaints.extend(words.iter().flat_map(|word| mentions(&file, word, advice)));
            }
        }
        if file.room.as_deref() != Some("expr") {
            complaints.extend(mentions(&file, "rhai", "only `expr` knows Rhai: call it instead"));
        }
    }
    report(&complaints);
}

#[test]
fn product_code_has_no_banned_words() {
    let mut complaints = Vec::new();
    for file in code() {
        for (word, advice) in BANNED {
            complaints.extend(mentions(&file, word, advice));
        }
    }
    for file in rust_files(&["src", "tests", "benches", "examples"]) {
        for word in ["#[allow(", "#![allow("] {
            complaints.extend(mentions(&file, word, "write `#[expect(lint, reason = \"…\")]`"));
        }
    }
    report(&complaints);
}

#[test]
fn functions_and_files_are_short() {
    let files = code();
    let lengths = files.iter().flat_map(functions).collect::<Vec<_>>();
    let long_functions = lengths.iter().filter(|(_, lines)| FUNCTION_LINES_MAX < *lines).cloned();
    let file_lengths = files.iter().map(|file| (file.path.clone(), file.lines_of_code()));
    let long_files = file_lengths.filter(|(_, lines)| FILE_LINES_MAX < *lines);
    report(&ratchet_complaints(&long_functions.chain(long_files).collect::<Vec<_>>(), TOO_LONG));

    let mut sorted = lengths.iter().map(|(_, lines)| *lines).collect::<Vec<_>>();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    assert!(median <= FUNCTION_LINES_MEDIAN_MAX, "half of all functions are longer than {median} lines");
}

#[test]
fn the_tree_speaks_of_itself_alone() {
    let mut complaints = Vec::new();
    for file in tracked_files() {
        for (head, tail) in FOREIGN {
            complaints.extend(mentions(&file, &format!("{head}{tail}"), "it means nothing to a reader elsewhere"));
        }
        if !SHARED_FOLDER_READERS.iter().any(|reader| file.path.starts_with(reader)) {
            let word = [SHARED_FOLDER.0, SHARED_FOLDER.1].concat();
            complaints.extend(mentions(&file, &word, "only the tests over real series know that folder"));
        }
    }
    report(&complaints);
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Each line where the word stands: `src/core.rs:12: mentions `tokio`: …`.
fn mentions(file: &Source, word: &str, advice: &str) -> Vec<String> {
    let places = file.text.match_indices(word).filter(|(at, _)| starts_a_word(&file.text, *at));
    places.map(|(at, _)| format!("{}:{}: mentions `{word}`: {advice}", file.path, file.line_of(at))).collect()
}

fn allowed(file: &Source) -> Option<&'static [&'static str]> {
    let room = file.room.as_deref()?;
    ROOMS.iter().find(|(known, _)| *known == room).map(|(_, imports)| *imports)
}

fn import_complaints(file: &Source) -> Vec<String> {
    let Some(imports) = allowed(file) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (at, path) in crate_paths(file) {
        let ours = file.room.as_deref().is_some_and(|room| path.split("::").next() == Some(room));
        let fits = |import: &&&str| **import == "*" || path == **import || path.starts_with(&format!("{import}::"));
        if !ours && !imports.iter().any(|import| fits(&import)) {
            let may = if imports.is_empty() { "nothing".to_owned() } else { imports.join(", ") };
            let room = file.room.as_deref().unwrap_or_default();
            complaints.push(format!(
                "{}:{}: `{room}` may import {may}, not `crate::{path}`",
                file.path,
                file.line_of(at)
            ));
        }
    }
    complaints
}

/// Every path that starts at the crate, without `crate::`, groups taken apart; and where it stands.
fn crate_paths(file: &Source) -> Vec<(usize, String)> {
    let depth = file.path.matches('/').count() - usize::from(file.path.ends_with("/mod.rs"));
    let climb = "super::".repeat(depth.max(1));
    let mut paths = Vec::new();
    for prefix in ["crate::", climb.as_str()] {
        for (at, _) in file.text.match_indices(prefix).filter(|(at, _)| starts_a_word(&file.text, *at)) {
            // A climb from within a climb was seen from its start.
            if !file.text[..at].ends_with("super::") {
                expand(&file.text[at + prefix.len()..], "", &mut |path| paths.push((at, path)));
            }
        }
    }
    paths
}

/// `a::{b, c::d}` into `a::b` and `a::c::d`. Returns what follows.
fn expand<'a>(text: &'a str, before: &str, found: &mut dyn FnMut(String)) -> &'a str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let path = format!("{before}{}", &text[..end]);
    let rest = &text[end..];
    let Some(mut inside) = rest.strip_prefix('{').filter(|_| path.is_empty() || path.ends_with("::")) else {
        found(path.trim_end_matches(':').to_owned());
        return rest;
    };
    loop {
        inside = inside.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if inside.is_empty() || inside.starts_with('}') {
            return inside.get(1..).unwrap_or("");
        }
        let rest = expand(inside, &path, found);
        // `as Name`, `*`: to the next name of the group.
        inside = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
    }
}

/// Each function with a body, as `src/a.rs::name`, and its lines from `fn` to its closing brace.
fn functions(file: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in file.text.match_indices("fn ").filter(|(at, _)| starts_a_word(&file.text, *at)) {
        let after = &file.text[at + 3..];
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(open) = after.find(['{', ';']).filter(|open| after[*open..].starts_with('{')) else { continue };
        if !name.is_empty() {
            let lines = after[..open + block_length(&after[open..])].matches('\n').count() + 1;
            found.push((format!("{}::{name}", file.path), lines));
        }
    }
    found
}

fn ratchet_complaints(too_long: &[(String, usize)], known: &[(&str, usize)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (what, lines) in too_long {
        match known.iter().find(|(name, _)| name == what) {
            None => complaints.push(format!("{what}: {lines} lines: take it apart by meaning")),
            Some((_, before)) if before < lines => {
                complaints.push(format!("{what}: {lines} lines, {before} before: take it apart by meaning"));
            }
            Some((_, before)) if lines < before => {
                complaints.push(format!("{what}: shorter than before: write {lines} in TOO_LONG of tests/tidy.rs"));
            }
            Some(_) => {}
        }
    }
    let gone = known.iter().filter(|(name, _)| !too_long.iter().any(|(what, _)| what == name));
    complaints.extend(gone.map(|(name, _)| format!("{name}: short enough: take it out of TOO_LONG of tests/tidy.rs")));
    complaints
}

#[test]
fn the_reader_finds_imports_and_functions() {
    let text =
        "use crate::{model::{Key, time as t}, dispatch};\nfn a() { crate::store::open(); super::super::http::x }";
    let file = Source::new("src/engine/life.rs", text);
    let paths = crate_paths(&file).into_iter().map(|(_, path)| path).collect::<Vec<_>>();
    assert_eq!(paths, ["model::Key", "model::time", "dispatch", "store::open", "http::x"]);
    let complaints = import_complaints(&file).join("\n");
    for (path, line) in [("dispatch", 1), ("store::open", 2), ("http::x", 2)] {
        let want = format!("src/engine/life.rs:{line}: `engine` may import model, expr, rules, not `crate::{path}`");
        assert!(complaints.contains(&want), "{complaints}");
    }
    let runtime = Source::new("src/runtime/mod.rs", "use crate::engine::{evaluate::judge, life};\nuse super::http;");
    let complaints = import_complaints(&runtime);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(functions(&Source::new("src/a.rs", "fn f<T>()\n{\n}\nfn g();")), [("src/a.rs::f".to_owned(), 3)]);
}

#[test]
fn the_ratchet_only_shrinks() {
    let now = [("new".to_owned(), 70), ("longer".to_owned(), 80), ("shorter".to_owned(), 61), ("same".to_owned(), 65)];
    let known = [("longer", 79), ("shorter", 62), ("same", 65), ("gone", 61)];
    let complaints = ratchet_complaints(&now, &known);
    let told = complaints.iter().map(|complaint| complaint.split(':').next().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(told, ["new", "longer", "shorter", "gone"]);
}
