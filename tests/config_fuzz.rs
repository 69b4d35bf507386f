//! Whatever stands in a file, the reader comes back with places that are in it.

use std::path::Path;
use std::sync::Arc;

use bellwether::config::{Document, Key, Problems, Reader, Record, Shape, Source};
use proptest::prelude::*;

static INNER: Record = Record::new(
    "inner",
    "Inner.",
    &[
        Key::new("a", Shape::Text, "A.").required(),
        Key::new("b", Shape::Duration, "B.").default("1m"),
        Key::new("s", Shape::Secret, "S."),
        Key::new("inner", Shape::Record(&INNER), "Again."),
    ],
);
static FILE: Record = Record::new(
    "file",
    "File.",
    &[
        Key::new("a", Shape::OneOrMany(&Shape::Template), "A."),
        Key::new("b", Shape::MapOf(&Shape::OneOf(&[Shape::Expression, Shape::Record(&INNER)])), "B."),
        Key::new("c", Shape::List(&Shape::Matcher), "C."),
        Key::new("d", Shape::Constant, "D."),
    ],
);

/// Pieces of YAML that have a meaning, to be put together in any order.
fn yaml_pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "d", "s", "inner", ":", ": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", "{{", "}}", ",",
        ", ", "\"", "'", "''", "\\", "\\n", "\\u00e9", "|", "|\n  ", ">-\n  ", "#", " # ", "&x ", "*x", "<<: ", "!t ",
        "!!str ", "%", "@", "`", "${A}", "${B:-x}", "$${", "ü", "😀", "\t", "\r\n", "---\n", "...\n", "?", "? ", "~",
        "1h", "\u{feff}", "\u{85}", "{% if", "{{ x }}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_brings_it_down(text in yaml_pieces()) {
        let source = Arc::new(Source::new("x.yaml", "x.yaml", text));
        let mut problems = Problems::new();
        if let Some(document) = Document::parse(&source, &mut problems) {
            let reader = Reader { folder: Path::new("."), env: &|_| None, lenient: false, fill: true };
            reader.record(&source, &document.root, &FILE, &mut problems);
        } else {
            let is_blank = source.text().lines().all(|line| {
                let line = line.trim();
                line.is_empty() || line.starts_with('#') || line.starts_with("...") || line.starts_with('%')
            });
            prop_assert!(problems.has_errors() || is_blank, "nothing was read and nothing was said");
        }
        problems.sort();
        let lines = source.text().lines().count() + 1;
        for problem in problems.iter() {
            let place = problem.place.as_ref().unwrap();
            prop_assert!((1..=lines).contains(&(place.line as usize)), "{problem:?}");
        }
        prop_assert!(problems.is_empty() || !problems.human(&[&source].into_iter().collect(), true).is_empty());
        prop_assert!(problems.sarif().is_object());
    }

    #[test]
    fn every_character_of_any_text_is_found(text in "[ -~üé😀]{1,30}", style in 0..3) {
        let written = match style {
            0 => format!("k: '{}'\n", text.replace('\'', "''")),
            1 => format!("k: {}\n", serde_json::to_string(&text).unwrap()),
            _ => format!("k: |2-\n  {text}\n"),
        };
        let source = Arc::new(Source::new("x.yaml", "x.yaml", written.clone()));
        let mut problems = Problems::new();
        let document = Document::parse(&source, &mut problems).unwrap();
        let node = document.root.get("k").unwrap();
        prop_assert_eq!(node.text(), Some(text.as_str()));
        let lines: Vec<Vec<char>> = written.lines().map(|line| line.chars().collect()).collect();
        for (offset, c) in text.char_indices().filter(|(_, c)| *c != ' ') {
            let place = document.place_in(node, offset, c.len_utf8());
            let line = &lines[place.line as usize - 1][place.column as usize - 1..];
            let found: String = line.iter().take(place.len as usize).collect();
            let is_escape = found == format!("\\{c}") || (c == '\'' && found == "''");
            prop_assert!(found == c.to_string() || is_escape, "{:?} is written {:?}", c, found);
        }
    }
}
