//! Rhai as the parser: its settings, and its errors in our words, with hints.

use super::tokens::{Extent, Fault, Tokens};
use super::{DEPTH_MAX, SOURCE_MAX};
use rhai::{AST, Engine, Expr, LexError, OptimizationLevel, ParseError, ParseErrorType, Stmt, Token};
use std::sync::LazyLock;

/// A source text that parsed.
pub(super) struct Parsed<'s> {
    tokens: Tokens<'s>,
    tree: Tree,
}

/// Rhai's tree.
pub(super) struct Tree(AST);

impl<'s> Parsed<'s> {
    pub fn split(self) -> (Tokens<'s>, Tree) {
        (self.tokens, self.tree)
    }
}

impl Tree {
    /// The head of the expression. `None` where it is not one expression, which the parser does not let through.
    pub fn root(&self) -> Option<Root<'_>> {
        match self.0.statements() {
            [Stmt::Expr(expr)] => Some(Root::Expr(expr)),
            [Stmt::FnCall(call, at)] => Some(Root::Call(call, *at)),
            _ => None,
        }
    }
}

/// The head of a tree: Rhai keeps a call at the top level apart.
pub(super) enum Root<'p> {
    Expr(&'p Expr),
    Call(&'p rhai::FnCallExpr, rhai::Position),
}

/// The engine: a parser without any function.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut engine = Engine::new_raw();
        engine
            .set_optimization_level(OptimizationLevel::None) // folding would hide names and positions
            .set_max_strings_interned(0) // no lock, no growth
            .set_max_expr_depths(DEPTH_MAX)
            .set_allow_looping(false)
            .set_allow_if_expression(false)
            .set_allow_switch_expression(false)
            .set_allow_loop_expressions(false)
            .set_allow_statement_expression(false)
            .set_allow_shadowing(false);
        engine
    });
    &ENGINE
}

/// Parses one expression.
///
/// # Errors
/// What the source text has that no expression has. Rhai stops at its first error; so does this.
pub(super) fn parse(source: &str) -> Result<Parsed<'_>, Vec<Fault>> {
    if source.len() > SOURCE_MAX {
        let message = format!("the expression is longer than {SOURCE_MAX} bytes");
        let help = Some("split it up with `let`, or compute it in the query".into());
        return Err(vec![Fault { message, start: 0, end: 1, help }]);
    }
    let tokens = Tokens::read(source).map_err(|fault| vec![fault])?;
    if tokens.list().is_empty() {
        return Err(vec![Fault { message: "the expression is empty".into(), start: 0, end: 0, help: None }]);
    }
    let faults: Vec<Fault> = (0..tokens.list().len()).filter_map(|i| refused_token(&tokens, i)).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    match engine().compile_expression(source) {
        Ok(ast) => Ok(Parsed { tokens, tree: Tree(ast) }),
        Err(error) => Err(vec![fault(&error, &tokens)]),
    }
}

/// A token that stands in no expression of ours, whatever is around it.
fn refused_token(tokens: &Tokens, i: usize) -> Option<Fault> {
    let tok = &tokens.list()[i];
    let text = &tokens.source[tok.start..tok.end];
    let after_name =
        i > 0 && matches!(tokens.get(i - 1), Some(Token::Identifier(_) | Token::Reserved(_) | Token::Bang));
    let null = "`is_null(a)` asks whether `a` is null, `a ?? b` puts `b` in its place";
    let (message, help) = match &tok.token {
        Token::Unit if !after_name => (format!("nothing compares with `{text}`"), Some(null.to_string())),
        Token::Reserved(word) if matches!(word.as_str(), "null" | "nil" | "void") => {
            (format!("nothing compares with `{word}`"), Some(null.to_string()))
        }
        Token::CharConstant(_) => (
            "single quotes do not make a text".into(),
            Some(format!("text is written in double quotes: `\"{}\"`", text.trim_matches('\''))),
        ),
        Token::StringConstant(_) if text.starts_with('#') => (
            "text is written in double quotes or backquotes".into(),
            Some("nothing is escaped inside backquotes: `` `a\\d` ``".into()),
        ),
        Token::IntegerConstant(_) | Token::FloatConstant(_) => (number_problem(text)?, None),
        _ => return None,
    };
    Some(Fault { message, start: tok.start, end: tok.end, help })
}

/// Why a number as written cannot be kept: one that is not exact would compare falsely.
fn number_problem(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('-').replace('_', "").to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(prefix, _)| digits.starts_with(prefix));
    let inexact = || Some(format!("`{text}` cannot be kept exactly: numbers are 64-bit floats"));
    if let Some((prefix, radix)) = radix {
        return match i64::from_str_radix(&digits[prefix.len()..], radix) {
            Ok(n) if n <= EXACT_INTEGER_MAX => None,
            _ => inexact(),
        };
    }
    let Ok(value) = digits.parse::<f64>() else { return Some(format!("`{text}` is not a number")) };
    if !value.is_finite() {
        return Some(format!("`{text}` is too large for a number"));
    }
    let whole = digits.bytes().all(|b| b.is_ascii_digit());
    let exact = !whole || digits.len() <= 15 || format!("{value:.0}") == digits.trim_start_matches('0');
    if exact { None } else { inexact() }
}

/// 2^53: up to it every whole number is a 64-bit float.
const EXACT_INTEGER_MAX: i64 = 1 << 53;

/// Rhai's error in our words.
fn fault(error: &ParseError, tokens: &Tokens) -> Fault {
    let end = tokens.source.len();
    let at_end = matches!(error.err_type(), ParseErrorType::UnexpectedEOF) || error.position().is_none();
    let index = if at_end { tokens.list().len() } else { tokens.find_or_end(error.position()) };
    let (mut start, mut stop) = tokens.list().get(index).map_or((end, end), |t| (t.start, t.end));
    let (mut message, mut help) = describe(error.err_type());
    if let Some(hint) = hint(tokens, index) {
        (start, stop) = hint.span;
        (message, help) = (hint.message, Some(hint.help));
    }
    Fault { message, start, end: stop.max(start), help }
}

fn describe(error: &ParseErrorType) -> (String, Option<String>) {
    use ParseErrorType as E;
    let message = match error {
        E::UnexpectedEOF => "the expression ends too soon".into(),
        E::BadInput(LexError::UnexpectedInput(s)) => format!("unexpected `{s}`"),
        E::UnknownOperator(s) => format!("`{s}` is no operator"),
        E::MissingToken(token, _) => format!("`{token}` is missing"),
        E::Reserved(s) => format!("`{s}` is a reserved word"),
        E::MismatchedType(want, have) => format!("expected {want}, not {have}"),
        E::PropertyExpected => "expected the name of a function after `.`".into(),
        E::ExprTooDeep => {
            let message =
                format!("the expression has more than {DEPTH_MAX} operators or brackets in or after each other");
            return (message, Some("split it up with `let`; many values of one column are `x in [..]`".into()));
        }
        other => other.to_string().replace('\'', "`"),
    };
    (message, None)
}

/// What was meant, as far as the tokens around an error tell.
struct Hint {
    message: String,
    help: String,
    span: (usize, usize),
}

fn hint(tokens: &Tokens, index: usize) -> Option<Hint> {
    let before = index.checked_sub(1);
    duration(tokens, index)
        .or_else(|| round_list(tokens, index))
        .or_else(|| word_hint(tokens, index))
        .or_else(|| before.and_then(|i| word_hint(tokens, i)))
        .or_else(|| symbol_hint(tokens, index))
        .or_else(|| before.and_then(|i| symbol_hint(tokens, i)))
}

/// `5m`, `1h30m`: a number with a word right behind it.
fn duration(tokens: &Tokens, index: usize) -> Option<Hint> {
    let (number, unit) = (tokens.list().get(index.checked_sub(1)?)?, tokens.list().get(index)?);
    let number_token = matches!(number.token, Token::IntegerConstant(_) | Token::FloatConstant(_));
    if !number_token || number.end != unit.start || !matches!(unit.token, Token::Identifier(_) | Token::Reserved(_)) {
        return None;
    }
    let text = tokens.text(Extent { first: index - 1, last: index });
    let function = match tokens.source.as_bytes()[unit.start] {
        b's' => "seconds",
        b'm' => "minutes",
        b'h' => "hours",
        b'd' => "days",
        b'w' => "weeks",
        _ => return None,
    };
    let amount = &tokens.source[number.start..number.end];
    Some(Hint {
        message: format!("`{text}` is no number"),
        help: format!("write `{function}({amount})`"),
        span: (number.start, unit.end),
    })
}

/// `a in (1, 2)`: the list of `in` in the brackets of SQL. The parser stops at its first comma.
fn round_list(tokens: &Tokens, index: usize) -> Option<Hint> {
    let kind = |i: usize| tokens.list().get(i).map(|tok| &tok.token);
    let open = (0..index).rev().find(|i| matches!(kind(*i), Some(Token::LeftParen)))?;
    let is_list = matches!(kind(index), Some(Token::Comma))
        && matches!(kind(open.checked_sub(1)?), Some(Token::In | Token::NotIn));
    let close = (index..tokens.list().len()).find(|i| is_list && matches!(kind(*i), Some(Token::RightParen)))?;
    let inside = tokens.text(Extent { first: open + 1, last: close - 1 });
    Some(Hint {
        message: "a list stands in square brackets".into(),
        help: format!("write `[{inside}]`"),
        span: (tokens.list()[open].start, tokens.list()[close].end),
    })
}

/// Words of other languages, with what to write here.
pub(super) fn meant_by(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "is" => "write `is_null(a)`, or `==`",
        "like" | "ilike" => "write `contains(a, \"part\")` or `matches(a, \"re\")`",
        "between" => "write `a in 1..=5`",
        "if" | "else" | "switch" | "then" => "an expression has no branches: join conditions with `&&` and `||`",
        "let" | "const" => "name a value under `let:` of the check",
        "null" | "none" | "nil" => "`is_null(a)` asks whether `a` is null",
        _ => return None,
    })
}

fn word_hint(tokens: &Tokens, index: usize) -> Option<Hint> {
    let tok = tokens.list().get(index)?;
    let word = &tokens.source[tok.start..tok.end];
    let not_in = word.eq_ignore_ascii_case("not") && matches!(tokens.get(index + 1), Some(Token::In));
    let help = if not_in { "write `!in`".into() } else { meant_by(word)?.to_string() };
    Some(Hint { message: format!("`{word}` is no operator"), help, span: (tok.start, tok.end) })
}

fn symbol_hint(tokens: &Tokens, index: usize) -> Option<Hint> {
    let (tok, next) = (tokens.list().get(index)?, tokens.list().get(index + 1));
    let end = |both: bool| next.filter(|_| both).map_or(tok.end, |n| n.end);
    let mut both = false;
    let (message, help) = match (&tok.token, next.map(|n| &n.token)) {
        (Token::Equals, Some(Token::Reserved(s))) if s.as_str() == "~" => {
            both = true;
            ("`=~` is no operator", "write `matches(a, \"re\")`")
        }
        (Token::Equals, _) => ("`=` is no comparison", "write `==`"),
        (Token::LessThan, Some(Token::GreaterThan)) => {
            both = true;
            ("`<>` is no operator", "write `!=`")
        }
        (Token::Reserved(s), _) if s.as_str() == "?" => {
            ("`?` is no operator", "an expression has no branches; `a ?? b` puts `b` in the place of a null")
        }
        (Token::Reserved(s), _) if matches!(s.as_str(), "@" | "$") => {
            ("a name stands by itself in an expression", "write it without `@` or `$`")
        }
        (Token::SemiColon, _) => ("unexpected `;`", "one expression, without `;`"),
        (Token::LeftBrace | Token::RightBrace, _) => {
            ("unexpected brace", "an expression is written without braces; `{{ }}` stands in titles")
        }
        _ => return None,
    };
    Some(Hint { message: message.into(), help: help.into(), span: (tok.start, end(both)) })
}
