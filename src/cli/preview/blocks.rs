//! Block Kit as Slack shows it: as HTML, and as text. It knows the blocks and the marks that our messages have.

use crate::channels::render::html_escaped;
use serde_json::Value as Json;

/// A piece of a text with marks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Bold(String),
    Code(String),
    Link { url: String, name: String },
}

/// One block, in the order that the eye meets it.
enum Shape<'a> {
    Header(&'a str),
    Section { text: Option<&'a str>, fields: Vec<&'a str> },
    Context(Vec<&'a str>),
    Divider,
}

fn shapes(blocks: &Json) -> Vec<Shape<'_>> {
    blocks.as_array().into_iter().flatten().map(shape).collect()
}

fn shape(block: &Json) -> Shape<'_> {
    let texts = |key: &str| -> Vec<&str> {
        block[key].as_array().into_iter().flatten().filter_map(|t| t["text"].as_str()).collect()
    };
    match block["type"].as_str() {
        Some("header") => Shape::Header(block["text"]["text"].as_str().unwrap_or_default()),
        Some("section") => Shape::Section { text: block["text"]["text"].as_str(), fields: texts("fields") },
        Some("context") => Shape::Context(texts("elements")),
        _ => Shape::Divider,
    }
}

/// The blocks as a piece of a page.
pub(super) fn html(blocks: &Json) -> String {
    let marked = |text: &str| pieces(text).iter().map(piece_html).collect::<String>();
    let shapes = shapes(blocks).into_iter().map(|shape| match shape {
        Shape::Header(text) => format!("<div class=\"b-header\">{}</div>", signs(&html_escaped(&unescaped(text)))),
        Shape::Divider => "<hr class=\"b-divider\">".to_owned(),
        Shape::Context(texts) => {
            let texts: Vec<String> = texts.into_iter().map(marked).collect();
            format!("<div class=\"b-context\">{}</div>", texts.join(" "))
        }
        Shape::Section { text, fields } => {
            let text = text.map_or(String::new(), |text| format!("<div>{}</div>", marked(text)));
            let fields: Vec<String> = fields.into_iter().map(|f| format!("<div>{}</div>", marked(f))).collect();
            let fields = fields.concat();
            let fields = if fields.is_empty() { fields } else { format!("<div class=\"b-fields\">{fields}</div>") };
            format!("<div class=\"b-section\">{text}{fields}</div>")
        }
    });
    shapes.collect()
}

/// The blocks as lines.
pub(super) fn text(blocks: &Json) -> String {
    let marked = |text: &str| pieces(text).iter().map(piece_text).collect::<String>();
    let mut out = String::new();
    for shape in shapes(blocks) {
        match shape {
            Shape::Header(text) => out.push_str(&unescaped(text)),
            Shape::Divider => out.push_str("----"),
            Shape::Context(texts) => out.push_str(&texts.into_iter().map(marked).collect::<Vec<_>>().join(" ")),
            Shape::Section { text, fields } => {
                let texts: Vec<String> = text.into_iter().chain(fields).map(marked).collect();
                out.push_str(&texts.join("\n"));
            }
        }
        out.push('\n');
    }
    out
}

fn piece_html(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => signs(&html_escaped(text).replace('\n', "<br>")),
        Piece::Bold(text) => format!("<b>{}</b>", html_escaped(text)),
        Piece::Code(text) => format!("<code>{}</code>", html_escaped(text)),
        Piece::Link { url, name } => format!("<a href=\"{}\">{}</a>", html_escaped(url), html_escaped(name)),
    }
}

fn piece_text(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) | Piece::Bold(text) => text.clone(),
        Piece::Code(text) => format!("`{text}`"),
        Piece::Link { url, name } => format!("{name} <{url}>"),
    }
}

/// The coloured signs as shapes, so that they need no font.
fn signs(html: &str) -> String {
    let sign = |colour: &str| format!("<i class=\"sign\" style=\"background:{colour}\"></i>");
    [("🔴", "#e8384f"), ("🟠", "#f2a03d"), ("🔵", "#3f8fd9"), ("🟢", "#3aa655")]
        .iter()
        .fold(html.to_owned(), |html, (emoji, colour)| html.replace(emoji, &sign(colour)))
        .replace("⚠", "<span class=\"warn\">!</span>")
}

/// Takes `mrkdwn` apart: `*bold*`, `` `code` ``, `<url|name>`, `<!date^…|text>`.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '<']) {
        let (before, marked) = rest.split_at(at);
        push_text(&mut out, before);
        let (mark, inner) = marked.split_at(1);
        let end = if mark == "<" { ">" } else { mark };
        let closed = inner.find(end).filter(|end| *end > 0 && (mark == "<" || !inner[..*end].contains('\n')));
        if let Some(end) = closed {
            push(&mut out, piece(mark, &inner[..end]));
            rest = &inner[end + 1..];
        } else {
            push_text(&mut out, mark);
            rest = inner;
        }
    }
    push_text(&mut out, rest);
    out
}

fn piece(mark: &str, inner: &str) -> Piece {
    match mark {
        "*" => Piece::Bold(unescaped(inner)),
        "`" => Piece::Code(unescaped(inner)),
        _ => match inner.split_once('|') {
            Some((date, shown)) if date.starts_with("!date^") => Piece::Text(unescaped(shown)),
            Some((url, name)) => Piece::Link { url: unescaped(url), name: unescaped(name) },
            None => Piece::Link { url: unescaped(inner), name: unescaped(inner) },
        },
    }
}

fn push_text(out: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        push(out, Piece::Text(unescaped(text).replace(":warning:", "⚠")));
    }
}

fn push(out: &mut Vec<Piece>, piece: Piece) {
    match (out.last_mut(), piece) {
        (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
        (_, piece) => out.push(piece),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_apart_and_data_stays_text() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let got = pieces("a *b &lt; c* `x &gt; 3`\n* no\n<!date^17^{date}|5 May> <https://x.example/?a&amp;b|run>");
        let want = [
            text("a "),
            Piece::Bold("b < c".to_owned()),
            text(" "),
            Piece::Code("x > 3".to_owned()),
            text("\n* no\n5 May "),
            Piece::Link { url: "https://x.example/?a&b".to_owned(), name: "run".to_owned() },
        ];
        assert_eq!(got, want);
        let blocks = serde_json::json!([{ "type": "section", "text": { "text": "&lt;script&gt; *<x|y>*" } }]);
        assert!(!html(&blocks).contains("<script"), "{}", html(&blocks));
    }
}
