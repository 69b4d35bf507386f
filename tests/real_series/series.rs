//! The series as they were recorded, and when something was wrong.

use bellwether::model::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// Series of one value every five minutes, UTC, from the Numenta Anomaly Benchmark.
pub struct Recorded {
    pub series: BTreeMap<String, Vec<(String, f64)>>,
    pub incidents: Vec<Window>,
}

/// Something was wrong with this series between these instants.
pub struct Window {
    pub series: String,
    pub begins: Timestamp,
    pub ends: Timestamp,
}

/// One value. `at` is `2014-02-14 14:30:00`.
pub struct Reading<'a> {
    pub series: &'a str,
    pub at: &'a str,
    pub value: f64,
}

impl Recorded {
    /// Reads them from a folder; the error says why there are none.
    pub fn read(folder: &Path) -> Result<Recorded, String> {
        let listed = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let files = listed.map(|entry| entry.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "csv"));
        let series = files.map(|path| (name(&path), values(&path))).collect();
        Ok(Recorded { series, incidents: incidents(&folder.join("incidents.json")) })
    }

    /// Every value, series by series, in the order of time.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        self.series
            .iter()
            .flat_map(|(series, values)| values.iter().map(move |(at, value)| Reading { series, at, value: *value }))
    }

    pub fn first(&self) -> Timestamp {
        self.series.values().map(|values| instant(&values[0].0)).min().unwrap()
    }

    pub fn last(&self) -> Timestamp {
        self.series.values().map(|values| instant(&values[values.len() - 1].0)).max().unwrap()
    }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn values(path: &Path) -> Vec<(String, f64)> {
    let text = std::fs::read_to_string(path).unwrap();
    let value = |line: &str| {
        let (at, value) = line.split_once(',').unwrap();
        (at.to_owned(), value.parse().unwrap())
    };
    text.lines().skip(1).map(value).collect()
}

fn incidents(path: &Path) -> Vec<Window> {
    let text = std::fs::read_to_string(path).unwrap();
    let windows: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text).unwrap();
    let of = |(file, windows): (String, Vec<[String; 2]>)| {
        let window = move |[begins, ends]: [String; 2]| Window {
            series: name(Path::new(&file)),
            begins: instant(&begins),
            ends: instant(&ends),
        };
        windows.into_iter().map(window).collect::<Vec<_>>()
    };
    windows.into_iter().flat_map(of).collect()
}

/// From `2014-02-14 14:30:00`, UTC, with or without a fraction.
fn instant(text: &str) -> Timestamp {
    Timestamp::parse(&format!("{}Z", text.replace(' ', "T"))).unwrap()
}
