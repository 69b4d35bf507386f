//! minijinja: the environment that all templates share, and the templates that need it.

use super::{Filter, OUTPUT_MAX, PLACES_MAX, too_long, unknown_name};
use crate::model::value::Value;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Jinja, value::ValueKind};
use std::collections::BTreeMap;
use std::io;
use std::sync::{LazyLock, OnceLock};

/// The steps that one rendering may take; data made on the way counts too, about 64 bytes a step.
const FUEL: u64 = 50_000;

const NAME: &str = "template";

/// The filters that a template may use.
#[rustfmt::skip]
pub(super) const FILTERS: &[&str] = &[
    "abs", "attr", "batch", "bool", "capitalize", "chain", "count", "d", "default", "dictsort", "duration", "first",
    "float", "format", "groupby", "indent", "int", "items", "join", "last", "length", "lines", "list", "lower", "map",
    "max", "min", "pprint", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice",
    "sort", "split", "string", "sum", "title", "tojson", "trim", "unique", "upper", "zip",
];

/// The tests that a template may use, after `is`.
#[rustfmt::skip]
pub(super) const TESTS: &[&str] = &[
    "boolean", "defined", "divisibleby", "endingwith", "eq", "equalto", "even", "false", "float", "ge", "greaterthan",
    "gt", "in", "int", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number",
    "odd", "sameas", "sequence", "startingwith", "string", "true", "undefined", "upper",
];

/// The functions that a template may call.
pub(super) const FUNCTIONS: &[&str] = &["dict", "namespace", "range"];

static SHARED: LazyLock<Environment<'static>> = LazyLock::new(shared);

fn shared() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_debug(false);
    env.remove_global("debug");
    // Escaping is the channels' work: what is escaped here would be escaped twice.
    for name in ["safe", "escape", "e"] {
        env.remove_filter(name);
    }
    env.add_filter("round", round);
    env.add_filter("duration", duration);
    env.set_formatter(format);
    env
}

/// A template that minijinja renders; compiled when it is first asked for, so that lint need not.
pub(super) struct Program {
    source: Box<str>,
    compiled: OnceLock<Result<Environment<'static>, String>>,
}

impl Program {
    pub fn new(source: &str) -> Program {
        Program { source: source.into(), compiled: OnceLock::new() }
    }

    /// Renders it over the values of `names`; a name that is not there is undefined, which `is defined` can ask.
    pub fn render(&self, names: &[(String, usize)], lookup: &dyn Fn(&str) -> Option<Value>) -> Result<String, String> {
        let env = self.compiled.get_or_init(|| compile(&self.source)).as_ref().map_err(Clone::clone)?;
        let mut missing = None;
        let mut row: BTreeMap<&str, Jinja> = BTreeMap::new();
        for (name, _) in names {
            match lookup(name) {
                Some(value) => drop(row.insert(name.as_str(), jinja(&value))),
                None => drop(missing.get_or_insert(name.as_str())),
            }
        }
        let mut out = Limited { text: Vec::new(), over: false };
        let template = env.get_template(NAME).map_err(|e| one_line(&e))?;
        match template.render_captured_to(Jinja::from(row), &mut out) {
            Ok(_) => Ok(String::from_utf8_lossy(&out.text).into_owned()),
            Err(_) if out.over => Err(too_long()),
            Err(e) => Err(runtime_error(&e, &self.source, missing)),
        }
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").field(&self.source).finish()
    }
}

fn compile(source: &str) -> Result<Environment<'static>, String> {
    let mut env = SHARED.clone();
    env.add_template_owned(NAME, source.to_owned()).map_err(|e| one_line(&e))?;
    Ok(env)
}

fn runtime_error(error: &Error, source: &str, missing: Option<&str>) -> String {
    match (error.kind(), missing) {
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {FUEL} steps: shorten its loops"),
        (ErrorKind::UndefinedError, Some(name)) => unknown_name(name),
        _ => {
            let place = error.range().and_then(|r| source.get(r)).filter(|text| !text.is_empty());
            let text = one_line(error);
            place.map_or_else(|| text.clone(), |place| format!("{text}, at `{place}`"))
        }
    }
}

/// An error without its position, which we tell our own way.
pub(super) fn one_line(error: &Error) -> String {
    let text = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    text.replace('\n', " ")
}

/// A value as minijinja knows it. A whole number goes in as an integer, so that it prints without a point.
fn jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Number(n) => number(*n),
        Value::Bool(b) => Jinja::from(*b),
        Value::Text(t) => Jinja::from(std::sync::Arc::clone(t)),
        Value::Time(t) => Jinja::from(t.to_string()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
fn number(n: f64) -> Jinja {
    if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 { Jinja::from(n as i64) } else { Jinja::from(n) }
}

/// What `round` gave last, so that it is printed with its decimals while it stays a number to compute with.
#[derive(Default)]
struct Rounded(Option<(u64, u8)>);

fn round(state: &mut State, value: &Jinja, places: Option<i64>) -> Result<Jinja, Error> {
    let places = places.unwrap_or(0);
    let Some(places) = u8::try_from(places).ok().filter(|n| *n <= PLACES_MAX) else {
        let message = format!("`round` takes 0 to {PLACES_MAX} decimals, not {places}");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    let Value::Number(n) = own(value, Filter::Round(places))? else { return Ok(Jinja::from(())) };
    state.get_or_insert_extension(Rounded::default()).0 = Some((n.to_bits(), places));
    Ok(Jinja::from(n))
}

fn duration(value: &Jinja) -> Result<Jinja, Error> {
    Ok(jinja(&own(value, Filter::Duration)?))
}

/// Applies a filter of our own.
fn own(value: &Jinja, filter: Filter) -> Result<Value, Error> {
    let value = match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Number => Value::Number(f64::try_from(value.clone())?),
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => Value::text(&value.to_string()),
    };
    filter.value(value).map_err(|message| Error::new(ErrorKind::InvalidOperation, message))
}

/// Prints values the way all of Bellwether does: a null as `null`, `true`, whole numbers without a point.
fn format(out: &mut Output, state: &mut State, value: &Jinja) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number if !value.is_integer() => {
            let n = f64::try_from(value.clone())?;
            match state.get_extension::<Rounded>().and_then(|r| r.0) {
                Some((bits, places)) if bits == n.to_bits() => super::decimals(n, places),
                _ => Value::Number(n).to_string(),
            }
        }
        _ => return minijinja::escape_formatter(out, state, value),
    };
    out.write_str(&text).map_err(Error::from)
}

/// Takes text up to the limit, and stops the rendering there.
struct Limited {
    text: Vec<u8>,
    over: bool,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > OUTPUT_MAX {
            self.over = true;
            return Err(io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_the_scan_knows_are_those_that_minijinja_has() {
        let env = shared();
        let mut state = env.empty_state();
        for name in FILTERS {
            let unknown = state.apply_filter(name, &[]).is_err_and(|e| e.kind() == ErrorKind::UnknownFilter);
            assert!(!unknown, "filter {name}");
        }
        for name in TESTS {
            let unknown = state.perform_test(name, &[]).is_err_and(|e| e.kind() == ErrorKind::UnknownTest);
            assert!(!unknown, "test {name}");
        }
        let globals: Vec<&str> = env.globals().map(|(name, _)| name).collect();
        assert_eq!(globals, FUNCTIONS);
    }
}
