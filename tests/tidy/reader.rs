//! Reads the tree as lines of code: comments, the insides of strings, and tests are blanked out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file, and the room it belongs to: `src/engine/life.rs` and `src/engine.rs` to `engine`.
#[derive(Clone)]
pub struct Source {
    pub path: String,
    pub room: Option<String>,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let inside = path.strip_prefix("src/").filter(|inside| !["lib.rs", "main.rs"].contains(inside));
        let room = inside.and_then(|inside| inside.split('/').next()).map(|room| room.trim_end_matches(".rs").into());
        Source { path: path.to_owned(), room, text: text.to_owned() }
    }

    /// All lines but those of inline tests.
    pub fn lines_of_code(&self) -> usize {
        self.text.lines().filter(|line| !line.ends_with(TEST)).count()
    }

    pub fn line_of(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

const TEST_ITEM: &str = "#[cfg(test)]";

/// What stands on a line that belonged to a test.
const TEST: &str = "\u{1}";

/// The product's code: without comments, the insides of strings, and tests.
pub fn code() -> Vec<Source> {
    let mut files = rust_files(&["src"]);
    let tests = files.iter().flat_map(test_modules).collect::<Vec<_>>();
    files.retain(|file| {
        !tests.iter().any(|test| file.path == format!("{test}.rs") || file.path.starts_with(&format!("{test}/")))
    });
    for file in &mut files {
        file.text = without_tests(&file.text);
    }
    files
}

/// The modules that `#[cfg(test)] mod name;` declares, as paths without their ending: `src/store/conformance`.
fn test_modules(file: &Source) -> Vec<String> {
    let folder = file.path.trim_end_matches(".rs");
    let folder = ["/mod", "/lib", "/main"].iter().fold(folder, |folder, file| folder.trim_end_matches(file));
    let items = file.text.split(TEST_ITEM).skip(1).filter_map(|item| item.split_once([';', '{']));
    let names = items.filter_map(|(head, _)| head.rsplit_once("mod ").map(|(_, name)| name.trim()));
    names.map(|name| format!("{folder}/{name}")).collect()
}

/// Rust files without comments and the insides of strings.
pub fn rust_files(folders: &[&str]) -> Vec<Source> {
    let mut paths = BTreeSet::new();
    for folder in folders {
        collect_rust(&root().join(folder), &mut paths);
    }
    let relative = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source file is readable text");
        let path = path.strip_prefix(root()).expect("it was found below the root").display().to_string();
        Source::new(&path, &blank_comments_and_strings(&text))
    };
    paths.into_iter().map(relative).collect()
}

fn collect_rust(folder: &Path, paths: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_rust(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.insert(path);
        }
    }
}

/// Every text file of the tree, as it is.
pub fn tracked_files() -> Vec<Source> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = git.output().expect("git lists the tree");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    // What cannot be read as text has no words.
    list.lines().filter_map(|path| Some(Source::new(path, &std::fs::read_to_string(root().join(path)).ok()?))).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn starts_a_word(text: &str, at: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !text[at..].starts_with(is_word) || !text[..at].ends_with(is_word)
}

/// The length of the block that starts here, its closing brace included.
pub fn block_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Blanks out the items that `#[cfg(test)]` stands before, line by line.
fn without_tests(text: &str) -> String {
    let mut rest = text;
    let mut code = String::new();
    while let Some(at) = rest.find(TEST_ITEM) {
        code.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = match item.find(['{', ';']) {
            Some(open) if item[open..].starts_with('{') => open + block_length(&item[open..]),
            Some(semicolon) => semicolon + 1,
            None => item.len(),
        };
        let lines = item[..end].matches('\n').count();
        write!(code, "{TEST}{}", format!("\n{TEST}").repeat(lines)).expect("a String takes all that is written to it");
        rest = &item[end..];
    }
    code + rest
}

/// Blanks out comments and the insides of strings and of characters; the lines stay.
fn blank_comments_and_strings(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (kept, length) = token(rest, next);
        code.push_str(kept);
        code.extend(rest[kept.len().min(length)..length].chars().filter(|c| *c == '\n'));
        rest = &rest[length..];
    }
    code
}

/// What to keep of the token that starts here (it ends on as many lines), and the token's length.
fn token(text: &str, first: char) -> (&str, usize) {
    let to_end_of = |mark: &str| text.find(mark).unwrap_or(text.len());
    if text.starts_with("//") {
        return ("", to_end_of("\n"));
    }
    if text.starts_with("/*") {
        return ("", (to_end_of("*/") + 2).min(text.len()));
    }
    if let Some(length) = raw_string_length(text) {
        return ("r", length);
    }
    match first {
        '"' => ("\"", quoted_length(text)),
        '\'' => ("'", character_length(text)),
        // A whole word at once: the r of `for` starts no raw string.
        _ if first.is_alphanumeric() || first == '_' => {
            let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
            (&text[..end], end)
        }
        _ => (&text[..first.len_utf8()], first.len_utf8()),
    }
}

/// Of `r"…"`, `r#"…"#`, `br"…"` the length.
fn raw_string_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = inside.len() - inside.trim_start_matches('#').len();
    inside[hashes..].strip_prefix('"')?;
    let start = text.len() - inside.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// `'x'` and `'\n'` whole; of a lifetime the quote alone.
fn character_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let (_, inner) = chars.next().unwrap_or((1, ' '));
    if inner == '\\' {
        return text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 3);
    }
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

#[test]
fn the_reader_sees_code_alone() {
    let text = "a(\"tokio \\\" x\"); // tokio\nb('\\'', '\"', r#\"tokio\n\"#); /* tokio\n */ for<'a> tokio";
    assert_eq!(blank_comments_and_strings(text), "a(\"); \nb(', ', r\n); \n for<'a> tokio");
    let tests = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { x }\n}\nfn c() {}\n";
    assert_eq!(without_tests(tests), format!("fn a() {{}}\n{TEST}\n{TEST}\n{TEST}\n{TEST}\nfn c() {{}}\n"));
}

#[test]
fn the_reader_knows_test_files() {
    let text = "mod sqlite;\n#[cfg(test)]\npub(crate) mod conformance;\n#[cfg(test)]\nuse x;\n";
    assert_eq!(test_modules(&Source::new("src/store/mod.rs", text)), ["src/store/conformance"]);
    assert_eq!(test_modules(&Source::new("src/lib.rs", text)), ["src/conformance"]);
    assert_eq!(test_modules(&Source::new("src/core.rs", text)), ["src/core/conformance"]);
}
