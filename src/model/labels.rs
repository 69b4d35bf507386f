//! Label sets: what routes, groups, inhibitions and silences look at.

use super::fnv::Fnv;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Labels in the order of their names; each name once, no value empty (an empty label is no label).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSet(Arc<[(Arc<str>, Arc<str>)]>);

impl LabelSet {
    /// Builds a set; of two labels with one name the later wins, empty values are left out.
    pub fn new(labels: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in labels {
            match sorted.binary_search_by(|(n, _)| n.cmp(&name)) {
                Ok(i) => sorted[i].1 = value,
                Err(i) => sorted.insert(i, (name, value)),
            }
        }
        sorted.retain(|(_, value)| !value.is_empty());
        LabelSet(sorted.into())
    }

    /// The value of a label; `None` where the set lacks it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok().map(|i| &*self.0[i].1)
    }

    /// The value of a label as matchers and groups read it: `alertname`, by which Alertmanager calls what a check is to
    /// us, is the set's `check` where the set has no `alertname` of its own.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| if name == "alertname" { self.get("check") } else { None })
    }

    /// Every name by which [`LabelSet::read`] finds a value.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = "alertname";
        let also = self.get(name).is_none().then(|| self.get("check")).flatten().map(|value| (name, value));
        self.0.iter().map(|(n, v)| (&**n, &**v)).chain(also)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.iter().map(|(n, v)| (n, v))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// This set with one label set to another value.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        match self.0.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(at) if *self.0[at].1 == *value => self.clone(),
            Err(_) if value.is_empty() => self.clone(),
            Ok(at) => self.spliced(at, at + 1, value, &self.0[at].0),
            Err(at) => self.spliced(at, at, value, &Arc::from(name)),
        }
    }

    /// This set with one label in the place of those from `at` to `rest`; with none where its value is empty.
    fn spliced(&self, at: usize, rest: usize, value: &str, name: &Arc<str>) -> Self {
        let label = (!value.is_empty()).then(|| (Arc::clone(name), Arc::from(value)));
        let around = self.0.len() - (rest - at);
        let mut labels = Vec::with_capacity(around + usize::from(label.is_some()));
        labels.extend_from_slice(&self.0[..at]);
        labels.extend(label);
        labels.extend_from_slice(&self.0[rest..]);
        LabelSet(labels.into())
    }

    /// Prometheus's fingerprint of a label set: FNV-1a over names and values, each ended by 0xFF
    /// (`prometheus/common/model.labelSetToFingerprint`).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::default();
        for (name, value) in self.0.iter() {
            for part in [name.as_bytes(), &[0xff], value.as_bytes(), &[0xff]] {
                hash.write(part);
            }
        }
        hash.finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for LabelSet {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(labels: T) -> Self {
        LabelSet::new(labels.into_iter().map(|(n, v)| (Arc::from(n), Arc::from(v))))
    }
}

/// `{check="x", severity="critical"}`.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={:?}", if i > 0 { ", " } else { "" }, &**value)?;
        }
        f.write_str("}")
    }
}

/// A JSON object, in the order of names.
impl Serialize for LabelSet {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for LabelSet {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(Labels)
    }
}

/// Reads labels without a `String` for each: a start reads a dozen for every alert.
struct Labels;

impl<'de> Visitor<'de> for Labels {
    type Value = LabelSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels, by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelSet, A::Error> {
        let mut labels = Vec::new();
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            labels.push((name, value));
        }
        Ok(LabelSet::new(labels))
    }
}

struct Text(Arc<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Arc::from(text)))
            }
        }
        d.deserialize_str(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_has_no_empty_label_and_the_later_wins() {
        let set: LabelSet = [("b", "1"), ("a", "x"), ("b", "2"), ("c", "")].into_iter().collect();
        assert_eq!(set.to_string(), r#"{a="x", b="2"}"#);
        assert_eq!((set.get("b"), set.get("c")), (Some("2"), None));
    }

    #[test]
    fn one_label_is_set_changed_or_taken_away_and_the_rest_stays() {
        let set: LabelSet = [("b", "1"), ("d", "2")].into_iter().collect();
        for (name, value, want) in [
            ("a", "x", r#"{a="x", b="1", d="2"}"#),
            ("c", "x", r#"{b="1", c="x", d="2"}"#),
            ("e", "x", r#"{b="1", d="2", e="x"}"#),
            ("b", "x", r#"{b="x", d="2"}"#),
            ("b", "1", r#"{b="1", d="2"}"#),
            ("d", "", r#"{b="1"}"#),
            ("c", "", r#"{b="1", d="2"}"#),
        ] {
            assert_eq!(set.with(name, value).to_string(), want, "{name}={value}");
        }
    }

    #[test]
    fn the_fingerprint_of_no_labels_is_the_fnv_offset() {
        assert_eq!(LabelSet::default().fingerprint(), 0xcbf2_9ce4_8422_2325);
    }
}
