use tracing_subscriber::filter::LevelFilter;

use crate::config::LogLevel;
use crate::report::make_way;

/// Says what the user must know. Where the program has set up no log, that is said on stderr.
#[cfg(feature = "records")]
pub(crate) fn warn(text: &str) {
    make_way();
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{text}");
    } else {
        use std::io::Write as _;
        // Where nobody reads it, `eprintln!` would panic.
        let _ = writeln!(std::io::stderr(), "warning: {text}");
    }
}

/// Prints events from `level` on to stderr, unless the program has set up `tracing` itself.
pub(crate) fn install(level: LogLevel) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(|| {
            make_way();
            std::io::stderr()
        })
        // That an event could not be written would be written to where it could not, which panics.
        .log_internal_errors(false)
        .with_max_level(LevelFilter::from(level))
        .finish();
    // The program's own subscriber goes before ours.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
