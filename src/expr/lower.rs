//! Walks Rhai's tree: literals, names and calls. Operators are next door.

use super::compile::Checker;
use super::functions::{Arg, Body, Function, function, functions};
use super::names::nearest;
use super::program::{Id, List, Mention, Name, Op};
use super::syntax::meant_by;
use super::tokens::{Extent, Fault};
use super::types::{Set, Ty};
use super::{LIST_MAX, REGEX_MAX};
use crate::model::Value;
use rhai::{ASTFlags, BinaryExpr, Expr, FnCallExpr, Position, Token};
use std::sync::Arc;

/// An expression that was checked.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub id: Id,
    pub ty: Ty,
    /// Its tokens without, and with, the brackets around it.
    pub inner: Extent,
    pub outer: Extent,
    pub shape: Shape,
    /// The token of its operator.
    pub at: usize,
}

/// What an expression looks like from outside, as far as the rules about brackets go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Atom,
    Operator,
    Equality,
    Order,
    Coalesce,
}

impl Part {
    pub fn is_bracketed(&self) -> bool {
        self.inner != self.outer
    }
}

impl Checker<'_> {
    pub fn expr(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::BoolConstant(b, at) => self.leaf(Op::Bool(*b), Set::BOOL, *at),
            #[expect(clippy::cast_precision_loss, reason = "one that is not exact was refused")]
            Expr::IntegerConstant(n, at) => self.number(*n as f64, *at),
            Expr::FloatConstant(n, at) => self.number(**n, *at),
            Expr::StringConstant(text, at) => {
                let op = self.text(text);
                self.leaf(op, Set::TEXT, *at)
            }
            Expr::Variable(name, _, at) => self.variable(&name.1, *at),
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::And(parts, at) => self.logic(parts, *at, Op::And),
            Expr::Or(parts, at) => self.logic(parts, *at, Op::Or),
            Expr::Coalesce(parts, at) => self.coalesce(parts, *at),
            Expr::Dot(pair, flags, at) => self.dot(pair, *flags, *at),
            other => self.refuse(other),
        }
    }

    /// Stands for what could not be checked, so that the rest can be.
    pub fn spoilt(&mut self) -> Part {
        let extent = Extent { first: 0, last: 0 };
        let (id, ty) = (self.node(Op::Null, (0, 0), 1), self.types.fresh(Set::ALL));
        Part { id, ty, inner: extent, outer: extent, shape: Shape::Atom, at: 0 }
    }

    /// Makes the part of a node that has these others in it.
    pub fn part(&mut self, op: Op, ty: Ty, extent: Extent, inside: &[Id]) -> Part {
        let nesting = 1 + inside.iter().map(|i| self.program.node(*i).nesting).max().unwrap_or(0);
        let inner = self.tokens.balance(extent);
        let id = self.node(op, self.tokens.span(inner), nesting);
        Part { id, ty, inner, outer: self.tokens.bracketed(inner), shape: Shape::Atom, at: inner.first }
    }

    fn leaf(&mut self, op: Op, set: Set, at: Position) -> Part {
        let (ty, token) = (self.types.fresh(set), self.tokens.find(at));
        self.part(op, ty, Extent { first: token, last: token }, &[])
    }

    /// A number; Rhai gives it the place of its sign.
    fn number(&mut self, n: f64, at: Position) -> Part {
        let first = self.tokens.find(at);
        let sign = |t: &Token| {
            matches!(t, Token::Minus | Token::UnaryMinus | Token::Plus | Token::UnaryPlus | Token::LeftParen)
        };
        let signs = self.tokens.list().iter().skip(first).take_while(|t| sign(&t.token)).count();
        let ty = self.types.fresh(Set::NUMBER);
        self.part(Op::Number(n), ty, Extent { first, last: first + signs }, &[])
    }

    fn text(&mut self, text: &str) -> Op {
        self.program.texts.push(Arc::from(text));
        Op::Text(place(self.program.texts.len() - 1))
    }

    pub fn list(&mut self, ids: &[Id]) -> List {
        let start = place(self.program.lists.len());
        self.program.lists.extend_from_slice(ids);
        List { start, len: place(ids.len()) }
    }

    pub fn report_at(&mut self, extent: Extent, message: String, help: Option<String>) {
        let (start, end) = self.tokens.span(extent);
        self.report(Fault { message, start, end, help });
    }

    pub fn report_token(&mut self, token: usize, message: String, help: Option<String>) {
        self.report_at(Extent { first: token, last: token }, message, help);
    }

    fn variable(&mut self, name: &str, at: Position) -> Part {
        let token = self.tokens.find(at);
        let found = self.names.get(name).copied().or_else(|| self.infer_column(token));
        let (op, ty) = match found {
            _ if name == "now" => (Op::Now, self.types.fresh(Set::TIME)),
            Some(Name::Param(i)) => self.param(i),
            Some(Name::Column(i)) => {
                let (start, which) = (self.tokens.list()[token].start, self.which());
                let column = &mut self.program.columns[i];
                column.uses += 1;
                column.first.get_or_insert((which, start));
                (Op::Column(place(i)), self.column_types[i])
            }
            Some(Name::Let(i)) if i < self.let_types.len() => (Op::Let(place(i)), self.let_types[i]),
            // Of another type at each use, so that it conflicts with nothing.
            Some(Name::Unknown) => (Op::Null, self.types.fresh(Set::ALL)),
            _ => {
                self.unknown_name(name, token);
                return self.spoilt();
            }
        };
        if let Some(what) = found {
            let (start, end) = self.tokens.span(Extent { first: token, last: token });
            self.program.sources[self.current].mentions.push(Mention { what, start, end });
        }
        let inside = match op {
            Op::Let(i) => Some(self.program.sources[i as usize].root),
            _ => None,
        };
        self.part(op, ty, Extent { first: token, last: token }, inside.as_slice())
    }

    fn param(&mut self, i: usize) -> (Op, Ty) {
        let value = self.program.params[i].1.clone();
        let set = value.value_type().map_or(Set::ALL, Set::of);
        let op = match value {
            Value::Null => Op::Null,
            Value::Number(n) => Op::Number(n),
            Value::Bool(b) => Op::Bool(b),
            Value::Time(t) => Op::Time(t),
            Value::Text(t) => self.text(&t),
        };
        (op, self.types.fresh(set))
    }

    /// A new column, where none are declared and the name is not another language's word for a constant.
    fn infer_column(&mut self, token: usize) -> Option<Name> {
        let tok = self.tokens.list().get(token)?;
        let name = self.tokens.source.get(tok.start..tok.end)?;
        let constant = ["true", "false", "null", "none", "nan"].iter().any(|c| name.eq_ignore_ascii_case(c));
        if self.script.columns.is_some() || constant || name == "now" {
            return None;
        }
        let column = Name::Column(self.program.columns.len());
        self.add_column(name, Set::ALL, false);
        self.names.insert(name, column);
        Some(column)
    }

    fn unknown_name(&mut self, name: &str, token: usize) {
        let lower = name.to_ascii_lowercase();
        if let Some(Name::Let(_)) = self.names.get(name) {
            let help = Some("`let`s are evaluated in the order written: move it up".into());
            return self.report_token(token, format!("`{name}` is a `let` that is not evaluated yet"), help);
        }
        let visible = self.names.iter().filter(|(_, what)| !matches!(what, Name::Let(i) if *i >= self.let_types.len()));
        let near = nearest(name, visible.map(|(n, _)| *n).chain(["now"])).map(|n| format!("did you mean `{n}`?"));
        let help = match lower.as_str() {
            "true" | "false" => Some(format!("write `{lower}`")),
            _ if function(name).is_some() => near.or_else(|| Some(format!("`{name}` is a function: `{name}(…)`"))),
            _ => near.or_else(|| meant_by(name).map(str::to_string)),
        };
        self.report_token(token, format!("unknown variable `{name}`"), help);
    }

    /// `x.len()`, `x.to_lower().len()`: Rhai's tree of these leans to the right.
    fn dot(&mut self, pair: &BinaryExpr, flags: ASTFlags, at: Position) -> Part {
        let mut part = self.expr(&pair.lhs);
        let (mut rest, mut flags, mut at) = (&pair.rhs, flags, at);
        loop {
            let (head, tail) = match rest {
                Expr::Dot(pair, more, next) => (&pair.lhs, Some((&pair.rhs, *more, *next))),
                other => (other, None),
            };
            match head {
                Expr::MethodCall(call, call_at) if !flags.contains(ASTFlags::NEGATED) => {
                    part = self.function_call(call, *call_at, Some(part));
                }
                _ => {
                    let help = Some("a function is called as `x.len()` or `len(x)`; a column is one name".into());
                    self.report_token(self.tokens.find(at), "values have no fields".into(), help);
                    return self.spoilt();
                }
            }
            let Some(more) = tail else { return part };
            (rest, flags, at) = more;
        }
    }

    /// A function or an operator: to Rhai both are calls.
    pub fn call(&mut self, call: &FnCallExpr, at: Position) -> Part {
        match self.tokens.get(self.tokens.find(at)) {
            Some(Token::Identifier(_) | Token::Reserved(_)) => self.function_call(call, at, None),
            _ => self.operator(call, at),
        }
    }

    fn function_call(&mut self, call: &FnCallExpr, at: Position, receiver: Option<Part>) -> Part {
        let token = self.tokens.find(at);
        let first = receiver.map_or(token, |r| r.outer.first);
        let extent = Extent { first, last: self.tokens.mate(token + 1).max(token + 1) };
        let Some(function) = function(&call.name) else {
            self.unknown_function(&call.name, token);
            for arg in &call.args {
                self.expr(arg); // for the errors in it
            }
            return self.spoilt();
        };
        let given = call.args.len() + usize::from(receiver.is_some());
        let (want, many) = (function.args.len(), function.repeats && given <= LIST_MAX);
        if call.capture_parent_scope || given < want || (given > want && !many) {
            let more = if function.repeats { " or more" } else { "" };
            let message = format!("`{}` takes {want}{more} arguments, this has {given}", function.name);
            self.report_token(token, message, Some(format!("`{}`", function.signature())));
            return self.spoilt();
        }
        let mut ids = Vec::with_capacity(given);
        if let Some(part) = receiver {
            ids.push(self.argument(function, 0, part));
        }
        let mut constant = 0;
        for arg in &call.args {
            match function.args[ids.len().min(want - 1)].1 {
                Arg::Is(_) | Arg::Any => {
                    let part = self.expr(arg);
                    ids.push(self.argument(function, ids.len(), part));
                }
                kind => constant = self.constant_argument(function, kind, arg),
            }
        }
        let op = self.function_op(function, &ids, constant);
        let ty = self.types.fresh(Set::of(function.returns));
        self.part(op, ty, extent, &ids)
    }

    fn function_op(&mut self, function: &Function, ids: &[Id], constant: u32) -> Op {
        let first = ids[0];
        match function.body {
            Body::Number(f) => Op::NumberFn(f, first),
            Body::Fold(f) => Op::Fold(f, self.list(ids)),
            Body::Clamp => Op::Clamp(self.list(ids)),
            Body::Age => Op::Age(first),
            Body::HourOf => Op::HourOf(first, constant),
            Body::WeekdayOf => Op::WeekdayOf(first, constant),
            Body::Test(f) => Op::Test(f, first, ids[1]),
            Body::Map(f) => Op::Map(f, first),
            Body::Len => Op::Len(first),
            Body::Matches => Op::Matches(first, constant),
            Body::IsNull => Op::IsNull(first),
        }
    }

    fn argument(&mut self, function: &Function, index: usize, part: Part) -> Id {
        let (_, arg) = function.args[index.min(function.args.len() - 1)];
        if let Arg::Is(want) = arg
            && !self.types.narrow(part.ty, Set::of(want))
        {
            let message = format!("`{}` takes {want} here, this is {}", function.name, self.types.set(part.ty));
            self.report_at(part.outer, message, Some(format!("`{}`", function.signature())));
        }
        part.id
    }

    /// A zone or a regular expression; gives its place in the program.
    fn constant_argument(&mut self, function: &Function, kind: Arg, arg: &Expr) -> u32 {
        let token = self.tokens.find(arg.start_position());
        let text = match arg {
            Expr::StringConstant(text, _) => text.to_string(),
            Expr::Variable(name, ..) if let Some(text) = self.text_param(&name.1, token) => text,
            _ => {
                let message = format!("the {} of `{}` must be a constant text", kind.name(), function.name);
                self.report_token(token, message, Some(format!("such as `{}`", function.example)));
                return 0;
            }
        };
        let made = if kind == Arg::Zone { self.zone(&text) } else { self.regex(&text) };
        made.unwrap_or_else(|(message, help)| {
            self.report_token(token, message, Some(help));
            0
        })
    }

    fn text_param(&mut self, name: &str, token: usize) -> Option<String> {
        let Some(what @ Name::Param(i)) = self.names.get(name).copied() else { return None };
        let Value::Text(text) = &self.program.params[i].1 else { return None };
        let (text, (start, end)) = (text.to_string(), self.tokens.span(Extent { first: token, last: token }));
        self.program.sources[self.current].mentions.push(Mention { what, start, end });
        Some(text)
    }

    fn zone(&mut self, name: &str) -> Result<u32, (String, String)> {
        let help = || "zones are IANA names, such as `America/New_York`, or `UTC`".to_string();
        let zone = jiff::tz::TimeZone::get(name).map_err(|_| (format!("unknown time zone `{name}`"), help()))?;
        self.program.zones.push(zone);
        Ok(place(self.program.zones.len() - 1))
    }

    fn regex(&mut self, pattern: &str) -> Result<u32, (String, String)> {
        let made = regex::RegexBuilder::new(pattern).size_limit(REGEX_MAX).dfa_size_limit(REGEX_MAX).build();
        let made = made.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                ("the regular expression is too large".into(), "make its repetitions smaller".into())
            }
            other => {
                (regex_message(&other), "back-references and look-around are not there: they are not linear".into())
            }
        })?;
        self.program.regexes.push(made);
        Ok(place(self.program.regexes.len() - 1))
    }

    fn unknown_function(&mut self, name: &str, token: usize) {
        let near = nearest(name, functions().iter().map(|f| f.name)).map(|n| format!("did you mean `{n}`?"));
        let help = match name {
            "now" => Some("`now` is written without brackets".into()),
            "eval" | "print" | "debug" | "type_of" | "call" => None,
            _ => meant_by(name).map(str::to_string).or(near),
        };
        self.report_token(token, format!("unknown function `{name}`"), help);
    }

    fn refuse(&mut self, expr: &Expr) -> Part {
        let (message, help) = match expr {
            Expr::Array(..) => ("a list stands only after `in`", "`state in [\"down\", \"late\"]`"),
            Expr::Index(..) => ("values have no elements", "a column is one name; take it apart in the query"),
            Expr::Map(..) => ("there are no maps in expressions", "a column is one name; take it apart in the query"),
            _ => ("this is not part of an expression", "join comparisons with `&&`, `||` and `!`"),
        };
        let token = self.tokens.find(if let Expr::Index(_, _, at) = expr { *at } else { expr.start_position() });
        self.report_token(token, message.into(), Some(help.into()));
        self.spoilt()
    }
}

/// The last line of the crate's message says what is wrong; those before it draw the pattern.
fn regex_message(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("the regular expression does not parse: {}", last.trim_start_matches("error: "))
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("sources are short: see SOURCE_MAX")
}
