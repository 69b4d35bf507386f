//! Documents as rows.

use super::super::error::CollectError;
use super::super::limits::Limits;
use super::super::{Columns, Request, convert};
use super::{path, value};
use crate::config::Settings;
use crate::model::table::identifier;
use crate::model::{Table, TableBuilder, Value, ValueType};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// What of a document is no field of it.
pub(super) const NAME: &str = "__name__";
pub(super) const CREATE_TIME: &str = "__create_time__";
pub(super) const UPDATE_TIME: &str = "__update_time__";

/// The most columns that documents may bring by themselves.
const COLUMNS_MAX: usize = 1000;

/// The columns that a request names, each with its field; without one it is the document's id.
pub(super) fn columns(collect: &Settings) -> Vec<(String, Option<String>)> {
    let named = collect.map("fields").unwrap_or_default().iter();
    let named = named.filter_map(|(name, field)| Some((name.text.to_string(), Some(field.text()?.to_owned()))));
    let mut columns: Vec<_> = named.collect();
    if !columns.iter().any(|(name, _)| identifier(name) == "id") {
        columns.insert(0, ("id".to_owned(), None));
    }
    columns
}

/// The fields that have to be read for them; none where all are.
pub(super) fn selected(collect: &Settings) -> Option<Vec<String>> {
    if !collect.has("fields") {
        return None;
    }
    let fields = columns(collect).into_iter().filter_map(|(_, field)| field);
    let mut fields: Vec<String> =
        fields.filter(|field| ![CREATE_TIME, UPDATE_TIME].contains(&field.as_str())).collect();
    fields.sort();
    fields.dedup();
    if fields.is_empty() {
        fields.push(NAME.to_owned());
    }
    Some(fields)
}

/// The answer of `runQuery`: <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents/runQuery>.
pub(super) fn table(answer: &Json, request: &Request, limits: Limits) -> Result<Table, CollectError> {
    let stream =
        answer.as_array().ok_or_else(|| CollectError::refused("Firestore's answer is no list of documents"))?;
    let mut documents = Vec::new();
    let mut counter = limits.counter();
    for one in stream {
        if let Some(error) = one.get("error") {
            let said = error.get("message").and_then(Json::as_str).unwrap_or("without a word");
            return Err(CollectError::unreachable(format_args!("Firestore broke its answer off: {said}")));
        }
        if let Some(document) = one.get("document") {
            counter.row(0)?;
            documents.push(document);
        }
    }
    let declared = request.columns.as_deref();
    if request.collect.has("fields") {
        of_fields(&documents, &columns(&request.collect), declared)
    } else {
        of_all(&documents, declared)
    }
}

fn of_fields(
    documents: &[&Json],
    columns: &[(String, Option<String>)],
    declared: Option<&Columns>,
) -> Result<Table, CollectError> {
    let mut table = TableBuilder::new(columns.iter().map(|(name, _)| name)).map_err(CollectError::refused)?;
    for document in documents {
        let row = columns.iter().map(|(name, field)| {
            let declared = convert::declared(declared, &identifier(name));
            of_field(document, field.as_deref(), declared).map_err(|said| unreadable(name, document, &said))
        });
        table.push(row.collect::<Result<Vec<_>, _>>()?).map_err(CollectError::refused)?;
    }
    Ok(table.finish())
}

fn unreadable(column: &str, document: &Json, said: &str) -> CollectError {
    CollectError::refused(format_args!("column `{column}` of the document `{}` {said}", path_of(document)))
}

fn of_field(document: &Json, field: Option<&str>, declared: Option<ValueType>) -> Result<Value, String> {
    let time = |key| document.get(key).and_then(Json::as_str).and_then(convert::time).map_or(Value::Null, Value::Time);
    match field {
        None => Ok(id(document)),
        Some(NAME) => Ok(Value::text(path_of(document))),
        Some(CREATE_TIME) => Ok(time("createTime")),
        Some(UPDATE_TIME) => Ok(time("updateTime")),
        Some(field) => {
            let fields = document.get("fields").and_then(Json::as_object);
            let parts = path::parts(field).unwrap_or_default();
            match fields.and_then(|fields| find(fields, &parts)) {
                Some(found) => value::cell(&found, declared),
                None => Ok(Value::Null),
            }
        }
    }
}

fn find(fields: &Map<String, Json>, parts: &[String]) -> Option<Json> {
    let (first, rest) = parts.split_first()?;
    let found = fields.get(first)?;
    if rest.is_empty() { Some(found.clone()) } else { find(&*value::members(found)?, rest) }
}

fn path_of(document: &Json) -> &str {
    value::relative(document.get("name").and_then(Json::as_str).unwrap_or_default())
}

fn id(document: &Json) -> Value {
    Value::text(path_of(document).rsplit('/').next().unwrap_or_default())
}

/// Every field of every document; what one lacks is null.
fn of_all(documents: &[&Json], declared: Option<&Columns>) -> Result<Table, CollectError> {
    // By the column's name: its path, and which one it is.
    let mut known: HashMap<String, (String, usize)> = HashMap::from([("id".to_owned(), (String::new(), 0))]);
    let mut names = vec!["id".to_owned()];
    let mut rows: Vec<Vec<(usize, Value)>> = Vec::new();
    for document in documents {
        let mut row = vec![(0, id(document))];
        let mut leaves = Vec::new();
        if let Some(fields) = document.get("fields").and_then(Json::as_object) {
            flatten("", fields, &mut leaves);
            // A document has no order of its own.
            leaves.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        for (path, leaf) in leaves {
            let name = identifier(&path);
            let at = match known.get(&name) {
                Some((other, at)) if *other == path => *at,
                Some((other, _)) => return Err(twice(&name, other, &path)),
                None => {
                    known.insert(name.clone(), (path.clone(), names.len()));
                    names.push(name.clone());
                    names.len() - 1
                }
            };
            if COLUMNS_MAX < names.len() {
                return Err(CollectError::limit(format_args!(
                    "the documents have more than {COLUMNS_MAX} fields: name those that count, `fields: {{ column: field }}`"
                )));
            }
            let declared = convert::declared(declared, &name);
            row.push((at, value::cell(&leaf, declared).map_err(|said| unreadable(&name, document, &said))?));
        }
        rows.push(row);
    }
    let mut table = TableBuilder::new(&names).map_err(CollectError::refused)?;
    for row in rows {
        let mut cells = vec![Value::Null; names.len()];
        for (at, value) in row {
            cells[at] = value;
        }
        table.push(cells).map_err(CollectError::refused)?;
    }
    Ok(table.finish())
}

fn twice(name: &str, one: &str, other: &str) -> CollectError {
    let one = if one.is_empty() { "the document's id" } else { one };
    CollectError::refused(format_args!(
        "the fields `{one}` and `{other}` would both be the column `{name}`: name them, `fields: {{ column: {other} }}`"
    ))
}

/// The leaves below maps, each with its dotted path.
fn flatten(prefix: &str, fields: &Map<String, Json>, leaves: &mut Vec<(String, Json)>) {
    for (name, held) in fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value::members(held) {
            Some(members) => flatten(&path, &members, leaves),
            None => leaves.push((path, held.clone())),
        }
    }
}
