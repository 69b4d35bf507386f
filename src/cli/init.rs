//! `init`: a small configuration that runs at once.

use super::{Folder, say};
use crate::load;
use std::path::Path;
use std::{fs, io};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: Folder,
}

/// The files, by their paths in the folder.
const FILES: [(&str, &str); 3] = [
    ("bellwether.yaml", include_str!("init/bellwether.yaml")),
    ("rules/disk.yaml", include_str!("init/disk.yaml")),
    ("rules/disk.test.yaml", include_str!("init/disk.test.yaml")),
];
const SCHEMA: &str = "bellwether.schema.json";

/// 0, or 1 where a file is there already, or cannot be written.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let folder = &arguments.folder.folder;
    let names = FILES.iter().map(|(name, _)| *name).chain([SCHEMA]);
    let there: Vec<&str> = names.filter(|name| fs::symlink_metadata(folder.join(name)).is_ok()).collect();
    if !there.is_empty() {
        say(&format!("error: {} is there already, and nothing was written: name a new folder", there.join(", ")));
        return 1;
    }
    if let Err((path, error)) = write(folder) {
        say(&format!("error: cannot write {path}: {error}"));
        return 1;
    }
    for (name, _) in FILES {
        super::print(&format!("{}\n", shown(folder, name)));
    }
    super::print(&format!("{}\n", shown(folder, SCHEMA)));
    let here = if folder == Path::new(".") { String::new() } else { format!(" {}", folder.display()) };
    say(&format!("Next: `bellwether lint{here}`, `bellwether test{here}`, `bellwether run{here}`."));
    0
}

fn write(folder: &Path) -> Result<(), (String, io::Error)> {
    let failed = |name: &str| {
        let path = shown(folder, name);
        move |error| (path, error)
    };
    fs::create_dir_all(folder.join("rules")).map_err(failed("rules"))?;
    for (name, text) in FILES {
        write_new(&folder.join(name), text).map_err(failed(name))?;
    }
    let schema = format!("{:#}\n", load::schema(None));
    write_new(&folder.join(SCHEMA), &schema).map_err(failed(SCHEMA))
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    io::Write::write_all(&mut fs::File::create_new(path)?, text.as_bytes())
}

fn shown(folder: &Path, name: &str) -> String {
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    folder.join(name).display().to_string()
}
