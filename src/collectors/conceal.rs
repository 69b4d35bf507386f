//! Keeps what a source was given in secret out of what it says back: a server may echo a header, a plugin its
//! environment, and a row goes on into messages, pages and terminals.

use super::error::{self, CollectError};
use super::{Collector, Request, Survey};
use crate::config::{Setting, SettingValue, Settings, names_a_secret};
use crate::model::{Secret, Table, ValueType};
use std::sync::Arc;

/// A shorter value, such as `1`, would garble more than it hides.
const SECRET_BYTES_MIN: usize = 4;

/// What is not shown, the longest first: one may be part of another.
#[derive(Clone, Default)]
pub(super) struct Hidden {
    /// In rows: what came from the environment or a file to where secrets stand, and what is written out under a name
    /// that sounds like one. A word of the file itself, such as a header's `application/json`, is data too.
    cells: Vec<Secret>,
    /// In errors: those, and every value that is declared a secret.
    errors: Vec<Secret>,
}

impl Hidden {
    pub(super) fn of_source(source: &Settings) -> Hidden {
        let mut hidden = Hidden::default();
        hidden.settings(source);
        hidden.errors.extend(login(source));
        hidden.cells.extend(login(source));
        hidden.sorted()
    }

    /// No error shows a name that is filled in: a query may hold a key too. Its rows may: it names what it asks for.
    pub(super) fn of_request(collect: &Settings) -> Hidden {
        let mut hidden = Hidden::default();
        hidden.settings(collect);
        for (_, setting) in collect.values() {
            hidden.errors.extend(setting.given.iter().flat_map(Secret::parts));
        }
        hidden.sorted()
    }

    pub(super) fn and(&self, mut other: Hidden) -> Hidden {
        other.cells.extend(self.cells.iter().cloned());
        other.errors.extend(self.errors.iter().cloned());
        other.sorted()
    }

    fn settings(&mut self, settings: &Settings) {
        for (key, setting) in settings.values() {
            let carries = settings.shape().key(key).is_some_and(|key| key.carries_secrets);
            self.setting(key, setting, carries);
        }
    }

    fn setting(&mut self, name: &str, setting: &Setting, carries: bool) {
        let is_secret = matches!(setting.value, SettingValue::Secret(_));
        if is_secret || carries {
            self.cells.extend(setting.given.iter().flat_map(Secret::parts));
            self.errors.extend(setting.given.iter().flat_map(Secret::parts));
        }
        match &setting.value {
            SettingValue::Secret(secret) => {
                self.errors.extend(secret.parts());
                if names_a_secret(name) {
                    self.cells.extend(secret.parts());
                }
            }
            SettingValue::List(list) => list.iter().for_each(|item| self.setting(name, item, carries)),
            SettingValue::Map(map) => map.iter().for_each(|(name, value)| self.setting(name.as_str(), value, carries)),
            _ => {}
        }
    }

    fn sorted(mut self) -> Hidden {
        for list in [&mut self.cells, &mut self.errors] {
            list.retain(|secret| SECRET_BYTES_MIN <= secret.expose().len());
            list.sort_by(|a, b| (b.expose().len(), b.expose()).cmp(&(a.expose().len(), a.expose())));
            list.dedup();
        }
        self
    }

    /// The text of a cell, where it has to be another.
    pub(super) fn out_of_cells(&self, text: &str) -> Option<String> {
        self.cells.iter().any(|secret| text.contains(secret.expose())).then(|| without(text, &self.cells))
    }

    pub(super) fn out_of_errors(&self, text: &str) -> String {
        without(text, &self.errors)
    }
}

fn without(text: &str, secrets: &[Secret]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text))
}

/// `username` and `password` as HTTP's basic authentication sends them, where a source has both: RFC 7617.
fn login(source: &Settings) -> Option<Secret> {
    let password = source.shape().key("password").and_then(|key| source.secret(key.name))?;
    let username = source.text("username").unwrap_or_default();
    Some(Secret::new(&base64(format!("{username}:{}", password.expose()).as_bytes())))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// A source whose answers are shown.
pub(super) struct Concealing {
    pub(super) made: Arc<dyn Collector>,
    pub(super) hidden: Hidden,
    /// Whether its rows may hold what it was sent.
    pub(super) in_cells: bool,
}

impl Concealing {
    fn hidden(&self, request: &Request) -> Hidden {
        self.hidden.and(Hidden::of_request(&request.collect))
    }

    fn error(&self, error: &CollectError, request: &Request) -> CollectError {
        CollectError {
            kind: error.kind,
            class: error.class,
            message: self.hidden(request).out_of_errors(&error.message),
            retry_after: error.retry_after,
        }
        .cut()
    }
}

#[async_trait::async_trait]
impl Collector for Concealing {
    async fn collect(&self, request: &Request) -> Result<Table, CollectError> {
        let table = self.made.collect(request).await.map_err(|error| self.error(&error, request))?;
        let hidden = self.hidden(request);
        let said = table.said().map(|said| error::end_of(&hidden.out_of_errors(said)));
        let table = if self.in_cells { table.map_texts(|text| hidden.out_of_cells(text)) } else { table };
        Ok(table.with_said(&said.unwrap_or_default()))
    }

    async fn columns(&self, request: &Request) -> Result<Vec<(String, Option<ValueType>)>, CollectError> {
        self.made.columns(request).await.map_err(|error| self.error(&error, request))
    }

    async fn survey(&self, request: &Request) -> Result<Survey, CollectError> {
        self.made.survey(request).await.map_err(|error| self.error(&error, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), want, "{text}");
        }
        assert_eq!(base64("Aladdin:open sesame".as_bytes()), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "RFC 7617, section 2");
    }

    #[test]
    fn a_secret_is_hidden_with_its_parts() {
        let all = |secret: &str| {
            let mut hidden = Hidden { cells: Secret::new(secret).parts(), ..Hidden::default() };
            hidden = hidden.sorted();
            hidden.cells.iter().map(|s| s.expose().to_owned()).collect::<Vec<_>>()
        };
        for (secret, want) in [
            ("abc", &[][..]),
            ("abcd", &["abcd"]),
            ("hunter2", &["hunter2"]),
            ("Bearer abcdefgh", &["Bearer abcdefgh", "abcdefgh"]),
            (
                "a key\nof lines-and-words",
                &["a key\nof lines-and-words", "a key of lines-and-words", "lines-and-words"],
            ),
            ("amqp://ana:hunter2@h/x?a@b", &["amqp://ana:hunter2@h/x?a@b", "hunter2"]),
        ] {
            let mut want: Vec<String> = want.iter().map(|&s| s.to_owned()).collect();
            let mut got = all(secret);
            want.sort();
            got.sort();
            assert_eq!(got, want, "{secret:?}");
        }
    }
}
