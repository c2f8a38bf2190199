//! Shell commands against bare spawning, into files against bare spawning into files.

use std::fs::File;
use std::path::Path;
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

/// `bash -c true` from as many threads as there are cores, with nothing around it; into two files
/// of its own each, if there is a folder for them.
fn bare(count: usize, folder: Option<&Path>) -> Duration {
    let threads = crate::threads::threads();
    let stream = |name: String| match folder {
        Some(folder) => File::create(folder.join(name)).map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    time(|| {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for number in 0..count / threads {
                        let streams = stream(format!("{thread}-{number}.out"))
                            .and_then(|out| Ok((out, stream(format!("{thread}-{number}.err"))?)));
                        let status = streams.and_then(|(out, err)| {
                            Command::new("bash")
                                .args(["-c", "true"])
                                .stdin(Stdio::null())
                                .stdout(out)
                                .stderr(err)
                                .status()
                        });
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

pub(crate) fn bash_true(runtime: &Runtime, workflow: &Workflow, runs: &Path) {
    measure("bash_true", runtime, workflow, None);
    measure("bash_true_files", runtime, workflow, Some(runs));
}

pub(crate) fn process_bash_true(runtime: &Runtime, workflow: &Workflow, runs: &Path) {
    measure("process_bash_true", runtime, workflow, None);
    measure("process_bash_true_files", runtime, workflow, Some(runs));
}

/// Into files, if there is a folder for them.
fn measure(name: &'static str, runtime: &Runtime, workflow: &Workflow, runs: Option<&Path>) {
    let baseline = || {
        // New files each time, as the workflow's are.
        let folder = runs.map(tempfile::tempdir_in);
        let folder = folder.and_then(Result::ok);
        bare(COUNT, folder.as_ref().map(tempfile::TempDir::path))
    };
    let pairs = pairs(baseline, || submitted(runtime, workflow, runs.is_some()));
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
