//! Bellwether: alerting as code for the people who run data pipelines.
//!
//! The map of the house, from the quiet middle to the edge. Imports follow the allow-list that
//! `tests/tidy.rs` keeps.

pub mod channels;
pub mod cli;
pub mod collectors;
pub mod config;
pub mod core;
pub mod dispatch;
pub mod engine;
pub mod expr;
pub mod http;
pub mod load;
pub mod model;
pub mod rules;
pub mod runtime;
pub mod store;
pub mod telemetry;
pub mod testing;
