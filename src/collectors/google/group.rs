//! `group_by`: which fields of an answer name its rows, and which columns they become.

use crate::config::{Problem, Settings, Shape, Text};
use crate::model::table::identifier;
use serde_json::Value as Json;
use std::borrow::Cow;

/// A list of paths, or names with their paths.
pub const GROUP_BY: Shape = Shape::OneOf(&[Shape::List(&Shape::Text), Shape::MapOf(&Shape::Text)]);

/// The labels that every alert has of its own: no key column can have one's name.
const RESERVED: [&str; 4] = ["check", "severity", "source", "reason"];

/// A field, and its column.
#[derive(Clone, Debug)]
pub struct Group {
    pub column: String,
    /// As it is written: `resource.labels.zone`.
    pub path: Text,
    /// The members, from the outside in. None where the path cannot be read: that is told by [`problems`].
    pub members: Vec<String>,
}

impl Group {
    /// The field as text; the empty text where there is none.
    pub fn text<'a>(&self, of: &'a Json) -> Cow<'a, str> {
        let found = self.members.iter().try_fold(of, |json, member| json.get(member));
        match found {
            None | Some(Json::Null) => Cow::Borrowed(""),
            Some(Json::String(text)) => Cow::Borrowed(text),
            Some(other) => Cow::Owned(other.to_string()),
        }
    }
}

/// The groups that a request asks for.
#[must_use]
pub fn groups(collect: &Settings) -> Vec<Group> {
    let group = |column: Option<&str>, path: Text| {
        let members = members(path.as_str()).unwrap_or_default();
        let column = identifier(column.or(members.last().map(String::as_str)).unwrap_or_default());
        Group { column, path, members }
    };
    match collect.map("group_by") {
        Some(named) => {
            named.iter().filter_map(|(name, path)| Some(group(Some(name.as_str()), path.spanned()?))).collect()
        }
        None => collect.spanned_texts("group_by").into_iter().map(|path| group(None, path)).collect(),
    }
}

/// What is wrong with them; `own` are the columns that there are already.
#[must_use]
pub fn problems(groups: &[Group], own: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, Group { column, path, members }) in groups.iter().enumerate() {
        let what = if members.is_empty() {
            Problem::error(format!("`{path}` is no path of a field"))
                .help("write `resource.labels.zone`; a name with other characters in quotes, `labels.\"k8s-pod/app\"`")
        } else if RESERVED.contains(&column.as_str()) {
            Problem::error(format!("every alert has a label `{column}` of its own: no key column can have its name"))
                .help(format!("give it another: `group_by: {{ the_{column}: {path} }}`"))
        } else if own.contains(&column.as_str()) || groups[..i].iter().any(|other| other.column == *column) {
            Problem::error(format!("there is a column `{column}` already"))
                .help(format!("give it another name: `group_by: {{ other_{column}: {path} }}`"))
        } else {
            continue;
        };
        problems.push(what.at(path.place()));
    }
    problems
}

/// `a.b."c.d"` as `a`, `b`, `c.d`. None where a name is empty or a quotation does not end.
fn members(path: &str) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut rest = path;
    loop {
        let (member, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if member.is_empty() || member.contains('"') {
            return None;
        }
        members.push(member.to_owned());
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(members),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_member_by_member() {
        for (path, want) in [
            ("severity", "severity"),
            ("resource.labels.zone", "resource|labels|zone"),
            ("labels.\"k8s-pod/app.kubernetes.io/name\"", "labels|k8s-pod/app.kubernetes.io/name"),
            ("labels.\"a\".b", "labels|a|b"),
            ("", "-"),
            (".a", "-"),
            ("a..b", "-"),
            ("a.", "-"),
            ("a.\"b", "-"),
            ("a.\"b\"c", "-"),
            ("a.b\"c\"", "-"),
        ] {
            assert_eq!(members(path).map_or("-".to_owned(), |m| m.join("|")), want, "{path}");
        }
    }
}
