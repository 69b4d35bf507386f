//! The tokens of one source text: where each begins and ends, and which brackets belong together.
//!
//! Rhai's tree knows neither brackets nor where an expression ends; both are read off here.

use super::syntax;
use rhai::{LexError, Position, Token};

/// What is wrong with a source text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub start: usize,
    pub end: usize,
    pub help: Option<String>,
}

/// One token, with its bytes in the source.
#[derive(Clone, Debug)]
pub(super) struct Tok {
    pub token: Token,
    pub start: usize,
    pub end: usize,
    at: Position,
    /// The index of the bracket that closes or opens this one; its own where it is no bracket.
    mate: usize,
}

/// All tokens of a source text.
#[derive(Debug)]
pub(super) struct Tokens<'s> {
    pub source: &'s str,
    list: Vec<Tok>,
}

/// From which token to which an expression reaches, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub first: usize,
    pub last: usize,
}

impl Extent {
    /// Both, and what lies between.
    pub fn join(self, other: Extent) -> Extent {
        Extent { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl<'s> Tokens<'s> {
    /// Of no source.
    pub fn empty() -> Tokens<'s> {
        Tokens { source: "", list: Vec::new() }
    }

    /// Reads a source text.
    ///
    /// # Errors
    /// The first piece of text that is no token.
    pub fn read(source: &'s str) -> Result<Tokens<'s>, Fault> {
        let lines = Lines::new(source);
        let inputs = [source];
        let (mut stream, _control) = syntax::engine().lex(&inputs);
        let mut list: Vec<Tok> = Vec::with_capacity(source.len() / 3 + 2);
        let mut open = Vec::new();
        while let Some((token, at)) = stream.next() {
            let (start, end) = (lines.offset(at), lines.offset_after(stream.pos));
            match token {
                Token::EOF => break,
                Token::LexError(error) => return Err(lex_fault(&error, start, end.max(start))),
                Token::InterpolatedString(_) => return Err(interpolated(start)),
                token => {
                    let index = list.len();
                    let mate = mate(&token, index, &mut open);
                    if let Some(opening) = list.get_mut(mate) {
                        opening.mate = index;
                    }
                    list.push(Tok { token, start, end, at, mate });
                }
            }
        }
        Ok(Tokens { source, list })
    }

    pub fn list(&self) -> &[Tok] {
        &self.list
    }

    /// The index of the token that begins at a position of Rhai's.
    pub fn find(&self, at: Position) -> usize {
        self.list.binary_search_by(|t| t.at.cmp(&at)).unwrap_or_else(|i| i.min(self.list.len().saturating_sub(1)))
    }

    /// The index of the token that begins at or behind a position; the list's length behind the last.
    pub fn find_or_end(&self, at: Position) -> usize {
        self.list.partition_point(|t| t.at < at)
    }

    pub fn get(&self, index: usize) -> Option<&Token> {
        self.list.get(index).map(|t| &t.token)
    }

    /// Where a token's bracket has its other half.
    pub fn mate(&self, index: usize) -> usize {
        self.list.get(index).map_or(index, |t| t.mate)
    }

    /// The bytes of an extent.
    pub fn span(&self, extent: Extent) -> (usize, usize) {
        let start = self.list.get(extent.first).map_or(0, |t| t.start);
        (start, self.list.get(extent.last).map_or(self.source.len(), |t| t.end))
    }

    /// The text of an extent.
    pub fn text(&self, extent: Extent) -> &'s str {
        let (start, end) = self.span(extent);
        self.source.get(start..end).unwrap_or("")
    }

    /// Widens an extent until every bracket in it is there with its other half.
    pub fn balance(&self, mut extent: Extent) -> Extent {
        loop {
            let inside = extent.first..=extent.last.min(self.list.len().saturating_sub(1));
            let wider =
                inside.fold(extent, |e, i| e.join(Extent { first: self.list[i].mate, last: self.list[i].mate }));
            if wider == extent {
                return extent;
            }
            extent = wider;
        }
    }

    /// The extent with the brackets that stand around exactly it. A call's brackets are not such.
    pub fn bracketed(&self, mut extent: Extent) -> Extent {
        while extent.first > 0
            && matches!(self.get(extent.first - 1), Some(Token::LeftParen))
            && self.mate(extent.first - 1) == extent.last + 1
            && !self.is_call(extent.first - 1)
        {
            extent = Extent { first: extent.first - 1, last: extent.last + 1 };
        }
        extent
    }

    fn is_call(&self, opening: usize) -> bool {
        opening > 0 && matches!(self.get(opening - 1), Some(Token::Identifier(_) | Token::Reserved(_)))
    }
}

/// The index of the opening bracket that `token` closes, else a number past the list's end.
fn mate(token: &Token, index: usize, open: &mut Vec<usize>) -> usize {
    match token {
        Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart => {
            open.push(index);
            index
        }
        Token::RightParen | Token::RightBracket | Token::RightBrace => open.pop().unwrap_or(index),
        _ => index,
    }
}

fn interpolated(start: usize) -> Fault {
    Fault {
        message: "text in an expression is not interpolated".into(),
        start,
        end: start + 1,
        help: Some("write the text without `${…}`, in double quotes".into()),
    }
}

fn lex_fault(error: &LexError, start: usize, end: usize) -> Fault {
    let quotes = || Some("text is written in double quotes: `\"text\"`".to_string());
    let (message, help) = match error {
        LexError::UnexpectedInput(s) => (format!("unexpected `{s}`"), None),
        LexError::UnterminatedString => ("the text that begins here is not closed".into(), None),
        LexError::MalformedEscapeSequence(s) => (
            format!("`{s}` is no escape sequence"),
            Some("write `\\\\` for a backslash, or put the text in backquotes: `` `a\\d` ``".into()),
        ),
        LexError::MalformedNumber(s) => (format!("`{s}` is not a number"), None),
        LexError::MalformedChar(_) => ("single quotes do not make a text".into(), quotes()),
        LexError::MalformedIdentifier(s) => (format!("`{s}` is not a name"), None),
        other => (other.to_string().replace('\'', "`"), None),
    };
    Fault { message, start, end, help }
}

/// Turns Rhai's lines and columns, which count characters, into bytes.
struct Lines {
    /// The characters before each line.
    starts: Vec<usize>,
    /// The bytes before each character; empty where each is a byte.
    bytes: Vec<usize>,
    len: usize,
}

impl Lines {
    fn new(source: &str) -> Lines {
        let ends = source.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(i, _)| i + 1);
        let bytes = if source.is_ascii() { Vec::new() } else { source.char_indices().map(|(i, _)| i).collect() };
        Lines { starts: std::iter::once(0).chain(ends).collect(), bytes, len: source.len() }
    }

    fn offset(&self, at: Position) -> usize {
        self.byte(at, 0)
    }

    fn offset_after(&self, last: Position) -> usize {
        self.byte(last, 1)
    }

    fn byte(&self, at: Position, more: usize) -> usize {
        let (Some(line), Some(column)) = (at.line(), at.position()) else { return self.len };
        let Some(start) = self.starts.get(line - 1) else { return self.len };
        let character = start + column - 1 + more;
        if self.bytes.is_empty() {
            character.min(self.len)
        } else {
            self.bytes.get(character).copied().unwrap_or(self.len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_knows_its_bytes() {
        let source = "a >= -1.5e3 && `tä\nst`.len() !in [\"ü\\\"\", 0x1F] // end\n/* x */ ?? (b**2..=c)";
        let tokens = Tokens::read(source).unwrap();
        let texts: Vec<&str> = tokens.list().iter().map(|t| &source[t.start..t.end]).collect();
        let want = "a|>=|-1.5e3|&&|`tä\nst`|.|len|()|!in|[|\"ü\\\"\"|,|0x1F|]|??|(|b|**|2|..=|c|)";
        assert_eq!(texts.join("|"), want);
    }

    #[test]
    fn brackets_are_found_around_what_they_enclose() {
        let tokens = Tokens::read("f(a) * ((b + c))").unwrap();
        let inner = Extent { first: 7, last: 9 };
        assert_eq!(tokens.text(inner), "b + c");
        assert_eq!(tokens.text(tokens.bracketed(inner)), "((b + c))");
        assert_eq!(tokens.text(tokens.bracketed(Extent { first: 2, last: 2 })), "a", "a call's brackets are its own");
        assert_eq!(tokens.text(tokens.balance(Extent { first: 9, last: 11 })), "((b + c))");
    }
}
