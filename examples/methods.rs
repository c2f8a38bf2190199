//! Methods as tasks: `#[chiltepin::tasks]` on the impl block, and `self` is one more argument, a
//! snapshot taken when the call is made.
//!
//! Prints
//!
//! ```text
//! kelvin: 270.15 273.15 276.15
//! mean: 273.15 K
//! ```

use chiltepin::{AppFuture, Workflow};
use serde::{Deserialize, Serialize};

/// A station with the scale of its thermometer. It travels with its calls, so it can be cloned and
/// serialised.
#[derive(Clone, Serialize, Deserialize)]
struct Station {
    offset: f64,
    unit: String,
}

#[chiltepin::tasks]
impl Station {
    /// A plain method, no task.
    fn scale(&self, reading: f64) -> f64 {
        reading + self.offset
    }

    #[task]
    fn convert(&self, readings: Vec<f64>) -> Vec<f64> {
        readings
            .into_iter()
            .map(|reading| self.scale(reading))
            .collect()
    }

    #[task]
    fn mean(&self, values: Vec<f64>) -> Result<f64, String> {
        if values.is_empty() {
            return Err("a station without readings has no mean".to_owned());
        }
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    }

    #[task]
    fn report(&self, mean: f64) -> String {
        format!("{mean:.2} {}", self.unit)
    }

    #[join_task]
    async fn summary(&self, workflow: &Workflow, values: Vec<f64>) -> AppFuture<String> {
        let mean = self.mean(values).submit(workflow);
        self.report(mean).submit(workflow)
    }
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let mut station = Station {
        offset: 273.15,
        unit: "K".to_owned(),
    };
    let kelvin = station.convert(vec![-3.0, 0.0, 3.0]).submit(&workflow);
    let summary = station.summary(&kelvin).submit(&workflow);
    // The calls above have their snapshot and do not see this.
    station.unit = "F".to_owned();

    let kelvin: Vec<_> = kelvin
        .await?
        .iter()
        .map(|value| format!("{value:.2}"))
        .collect();
    println!("kelvin: {}", kelvin.join(" "));
    println!("mean: {}", summary.await?);
    Ok(())
}
