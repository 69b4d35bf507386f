//! A number for what settings say, wherever they stand: so that what did not change over a reload can be kept.

use super::settings::{Setting, SettingValue, Settings};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

impl Settings {
    /// The same for the same values, secrets and defaults included, whatever the file around them. Only good within
    /// one process.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        settings(self, &mut hasher);
        hasher.finish()
    }
}

fn settings(of: &Settings, hasher: &mut DefaultHasher) {
    of.shape().name.hash(hasher);
    for key in of.shape().keys {
        key.name.hash(hasher);
        of.get(key.name).is_some().hash(hasher);
        if let Some(value) = of.get(key.name) {
            setting(value, hasher);
        }
    }
}

fn setting(of: &Setting, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&of.value).hash(hasher);
    match &of.value {
        SettingValue::Text(text) => text.hash(hasher),
        SettingValue::Template(template) => template.source().hash(hasher),
        SettingValue::Secret(secret) => secret.expose().hash(hasher),
        SettingValue::Path(path) => path.hash(hasher),
        SettingValue::Duration(duration) => duration.hash(hasher),
        SettingValue::Size(n) => n.hash(hasher),
        SettingValue::Bool(b) => b.hash(hasher),
        SettingValue::Integer(n) => n.hash(hasher),
        SettingValue::Number(n) => n.to_bits().hash(hasher),
        SettingValue::Time(t) => t.hash(hasher),
        SettingValue::Matcher(matcher) => matcher.to_string().hash(hasher),
        SettingValue::Zone(zone) => zone.iana_name().hash(hasher),
        SettingValue::Constant(value) => format!("{value:?}").hash(hasher),
        SettingValue::List(list) => {
            list.len().hash(hasher);
            for item in list {
                setting(item, hasher);
            }
        }
        SettingValue::Map(map) => {
            map.len().hash(hasher);
            for (name, value) in map {
                name.as_str().hash(hasher);
                setting(value, hasher);
            }
        }
        SettingValue::Record(record) => settings(record, hasher),
        // A tree knows its places: at worst something is made anew that could have been kept.
        SettingValue::Any(node) => format!("{node:?}").hash(hasher),
        SettingValue::Wrong => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Document, Key, Problems, Reader, Record, Shape, Source};
    use std::path::Path;
    use std::sync::Arc;

    static INNER: Record = Record::new("inner", "", &[Key::new("n", Shape::Integer { min: 0, max: 9 }, "")]);
    static RECORD: Record = Record::new(
        "tested",
        "",
        &[
            Key::new("url", Shape::Secret, ""),
            Key::new("names", Shape::List(&Shape::Text), ""),
            Key::new("wait", Shape::Duration, "").default("10s"),
            Key::new("inner", Shape::Record(&INNER), ""),
        ],
    );

    fn fingerprint(yaml: &str) -> u64 {
        let source = Arc::new(Source::new("a.yaml", "a.yaml", yaml.to_owned()));
        let mut problems = Problems::new();
        let document = Document::parse(&source, &mut problems).unwrap();
        let reader = Reader { folder: Path::new("/"), env: &|_| None, lenient: false, fill: false };
        let settings = reader.record(&source, &document.root, &RECORD, &mut problems);
        assert!(!problems.has_errors(), "{yaml}");
        settings.fingerprint()
    }

    #[test]
    fn it_is_that_of_the_values_and_not_of_their_place() {
        let url = "https://h.example/x";
        let base = fingerprint(&format!("url: {url}\nnames: [a, b]\ninner: {{ n: 1 }}\n"));
        for (yaml, same) in [
            (format!("# moved\n\ninner: {{ n: 1 }}\nnames:\n  - a\n  - b\nurl: \"{url}\"\n"), true),
            (format!("url: {url}\nnames: [a, b]\ninner: {{ n: 1 }}\nwait: 10s\n"), true),
            (format!("url: {url}2\nnames: [a, b]\ninner: {{ n: 1 }}\n"), false),
            (format!("url: {url}\nnames: [ab]\ninner: {{ n: 1 }}\n"), false),
            (format!("url: {url}\nnames: [a, b]\ninner: {{ n: 2 }}\n"), false),
            (format!("url: {url}\nnames: [a, b]\ninner: {{ n: 1 }}\nwait: 11s\n"), false),
            (format!("url: {url}\nnames: [a, b]\n"), false),
        ] {
            assert_eq!(fingerprint(&yaml) == base, same, "{yaml}");
        }
    }
}
