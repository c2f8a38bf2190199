//! A parameter sweep in a program that is not async: every combination is a call, and each result
//! is taken as soon as it is there in the order of the sweep.
//!
//! Prints
//!
//! ```text
//! damping  frequency  amplitude
//!    0.10       0.90     3.8208
//!    0.10       1.00     5.0000
//!    0.10       1.10     3.2880
//!    0.20       0.90     2.4566
//!    0.20       1.00     2.5000
//!    0.20       1.10     2.0511
//! strongest at damping 0.1, frequency 1
//! ```

use chiltepin::{Workflow, task};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Point {
    damping: f64,
    frequency: f64,
}

/// The amplitude of a driven oscillator of natural frequency 1.
#[task]
fn amplitude(point: Point) -> f64 {
    let Point { damping, frequency } = point;
    let detuning = 1.0 - frequency * frequency;
    1.0 / (detuning.powi(2) + (2.0 * damping * frequency).powi(2)).sqrt()
}

#[chiltepin::main]
fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let points: Vec<_> = [0.1, 0.2]
        .into_iter()
        .flat_map(|damping| [0.9, 1.0, 1.1].map(|frequency| Point { damping, frequency }))
        .collect();
    let runs = workflow.map(&points, amplitude);

    println!("damping  frequency  amplitude");
    let mut strongest = (points[0], 0.0);
    for (point, run) in points.iter().zip(&runs) {
        let amplitude = run.result()?;
        println!(
            "{:7.2}  {:9.2}  {amplitude:9.4}",
            point.damping, point.frequency
        );
        if amplitude > strongest.1 {
            strongest = (*point, amplitude);
        }
    }
    let (Point { damping, frequency }, _) = strongest;
    println!("strongest at damping {damping}, frequency {frequency}");
    Ok(())
}
