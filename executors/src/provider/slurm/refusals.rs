//! Whether Slurm says no, or only not now.

use crate::provider::ProviderError;
use crate::provider::commands::Answer;

/// What Slurm says when it cannot be reached, is starting, or has too much to do; or where what is
/// asked for is not there at the moment.
const NO_ANSWER: [&str; 24] = [
    "unable to contact slurm controller",
    "unable to establish controller",
    "unable to establish configuration source",
    "could not establish a configuration source",
    "unable to resolve",
    "socket timed out",
    "connection refused",
    "connection reset",
    "connection timed out",
    "connect failure",
    "zero bytes were transmitted",
    "insufficient data",
    "communication",
    "transport endpoint",
    "temporarily unavailable",
    "try again",
    "in standby mode",
    "state save",
    "munge",
    "protocol authentication error",
    "i/o error writing",
    "required node not available",
    "required partition not available",
    "too many open files",
];

/// What it says when it is well and has as many jobs as it may have. The first is the name of one
/// limit or another on what a user, an account or a QOS may submit; the second is said of the limit
/// on all jobs.
const NOT_NOW: [&str; 2] = ["maxsubmit", "temporarily unable to accept job"];

/// What a command that did not do what it was asked to stands for.
pub(super) fn refusal(command: &str, answer: &Answer) -> ProviderError {
    let message = answer.words();
    let command = command.to_owned();
    let said = message.to_ascii_lowercase();
    let silent = answer.stderr.trim().is_empty();
    let says = |all: &[&str]| all.iter().any(|words| said.contains(words));
    if says(&NOT_NOW) {
        ProviderError::NotNow { command, message }
    } else if silent || says(&NO_ANSWER) {
        ProviderError::Failed { command, message }
    } else {
        ProviderError::Refused { command, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Refusal;

    fn said(stderr: &str) -> ProviderError {
        let answer = Answer {
            end: "exit status: 1".to_owned(),
            stderr: stderr.to_owned(),
            ..Answer::default()
        };
        refusal("sbatch", &answer)
    }

    #[test]
    fn a_refusal_is_for_good() {
        let failed = "sbatch: error: Batch job submission failed: ";
        for reason in [
            "Invalid partition name specified",
            "Invalid account or account/partition combination specified",
            "Invalid qos specification",
            "Requested node configuration is not available",
            "Memory specification can not be satisfied",
            "Requested time limit is invalid (missing or exceeds some limit)",
            "Node count specification invalid",
            "Invalid feature specification",
            "User's group not permitted to use this partition",
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "More processors requested than permitted",
        ] {
            let error = said(&format!("{failed}{reason}\n"));
            assert!(error.is_permanent(), "{error}");
            assert!(error.to_string().ends_with(reason), "{error}");
        }
        assert!(said("sbatch: unrecognized option '--nosuch'\n").is_permanent());
    }

    #[test]
    fn what_may_pass_is_none() {
        for text in [
            "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
            "sbatch: error: If munged is up, restart with --num-threads=10",
            "sbatch: fatal: Could not establish a configuration source",
            "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode",
            "",
        ] {
            let error = said(text);
            assert_eq!(error.refusal(), Refusal::NoAnswer, "{error}");
        }
    }

    #[test]
    fn too_many_jobs_are_an_answer() {
        for text in [
            "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.",
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\n\
             sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "sbatch: error: AssocMaxSubmitJobLimit\n\
             sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
        ] {
            let error = said(text);
            assert_eq!(error.refusal(), Refusal::NotNow, "{error}");
        }
    }
}
