//! The pages under `docs/channels` are what the kinds say of themselves.

use bellwether::channels::registry::{KINDS, Kind};
use bellwether::config::manual::keys_table;
use std::path::PathBuf;

fn page(kind: &Kind) -> String {
    format!("{}\n## Keys\n\n{}", kind.manual(), keys_table(kind.record))
}

fn place(kind: &Kind) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/channels").join(format!("{}.md", kind.name))
}

/// `BLESS=1 cargo test --test channels_docs` writes them.
#[test]
fn every_kind_has_its_page() {
    for kind in KINDS {
        let (place, page) = (place(kind), page(kind));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(place.parent().expect("it is in a folder")).expect("a folder can be made");
            std::fs::write(&place, &page).expect("a page can be written");
        }
        let written = std::fs::read_to_string(&place).unwrap_or_default();
        assert!(written == page, "{} is not what its kind says: run this test with BLESS=1", place.display());
    }
}
