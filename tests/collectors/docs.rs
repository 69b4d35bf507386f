//! The pages under `docs/sources` are what the kinds say of themselves.

use bellwether::collectors::{KINDS, Kind};
use bellwether::config::manual::keys_table;
use std::path::PathBuf;

fn page(kind: &Kind) -> String {
    let manual = kind.manual();
    let source = keys_table(kind.source);
    let collect = keys_table(kind.collect);
    format!("{manual}\n## Keys of the source\n\n{source}\n## Keys of `collect`\n\n{collect}")
}

fn place(kind: &Kind) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/sources").join(format!("{}.md", kind.name))
}

/// `BLESS=1 cargo test --test collectors docs` writes them.
#[test]
fn every_kind_has_its_page() {
    for kind in KINDS {
        let (place, page) = (place(kind), page(kind));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(&place, &page).unwrap();
        }
        let written = std::fs::read_to_string(&place).unwrap_or_default();
        assert!(written == page, "{} is not what its kind says: run this test with BLESS=1", place.display());
    }
}
