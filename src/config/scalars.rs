//! Reads scalars by their shape: what is filled in, what is secret, what stands in where nothing is known.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::{Problem, Problems, did_you_mean};
use super::interpolate::fill;
use super::read::Reader;
use super::scalar::{self, ScalarError};
use super::settings::{Setting, SettingValue};
use super::shape::{Shape, listed};
use super::source::{Origin, Source, Span, Style};
use crate::model::matcher::MatcherError;
use crate::model::template::TemplateError;
use crate::model::{Matcher, Secret, Template, Timestamp, Value};

/// The largest secret file that is read, in bytes.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;

pub(super) struct Scalars<'r, 'a> {
    pub(super) reader: &'r Reader<'a>,
    pub(super) source: &'r Arc<Source>,
    pub(super) problems: &'r mut Problems,
}

impl Scalars<'_, '_> {
    pub(super) fn read(&mut self, span: Span, shape: &'static Shape, text: &str, style: Style) -> Option<Setting> {
        if style == Style::Plain && is_cut(self.source.text(), span, text) {
            let problem = Problem::error("YAML reads ` #` as the beginning of a comment, inside of a quotation");
            self.problems
                .push(problem.at(self.source.place(span)).help("put the expression in single quotes, comment and all"));
            return None;
        }
        let origin = Origin { source: self.source.clone(), span, style: Some(style) };
        if !self.reader.fill || !text.contains("${") {
            return self.finish(origin, shape, text, style);
        }
        let filled = fill(text, self.reader.env);
        if filled.missing.is_empty() {
            let origin = Origin { style: (*filled.text == *text).then_some(style), ..origin };
            let setting = self.finish(origin, shape, &filled.text, style)?;
            return Some(Setting { given: filled.given, ..setting });
        }
        if self.reader.lenient {
            let origin = Origin { style: None, ..origin };
            return Some(Setting::new(origin, self.stand_in(shape, &filled.text)));
        }
        for name in filled.missing {
            let problem = Problem::error(format!("the environment has no `{}`", name.name));
            let place = origin.place_in(text, name.offset, name.len);
            self.problems.push(problem.at(place).help(format!("set it, or write a default: `${{{}:-…}}`", name.name)));
        }
        None
    }

    /// A default, as if it were written.
    pub(super) fn default(&mut self, shape: &'static Shape, written: &str, head: Span) -> Option<Setting> {
        let origin = Origin { source: self.source.clone(), span: head, style: None };
        match shape {
            Shape::OneOf(shapes) => self.default(shapes.iter().find(|shape| shape.is_scalar())?, written, head),
            Shape::OneOrMany(of) => {
                let one = self.default(of, written, head)?;
                Some(Setting::new(origin, SettingValue::List(vec![one])))
            }
            // The default of a list or a mapping is there for the manual alone.
            _ if !shape.is_scalar() => None,
            _ => {
                let (value, errors) = self.parse_all(shape, written, written, Style::Plain);
                for error in errors {
                    self.problems.push(Problem::error(error.message).at(origin.place()));
                }
                Some(Setting::new(origin, value?))
            }
        }
    }

    fn finish(&mut self, origin: Origin, shape: &'static Shape, text: &str, style: Style) -> Option<Setting> {
        let is_filled = origin.style.is_none();
        let shown = if is_filled { origin.written() } else { text };
        let (value, errors) = self.parse_all(shape, text, shown, style);
        for error in errors {
            let place = match error.at {
                Some((offset, len)) => origin.place_in(text, offset, len),
                None => origin.place(),
            };
            // A parser's message may quote what came from the environment.
            let is_foreign = matches!(shape, Shape::Template | Shape::Matcher);
            let message = if is_filled && is_foreign {
                format!("with its names filled in, this is not {}", shape.describe())
            } else {
                error.message
            };
            self.problems.push(Problem::error(message).at(place).help_if(error.help));
        }
        Some(Setting::new(origin, value?))
    }

    /// The value with all that is wrong with it: a template may be there in spite of that, so that its names are
    /// checked, too.
    fn parse_all(
        &self,
        shape: &Shape,
        text: &str,
        shown: &str,
        style: Style,
    ) -> (Option<SettingValue>, Vec<ScalarError>) {
        if matches!(shape, Shape::Template) {
            let (template, errors) = Template::read(text);
            return (template.map(SettingValue::Template), errors.into_iter().map(template_error).collect());
        }
        match self.parse(shape, text, shown, style) {
            Ok(value) => (Some(value), Vec::new()),
            Err(error) => (None, vec![error]),
        }
    }

    /// A value of any shape but a template.
    fn parse(&self, shape: &Shape, text: &str, shown: &str, style: Style) -> Result<SettingValue, ScalarError> {
        Ok(match shape {
            Shape::Matcher => SettingValue::Matcher(Matcher::parse(text).map_err(matcher_error)?),
            Shape::Secret => SettingValue::Secret(Secret::new(text)),
            Shape::SecretUrl => {
                scalar::url(text)?;
                SettingValue::Secret(Secret::new(text))
            }
            Shape::Path => SettingValue::Path(self.path(text)?),
            Shape::Duration => SettingValue::Duration(scalar::duration(text, shown)?),
            Shape::Size => SettingValue::Size(scalar::size(text, shown)?),
            Shape::Bool => SettingValue::Bool(scalar::boolean(text, shown)?),
            Shape::Integer { min, max } => SettingValue::Integer(scalar::integer(text, shown, *min, *max)?),
            Shape::Number => SettingValue::Number(scalar::number(text, shown)?),
            Shape::Time => SettingValue::Time(scalar::time(text, shown)?),
            Shape::Zone => SettingValue::Zone(scalar::zone(text, shown)?),
            Shape::Constant => SettingValue::Constant(scalar::constant(text, style == Style::Plain)?),
            Shape::Choice(words) => SettingValue::Text(choice(words, text, shown)?),
            Shape::Checked(rule) => {
                (rule.check)(text, shown)?;
                SettingValue::Text(Arc::from(text))
            }
            Shape::Url => {
                scalar::url(text)?;
                SettingValue::Text(Arc::from(text))
            }
            _ => SettingValue::Text(Arc::from(text)),
        })
    }

    fn path(&self, text: &str) -> Result<PathBuf, ScalarError> {
        if text.is_empty() {
            return Err(ScalarError::new("the path is empty"));
        }
        Ok(self.reader.folder.join(text))
    }

    /// What a value reads as where the environment is not there to give it: an opaque text, or something of its kind.
    fn stand_in(&self, shape: &Shape, opaque: &str) -> SettingValue {
        match shape {
            Shape::Secret | Shape::SecretUrl => SettingValue::Secret(Secret::new(opaque)),
            Shape::Path => SettingValue::Path(self.reader.folder.join(opaque)),
            Shape::Duration => SettingValue::Duration(Duration::from_mins(1)),
            Shape::Size => SettingValue::Size(1 << 20),
            Shape::Bool => SettingValue::Bool(false),
            Shape::Integer { min, max } => SettingValue::Integer(1.clamp(*min, *max)),
            Shape::Number => SettingValue::Number(1.0),
            Shape::Time => SettingValue::Time(Timestamp::default()),
            Shape::Zone => SettingValue::Zone(jiff::tz::TimeZone::UTC),
            Shape::Constant => SettingValue::Constant(Value::text(opaque)),
            Shape::Choice(words) => SettingValue::Text(Arc::from(words.first().copied().unwrap_or(""))),
            Shape::Checked(rule) => SettingValue::Text(Arc::from(rule.example)),
            Shape::Url => SettingValue::Text(Arc::from("http://127.0.0.1/")),
            Shape::Template => match Template::parse(opaque) {
                Ok(template) => SettingValue::Template(template),
                Err(_) => SettingValue::Text(Arc::from(opaque)),
            },
            _ => SettingValue::Text(Arc::from(opaque)),
        }
    }

    /// The secret in the file at a path, without its trailing line break.
    pub(super) fn secret_file(&mut self, path: &Setting, shape: &Shape) -> Option<Setting> {
        let origin = Origin { style: None, ..path.origin.clone() };
        let file = path.path()?;
        if self.reader.lenient {
            let secret = Secret::new(&file.to_string_lossy());
            return Some(Setting::new(origin, SettingValue::Secret(secret)));
        }
        match read_secret(file) {
            Ok(secret) if matches!(shape, Shape::SecretUrl) && scalar::url(secret.expose()).is_err() => {
                let message = format!("the secret file `{}` holds no URL", path.origin.written());
                self.problems
                    .push(Problem::error(message).at(origin.place()).help("write `https://host/path` into it"));
                None
            }
            Ok(secret) => {
                Some(Setting { given: vec![secret.clone()], ..Setting::new(origin, SettingValue::Secret(secret)) })
            }
            Err(why) => {
                let message = format!("cannot read the secret file `{}`: {why}", path.origin.written());
                let help = format!("it is looked for at {}", file.display());
                let problem = Problem::error(message).at(origin.place());
                self.problems.push(if path.origin.style.is_some() { problem.help(help) } else { problem });
                None
            }
        }
    }
}

fn read_secret(file: &std::path::Path) -> Result<Secret, String> {
    use std::io::Read;
    let opened = std::fs::File::open(file).map_err(|e| e.to_string())?;
    if opened.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err("it is a folder".to_owned());
    }
    let mut text = String::new();
    opened.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if SECRET_BYTES_MAX < text.len() as u64 {
        return Err(format!("it is larger than {} KiB, the limit", SECRET_BYTES_MAX >> 10));
    }
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(secret)) }
}

fn choice(words: &[&'static str], text: &str, shown: &str) -> Result<Arc<str>, ScalarError> {
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(Arc::from(*word));
    }
    let all = listed(words.iter().copied());
    let meant = did_you_mean(text, words.iter().copied()).filter(|_| text == shown);
    let help = meant.map_or_else(|| format!("write one of {all}"), |meant| format!("{meant} It is one of {all}"));
    Err(ScalarError::new(format!("`{shown}` is not known here")).help(help))
}

fn template_error(error: TemplateError) -> ScalarError {
    ScalarError::new(error.message).at(error.offset, error.len)
}

fn matcher_error(error: MatcherError) -> ScalarError {
    ScalarError::new(error.message).at(error.offset, error.len)
}

/// Whether a comment ends a plain scalar in the middle of a quotation: `name == "a # b"`.
fn is_cut(file: &str, span: Span, text: &str) -> bool {
    let after = file.get(span.end as usize..).unwrap_or("");
    let comment = after.trim_start_matches([' ', '\t']);
    if !comment.starts_with('#') || comment.len() == after.len() {
        return false;
    }
    let comment = comment.lines().next().unwrap_or("");
    let is_odd = |text: &str, quote: char| text.matches(quote).count() % 2 == 1;
    // An apostrophe is no quotation, unless the comment holds its other half.
    is_odd(text, '"') || is_odd(text, '`') || (is_odd(text, '\'') && is_odd(comment, '\''))
}
