use crate::fault::Request;
use crate::tools;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// One of Google's APIs, as its discovery document describes it: which paths there are, which parameters each takes, and
/// the shape of every body. The documents come with Google's own Python client; `scripts/tools` takes them out of it.
///
/// <https://developers.google.com/discovery/v1/reference/apis>
pub struct Discovery {
    document: Value,
    methods: Vec<Method>,
}

/// A method: `monitoring.projects.timeSeries.list`.
struct Method {
    id: String,
    verb: String,
    path: Regex,
    declared: Value,
}

impl Discovery {
    /// `monitoring.v3`, `monitoring.v1`, `logging.v2`, `pubsub.v1`, `firestore.v1`, `bigquery.v2`. Read once for a process.
    pub fn of(api: &str) -> Result<&'static Discovery, String> {
        static READ: LazyLock<Mutex<HashMap<String, &'static Discovery>>> = LazyLock::new(Mutex::default);
        let mut read = READ.lock().expect("no thread panics while it holds this lock");
        if let Some(known) = read.get(api) {
            return Ok(known);
        }
        let path = tools::installed(&format!("discovery/{api}.json"))?;
        let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let document = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let discovery: &'static Discovery = Box::leak(Box::new(Discovery::new(document)?));
        read.insert(api.to_owned(), discovery);
        Ok(discovery)
    }

    fn new(document: Value) -> Result<Discovery, String> {
        let mut methods = Vec::new();
        let prefix = document["servicePath"].as_str().unwrap_or_default();
        methods_below(&document, prefix, &mut methods)?;
        Ok(Discovery { document, methods })
    }

    /// The id of the method that a request asks, once the path, each parameter and the body are what it takes. A form's
    /// fields are held to the schema of the body, for that is what Google makes of them.
    pub fn method_of(&self, request: &Request) -> Result<&str, String> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let path = decoded(path, false);
        let asked = |method: &&Method| method.verb == request.method && method.path.is_match(&path);
        let Some(method) = self.methods.iter().find(asked) else {
            return Err(format!("no method is asked by {} {path}", request.method));
        };
        let parameters = pairs(query);
        self.check_parameters(method, &parameters).map_err(|why| format!("{}: {why}", method.id))?;
        self.check_body(method, request).map_err(|why| format!("{}: {why}", method.id))?;
        Ok(&method.id)
    }

    /// Whether a body is one that the method answers with; of one that streams, each entry of the list.
    pub fn check_answer(&self, method: &str, body: &Value) -> Result<(), String> {
        let found = self.methods.iter().find(|known| known.id == method);
        let found = found.ok_or_else(|| format!("there is no method {method}"))?;
        match found.declared.get("response") {
            // An API's own body, of which nothing is said.
            Some(schema) if schema["$ref"] == "HttpBody" => Ok(()),
            Some(schema) => {
                let bodies = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
                let checked = bodies.iter().try_for_each(|body| self.check(schema, body, "the answer"));
                checked.map_err(|why| format!("{method}: {why}"))
            }
            None => Err(format!("{method} answers without a body")),
        }
    }

    fn check_parameters(&self, method: &Method, given: &[(String, String)]) -> Result<(), String> {
        let known = |name: &str| {
            let own = method.declared["parameters"].get(name).filter(|p| p["location"] == "query");
            own.or_else(|| self.document["parameters"].get(name))
        };
        for (name, value) in given {
            let declared = known(name).ok_or_else(|| format!("there is no parameter {name}"))?;
            let repeated = declared["repeated"].as_bool().unwrap_or(false);
            if !repeated && given.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(format!("the parameter {name} is given more than once"));
            }
            let value = match declared["type"].as_str() {
                Some("integer" | "number" | "boolean") => serde_json::from_str(value).unwrap_or(Value::Null),
                _ => Value::String(value.clone()),
            };
            self.check(declared, &value, &format!("the parameter {name}"))?;
        }
        let required = method.declared["parameters"].as_object().into_iter().flatten();
        for (name, declared) in required.filter(|(_, p)| p["location"] == "query") {
            // What Google requires by its description alone.
            let text = declared["description"].as_str().unwrap_or_default();
            let is_required = declared["required"].as_bool().unwrap_or(false) || text.starts_with("Required.");
            if is_required && !given.iter().any(|(given, _)| given == name) {
                return Err(format!("the parameter {name} is required"));
            }
        }
        Ok(())
    }

    fn check_body(&self, method: &Method, request: &Request) -> Result<(), String> {
        let Some(schema) = method.declared.get("request") else {
            return if request.body.is_empty() { Ok(()) } else { Err("it takes no body".to_owned()) };
        };
        if request.body.is_empty() {
            return Ok(());
        }
        let content_type = request.header("content-type").unwrap_or_default();
        let body = if content_type.starts_with("application/x-www-form-urlencoded") {
            let fields = pairs(&request.text()).into_iter().map(|(name, value)| (name, Value::String(value)));
            Value::Object(fields.collect())
        } else if content_type.starts_with("application/json") {
            serde_json::from_slice(&request.body).map_err(|error| format!("the body is no JSON: {error}"))?
        } else {
            return Err(format!("a body of type `{content_type}`"));
        };
        self.check(schema, &body, "the body")
    }

    /// Whether a value fits a schema; `place` says where it stands.
    fn check(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let named = self.document["schemas"].get(name).ok_or_else(|| format!("there is no schema {name}"))?;
            return self.check(named, value, place);
        }
        let wrong = |what: &str| Err(format!("{place} has {value} where {what} belongs"));
        match (schema["type"].as_str().unwrap_or("any"), value) {
            ("any", _) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => Ok(()),
            ("string", Value::String(text)) => check_text(schema, text).or_else(|what| wrong(&what)),
            ("number", Value::String(text)) if ["NaN", "Infinity", "-Infinity"].contains(&text.as_str()) => Ok(()),
            ("integer", Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => Ok(()),
            ("array", Value::Array(items)) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(i, item)| self.check(&schema["items"], item, &format!("{place}[{i}]")))
            }
            ("object", Value::Object(members)) => self.check_members(schema, members, place),
            (what, _) => wrong(what),
        }
    }

    fn check_members(&self, schema: &Value, members: &Map<String, Value>, place: &str) -> Result<(), String> {
        for (name, value) in members {
            let place = format!("{place}.{name}");
            match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
                Some(schema) => self.check(schema, value, &place)?,
                None => return Err(format!("{place} is unknown")),
            }
        }
        Ok(())
    }
}

/// An enum's words and the formats of <https://developers.google.com/discovery/v1/type-format>.
fn check_text(schema: &Value, text: &str) -> Result<(), String> {
    if let Some(words) = schema["enum"].as_array() {
        let known = words.iter().any(|word| word == text);
        return if known { Ok(()) } else { Err("one of an enum's words".to_owned()) };
    }
    let format = schema["format"].as_str().unwrap_or_default();
    let fits = match format {
        "int64" => text.parse::<i64>().is_ok(),
        "uint64" => text.parse::<u64>().is_ok(),
        "google-datetime" | "date-time" => DATE_TIME.is_match(text),
        "google-duration" => DURATION.is_match(text),
        "byte" => BASE64.is_match(text),
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("text of the format {format}")) }
}

static DATE_TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"));
static DURATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-?\d+(\.\d{1,9})?s$"));
static BASE64: LazyLock<Regex> = LazyLock::new(|| pattern("^[A-Za-z0-9+/_-]*={0,2}$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("it is constant, and was tried")
}

fn methods_below(node: &Value, prefix: &str, methods: &mut Vec<Method>) -> Result<(), String> {
    for declared in node["methods"].as_object().into_iter().flatten().map(|(_, method)| method) {
        let text = |key: &str| declared[key].as_str().unwrap_or_default().to_owned();
        let path = path_pattern(&format!("/{prefix}{}", text("path")), &declared["parameters"])?;
        methods.push(Method { id: text("id"), verb: text("httpMethod"), path, declared: declared.clone() });
    }
    let below = node["resources"].as_object().into_iter().flatten();
    below.map(|(_, node)| node).try_for_each(|node| methods_below(node, prefix, methods))
}

/// `v3/{+name}/timeSeries` as a pattern; a `{+name}` has its own in the document, a `{name}` is one segment.
fn path_pattern(path: &str, parameters: &Value) -> Result<Regex, String> {
    let mut text = String::from("^");
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("{path} has no `}}`"))?;
        let own = parameters[name.trim_start_matches('+')]["pattern"].as_str();
        let own = own.map(|own| own.trim_start_matches('^').trim_end_matches('$'));
        text += &regex::escape(before);
        text.extend(["(?:", own.unwrap_or("[^/]+"), ")"]);
        rest = after;
    }
    text += &regex::escape(rest);
    text.push('$');
    Regex::new(&text).map_err(|error| format!("{path}: {error}"))
}

/// The pairs of a query or a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decoded(k, true), decoded(v, true)))
        .collect()
}

fn decoded(text: &str, plus_is_space: bool) -> String {
    let text = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_owned();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend_from_slice(format!("%{part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn discovery() -> Discovery {
        Discovery::new(json!({
            "servicePath": "", "parameters": { "alt": { "type": "string", "enum": ["json"], "location": "query" } },
            "schemas": { "Stone": { "type": "object", "properties": {
                "size": { "type": "string", "format": "int64" }, "at": { "type": "string", "format": "google-datetime" },
                "tags": { "type": "object", "additionalProperties": { "type": "string" } },
                "parts": { "type": "array", "items": { "$ref": "Stone" } } } } },
            "resources": { "stones": { "methods": {
                "list": { "id": "stones.list", "httpMethod": "GET", "path": "v1/{+name}/stones",
                          "parameters": { "name": { "location": "path", "pattern": "^projects/[^/]+$" },
                                          "size": { "location": "query", "type": "integer" },
                                          "view": { "location": "query", "type": "string", "description": "Required. X" } },
                          "response": { "$ref": "Stone" } },
                "make": { "id": "stones.make", "httpMethod": "POST", "path": "v1/stones:make", "parameters": {},
                          "request": { "$ref": "Stone" }, "response": { "$ref": "Stone" } } } } } }))
        .unwrap()
    }

    fn asked(method: &str, path: &str, content_type: &str, body: &str) -> Result<String, String> {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let (method, path, body) = (method.to_owned(), path.to_owned(), body.as_bytes().to_owned());
        let request = Request { method, path, headers, body, at: std::time::Instant::now() };
        discovery().method_of(&request).map(str::to_owned)
    }

    #[test]
    fn a_request_is_held_to_its_method() {
        for (path, want) in [
            ("/v1/projects/p/stones?view=x&size=3&alt=json", "stones.list"),
            ("/v1/projects%2Fp/stones?view=x", "stones.list"),
            ("/v1/projects/p/q/stones?view=x", "no method is asked by GET /v1/projects/p/q/stones"),
            ("/v1/projects/p/stones?size=3", "stones.list: the parameter view is required"),
            ("/v1/projects/p/stones?view=x&siz=3", "stones.list: there is no parameter siz"),
            ("/v1/projects/p/stones?view=x&view=y", "stones.list: the parameter view is given more than once"),
            (
                "/v1/projects/p/stones?view=x&size=many",
                "stones.list: the parameter size has null where integer belongs",
            ),
            (
                "/v1/projects/p/stones?view=x&alt=xml",
                "stones.list: the parameter alt has \"xml\" where one of an enum's words",
            ),
        ] {
            let said = asked("GET", path, "", "").unwrap_or_else(|why| why);
            assert!(said.starts_with(want), "{path}: {said}");
        }
    }

    #[test]
    fn a_body_is_held_to_its_schema() {
        let json = "application/json";
        for (content_type, body, want) in [
            (
                json,
                r#"{"size":"3","at":"2026-01-05T00:30:00.5Z","tags":{"a":"b"},"parts":[{"size":"1"}]}"#,
                "stones.make",
            ),
            ("application/x-www-form-urlencoded", "size=3&at=2026-01-05T00%3A30%3A00Z", "stones.make"),
            (json, r#"{"size":3}"#, "stones.make: the body.size has 3 where string belongs"),
            (json, r#"{"size":"x"}"#, "stones.make: the body.size has \"x\" where text of the format int64"),
            (json, r#"{"at":"yesterday"}"#, "stones.make: the body.at has"),
            (json, r#"{"parts":[{},{"siz":1}]}"#, "stones.make: the body.parts[1].siz is unknown"),
            (json, r#"{"tags":{"a":1}}"#, "stones.make: the body.tags.a has 1"),
            ("text/plain", "{}", "stones.make: a body of type `text/plain`"),
        ] {
            let said = asked("POST", "/v1/stones:make", content_type, body).unwrap_or_else(|why| why);
            assert!(said.starts_with(want), "{body}: {said}");
        }
        let reply = |body: &Value| discovery().check_answer("stones.list", body);
        assert_eq!(reply(&json!({ "size": "3" })), Ok(()));
        assert_eq!(reply(&json!({ "stones": [] })), Err("stones.list: the answer.stones is unknown".to_owned()));
    }
}
