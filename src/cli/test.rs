//! `test`.

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folder: super::Folder,
}

pub(super) fn main(arguments: &Arguments) -> u8 {
    super::say(&format!("this build has no `test` yet (asked for {})", arguments.folder.folder.display()));
    2
}
