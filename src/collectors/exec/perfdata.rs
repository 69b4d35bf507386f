//! What a plugin prints: <https://nagios-plugins.org/doc/guidelines.html#PLUGOUTPUT>,
//! <https://www.monitoring-plugins.org/doc/guidelines.html>.

use crate::model::Value;

/// A plugin's output, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) first_line: String,
    pub(super) perfdata: String,
}

/// The first line up to its `|`; performance values behind it, and behind the `|` of the lines that follow.
pub(super) fn split(text: &str) -> Output {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (line, perfdata) = first.split_once('|').unwrap_or((first, ""));
    let long = rest.split_once('|').map_or("", |(_, values)| values);
    Output {
        first_line: line.trim().to_owned(),
        perfdata: format!("{} {}", perfdata.trim(), long.trim()).trim().to_owned(),
    }
}

/// `'label'=value[unit];warn;crit;min;max`, separated by spaces: labels with their values in base units. A value that
/// is no number is null: the plugin's exit is worth more than one value.
pub(super) fn values(perfdata: &str) -> Result<Vec<(String, Value)>, String> {
    let mut values = Vec::new();
    let mut rest = perfdata.trim_start();
    while !rest.is_empty() {
        let (label, behind) = label(rest)?;
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let value = behind[..end].split(';').next().unwrap_or_default();
        values.push((label, measure(value).unwrap_or(Value::Null)));
        rest = behind[end..].trim_start();
    }
    Ok(values)
}

/// A label and what stands behind its `=`. In quotes, a quote is written twice.
fn label(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (label, behind) = text.split_once('=').ok_or_else(|| strange(text))?;
        let is_label = !label.is_empty() && !label.contains(char::is_whitespace);
        return if is_label { Ok((label.to_owned(), behind)) } else { Err(strange(text)) };
    };
    let mut at = 0;
    while let Some(quote) = quoted[at..].find('\'') {
        at += quote;
        match quoted[at + 1..].chars().next() {
            Some('\'') => at += 2,
            Some('=') if at > 0 => return Ok((quoted[..at].replace("''", "'"), &quoted[at + 2..])),
            _ => break,
        }
    }
    Err(strange(text))
}

/// A number with its unit, in base units. `U` stands for a value that could not be determined, and is no number.
fn measure(text: &str) -> Option<Value> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+');
    let mut end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    // `1e-05`, but not the unit of `5eV`.
    if text[end..].starts_with(['e', 'E']) {
        let exponent = text[end + 1..].trim_start_matches(['+', '-']);
        let digits = exponent.len() - exponent.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            end = text.len() - exponent.len() + digits;
        }
    }
    // Some plugins print in the locale of their author.
    let number: f64 = text[..end].replace(',', ".").parse().ok()?;
    Some(Value::Number(scaled(number, &text[end..])))
}

/// Division, so that `30ms` is the float 0.03.
fn scaled(number: f64, unit: &str) -> f64 {
    match unit {
        "ms" => number / 1e3,
        "us" | "µs" => number / 1e6,
        "ns" => number / 1e9,
        "KB" | "kB" | "KiB" => number * 1024.0,
        "MB" | "MiB" => number * 1024.0 * 1024.0,
        "GB" | "GiB" => number * 1024.0 * 1024.0 * 1024.0,
        "TB" | "TiB" => number * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => number,
    }
}

fn strange(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    format!("`{shown}` is no performance value: it is `label=value[unit];warn;crit;min;max`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn performance_values_come_in_base_units() {
        for (given, want) in [
            ("", ""),
            ("time=0.025s;;;0.000;10.000 size=10701B;;;0", "time=0.025 size=10701"),
            ("rta=30ms;100;500;0 pl=0%;20;60;0", "rta=0.03 pl=0"),
            ("/=2643MB;5948;5958;0;5968", "/=2771386368"),
            ("'a label'=1KB 'it''s'=5us 'x=y'=-2", "a label=1024 it's=0.000005 x=y=-2"),
            ("load1=0,260;5.000 c=12c u=U;1;2 big=1e-05s ev=5eV", "load1=0.26 c=12 u=null big=0.00001 ev=5"),
            ("range=5;10:20;@~:30", "range=5"),
            ("a=;1 b=nan c=--1 d=x e=5", "a=null b=null c=null d=null e=5"),
        ] {
            let got: Vec<String> = values(given).unwrap().into_iter().map(|(l, v)| format!("{l}={v}")).collect();
            assert_eq!(got.join(" "), want, "{given}");
        }
    }

    #[test]
    fn what_is_no_performance_value_is_an_error() {
        for given in ["a", "=1", "'a=1", "''=1", "a b=1", "'a'1"] {
            assert!(values(given).unwrap_err().contains("no performance value"), "{given}");
        }
    }

    #[test]
    fn the_first_line_is_the_output_and_later_lines_may_hold_values() {
        for (text, line, perfdata) in [
            ("OK - fine\n", "OK - fine", ""),
            ("OK | a=1\nlong text\nmore | b=2\nc=3", "OK", "a=1 b=2\nc=3"),
            ("OK\nlong text", "OK", ""),
            ("", "", ""),
        ] {
            let want = Output { first_line: line.to_owned(), perfdata: perfdata.to_owned() };
            assert_eq!(split(text), want, "{text}");
        }
    }
}
