//! The functions of the language, in one table: the checker, the evaluator, the suggestions and the reference read it.

use crate::model::ValueType;

/// A function that an expression may call.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// The names and types of what it takes.
    pub args: &'static [(&'static str, Arg)],
    /// Whether the last argument may be given several times.
    pub repeats: bool,
    pub returns: ValueType,
    /// One sentence.
    pub doc: &'static str,
    pub example: &'static str,
    pub(super) body: Body,
}

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    Is(ValueType),
    /// Any type, a null included.
    Any,
    /// A constant text that names an IANA time zone.
    Zone,
    /// A constant text that is a regular expression.
    Regex,
}

/// What a function does with its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Number(fn(f64) -> f64),
    /// From the left, two at a time.
    Fold(fn(f64, f64) -> f64),
    Clamp,
    Age,
    HourOf,
    WeekdayOf,
    Test(fn(&str, &str) -> bool),
    Map(fn(&str) -> String),
    Len,
    Matches,
    IsNull,
}

impl Function {
    /// `clamp(x: number, low: number, high: number) -> number`
    pub fn signature(&self) -> String {
        let args: Vec<String> = self.args.iter().map(|(name, arg)| format!("{name}: {}", arg.name())).collect();
        let more = if self.repeats { ", …" } else { "" };
        format!("{}({}{more}) -> {}", self.name, args.join(", "), self.returns)
    }
}

impl Arg {
    /// The word for it in a signature.
    pub const fn name(self) -> &'static str {
        match self {
            Arg::Is(t) => t.name(),
            Arg::Any => "any",
            Arg::Zone => "zone",
            Arg::Regex => "regex",
        }
    }
}

/// All functions, in the order of the reference.
pub const fn functions() -> &'static [Function] {
    FUNCTIONS
}

/// The function of that name.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

const N: Arg = Arg::Is(ValueType::Number);
const T: Arg = Arg::Is(ValueType::Text);
const TIME: Arg = Arg::Is(ValueType::Time);

const fn number(name: &'static str, doc: &'static str, example: &'static str, f: fn(f64) -> f64) -> Function {
    let (args, returns): (&[_], _) = (&[("x", N)], ValueType::Number);
    Function { name, args, repeats: false, returns, doc, example, body: Body::Number(f) }
}

const fn fold(name: &'static str, doc: &'static str, example: &'static str, f: fn(f64, f64) -> f64) -> Function {
    let (args, returns): (&[_], _) = (&[("x", N), ("y", N)], ValueType::Number);
    Function { name, args, repeats: true, returns, doc, example, body: Body::Fold(f) }
}

const fn span(name: &'static str, doc: &'static str, example: &'static str, f: fn(f64) -> f64) -> Function {
    let (args, returns): (&[_], _) = (&[("n", N)], ValueType::Number);
    Function { name, args, repeats: false, returns, doc, example, body: Body::Number(f) }
}

const fn test(name: &'static str, doc: &'static str, example: &'static str, f: fn(&str, &str) -> bool) -> Function {
    let (args, returns): (&[_], _) = (&[("text", T), ("part", T)], ValueType::Bool);
    Function { name, args, repeats: false, returns, doc, example, body: Body::Test(f) }
}

const fn map(name: &'static str, doc: &'static str, example: &'static str, f: fn(&str) -> String) -> Function {
    let (args, returns): (&[_], _) = (&[("text", T)], ValueType::Text);
    Function { name, args, repeats: false, returns, doc, example, body: Body::Map(f) }
}

const fn other(
    name: &'static str,
    args: &'static [(&'static str, Arg)],
    returns: ValueType,
    doc: &'static str,
    example: &'static str,
    body: Body,
) -> Function {
    Function { name, args, repeats: false, returns, doc, example, body }
}

const FUNCTIONS: &[Function] = &[
    number("abs", "The number without its sign.", "abs(drift) > 5", f64::abs),
    fold("min", "The least of two or more numbers.", "min(a, b, c) < 1", f64::min),
    fold("max", "The greatest of two or more numbers.", "max(a, b) > 10", f64::max),
    number("floor", "The whole number at or below.", "floor(x) == 3", f64::floor),
    number("ceil", "The whole number at or above.", "ceil(x) == 4", f64::ceil),
    number("round", "The nearest whole number; halves away from zero.", "round(ratio) > 2", f64::round),
    number("sqrt", "The square root; of a negative number it is unknown.", "sqrt(variance) > 3", f64::sqrt),
    number("ln", "The natural logarithm; of zero or less it is unknown.", "ln(rows) > 5", f64::ln),
    number("exp", "e to this power.", "exp(x) > 100", f64::exp),
    other(
        "clamp",
        &[("x", N), ("low", N), ("high", N)],
        ValueType::Number,
        "The number, or the limit that it passes; unknown where `low` is above `high`.",
        "clamp(score, 0, 1) > 0.9",
        Body::Clamp,
    ),
    other(
        "age",
        &[("t", TIME)],
        ValueType::Number,
        "Seconds from the time to `now`; negative for a time to come.",
        "age(game_end) > hours(6)",
        Body::Age,
    ),
    span("seconds", "So many seconds, in seconds.", "age(t) > seconds(90)", |n| n),
    span("minutes", "So many minutes, in seconds.", "age(t) > minutes(15)", |n| n * 60.0),
    span("hours", "So many hours, in seconds.", "age(t) > hours(6)", |n| n * 3_600.0),
    span("days", "So many days of 24 hours, in seconds.", "age(t) > days(7)", |n| n * 86_400.0),
    span("weeks", "So many weeks, in seconds.", "age(t) > weeks(2)", |n| n * 604_800.0),
    other(
        "hour_of",
        &[("t", TIME), ("zone", Arg::Zone)],
        ValueType::Number,
        "The hour of the day there, 0 to 23.",
        "hour_of(now, \"America/New_York\") in 9..17",
        Body::HourOf,
    ),
    other(
        "weekday_of",
        &[("t", TIME), ("zone", Arg::Zone)],
        ValueType::Number,
        "The day of the week there, 1 = Monday to 7 = Sunday.",
        "weekday_of(now, \"UTC\") <= 5",
        Body::WeekdayOf,
    ),
    test("contains", "Whether the part is in the text.", "contains(message, \"timeout\")", |t, p| t.contains(p)),
    test("starts_with", "Whether the text begins with the part.", "starts_with(name, \"pre_\")", |t, p| {
        t.starts_with(p)
    }),
    test("ends_with", "Whether the text ends with the part.", "ends_with(name, \".csv\")", |t, p| t.ends_with(p)),
    other("len", &[("text", T)], ValueType::Number, "The number of characters.", "len(name) == 0", Body::Len),
    map("to_lower", "The text in lower case.", "to_lower(state) == \"down\"", str::to_lowercase),
    map("to_upper", "The text in upper case.", "to_upper(state) == \"DOWN\"", str::to_uppercase),
    other(
        "matches",
        &[("text", T), ("regex", Arg::Regex)],
        ValueType::Bool,
        "Whether the regular expression matches anywhere in the text. It is a constant, compiled at load, linear in time.",
        "matches(name, `^job-\\d+$`)",
        Body::Matches,
    ),
    other(
        "is_null",
        &[("a", Arg::Any)],
        ValueType::Bool,
        "Whether the value is null.",
        "is_null(finished_at)",
        Body::IsNull,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_describes_itself() {
        let signatures: Vec<String> = functions().iter().map(Function::signature).collect();
        for want in [
            "clamp(x: number, low: number, high: number) -> number",
            "max(x: number, y: number, …) -> number",
            "hour_of(t: time, zone: zone) -> number",
        ] {
            assert!(signatures.iter().any(|s| s == want), "{want} is not among {signatures:#?}");
        }
        for f in functions() {
            assert!(f.doc.ends_with('.') && f.example.contains(f.name), "{}", f.name);
            assert_eq!(functions().iter().filter(|g| g.name == f.name).count(), 1, "{} is there twice", f.name);
        }
    }
}
