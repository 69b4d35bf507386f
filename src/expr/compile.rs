//! From the source texts of a check to a program, with all errors of all of them at once.

use super::columns::ColumnUse;
use super::lower::Part;
use super::names::name_problem;
use super::program::{Arith, Compiled, Id, Name, Node, Op, Program, Source};
use super::syntax::{self, Root};
use super::tokens::{Fault, Tokens};
use super::types::{Set, Sum, Ty, Types};
use super::{NESTING_MAX, OPERATIONS_MAX};
use crate::model::{Value, ValueType};
use hashbrown::HashMap;
use std::sync::Arc;

/// The expressions of one check. They are compiled together because the types of undeclared columns are
/// inferred from all of them.
#[derive(Clone, Debug, Default)]
pub struct Script<'a> {
    /// Constants.
    pub params: Vec<(&'a str, Value)>,
    /// The declared columns; `None` where any name may be a column.
    pub columns: Option<Vec<(&'a str, ValueType)>>,
    /// Named values, in the order they are evaluated.
    pub lets: Vec<(&'a str, &'a str)>,
    /// What must be true or false.
    pub conditions: Vec<&'a str>,
    /// Names whose declaration is wrong, which has been told: no use of one is an error. Such a script is compiled
    /// for its other errors, and never evaluated.
    pub unknown: Vec<&'a str>,
}

/// Which part of a [`Script`], by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Which {
    /// The name of a param.
    Param(usize),
    /// The name of a declared column.
    Column(usize),
    /// The name of a `let`.
    LetName(usize),
    /// The source of a `let`.
    Let(usize),
    /// The source of a condition.
    Condition(usize),
}

/// What is wrong with a script, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprError {
    pub which: Which,
    pub message: String,
    /// Bytes from the beginning of that source or name.
    pub offset: usize,
    /// Bytes that the error covers; 0 at the end of a source.
    pub len: usize,
    pub help: Option<String>,
}

/// Compiles a script.
///
/// # Errors
/// Everything that is wrong with it, in the order of the script.
pub fn compile(script: &Script) -> Result<Compiled, Vec<ExprError>> {
    let mut checker = Checker::new(script);
    checker.declare();
    for (_, text) in &script.lets {
        let part = checker.source(text);
        checker.let_types.push(part.ty);
        checker.solve();
    }
    for text in &script.conditions {
        let part = checker.source(text);
        checker.must_be_condition(part);
        checker.solve();
    }
    checker.finish()
}

/// What is known while a script is compiled.
pub(super) struct Checker<'s> {
    pub script: &'s Script<'s>,
    pub program: Program,
    pub types: Types,
    /// Beside [`Program::columns`].
    pub column_types: Vec<Ty>,
    pub let_types: Vec<Ty>,
    pub names: HashMap<&'s str, Name>,
    /// Sums and comparisons, with the node that each became: their types may be learnt later.
    pub sums: Vec<(Sum, Id)>,
    pub comparisons: Vec<(Id, Ty)>,
    /// The source being compiled.
    pub tokens: Tokens<'s>,
    pub current: usize,
    errors: Vec<ExprError>,
}

impl<'s> Checker<'s> {
    fn new(script: &'s Script<'s>) -> Checker<'s> {
        Checker {
            script,
            program: Program::default(),
            types: Types::default(),
            column_types: Vec::new(),
            let_types: Vec::new(),
            names: HashMap::new(),
            sums: Vec::new(),
            comparisons: Vec::new(),
            tokens: Tokens::empty(),
            current: 0,
            errors: Vec::new(),
        }
    }

    /// Takes in the names: params, then columns, then `let`s. The first owner of a name keeps it.
    fn declare(&mut self) {
        for (i, (name, value)) in self.script.params.iter().enumerate() {
            self.declare_name(name, Name::Param(i), Which::Param(i));
            self.program.params.push((Arc::from(*name), value.clone()));
        }
        for (i, (name, value_type)) in self.script.columns.iter().flatten().enumerate() {
            self.declare_name(name, Name::Column(i), Which::Column(i));
            self.add_column(name, Set::of(*value_type), true);
        }
        for (i, (name, _)) in self.script.lets.iter().enumerate() {
            self.declare_name(name, Name::Let(i), Which::LetName(i));
            self.program.let_names.push(Arc::from(*name));
        }
        for name in &self.script.unknown {
            self.names.entry(name).or_insert(Name::Unknown);
        }
    }

    fn declare_name(&mut self, name: &'s str, what: Name, which: Which) {
        let rename = || match what {
            Name::Column(_) => "rename it in the query: `AS …`".to_string(),
            Name::Let(_) | Name::Param(_) | Name::Unknown => "choose another name".to_string(),
        };
        let problem = name_problem(name).or_else(|| match self.names.get(name)? {
            Name::Param(_) => Some(format!("`{name}` is a param already")),
            Name::Column(_) => Some(format!("`{name}` is a column already")),
            Name::Let(_) => Some(format!("`{name}` is a `let` already")),
            Name::Unknown => None,
        });
        if let Some(message) = problem {
            self.errors.push(ExprError { which, message, offset: 0, len: name.len(), help: Some(rename()) });
        }
        self.names.entry(name).or_insert(what);
    }

    pub fn add_column(&mut self, name: &str, set: Set, declared: bool) {
        let (name, ty) = (Arc::from(name), self.types.fresh(set));
        self.program.columns.push(ColumnUse { name, value_type: None, declared, uses: 0, first: None, set });
        self.column_types.push(ty);
    }

    /// Compiles one source text.
    fn source(&mut self, text: &'s str) -> Part {
        self.current = self.program.sources.len();
        self.program.sources.push(Source { text: Arc::from(text), root: Id(0), mentions: Vec::new() });
        let part = match syntax::parse(text) {
            Ok(parsed) => self.tree(parsed),
            Err(faults) => {
                for fault in faults {
                    self.report(fault);
                }
                self.spoilt()
            }
        };
        let source = &mut self.program.sources[self.current];
        source.root = part.id;
        source.mentions.sort_by_key(|m| m.start);
        part
    }

    fn tree(&mut self, parsed: syntax::Parsed<'s>) -> Part {
        let (tokens, tree) = parsed.split();
        self.tokens = tokens;
        match tree.root() {
            Some(Root::Expr(expr)) => self.expr(expr),
            Some(Root::Call(call, at)) => self.call(call, at),
            None => {
                self.report(Fault { message: "expected one expression".into(), start: 0, end: 0, help: None });
                self.spoilt()
            }
        }
    }

    fn must_be_condition(&mut self, part: Part) {
        if self.types.narrow(part.ty, Set::BOOL) {
            return;
        }
        let set = self.types.set(part.ty);
        let text = self.tokens.text(part.outer);
        let help = (set == Set::NUMBER).then(|| format!("compare it: `{text} > 0`"));
        self.report_at(part.outer, format!("a condition is true or false, this is {set}"), help);
    }

    pub fn which(&self) -> Which {
        Compiled::which(self.script.lets.len(), self.current)
    }

    pub fn report(&mut self, fault: Fault) {
        let Fault { message, start, end, help } = fault;
        self.errors.push(ExprError { which: self.which(), message, offset: start, len: end - start, help });
    }

    /// Lets what later expressions showed flow back into sums, until nothing more is learnt.
    fn solve(&mut self) {
        let mut sums = std::mem::take(&mut self.sums);
        while self.types.take_learnt() {
            sums.retain(|(sum, node)| {
                let possible = sum.propagate(&mut self.types);
                if !possible {
                    let node = self.program.nodes[node.0 as usize];
                    self.errors.push(sum_error(*sum, node, &self.types, self.script.lets.len()));
                }
                possible
            });
        }
        self.sums = sums;
    }

    /// Writes down the types, and puts operations on numbers in the place of those on anything.
    fn finish(mut self) -> Result<Compiled, Vec<ExprError>> {
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|e| (e.which, e.offset));
            self.errors.dedup();
            return Err(self.errors);
        }
        for (column, ty) in self.program.columns.iter_mut().zip(&self.column_types) {
            column.set = self.types.set(*ty);
            column.value_type = column.set.single();
        }
        for (sum, id) in &self.sums {
            let numbers = [sum.left, sum.right].iter().all(|t| self.types.set(*t) == Set::NUMBER);
            let op = &mut self.program.nodes[id.0 as usize].op;
            if let (true, Op::Sum(minus, a, b)) = (numbers, *op) {
                *op = Op::Arith(if minus { Arith::Subtract } else { Arith::Add }, a, b);
            }
        }
        for (id, ty) in &self.comparisons {
            let op = &mut self.program.nodes[id.0 as usize].op;
            if let (Set::NUMBER, Op::Compare(how, a, b)) = (self.types.set(*ty), *op) {
                *op = Op::CompareNumbers(how, a, b);
            }
        }
        Ok(Compiled { program: Arc::new(self.program) })
    }

    /// Adds a node. The limits on the size of a check are kept here.
    pub fn node(&mut self, op: Op, span: (usize, usize), nesting: u16) -> Id {
        let id = Id(u32::try_from(self.program.nodes.len()).expect("at most OPERATIONS_MAX and a few"));
        let (full, deep) = (id.0 as usize == OPERATIONS_MAX, nesting == NESTING_MAX + 1);
        if full || deep {
            let message = if full {
                format!("the expressions of the check have more than {OPERATIONS_MAX} operations")
            } else {
                format!("operations stand more than {NESTING_MAX} deep in each other, `let`s put in for their names")
            };
            self.report(Fault { message, start: span.0, end: span.1, help: Some("compute it in the query".into()) });
        }
        let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let (source, start, end) = (small(self.current), small(span.0), small(span.1));
        // Past a limit nothing is kept: the error above is enough.
        if (id.0 as usize) < OPERATIONS_MAX + 8 {
            self.program.nodes.push(Node { op, source, start, end, nesting });
            return id;
        }
        Id(id.0 - 1)
    }
}

fn sum_error(sum: Sum, node: Node, types: &Types, lets: usize) -> ExprError {
    let [left, right, out] = [sum.left, sum.right, sum.out].map(|t| types.set(t));
    let sign = if sum.minus { "-" } else { "+" };
    ExprError {
        which: Compiled::which(lets, node.source as usize),
        message: format!("{left} {sign} {right} does not give {out}"),
        offset: node.start as usize,
        len: (node.end - node.start) as usize,
        help: Some("`t - u` is seconds, `t + n` and `t - n` are times".into()),
    }
}
