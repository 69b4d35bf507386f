//! The users' tests, and everything else that drives the core on a virtual clock.

pub mod drive;

pub use drive::{World, drive};
