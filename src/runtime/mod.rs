//! THE ONLY PLACE THAT WAITS.

pub mod clock;
pub mod keeper;
pub mod watch;
