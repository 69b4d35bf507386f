//! YAML as it is written: places in every style of scalar, and what YAML would change in silence.
#![expect(clippy::unwrap_used, reason = "a test whose file does not parse fails")]

use std::sync::Arc;

use bellwether::config::{Document, Node, Place, Problems, Source};

fn parse(text: &str) -> (Option<Document>, Problems) {
    let source = Arc::new(Source::new("x.yaml", "x.yaml", text.to_owned()));
    let mut problems = Problems::new();
    let document = Document::parse(&source, &mut problems);
    problems.sort();
    (document, problems)
}

/// The first error as `line:column message | help`; empty where there is none.
fn first_error(text: &str) -> String {
    let (_, problems) = parse(text);
    let told = problems.iter().next().map(|problem| {
        let place = problem.place.as_ref().map_or(String::new(), |p| format!("{}:{}", p.line, p.column));
        format!("{place} {} | {}", problem.message, problem.help.as_deref().unwrap_or(""))
    });
    told.unwrap_or_default()
}

fn column(document: &Document, key: &str, what: &str) -> (u32, u32) {
    let node = document.root.get(key).unwrap();
    let offset = node.text().unwrap().find(what).unwrap();
    let Place { line, column, len, .. } = document.place_in(node, offset, what.len());
    assert_eq!(len as usize, what.chars().count(), "{key}");
    (line, column)
}

#[test]
fn text_is_what_is_written() {
    for (written, want) in [
        ("0x5", "0x5"),
        ("1.10", "1.10"),
        ("010", "010"),
        ("yes", "yes"),
        ("1e3", "1e3"),
        ("~", "~"),
        ("null", "null"),
        ("x > 2   # why", "x > 2"),
        ("2026-01-05", "2026-01-05"),
        ("'it''s'", "it's"),
        (r#""a\tb""#, "a\tb"),
        ("one\n  two", "one two"),
        ("|\n  one\n  two", "one\ntwo\n"),
        (">-\n  one\n  two", "one two"),
    ] {
        let (document, problems) = parse(&format!("k: {written}\n"));
        assert_eq!(document.unwrap().root.get("k").unwrap().text(), Some(want), "{written}");
        assert!(problems.is_empty(), "{written}");
    }
}

#[test]
fn a_place_inside_of_a_scalar_is_right_in_every_style() {
    let text = "\
plain: ratio > dlq_cnt
wide: größe > dlq_cnt
wrapped: ratio
  > 2 &&
     dlq_cnt
single: 'it''s > dlq_cnt'
double: \"a\\tb \\u00e9 > dlq_cnt\"
broken: \"a \\
   b

   > dlq_cnt\"
literal: |
  ratio > 2
    && dlq_cnt
leading: |

  dlq_cnt
indented: |2
    dlq_cnt
folded: >-
  ratio
  > dlq_cnt

  && x
flow: { single: 'x > dlq_cnt' }
";
    let (document, problems) = parse(text);
    assert!(problems.is_empty());
    let document = document.unwrap();
    for (key, want) in [
        ("plain", (1, 16)),
        ("wide", (2, 15)),
        ("wrapped", (5, 6)),
        ("single", (6, 18)),
        ("double", (7, 24)),
        ("broken", (11, 6)),
        ("literal", (14, 8)),
        ("leading", (17, 3)),
        ("indented", (19, 5)),
        ("folded", (22, 5)),
    ] {
        assert_eq!(column(&document, key, "dlq_cnt"), want, "{key}");
    }
    let single = document.root.get("flow").unwrap().get("single").unwrap();
    assert_eq!(document.place_in(single, 4, 7).column, 22);
}

/// Every character of every scalar is found again, not only those that a table thought of.
#[test]
fn every_character_is_found_where_it_was_written() {
    let text = "\
a: one two  three # no
b: 'it''s ''quoted'' ü x'
c: \"tab\\t quote\\\" slash\\\\ \\x41 \\u00fc \\U0001F600 \\
    cut \\   x
    fold

    end\"
d: |
  literal  ü
    deeper

  end
e: >
  folded one
  two

  three
    more
  end
f: |+

   kept

g: plain
  over ü

  lines
h: \"\\uD83D\\uDE00 pair\"
";
    let (document, problems) = parse(text);
    assert!(problems.is_empty());
    let document = document.unwrap();
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let mut seen = 0;
    for (key, node) in document.root.map().unwrap() {
        let decoded = node.text().unwrap();
        for (offset, c) in decoded.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            let Place { line, column, len, .. } = document.place_in(node, offset, c.len_utf8());
            let written: String = lines[line as usize - 1][column as usize - 1..].iter().take(len as usize).collect();
            let is_itself = written == c.to_string() || (c == '\'' && written == "''");
            let is_escape = matches!(
                (c, written.as_str()),
                ('"', "\\\"") | ('\\', "\\\\") | ('A', "\\x41") | ('ü', "\\u00fc") | ('😀', "\\U0001F600" | "\\uDE00")
            );
            assert!(is_itself || is_escape, "{key:?} {offset}: {c} is written {written:?} at {line}:{column}");
            seen += 1;
        }
    }
    assert!(seen > 100);
}

#[test]
fn the_end_of_a_text_is_behind_its_last_character() {
    for (text, want) in [("k: x >\n", (1, 7)), ("k: 'x >'\n", (1, 8)), ("k: |\n  x >\n", (2, 6)), ("k: ''\n", (1, 5))] {
        let (document, _) = parse(text);
        let document = document.unwrap();
        let node = document.root.get("k").unwrap();
        let place = document.place_in(node, node.text().unwrap().len(), 0);
        assert_eq!((place.line, place.column), want, "{text}");
    }
}

#[test]
fn what_yaml_would_change_in_silence_is_an_error() {
    for (text, want) in [
        (
            "when: !healthy && x > 2\n",
            "1:7 YAML reads `!healthy` as a tag, not as text | put the expression in single quotes: `'!healthy && x > 2'`",
        ),
        (
            "when: !!str 5\n",
            "1:7 YAML reads `!!str` as a tag, not as text | put the expression in single quotes: `'!!str 5'`",
        ),
        ("k: { when: !a }\n", "1:12 YAML reads `!a` as a tag, not as text | put the expression in single quotes"),
        (
            "when: &x y\n",
            "1:7 YAML reads `&x` as an anchor, not as text | put the expression in single quotes: `'&x y'`; an anchor belongs to a mapping",
        ),
        (
            "a: *x\n",
            "1:4 YAML reads `*x` as an alias, and nothing has that anchor | put the expression in single quotes",
        ),
        (
            "title: {{ processor }} ran\n",
            "1:8 YAML reads `{{` at the head of a value as a mapping | quote the title: `\"{{ processor }} ran\"`",
        ),
        (
            "title: {{ a }}\n",
            "1:8 YAML reads `{{` at the head of a value as a mapping | quote the title: `\"{{ a }}\"`",
        ),
        ("title: {% if x %}\n", "1:9 YAML cannot read this line, which holds a template"),
        (
            "k: { when: name == \"a # b\" }\n",
            "1:23 YAML reads ` #` as the beginning of a comment, inside of a quotation | put the expression in single quotes",
        ),
        ("checks: !x\n  a: 1\n", "1:9 the tag `!x` has no meaning here | remove it"),
    ] {
        let got = first_error(text);
        assert!(got.starts_with(want), "{text}: {got}");
        assert_eq!(parse(text).1.len(), 1, "{text}");
    }
}

/// In block style, in a mapping and in a list between brackets.
#[test]
fn the_advice_is_the_same_in_every_style() {
    let quote = "put the expression in single quotes";
    for (written, want) in [
        ("!healthy && x > 2", format!("YAML reads `!healthy` as a tag, not as text | {quote}: `'!healthy && x > 2'`")),
        ("!(x > max(a, 2))", format!("YAML reads `!(x` as a tag, not as text | {quote}: `'!(x > max(a, 2))'`")),
        (
            "!up && s == \"a, b]\"",
            format!("YAML reads `!up` as a tag, not as text | {quote}: `'!up && s == \"a, b]\"'`"),
        ),
        ("!up  # why", format!("YAML reads `!up` as a tag, not as text | {quote}: `'!up'`")),
        ("*x", format!("YAML reads `*x` as an alias, and nothing has that anchor | {quote}: `'*x'`")),
        ("*x && y", format!("YAML reads `*x` as an alias, and nothing has that anchor | {quote}: `'*x && y'`")),
        ("&x", format!("YAML reads `&x` as an anchor, not as text | {quote}: `'&x'`; an anchor belongs to a mapping")),
        ("&x > 2", format!("YAML reads `&x` as an anchor, not as text | {quote}: `'&x > 2'`; an anchor")),
        (
            "{{ a }} ran",
            "YAML reads `{{` at the head of a value as a mapping | quote the title: `\"{{ a }} ran\"`".to_owned(),
        ),
    ] {
        for (before, after) in [
            ("k: ", ""),
            ("- ", ""),
            ("k: { a: ", "\n }"),
            ("k: { a: ", "\n , b: c }"),
            ("k: [", "\n , b]"),
            ("k: [", "\n ]"),
        ] {
            let after = if written.contains('#') { after } else { after.trim_start() };
            let text = format!("{before}{written}{after}\n");
            let got = first_error(&text);
            assert!(got.starts_with(&format!("1:{} {want}", before.len() + 1)), "{text}: {got}");
            assert_eq!(parse(&text).1.len(), 1, "{text}");
        }
    }
    for (text, want) in [
        ("k: {\n a: x == \"a # b\",\n b: c }\n", "2:13 YAML reads ` #` as the beginning of a comment"),
        ("k: [\n x == \"a # b\",\n c ]\n", "2:10 YAML reads ` #` as the beginning of a comment"),
        ("k: { a: x in [b] }\n", "1:14 before this, a `,` or a `}` is missing | if all of it is one text, put"),
        ("k: [a, \"x\" in b]\n", "1:12 "),
    ] {
        let got = first_error(text);
        assert!(got.starts_with(want), "{text}: {got}");
    }
}

#[test]
fn broken_yaml_says_what_to_do() {
    for (text, want) in [
        ("a:\n\tb: 1\n", "2:1 a tab cannot indent YAML | indent with spaces"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1 a tab cannot indent YAML | indent with spaces"),
        ("a: 1\na: 2\n", "2:1 the key `a` is given twice | remove one of them"),
        ("a: b: c\n", "1:5 a `:` that begins a mapping cannot stand here"),
        ("a: @now\n", "1:4 a value without quotes cannot begin with `@` | put the whole value in single quotes"),
        ("a: \"x\n", "1:4 this quotation is never closed"),
        ("a: [1, 2\nb: 3\n", "2:2 a `:` cannot stand here | check that every `[`"),
        ("a: [1, 2\n", "1:4 this `[` is never closed"),
        ("a: 1\n---\nb: 2\n", "2:1 a second document begins here | write one document to a file"),
        ("a:\n  - b\n c: d\n", "3:2 this line does not belong to what stands above it | check its indentation"),
        ("[a]: b\n", "1:1 a key is text"),
        ("a: &a [*a]\n", "1:8 this alias stands inside of what it names"),
    ] {
        let got = first_error(text);
        assert!(got.starts_with(want), "{text}: {got}");
    }
}

#[test]
fn duplicate_keys_show_both_places() {
    let (_, problems) = parse("a: 1\nb: 2\na: 3\n");
    let problem = problems.iter().next().unwrap();
    let (also, why) = &problem.also[0];
    assert_eq!((also.line, also.column, why.as_str()), (1, 1, "it stands here already"));
}

#[test]
fn anchors_stand_between_mappings() {
    let (document, problems) = parse(
        "base: &base { a: 1, b: 2 }\nmore: &more { b: 3, c: 4 }\nuse: *base\none:\n  b: own\n  <<: *base\ntwo:\n  <<: [*more, *base]\n",
    );
    assert!(problems.is_empty());
    let root = document.unwrap().root;
    let show = |key: &str| -> String {
        let entries = root.get(key).unwrap().map().unwrap();
        let pairs: Vec<_> =
            entries.iter().map(|(k, v)| format!("{}={}", k.text().unwrap(), v.text().unwrap())).collect();
        pairs.join(" ")
    };
    assert_eq!(show("use"), "a=1 b=2");
    assert_eq!(show("one"), "b=own a=1", "its own keys win");
    assert_eq!(show("two"), "b=3 c=4 a=1", "what is named first wins");
    assert!(first_error("a: &a [1]\nb: { <<: *a }\n").contains("`<<` takes a mapping"));
    assert!(first_error("b: { <<: text }\n").contains("`<<` takes a mapping"));
}

#[test]
fn bombs_are_refused_with_the_limit() {
    let mut laughs = String::from("a0: &a0 { x: lol }\n");
    for i in 1..12 {
        let uses: Vec<_> = (0..9).map(|n| format!("k{n}: *a{}", i - 1)).collect();
        laughs.push_str(&format!("a{i}: &a{i} {{ {} }}\n", uses.join(", ")));
    }
    let mut deep_copies = String::from("a0: &a0 { x: { x: { x: { x: y } } } }\n");
    for i in 1..60 {
        deep_copies.push_str(&format!("a{i}: &a{i} {{ x: {{ x: *a{} }} }}\n", i - 1));
    }
    let deep_blocks: Vec<_> = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for (name, text, want) in [
        ("a billion laughs", laughs, "larger than 200000 nodes"),
        ("brackets", "[".repeat(100_000), "nested deeper than 64 levels"),
        ("keyed brackets", format!("a: {}", "[".repeat(100_000)), "nested deeper than 64 levels"),
        ("braces", "{a: ".repeat(100_000), "nested deeper than 64 levels"),
        ("blocks", deep_blocks.concat(), "nested deeper than 64 levels"),
        ("dashes", "- ".repeat(100_000), "nested deeper than 64 levels"),
        ("depth by aliases", deep_copies, "nested deeper than 64 levels"),
        ("a large file", format!("a: {}\n", "x".repeat(10 << 20)), "larger than 8 MiB"),
    ] {
        let (document, problems) = parse(&text);
        assert!(document.is_none(), "{name}");
        assert!(problems.iter().any(|p| p.message.contains(want)), "{name}: {problems:?}");
        assert_eq!(problems.len(), 1, "{name}");
    }
}

#[test]
fn odd_files_are_read() {
    for (text, want) in [
        ("\u{feff}a: 1\n", Some("1")),
        ("a: 1\r\nb: 2\r\n", Some("1")),
        ("---\na: 1\n...\n", Some("1")),
        ("a: 1", Some("1")),
        ("a:\n", None),
    ] {
        let (document, problems) = parse(text);
        assert!(problems.is_empty(), "{text:?}");
        assert_eq!(document.unwrap().root.get("a").and_then(Node::text), want, "{text:?}");
    }
    for text in ["", "# nothing\n", "---\n"] {
        let (document, problems) = parse(text);
        assert!(problems.is_empty(), "{text:?}");
        assert!(document.is_none_or(|d| d.root.map().is_none()), "{text:?}");
    }
    let comments = format!("a:\n{}  b: 1\n", "  # a line that was put aside\n".repeat(5_000));
    assert!(parse(&comments).1.is_empty(), "many comments are no error");
}

#[test]
fn a_comment_above_allows() {
    let source = Source::new("x", "x", "# bellwether: allow one, two\n# words\na: 1\nb: 2\n".to_owned());
    for (line, name, want) in
        [(3, "one", true), (3, "two", true), (3, "three", false), (4, "one", false), (1, "one", false)]
    {
        assert_eq!(source.allows(line, name), want, "{line} {name}");
    }
}

#[test]
fn many_files_are_parsed_as_one_by_one() {
    let sources: Vec<_> = (0..40)
        .map(|i| {
            let text = if i % 7 == 3 { "a: b: c\n".to_owned() } else { format!("a: {i}\n") };
            Arc::new(Source::new(&format!("{i:02}.yaml"), "x", text))
        })
        .collect();
    let mut problems = Problems::new();
    let documents = Document::parse_all(&sources, &mut problems);
    let values: Vec<_> = documents.iter().map(|d| d.root.get("a").unwrap().text().unwrap().to_owned()).collect();
    let want: Vec<_> = (0..40).filter(|i| i % 7 != 3).map(|i| i.to_string()).collect();
    assert_eq!(values, want);
    let broken: Vec<_> = problems.iter().map(|p| p.place.as_ref().unwrap().file.to_string()).collect();
    assert_eq!(broken, ["03.yaml", "10.yaml", "17.yaml", "24.yaml", "31.yaml", "38.yaml"]);
    assert!(Document::parse_all(&[], &mut problems).is_empty());
}
