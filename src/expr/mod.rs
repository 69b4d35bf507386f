//! RHAI BEHIND A WALL: the expressions of a check. Nobody else says `rhai`.
//!
//! Rhai parses; our own checker and three-valued evaluator walk its tree. This page is the reference
//! of the language; every sentence has a case in `tests/expr_language.rs`.
//!
//! # Values
//! Numbers (64-bit floats, always), text, bools and times; each may be null. There is no literal for a
//! null and none for a time. Whole numbers in the source that a float cannot hold exactly are refused.
//! Text stands in `"…"` (with `\n \t \\ \" \u1234`) or `` `…` `` (nothing escaped); never interpolated.
//!
//! # Operators, the loosest first
//! | operator | takes | gives |
//! |---|---|---|
//! | `\|\|` | bools | bool, three-valued |
//! | `&&` | bools | bool, three-valued |
//! | `== !=` | two of one type | bool |
//! | `in !in` | a value and a list `[a, b]` of its type, or a range `a..b` (without b), `a..=b` (with b) | bool |
//! | `< <= > >=` | two numbers or two times | bool |
//! | `??` | two of one type | the second where the first is null; chained: the first that is not null |
//! | `+ -` | numbers; a time and seconds; `-` also two times | a number; a time; seconds |
//! | `* / %` | numbers | a number; `/` is true division, `%` has the sign of its left side |
//! | `**` | numbers | a number; groups to the right |
//! | `- + !` before a value | a number, a bool | the same; binds tightest, so `-2 ** 2` is 4 |
//!
//! Comparison is exact IEEE. Comparisons do not chain: `1 < a < 3` is an error, as is `a == b == c`.
//! `??` beside another operator needs brackets around it: `3 * (baseline ?? 60)`. A literal with its
//! sign is no operator.
//!
//! # Unknown
//! A value is known, null, or *unknown* with a reason. What meets a null gives unknown: arithmetic, a
//! comparison, logic, a function, a whole condition. So does a result that is not finite, and a cell that
//! holds NaN or an infinity, when it is used. Unknown spreads, but where three-valued logic knows better:
//! `unknown && false` is false, `unknown || true` is true, in either order; `x in [1, unknown]` is true
//! where x is 1; `x in 1..unknown` is false where x is 0. `a ?? b` rescues a null, never an unknown.
//! `is_null(a)` asks. A `let` may be null or unknown; it spoils only what uses it.
//!
//! # Names
//! Columns, params, earlier `let`s, and `now`. Where no `columns:` are declared any name is a column, and
//! its type is inferred from all expressions of the check together. Types are checked at load; what stays
//! open (two undeclared columns compared with each other) is unknown where the answer's types disagree.
//!
//! # Functions
//! [`functions`] is the one table of them. `x.len()` is `len(x)`, for every function.
//!
//! # Limits
//! A source: 4096 bytes, 64 operators or brackets in or after each other, 256 values in a list. A check:
//! 10,000 operations in all, `let`s in `let`s 256 deep. All of these are errors at load, so that nothing at
//! run time can take long. A text cell of more than 65,536 bytes is unknown.

mod columns;
mod compile;
mod eval;
mod functions;
mod lower;
mod names;
mod operators;
mod program;
mod syntax;
mod tokens;
mod trace;
mod types;
mod unknown;
mod values;

pub use columns::{BindProblem, ColumnUse};
pub use compile::{ExprError, Script, Which, compile};
pub use eval::{Bound, Scratch};
pub use functions::{Arg, Function, functions};
pub use names::{name_problem, nearest};
pub use program::Compiled;
pub use trace::Trace;
pub use unknown::{Computed, Truth, Unknown};

/// The bytes of one source text.
pub const SOURCE_MAX: usize = 4096;
/// Operators and brackets in or after each other, in one source text.
pub const DEPTH_MAX: usize = 64;
/// The values of a list.
pub const LIST_MAX: usize = 256;
/// Operations of all expressions of a check together.
pub const OPERATIONS_MAX: usize = 10_000;
/// How deep operations stand in each other when `let`s are put in for their names.
pub const NESTING_MAX: u16 = 256;
/// The bytes of a text cell.
pub const TEXT_MAX: usize = 65_536;
/// What a regular expression may take when compiled, in bytes.
pub const REGEX_MAX: usize = 256 * 1024;
