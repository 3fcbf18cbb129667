//! Structured logs, without secrets: no bodies, no query strings, no credentials, no codes.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::settings::{LogFormat, LogSettings};

/// Sends the logs of this process to standard error. Does nothing if that has been set up before.
///
/// # Errors
/// [`ParseError`], when the filter is not one.
pub fn start(settings: &LogSettings) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr().is_terminal())
        // It would be reported to standard error, which is what cannot be written, and that panics:
        // a full disk or a reader that has gone would stop settlement.
        .log_internal_errors(false)
        .with_writer(stderr);
    // Fails only if somebody was here before us.
    drop(match settings.format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    });
    Ok(())
}
