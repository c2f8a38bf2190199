//! Measuring in pairs, and printing what came of it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Pairs of baseline and subject that a figure is the median of.
pub(crate) const PAIRS: usize = 9;

/// One line of the result.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) baseline: f64,
    pub(crate) ratio: f64,
    /// What the ratio, or the value where it says so, is to be.
    pub(crate) budget: &'static str,
}

impl Figure {
    /// Prints the figure and adds it to `target/figures/overhead.jsonl`.
    pub(crate) fn report(&self) {
        let Self {
            name,
            unit,
            value,
            baseline,
            ratio,
            budget,
        } = self;
        println!(
            "figure {name} value={value:.4} unit={unit} baseline={baseline:.4} ratio={ratio:.3} \
             budget=\"{budget}\""
        );
        let line = serde_json::json!({
            "figure": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio,
            "budget": budget,
        });
        let written = fs::create_dir_all(folder()).and_then(|()| {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder().join("overhead.jsonl"))?;
            writeln!(file, "{line}")
        });
        if let Err(error) = written {
            eprintln!("cannot write {}: {error}", folder().display());
        }
    }
}

/// Where the figures are written: `target/figures` beside the workspace's manifest.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/figures")
}

/// How long `work` takes.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The medians of baseline and subject, in seconds, and of the ratio within each pair.
pub(crate) struct Pairs {
    pub(crate) baseline: f64,
    pub(crate) subject: f64,
    /// The baseline's time as a part of the subject's: above 1, the subject is faster.
    pub(crate) speed: f64,
}

/// Runs baseline and subject by turns, after one round to warm up.
pub(crate) fn pairs(
    mut baseline: impl FnMut() -> Duration,
    mut subject: impl FnMut() -> Duration,
) -> Pairs {
    baseline();
    subject();
    let mut times = Vec::new();
    for turn in 0..PAIRS {
        // Who goes first alternates, so that neither always meets the other's leavings.
        let (one, other) = if turn % 2 == 0 {
            let one = baseline();
            (one, subject())
        } else {
            let other = subject();
            (baseline(), other)
        };
        times.push((one.as_secs_f64(), other.as_secs_f64()));
    }
    Pairs {
        baseline: median(times.iter().map(|pair| pair.0)),
        subject: median(times.iter().map(|pair| pair.1)),
        speed: median(times.iter().map(|pair| pair.0 / pair.1)),
    }
}

/// The middle of some numbers.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
