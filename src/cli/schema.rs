//! `schema`: one JSON Schema for every file.

use super::{environment, print, say};
use crate::load::{self, Mode};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A configuration: the schema then knows its sources, channels and checks.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// 0, or 2 where there is no such folder.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let Some(folder) = &arguments.folder else {
        print(&format!("{:#}\n", load::schema(None)));
        return 0;
    };
    match load::load(folder, &environment, Mode::Lenient) {
        Ok(loaded) => {
            print(&format!("{:#}\n", load::schema(Some(&loaded.outline))));
            0
        }
        Err(error) => {
            say(&format!("error: {error}"));
            2
        }
    }
}
