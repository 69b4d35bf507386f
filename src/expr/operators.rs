//! Walks Rhai's tree: operators. Where brackets matter the tokens are asked, for the tree has none.

use super::LIST_MAX;
use super::compile::Checker;
use super::lower::{Part, Shape};
use super::program::{Arith, Comparison, Id, List, Op, Range};
use super::tokens::Extent;
use super::types::{Set, Sum};
use rhai::{Expr, FnCallExpr, Position, Token};

impl Checker<'_> {
    pub fn operator(&mut self, call: &FnCallExpr, at: Position) -> Part {
        let token = self.tokens.find(at);
        let args: &[Expr] = &call.args;
        let mut part = match (self.tokens.get(token).cloned(), args) {
            (Some(Token::In), [haystack, needle]) => self.membership(haystack, needle, token, false),
            // `!in` is a `!` around a call, both at its place.
            (Some(Token::NotIn), [Expr::FnCall(inner, _)]) if let [haystack, needle] = &*inner.args => {
                self.membership(haystack, needle, token, true)
            }
            (Some(Token::Bang), [a]) => self.unary(a, token, Set::BOOL, Op::Not),
            (Some(Token::Minus | Token::UnaryMinus), [a]) => self.unary(a, token, Set::NUMBER, Op::Negate),
            (Some(Token::Plus | Token::UnaryPlus), [a]) => {
                self.unary(a, token, Set::NUMBER, |id| Op::NumberFn(|n| n, id))
            }
            (Some(op), [a, b]) => self.binary(&op, a, b, token),
            _ => self.no_operator(token),
        };
        part.at = token;
        part
    }

    fn binary(&mut self, op: &Token, a: &Expr, b: &Expr, token: usize) -> Part {
        match op {
            Token::Plus => self.sum(a, b, token, false),
            Token::Minus => self.sum(a, b, token, true),
            Token::Multiply => self.arith(Arith::Multiply, a, b, token),
            Token::Divide => self.arith(Arith::Divide, a, b, token),
            Token::Modulo => self.arith(Arith::Remainder, a, b, token),
            Token::PowerOf => self.arith(Arith::Power, a, b, token),
            Token::EqualsTo => self.compare(Comparison::Equal, a, b, token),
            Token::NotEqualsTo => self.compare(Comparison::NotEqual, a, b, token),
            Token::LessThan => self.compare(Comparison::Less, a, b, token),
            Token::LessThanEqualsTo => self.compare(Comparison::LessOrEqual, a, b, token),
            Token::GreaterThan => self.compare(Comparison::Greater, a, b, token),
            Token::GreaterThanEqualsTo => self.compare(Comparison::GreaterOrEqual, a, b, token),
            _ => self.no_operator(token),
        }
    }

    fn no_operator(&mut self, token: usize) -> Part {
        let text = self.tokens.text(Extent { first: token, last: token });
        let (message, help) = match text {
            "&" => ("`&` is no operator".into(), Some("write `&&`")),
            "|" => ("`|` is no operator".into(), Some("write `||`")),
            "^" => ("`^` is no operator".into(), Some("a power is `a ** b`")),
            ".." | "..=" => ("a range stands only after `in`".into(), Some("`n in 1..5`")),
            other => (format!("`{other}` is no operator here"), None),
        };
        self.report_token(token, message, help.map(str::to_string));
        self.spoilt()
    }

    /// What an operator works on: a `??` there needs brackets.
    fn operand(&mut self, expr: &Expr) -> Part {
        let part = self.expr(expr);
        if part.shape == Shape::Coalesce && !part.is_bracketed() {
            self.bare_coalesce(part.at);
        }
        part
    }

    fn bare_coalesce(&mut self, token: usize) {
        let left = match self.tokens.get(token.saturating_sub(1)) {
            Some(Token::RightParen) => {
                let opening = self.tokens.mate(token - 1);
                let named = opening > 0 && matches!(self.tokens.get(opening - 1), Some(Token::Identifier(_)));
                opening - usize::from(named)
            }
            _ => token.saturating_sub(1),
        };
        let right = match (self.tokens.get(token + 1), self.tokens.get(token + 2)) {
            (Some(Token::Identifier(_)), Some(Token::LeftParen)) => self.tokens.mate(token + 2),
            _ => self.tokens.mate(token + 1),
        };
        let text = self.tokens.text(Extent { first: left, last: right.max(token + 1) });
        let help = Some(format!("write `({text})`, or put what is meant in brackets"));
        self.report_token(token, "`??` beside another operator needs brackets".into(), help);
    }

    /// Takes what an operator demands; where it is not so, says so at the operand.
    fn demand(&mut self, part: Part, token: usize, want: Set) {
        if self.types.narrow(part.ty, want) {
            return;
        }
        let operator = self.tokens.text(Extent { first: token, last: token });
        let have = self.types.set(part.ty);
        let help = match (operator, have.single()) {
            ("&&" | "||" | "!", Some(crate::model::ValueType::Number)) => {
                Some(format!("compare it: `{} != 0`", self.tokens.text(part.outer)))
            }
            _ => None,
        };
        self.report_at(part.outer, format!("`{operator}` takes {want}, this is {have}"), help);
    }

    fn unary(&mut self, a: &Expr, token: usize, want: Set, op: impl Fn(Id) -> Op) -> Part {
        let a = self.operand(a);
        self.demand(a, token, want);
        let extent = a.outer.join(Extent { first: token, last: token });
        let ty = self.types.fresh(want);
        self.shaped(op(a.id), ty, extent, &[a.id], Shape::Operator)
    }

    fn shaped(&mut self, op: Op, ty: super::types::Ty, extent: Extent, inside: &[Id], shape: Shape) -> Part {
        Part { shape, ..self.part(op, ty, extent, inside) }
    }

    fn arith(&mut self, how: Arith, a: &Expr, b: &Expr, token: usize) -> Part {
        let (a, b) = (self.operand(a), self.operand(b));
        self.demand(a, token, Set::NUMBER);
        self.demand(b, token, Set::NUMBER);
        let ty = self.types.fresh(Set::NUMBER);
        self.shaped(Op::Arith(how, a.id, b.id), ty, a.outer.join(b.outer), &[a.id, b.id], Shape::Operator)
    }

    /// Tells of a name that is written with a hyphen, `job-name` for `job_name`.
    fn is_hyphened(&mut self, a: &Expr, b: &Expr, token: usize) -> bool {
        let (Expr::Variable(first, ..), Expr::Variable(second, ..)) = (a, b) else { return false };
        let (first, second) = (first.1.as_str(), second.1.as_str());
        let meant = format!("{first}_{second}");
        let are_there = self.names.contains_key(first) && self.names.contains_key(second);
        if are_there || !self.names.contains_key(meant.as_str()) {
            return false;
        }
        let extent = Extent { first: token.saturating_sub(1), last: token + 1 };
        self.report_at(
            extent,
            format!("unknown variable `{first}-{second}`"),
            Some(format!("did you mean `{meant}`?")),
        );
        true
    }

    fn sum(&mut self, a: &Expr, b: &Expr, token: usize, minus: bool) -> Part {
        if minus && self.is_hyphened(a, b, token) {
            return self.spoilt();
        }
        let (a, b) = (self.operand(a), self.operand(b));
        let out = self.types.fresh(Set::ORDERED);
        let part = self.shaped(Op::Sum(minus, a.id, b.id), out, a.outer.join(b.outer), &[a.id, b.id], Shape::Operator);
        let sum = Sum { minus, left: a.ty, right: b.ty, out };
        if sum.propagate(&mut self.types) {
            self.sums.push((sum, part.id));
        } else {
            let (left, right) = (self.types.set(a.ty), self.types.set(b.ty));
            let sign = if minus { '-' } else { '+' };
            let help = match (left, right) {
                (Set::TEXT, _) | (_, Set::TEXT) => "texts are put together in the query or in a title",
                _ => "`t - u` is seconds, `t + n` and `t - n` are times",
            };
            // What could be anything is not what is wrong.
            let sets: Vec<String> =
                [left, right].iter().filter(|set| **set != Set::ALL).map(ToString::to_string).collect();
            self.report_token(token, format!("`{sign}` cannot take {}", sets.join(" and ")), Some(help.into()));
            return Part { ty: self.types.fresh(Set::ALL), ..part };
        }
        part
    }

    fn compare(&mut self, how: Comparison, a: &Expr, b: &Expr, token: usize) -> Part {
        let (a, b) = (self.operand(a), self.operand(b));
        let shape = if how.is_equality() { Shape::Equality } else { Shape::Order };
        let chained = [a, b].iter().any(|p| p.shape == shape && !p.is_bracketed());
        let part_op = Op::Compare(how, a.id, b.id);
        let ty = self.types.fresh(Set::BOOL);
        let part = self.shaped(part_op, ty, a.outer.join(b.outer), &[a.id, b.id], shape);
        let operator = self.tokens.text(Extent { first: token, last: token });
        if chained {
            self.report_token(token, "comparisons do not chain".into(), self.unchained(a, b, operator));
        } else if !self.types.unify(a.ty, b.ty) {
            let (left, right) = (self.types.set(a.ty), self.types.set(b.ty));
            let help = self.comparison_help(a, b);
            self.report_token(token, format!("`{operator}` compares {left} with {right}"), help);
        } else if !how.is_equality() && !self.types.narrow(a.ty, Set::ORDERED) {
            let have = self.types.set(a.ty);
            self.report_token(token, format!("`{operator}` compares numbers or times, not {have}"), None);
        }
        self.comparisons.push((part.id, a.ty));
        part
    }

    /// `1 < a < 3` is meant as `1 < a && a < 3`.
    fn unchained(&self, a: Part, b: Part, operator: &str) -> Option<String> {
        let Op::Compare(_, _, middle) = self.program.node(a.id).op else { return None };
        let node = self.program.node(middle);
        let middle = self.tokens.source.get(node.start as usize..node.end as usize)?;
        Some(format!("write `{} && {middle} {operator} {}`", self.tokens.text(a.inner), self.tokens.text(b.outer)))
    }

    fn comparison_help(&self, a: Part, b: Part) -> Option<String> {
        let sets = [self.types.set(a.ty), self.types.set(b.ty)];
        let quoted = [a, b].into_iter().find_map(|p| match self.program.node(p.id).op {
            Op::Text(i) => Some(self.program.texts[i as usize].to_string()),
            _ => None,
        });
        match quoted {
            Some(text) if sets.contains(&Set::NUMBER) && text.trim().parse::<f64>().is_ok() => {
                Some(format!("write `{text}` without quotes, or declare the column as text"))
            }
            Some(text) if sets.contains(&Set::BOOL) && matches!(text.as_str(), "true" | "false") => {
                Some(format!("write `{text}` without quotes"))
            }
            _ if sets.contains(&Set::TIME) => Some("times compare with times; `age(t)` is seconds".into()),
            _ => None,
        }
    }

    pub fn logic(&mut self, parts: &[Expr], at: Position, op: impl Fn(List) -> Op) -> Part {
        let token = self.tokens.find(at);
        let mut ids = Vec::with_capacity(parts.len());
        let mut extent = None;
        for part in parts {
            let part = self.operand(part);
            self.demand(part, token, Set::BOOL);
            extent = Some(extent.map_or(part.outer, |e: Extent| e.join(part.outer)));
            ids.push(part.id);
        }
        let list = self.list(&ids);
        let ty = self.types.fresh(Set::BOOL);
        let extent = extent.unwrap_or(Extent { first: token, last: token });
        Part { at: token, ..self.shaped(op(list), ty, extent, &ids, Shape::Operator) }
    }

    pub fn coalesce(&mut self, parts: &[Expr], at: Position) -> Part {
        let token = self.tokens.find(at);
        let ty = self.types.fresh(Set::ALL);
        let (mut ids, mut extent) = (Vec::with_capacity(parts.len()), Extent { first: token, last: token });
        let mut bare = false;
        for part in parts {
            let part = self.expr(part);
            bare |= part.shape != Shape::Atom && !part.is_bracketed();
            if !self.types.unify(ty, part.ty) {
                let (want, have) = (self.types.set(ty), self.types.set(part.ty));
                self.report_at(part.outer, format!("`??` puts {have} in the place of {want}"), None);
            }
            extent = extent.join(part.outer);
            ids.push(part.id);
        }
        if bare {
            self.bare_coalesce(token);
        }
        let list = self.list(&ids);
        Part { at: token, ..self.shaped(Op::Coalesce(list), ty, extent, &ids, Shape::Coalesce) }
    }

    fn membership(&mut self, haystack: &Expr, needle: &Expr, token: usize, negated: bool) -> Part {
        let needle = self.operand(needle);
        match haystack {
            Expr::Array(items, at) => self.in_list(needle, items, *at, negated),
            Expr::FnCall(range, at) if range.args.len() == 2 && is_range(self.tokens.get(self.tokens.find(*at))) => {
                self.in_range(needle, range, *at, negated)
            }
            Expr::Coalesce(_, at) => {
                self.bare_coalesce(self.tokens.find(*at));
                self.spoilt()
            }
            _ => {
                let token = self.tokens.find(haystack.start_position()).max(token + 1);
                let help = "`x in [\"a\", \"b\"]`, `n in 1..5`; for a part of a text `contains(text, part)`";
                self.report_token(token, "`in` takes a list or a range".into(), Some(help.into()));
                self.spoilt()
            }
        }
    }

    fn in_list(&mut self, needle: Part, items: &[Expr], at: Position, negated: bool) -> Part {
        let opening = self.tokens.find(at);
        let list_extent = Extent { first: opening, last: self.tokens.mate(opening) };
        if items.is_empty() || items.len() > LIST_MAX {
            let message = if items.is_empty() {
                "the list is empty: nothing is in it".into()
            } else {
                format!("the list has more than {LIST_MAX} values")
            };
            self.report_at(list_extent, message, None);
            return self.spoilt();
        }
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let item = self.expr(item);
            if !self.types.unify(needle.ty, item.ty) {
                let (want, have) = (self.types.set(needle.ty), self.types.set(item.ty));
                self.report_at(item.outer, format!("the list holds {have}, what is looked for is {want}"), None);
            }
            ids.push(item.id);
        }
        let list = self.list(&ids);
        ids.push(needle.id);
        let ty = self.types.fresh(Set::BOOL);
        let extent = needle.outer.join(list_extent);
        self.shaped(Op::InList(negated, needle.id, list), ty, extent, &ids, Shape::Operator)
    }

    fn in_range(&mut self, needle: Part, range: &FnCallExpr, at: Position, negated: bool) -> Part {
        let token = self.tokens.find(at);
        let begins_open = matches!(&range.args[0], Expr::IntegerConstant(_, p) if self.tokens.find(*p) == token);
        if begins_open || matches!(range.args[1], Expr::Unit(_)) {
            let help = Some("compare with the end that there is: `n >= 1`".into());
            self.report_token(token, "a range has two ends".into(), help);
            return self.spoilt();
        }
        let (low, high) = (self.operand(&range.args[0]), self.operand(&range.args[1]));
        for end in [low, high] {
            if !self.types.unify(needle.ty, end.ty) || !self.types.narrow(end.ty, Set::ORDERED) {
                let (want, have) = (self.types.set(needle.ty), self.types.set(end.ty));
                self.report_at(end.outer, format!("the range has {have}, what is looked for is {want}"), None);
            }
        }
        let with_end = matches!(self.tokens.get(token), Some(Token::InclusiveRange));
        let ids = [needle.id, low.id, high.id];
        let list = self.list(&ids);
        let ty = self.types.fresh(Set::BOOL);
        let extent = needle.outer.join(low.outer).join(high.outer);
        self.shaped(Op::InRange(Range { negated, with_end }, list), ty, extent, &ids, Shape::Operator)
    }
}

fn is_range(token: Option<&Token>) -> bool {
    matches!(token, Some(Token::ExclusiveRange | Token::InclusiveRange))
}
