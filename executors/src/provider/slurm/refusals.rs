//! Whether Slurm says no, or only not now.

use crate::provider::ProviderError;
use crate::provider::commands::Answer;

/// What Slurm says when it cannot be reached, is starting, or has too much to do; or where what is
/// asked for is not there at the moment.
const NOT_NOW: [&str; 26] = [
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
    "temporarily unable",
    "temporarily unavailable",
    "try again",
    "in standby mode",
    "state save",
    "munge",
    "protocol authentication error",
    "i/o error writing",
    "required node not available",
    "required partition not available",
    "maxsubmit",
    "too many open files",
];

/// What a command that did not do what it was asked to stands for.
pub(super) fn refusal(command: &str, answer: &Answer) -> ProviderError {
    let message = answer.words();
    let command = command.to_owned();
    let said = message.to_ascii_lowercase();
    let silent = answer.stderr.trim().is_empty();
    if silent || NOT_NOW.iter().any(|words| said.contains(words)) {
        ProviderError::Failed { command, message }
    } else {
        ProviderError::Refused { command, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.",
            "sbatch: error: If munged is up, restart with --num-threads=10",
            "sbatch: fatal: Could not establish a configuration source",
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\n\
             sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode",
            "",
        ] {
            let error = said(text);
            assert!(!error.is_permanent(), "{error}");
        }
    }
}
