//! Shell commands against bare spawning.

use std::process::{Command, Stdio};
use std::time::Duration;

use chiltepin::{Capture, Workflow, bash_task};
use tokio::runtime::Runtime;

use crate::measure::{Figure, pairs, time};

/// Commands in one measurement.
const COUNT: usize = 600;

#[bash_task]
fn succeed() -> String {
    "true".to_owned()
}

/// `bash -c true` from as many threads as there are cores, with nothing around it.
fn bare(count: usize) -> Duration {
    let threads = crate::threads::threads();
    time(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..count / threads {
                        let status = Command::new("bash")
                            .args(["-c", "true"])
                            .stdin(Stdio::null())
                            .stdout(Stdio::null())
                            .stderr(Stdio::null())
                            .status();
                        assert!(status.is_ok_and(|status| status.success()));
                    }
                });
            }
        });
    })
}

fn submitted(runtime: &Runtime, workflow: &Workflow, files: bool) -> Duration {
    time(|| {
        runtime.block_on(async {
            let futures = workflow.map(0..COUNT, |_| {
                if files {
                    succeed().stdout(Capture::auto()).stderr(Capture::auto())
                } else {
                    succeed()
                }
            });
            for future in futures {
                assert_eq!(future.await.ok(), Some(0));
            }
        });
    })
}

pub(crate) fn bash_true(runtime: &Runtime, workflow: &Workflow) {
    for (name, files) in [("bash_true", false), ("bash_true_files", true)] {
        let pairs = pairs(|| bare(COUNT), || submitted(runtime, workflow, files));
        Figure {
            name,
            unit: "commands/s",
            value: COUNT as f64 / pairs.subject,
            baseline: COUNT as f64 / pairs.baseline,
            ratio: pairs.speed,
            budget: "ratio >= 0.9",
        }
        .report();
    }
}
