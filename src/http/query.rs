//! What may stand behind the `?` of a request.

use crate::model::silence::SilenceState;
use crate::model::{Matcher, Severity};
use crate::runtime::silences::SilenceFilter;
use crate::runtime::views::why::{self, WhyFilter};
use crate::runtime::views::{AlertFilter, CheckFilter, LIMIT_MAX, State, Window};

/// The parameters of a request, in order.
pub type Pairs = Vec<(String, String)>;

/// Reads a filter of alerts.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn alerts(pairs: Pairs) -> Result<AlertFilter, String> {
    let mut filter = AlertFilter::default();
    for (name, value) in pairs {
        match &*name {
            "state" => filter.state = Some(state(&value)?),
            "check" => filter.check = Some(value),
            "severity" => {
                let known = Severity::from_name(&value);
                filter.severity = Some(known.ok_or_else(|| wrong(&name, &value, "`critical`, `warning` or `info`"))?);
            }
            "matcher" => {
                let matcher = Matcher::parse(&value).map_err(|e| format!("`matcher` {value}: {}", e.message))?;
                filter.matchers.push(matcher);
            }
            _ => window(&mut filter.window, &name, &value, "state check severity matcher")?,
        }
    }
    Ok(filter)
}

/// Reads a filter of checks.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn checks(pairs: Pairs) -> Result<CheckFilter, String> {
    let mut filter = CheckFilter::default();
    for (name, value) in pairs {
        match &*name {
            "check" => filter.check = Some(value),
            _ => window(&mut filter.window, &name, &value, "check")?,
        }
    }
    Ok(filter)
}

/// Reads which part of a list is asked for.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn part(pairs: Pairs) -> Result<Window, String> {
    let mut part = Window::default();
    for (name, value) in pairs {
        window(&mut part, &name, &value, "")?;
    }
    Ok(part)
}

/// Reads a filter of silences.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn silences(pairs: Pairs) -> Result<SilenceFilter, String> {
    let mut filter = SilenceFilter::default();
    for (name, value) in pairs {
        match &*name {
            "state" => {
                let state = SilenceState::from_name(&value);
                filter.state = Some(state.ok_or_else(|| wrong(&name, &value, "`pending`, `active` or `expired`"))?);
            }
            _ => window(&mut filter.window, &name, &value, "state")?,
        }
    }
    Ok(filter)
}

/// Reads which alert's life is asked for.
///
/// # Errors
/// Says which parameter is wrong and what it may be.
pub fn why(pairs: Pairs) -> Result<WhyFilter, String> {
    let mut filter = WhyFilter { alert: String::new(), limit: why::LINES_DEFAULT, before: None };
    for (name, value) in pairs {
        let number = || value.parse::<u32>().map_err(|_| wrong(&name, &value, "a whole number"));
        match &*name {
            "alert" => filter.alert = value,
            "limit" => filter.limit = (number()? as usize).clamp(1, why::LINES_MAX),
            "before" => {
                filter.before = Some(value.parse().map_err(|_| wrong(&name, &value, "an `older` of an answer"))?);
            }
            _ => return Err(format!("`{name}` is no parameter: there are alert limit before")),
        }
    }
    if filter.alert.trim().is_empty() {
        return Err("`alert` is missing: write `?alert=check{name=\"value\"}`".to_owned());
    }
    Ok(filter)
}

fn state(value: &str) -> Result<State, String> {
    match value {
        "firing" => Ok(State::Firing),
        "pending" => Ok(State::Pending),
        _ => Err(wrong("state", value, "`firing` or `pending`")),
    }
}

fn window(window: &mut Window, name: &str, value: &str, others: &str) -> Result<(), String> {
    let number = || value.parse::<usize>().map_err(|_| wrong(name, value, "a whole number"));
    match name {
        "offset" => window.offset = number()?,
        "limit" => window.limit = number()?.min(LIMIT_MAX),
        _ => return Err(format!("`{name}` is no parameter: there are {others} offset limit")),
    }
    Ok(())
}

fn wrong(name: &str, value: &str, want: &str) -> String {
    format!("`{name}` is `{value}`: it may be {want}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Pairs {
        of.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn filters_are_read() {
        let filter = alerts(pairs(&[
            ("state", "pending"),
            ("check", "slow"),
            ("severity", "info"),
            ("matcher", r#"team="data""#),
            ("matcher", r#"x!="y""#),
            ("offset", "20"),
            ("limit", "999999"),
        ]));
        let want = AlertFilter {
            state: Some(State::Pending),
            check: Some("slow".into()),
            severity: Some(Severity::Info),
            matchers: vec![Matcher::parse(r#"team="data""#).unwrap(), Matcher::parse(r#"x!="y""#).unwrap()],
            window: Window { offset: 20, limit: LIMIT_MAX },
        };
        assert_eq!(filter, Ok(want));
        assert_eq!(checks(pairs(&[])), Ok(CheckFilter::default()));
    }

    #[test]
    fn a_wrong_parameter_says_what_it_may_be() {
        for (name, value, want) in [
            ("state", "on", "`firing` or `pending`"),
            ("severity", "bad", "`critical`"),
            ("matcher", "team=data", "double quotes"),
            ("limit", "-1", "a whole number"),
            ("page", "2", "there are state check severity matcher offset limit"),
        ] {
            let error = alerts(pairs(&[(name, value)])).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        assert!(checks(pairs(&[("state", "firing")])).unwrap_err().contains("there are check offset limit"));
    }
}
