//! Reads a template once: its names with their places, what it calls that is not there, and whether it
//! is simple enough to be rendered without minijinja.

use super::{Filter, PLACES_MAX, Piece, TemplateError, engine};
use minijinja::machinery::{Span, ast, parse};
use minijinja::syntax::SyntaxConfig;
use std::sync::LazyLock;

pub(super) struct Scanned {
    pub variables: Vec<(String, usize)>,
    pub pieces: Option<Vec<Piece>>,
    /// What it calls that is not there.
    pub errors: Vec<TemplateError>,
}

/// Reads a text that is a template; the error is that it is none.
pub(super) fn scan(source: &str) -> Result<Scanned, TemplateError> {
    static SYNTAX: LazyLock<SyntaxConfig> = LazyLock::new(SyntaxConfig::default);
    let tree = parse(source, "template", SYNTAX.clone()).map_err(|e| TemplateError {
        message: engine::one_line(&e),
        offset: e.range().map_or(0, |r| r.start).min(source.len()),
        len: 1,
    })?;
    let ast::Stmt::Template(template) = &tree else {
        return Ok(Scanned { variables: Vec::new(), pieces: None, errors: Vec::new() });
    };
    let mut walk = Walk { source, scopes: vec![Vec::new()], variables: Vec::new(), errors: Vec::new() };
    walk.body(&template.children);
    Ok(Scanned { variables: walk.variables, pieces: pieces(&template.children), errors: walk.errors })
}

/// The template as pieces, where it is text and `{{ name }}` with our own filters.
fn pieces(children: &[ast::Stmt<'_>]) -> Option<Vec<Piece>> {
    children.iter().map(piece).collect()
}

fn piece(stmt: &ast::Stmt<'_>) -> Option<Piece> {
    match stmt {
        ast::Stmt::EmitRaw(raw) => Some(Piece::Text(raw.raw.into())),
        ast::Stmt::EmitExpr(emit) => {
            let mut filters = Vec::new();
            let name = filtered_name(&emit.expr, &mut filters)?;
            Some(Piece::Name { name: name.into(), filters: filters.into() })
        }
        _ => None,
    }
}

fn filtered_name<'a>(expr: &ast::Expr<'a>, filters: &mut Vec<Filter>) -> Option<&'a str> {
    match expr {
        ast::Expr::Var(var) => Some(var.id),
        ast::Expr::Filter(filter) => {
            let name = filtered_name(filter.expr.as_ref()?, filters)?;
            filters.push(own_filter(filter)?);
            Some(name)
        }
        _ => None,
    }
}

fn own_filter(filter: &ast::Filter<'_>) -> Option<Filter> {
    match (filter.name, filter.args.as_slice()) {
        ("duration", []) => Some(Filter::Duration),
        ("round", []) => Some(Filter::Round(0)),
        ("round", [ast::CallArg::Pos(ast::Expr::Const(c))]) => {
            u8::try_from(c.value.clone()).ok().filter(|n| *n <= PLACES_MAX).map(Filter::Round)
        }
        _ => None,
    }
}

/// Walks the tree in the order of the text.
struct Walk<'a> {
    source: &'a str,
    /// The names that `for`, `set` and `with` give, innermost last.
    scopes: Vec<Vec<&'a str>>,
    variables: Vec<(String, usize)>,
    errors: Vec<TemplateError>,
}

impl<'a> Walk<'a> {
    fn body(&mut self, body: &[ast::Stmt<'a>]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn scoped(&mut self, body: &[ast::Stmt<'a>]) {
        self.scopes.push(Vec::new());
        self.body(body);
        self.scopes.pop();
    }

    fn stmt(&mut self, stmt: &ast::Stmt<'a>) {
        match stmt {
            ast::Stmt::Template(s) => self.body(&s.children),
            ast::Stmt::EmitExpr(s) => self.expr(&s.expr),
            ast::Stmt::EmitRaw(_) => {}
            ast::Stmt::ForLoop(s) => self.for_loop(s),
            ast::Stmt::IfCond(s) => {
                self.expr(&s.expr);
                self.scoped(&s.true_body);
                self.scoped(&s.false_body);
            }
            ast::Stmt::WithBlock(s) => {
                self.scopes.push(Vec::new());
                for (target, value) in &s.assignments {
                    self.expr(value);
                    self.assign(target);
                }
                self.body(&s.body);
                self.scopes.pop();
            }
            ast::Stmt::Set(s) => {
                self.expr(&s.expr);
                self.assign(&s.target);
            }
            ast::Stmt::SetBlock(s) => {
                s.filter.iter().for_each(|f| self.expr(f));
                self.scoped(&s.body);
                self.assign(&s.target);
            }
            ast::Stmt::AutoEscape(s) => {
                self.refuse(s.span(), "`autoescape` is not needed: each channel escapes for itself");
            }
            ast::Stmt::FilterBlock(s) => {
                self.expr(&s.filter);
                self.scoped(&s.body);
            }
            ast::Stmt::Do(s) => self.call(&s.call),
        }
    }

    fn for_loop(&mut self, s: &ast::ForLoop<'a>) {
        self.expr(&s.iter);
        self.scopes.push(vec!["loop"]);
        self.assign(&s.target);
        s.filter_expr.iter().for_each(|f| self.expr(f));
        self.body(&s.body);
        self.scopes.pop();
        self.scoped(&s.else_body);
    }

    fn assign(&mut self, target: &ast::Expr<'a>) {
        match target {
            ast::Expr::Var(var) => self.scopes.last_mut().expect("the outermost stays").push(var.id),
            ast::Expr::List(list) => list.items.iter().for_each(|x| self.assign(x)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|x| self.assign(x)),
            _ => {}
        }
    }

    fn is_given(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(&name))
    }

    fn expr(&mut self, expr: &ast::Expr<'a>) {
        match expr {
            ast::Expr::Var(var) => self.variable(var.id, var.span()),
            ast::Expr::Const(_) => {}
            ast::Expr::Slice(e) => {
                self.expr(&e.expr);
                [&e.start, &e.stop, &e.step].into_iter().flatten().for_each(|x| self.expr(x));
            }
            ast::Expr::UnaryOp(e) => self.expr(&e.expr),
            ast::Expr::BinOp(e) => self.exprs([&e.left, &e.right]),
            ast::Expr::Compare(e) => self.exprs([&e.expr].into_iter().chain(e.ops.iter().map(|op| &op.expr))),
            ast::Expr::IfExpr(e) => self.exprs([&e.true_expr, &e.test_expr].into_iter().chain(&e.false_expr)),
            ast::Expr::Filter(e) => {
                e.expr.iter().for_each(|x| self.expr(x));
                self.known("filter", e.name, engine::FILTERS, e.span());
                self.args(&e.args);
            }
            ast::Expr::Test(e) => {
                self.expr(&e.expr);
                self.known("test", e.name, engine::TESTS, e.span());
                self.args(&e.args);
            }
            ast::Expr::GetAttr(e) => self.expr(&e.expr),
            ast::Expr::GetItem(e) => self.exprs([&e.expr, &e.subscript_expr]),
            ast::Expr::Call(e) => self.call(e),
            ast::Expr::List(e) => self.exprs(&e.items),
            ast::Expr::Tuple(e) => self.exprs(&e.items),
            ast::Expr::Map(e) => self.exprs(e.keys.iter().chain(&e.values)),
        }
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e ast::Expr<'a>>)
    where
        'a: 'e,
    {
        exprs.into_iter().for_each(|x| self.expr(x));
    }

    fn args(&mut self, args: &[ast::CallArg<'a>]) {
        for arg in args {
            match arg {
                ast::CallArg::Pos(e)
                | ast::CallArg::Kwarg(_, e)
                | ast::CallArg::PosSplat(e)
                | ast::CallArg::KwargSplat(e) => self.expr(e),
            }
        }
    }

    fn call(&mut self, call: &ast::Spanned<ast::Call<'a>>) {
        match &call.expr {
            ast::Expr::Var(var) if !self.is_given(var.id) => {
                self.known("function", var.id, engine::FUNCTIONS, var.span());
            }
            other => self.expr(other),
        }
        self.args(&call.args);
    }

    fn variable(&mut self, name: &str, span: Span) {
        if !self.is_given(name) && !self.variables.iter().any(|(known, _)| known == name) {
            self.variables.push((name.to_owned(), self.find(name, span)));
        }
    }

    /// Refuses a name that is not among `known`, and says which one may be meant.
    fn known(&mut self, what: &str, name: &str, known: &[&str], span: Span) {
        if known.contains(&name) {
            return;
        }
        let near = known
            .iter()
            .map(|k| (strsim::jaro_winkler(name, k), k))
            .filter(|(score, _)| *score > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(String::new(), |(_, k)| format!(": did you mean `{k}`?"));
        let (offset, len) = (self.find(name, span), name.len());
        self.errors.push(TemplateError { message: format!("unknown {what} `{name}`{near}"), offset, len });
    }

    fn refuse(&mut self, span: Span, message: &str) {
        self.errors.push(TemplateError { message: message.to_owned(), offset: span.start_offset as usize, len: 1 });
    }

    /// Where `name` stands inside `span`: a filter's span begins with the value before it.
    fn find(&self, name: &str, span: Span) -> usize {
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        let inside = self.source.get(start..end).and_then(|text| text.find(name));
        inside.map_or(start.min(self.source.len()), |at| start + at)
    }
}
