//! THE ONLY PLACE THAT WAITS.

pub mod clock;
pub mod handle;
pub mod keeper;
pub mod views;
pub mod watch;
