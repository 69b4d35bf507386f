//! Templates in Jinja syntax over one row: titles, bodies, labels. Sandboxed by fuel and size.
//!
//! minijinja parses every template. What nearly all of them are, text with `{{ name }}` and the filters
//! `round` and `duration`, is kept as a list of pieces and rendered here; the rest is rendered by
//! minijinja. A test holds the two to the same answers.

mod engine;
mod scan;

use super::value::Value;
use std::sync::Arc;

/// The most text one template may render, in bytes.
pub const OUTPUT_MAX: usize = 16 * 1024;

/// A template that parsed.
#[derive(Clone, Debug)]
pub struct Template {
    source: Arc<str>,
    body: Body,
    variables: Arc<[(String, usize)]>,
}

/// What is wrong with a template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub message: String,
    /// Byte offset in the text.
    pub offset: usize,
    /// Bytes that the error covers.
    pub len: usize,
}

#[derive(Clone, Debug)]
enum Body {
    Text(Arc<str>),
    Pieces(Arc<[Piece]>),
    Program(Arc<engine::Program>),
}

/// A stretch of a template that needs no minijinja.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(Box<str>),
    Name { name: Box<str>, filters: Box<[Filter]> },
}

/// The filters of our own.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    /// To so many decimals, which are all shown.
    Round(u8),
    /// Seconds as people write a duration.
    Duration,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// All that is wrong, and where in the text.
    pub fn parse(source: &str) -> Result<Template, Vec<TemplateError>> {
        match Template::read(source) {
            (Some(template), errors) if errors.is_empty() => Ok(template),
            (_, errors) => Err(errors),
        }
    }

    /// Reads a template with all that is wrong with it. One that calls what is not there is there all the same, so that
    /// its names can be checked; `None` where the text is no template at all.
    #[must_use]
    pub fn read(source: &str) -> (Option<Template>, Vec<TemplateError>) {
        let text: Arc<str> = Arc::from(source);
        if !["{{", "{%", "{#"].iter().any(|open| source.contains(open)) {
            // As minijinja does: the newline that ends a YAML block is not part of the text.
            let shown = source.strip_suffix('\n').unwrap_or(source);
            let body = Body::Text(if shown.len() == source.len() { Arc::clone(&text) } else { Arc::from(shown) });
            return (Some(Template { source: text, body, variables: Arc::from([]) }), Vec::new());
        }
        let scanned = match scan::scan(source) {
            Ok(scanned) => scanned,
            Err(error) => return (None, vec![error]),
        };
        let body = match scanned.pieces {
            Some(pieces) => Body::Pieces(pieces.into()),
            None => Body::Program(Arc::new(engine::Program::new(source))),
        };
        (Some(Template { source: text, body, variables: scanned.variables.into() }), scanned.errors)
    }

    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text, where it needs no rendering.
    #[must_use]
    pub fn constant(&self) -> Option<&Arc<str>> {
        match &self.body {
            Body::Text(text) => Some(text),
            Body::Pieces(_) | Body::Program(_) => None,
        }
    }

    /// The names it asks for, each once with its first byte offset in the text, in the order of the text.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, usize)> {
        self.variables.to_vec()
    }

    /// Renders it; `lookup` gives a name's value.
    ///
    /// # Errors
    /// An unknown name, a wrong type for a filter, fuel or size spent: what happened, in one line.
    pub fn render(&self, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<String, String> {
        match &self.body {
            Body::Text(text) if text.len() > OUTPUT_MAX => Err(too_long()),
            Body::Text(text) => Ok(text.to_string()),
            Body::Pieces(pieces) => render_pieces(pieces, lookup),
            Body::Program(program) => program.render(&self.variables, lookup),
        }
    }
}

/// Two templates are one where their texts are.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

fn too_long() -> String {
    format!("its text is longer than {} KiB: shorten it", OUTPUT_MAX / 1024)
}

fn unknown_name(name: &str) -> String {
    format!("unknown name `{name}`")
}

fn render_pieces(pieces: &[Piece], lookup: &dyn Fn(&str) -> Option<Value>) -> Result<String, String> {
    use std::fmt::Write;
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name { name, filters } => {
                let value = lookup(name).ok_or_else(|| unknown_name(name))?;
                match filters.split_last() {
                    None => write!(out, "{value}").expect("a String takes all"),
                    Some((last, before)) => {
                        let value = before.iter().try_fold(value, |v, f| f.value(v))?;
                        out.push_str(&last.text(value)?);
                    }
                }
            }
        }
        if out.len() > OUTPUT_MAX {
            return Err(too_long());
        }
    }
    Ok(out)
}

impl Filter {
    fn name(self) -> &'static str {
        match self {
            Filter::Round(_) => "round",
            Filter::Duration => "duration",
        }
    }

    /// The filter's value, for the filter after it. A null stays a null: a gap in the data must not cost the message.
    fn value(self, value: Value) -> Result<Value, String> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Filter::Round(places), Value::Number(n)) => Ok(Value::Number(round(n, places))),
            (Filter::Duration, Value::Number(n)) => Ok(Value::text(&super::time::human_duration(n))),
            (filter, other) => {
                let got = other.value_type().map_or("null", super::value::ValueType::name);
                Err(format!("`{}` wants a number, not the {got} `{other}`", filter.name()))
            }
        }
    }

    /// The filter's value as it stands in the text.
    fn text(self, value: Value) -> Result<String, String> {
        Ok(match (self, self.value(value)?) {
            (Filter::Round(places), Value::Number(n)) => decimals(n, places),
            (_, other) => other.to_string(),
        })
    }
}

/// The most decimals that `round` takes: more than a float has.
const PLACES_MAX: u8 = 15;

/// Rounds halves away from zero, as the expressions do.
fn round(n: f64, places: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(places));
    let scaled = n * scale;
    // Beyond 2^53 there is nothing behind the point.
    if !scaled.is_finite() || scaled.abs() >= 9_007_199_254_740_992.0 {
        return n;
    }
    scaled.round() / scale + 0.0
}

/// A rounded number with all its decimals: `8.0`.
fn decimals(n: f64, places: u8) -> String {
    if n.is_finite() && n.abs() < 1e21 { format!("{n:.*}", usize::from(places)) } else { Value::Number(n).to_string() }
}

#[cfg(test)]
mod tests;
