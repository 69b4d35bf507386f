//! THE NOUNS. Plain values that every other room speaks of.
//!
//! No I/O, no async, no log, and nothing here can ask what time it is. A value may be serialised;
//! it is parsed at a door (`config`, `store`), not here, but for the records of [`record`].

pub mod alert;
pub mod alert_ref;
pub mod breaker;
pub mod failure;
pub mod flap;
pub mod fnv;
pub mod history;
pub mod labels;
pub mod matcher;
pub mod notification;
pub mod rate;
pub mod received;
pub mod record;
pub mod retry_after;
pub mod secret;
pub mod silence;
pub mod table;
pub mod template;
pub mod time;
pub mod value;

pub use alert::{AlertId, AlertState, Change, ChangeKind, Key, Severity};
pub use failure::{FailureClass, FailureCounts, LastFailure};
pub use flap::{FlapRule, Flapping};
pub use labels::LabelSet;
pub use matcher::{MatchOp, Matcher};
pub use notification::{Delivery, Item, ItemKind, Notification, Receipt};
pub use rate::Rate;
pub use received::Incoming;
pub use retry_after::{http_date, retry_after};
pub use secret::Secret;
pub use silence::Silence;
pub use table::{Cells, Column, Table, TableBuilder};
pub use template::Template;
pub use time::Timestamp;
pub use value::{Value, ValueType};
