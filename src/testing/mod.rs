//! The users' tests, and everything else that drives the core on a virtual clock.

pub mod case;
pub mod compare;
pub mod drive;
pub mod routed;

pub use case::{Outcome, run};
pub use drive::{World, drive, evaluated};
