//! YAML AT THE DOOR. Files become values that know their places, and everything that is wrong is told at once.
//!
//! The way in: [`files`] reads a folder, [`Document::parse`] makes a tree of a file, and a [`Reader`] reads the tree
//! by a table of [`Record`]s to [`Settings`]. The same tables give the JSON Schema and the manual.

mod build;
pub mod diagnostic;
pub mod files;
mod fingerprint;
pub mod headers;
pub mod interpolate;
mod locate;
pub mod manual;
mod mask;
mod merge;
mod read;
mod report;
pub mod scalar;
mod scalars;
pub mod schema;
mod settings;
mod shape;
mod source;
mod syntax;
mod tree;

pub use diagnostic::{Level, Problem, Problems, did_you_mean, nearest};
pub use files::{Folder, FolderError};
pub use interpolate::Env;
pub use mask::names_a_secret;
pub use read::Reader;
pub use scalar::ScalarError;
pub use scalars::SECRET_BYTES_MAX;
pub use settings::{Setting, SettingValue, Settings};
pub use shape::{Key, Record, Rule, Shape};
pub use source::{Origin, Place, Source, Sources, Span, Style, Text};
pub use tree::{COPIES_MAX, DEPTH_MAX, Document, FILE_BYTES_MAX, Node, NodeKind};
