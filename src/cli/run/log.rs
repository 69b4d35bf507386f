//! Where the log goes, and what of it.

use std::io::IsTerminal;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Logs to standard error from now on.
///
/// # Errors
/// Where the filter is none.
pub(super) fn start(filter: &str, format: Format) -> Result<(), String> {
    // An empty RUST_LOG is as good as none.
    let filter = if filter.trim().is_empty() { "info" } else { filter };
    let filter = EnvFilter::try_new(filter).map_err(|why| {
        format!("the log filter `{filter}` is not understood ({why}): write `info`, `debug` or the like")
    })?;
    let log = Registry::default().with(lines(format).with_filter(filter.and(filter_fn(may_be_logged))));
    // Who logs already goes on: there is one log to a process.
    let _ = log.try_init();
    Ok(())
}

/// What a library logs in detail may hold whatever it was given: a password in a URL, a header.
fn may_be_logged(line: &Metadata<'_>) -> bool {
    line.target().starts_with("bellwether") || *line.level() <= Level::WARN
}

fn lines<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let color = std::io::stderr().is_terminal() && crate::cli::may_have_color();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(color);
    match format {
        Format::Text => lines.with_target(false).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    }
}
