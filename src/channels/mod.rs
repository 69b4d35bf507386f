//! THE SEAM TO PEOPLE: one file a kind of channel, and one line in `registry`.
//!
//! A channel is handed a [`Notification`] and answers how the send ended. It does not retry, does not
//! wait for its rate and keeps no state about what was told: dispatch does.

#[cfg(test)]
mod conformance;
#[cfg(feature = "console")]
mod console;
#[cfg(feature = "email")]
mod email;
#[cfg(any(feature = "console", feature = "slack", feature = "email", feature = "webhook"))]
mod keys;
pub mod registry;
pub mod render;
#[cfg(test)]
mod scenes;
#[cfg(feature = "slack")]
mod slack;
#[cfg(any(feature = "slack", feature = "webhook"))]
mod web;
#[cfg(feature = "webhook")]
mod webhook;

#[cfg(any(feature = "console", feature = "slack", feature = "email", feature = "webhook"))]
use crate::model::FailureClass;
use crate::model::{Delivery, Notification};

/// A configured destination.
#[async_trait::async_trait]
pub trait Channel: Send + Sync {
    /// One attempt. It must end by itself within its deadline.
    async fn send(&self, notification: &Notification) -> Delivery;
}

#[cfg(any(feature = "console", feature = "slack", feature = "email", feature = "webhook"))]
fn unanswered(class: FailureClass, why: String, retry_after: Option<std::time::Duration>) -> Delivery {
    Delivery::Unanswered { why, retry_after, class }
}
