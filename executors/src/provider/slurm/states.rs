//! What Slurm's words for states and reasons mean.

use crate::provider::{JobEnd, JobState};

/// The state that a word of squeue's or sacct's stands for, as `PENDING` or `CANCELLED by 1000`.
pub(super) fn state(word: &str, reason: Option<&str>) -> JobState {
    let word = word.split([' ', '+']).next().unwrap_or_default();
    match word {
        "PENDING" | "PD" => match reason {
            Some(reason) if is_never(reason) => JobState::Stuck,
            _ => JobState::Pending,
        },
        // Its nodes are being started, for which some clouds take minutes.
        "CONFIGURING" | "CF" | "POWER_UP_NODE" => JobState::Pending,
        "REQUEUED" | "RQ" | "REQUEUE_FED" | "RF" | "EXPEDITING" => JobState::Pending,
        "REQUEUE_HOLD" | "RH" | "SPECIAL_EXIT" | "SE" | "RESV_DEL_HOLD" | "RD" => JobState::Stuck,
        "RUNNING" | "R" | "RESIZING" | "RS" | "SIGNALING" | "SI" | "UPDATE_DB" => JobState::Running,
        "SUSPENDED" | "S" | "STOPPED" | "ST" => JobState::Suspended,
        "COMPLETING" | "CG" | "STAGE_OUT" | "SO" => JobState::Completing,
        "COMPLETED" | "CD" => JobState::Over(JobEnd::Completed),
        "FAILED" | "F" | "LAUNCH_FAILED" => JobState::Over(JobEnd::Failed),
        "CANCELLED" | "CA" => JobState::Over(JobEnd::Cancelled),
        "TIMEOUT" | "TO" => JobState::Over(JobEnd::TimedOut),
        "NODE_FAIL" | "NF" => JobState::Over(JobEnd::NodeFailed),
        "PREEMPTED" | "PR" => JobState::Over(JobEnd::Preempted),
        "OUT_OF_MEMORY" | "OOM" => JobState::Over(JobEnd::OutOfMemory),
        "BOOT_FAIL" | "BF" | "RECONFIG_FAIL" => JobState::Over(JobEnd::BootFailed),
        "DEADLINE" | "DL" => JobState::Over(JobEnd::Deadline),
        // Among them REVOKED: another cluster of a federation may have started it.
        _ => JobState::Unknown,
    }
}

/// Whether a job that is pending for this reason stays so until somebody changes it, or the cluster.
///
/// Limits on what a user, an account or a cluster has at once are none of them: there will be room
/// again. Nodes that are down come back.
fn is_never(reason: &str) -> bool {
    // `ReqNodeNotAvail, UnavailableNodes:n1`
    let reason = reason.split([',', ' ']).next().unwrap_or_default();
    let limit = reason.starts_with("Assoc") || reason.starts_with("QOS");
    if limit {
        let each = [
            "PerJob",
            "PerNode",
            "WallDuration",
            "NotAllowed",
            "QOSMin",
            "NotSatisfied",
        ];
        return each.iter().any(|part| reason.contains(part));
    }
    matches!(
        reason,
        "PartitionNodeLimit"
            | "PartitionTimeLimit"
            // No node of the partition is large enough.
            | "PartitionConfig"
            | "BadConstraints"
            | "AccountNotAllowed"
            | "InvalidAccount"
            | "InvalidQOS"
            | "JobHeldUser"
            | "JobHeldAdmin"
            | "JobHoldMaxRequeue"
            | "DependencyNeverSatisfied"
            | "MaxMemPerLimit"
            | "MaxPowerExceeded"
            | "ReservationDeleted"
            | "ReservationInvalid"
            | "JobArrayTaskHeld"
            | "launch_failed_requeued_held"
    ) || reason.eq_ignore_ascii_case("held")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_state_is_known() {
        // Those of the section JOB STATE CODES, and of newer versions.
        let words = "BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED \
                     NODE_FAIL OUT_OF_MEMORY PENDING PREEMPTED RUNNING RESV_DEL_HOLD REQUEUE_FED \
                     REQUEUE_HOLD REQUEUED RESIZING SIGNALING SPECIAL_EXIT STAGE_OUT STOPPED \
                     SUSPENDED TIMEOUT LAUNCH_FAILED RECONFIG_FAIL POWER_UP_NODE UPDATE_DB \
                     EXPEDITING BF CA CD CF CG DL F NF OOM PD PR R RD RF RH RQ RS SI SE SO ST S TO";
        for word in words.split_whitespace() {
            assert_ne!(state(word, None), JobState::Unknown, "{word}");
        }
        for word in ["REVOKED", "RV", "", "NEWER", "pending"] {
            assert_eq!(state(word, None), JobState::Unknown, "{word}");
        }
        let cancelled = JobState::Over(JobEnd::Cancelled);
        assert_eq!(state("CANCELLED by 1000", None), cancelled);
        assert_eq!(state("CANCELLED+", None), cancelled);
    }

    #[test]
    fn some_reasons_mean_never() {
        for reason in [
            "PartitionNodeLimit",
            "PartitionTimeLimit",
            "PartitionConfig",
            "BadConstraints",
            "AssocMaxWallDurationPerJobLimit",
            "AssocMaxNodePerJobLimit",
            "AssocMaxCpuMinutesPerJobLimit",
            "QOSMaxWallDurationPerJobLimit",
            "QOSMaxCpuPerNode",
            "QOSMinCpuNotSatisfied",
            "QOSNotAllowed",
            "JobHeldUser",
            "JobHeldAdmin",
            "InvalidAccount",
            "DependencyNeverSatisfied",
        ] {
            assert_eq!(state("PENDING", Some(reason)), JobState::Stuck, "{reason}");
        }
        for reason in [
            "Resources",
            "Priority",
            "ReqNodeNotAvail, UnavailableNodes:n[1-2]",
            "ReqNodeNotAvail",
            "QOSMaxJobsPerUserLimit",
            "QOSMaxCpuPerUserLimit",
            "QOSGrpNodeLimit",
            "AssocGrpCpuLimit",
            "AssocMaxJobsLimit",
            "Licenses",
            "Reservation",
            "PartitionDown",
            "BeginTime",
            "Nodes required for job are DOWN, DRAINED or reserved",
        ] {
            assert_eq!(
                state("PENDING", Some(reason)),
                JobState::Pending,
                "{reason}"
            );
        }
        assert_eq!(state("RUNNING", Some("JobHeldUser")), JobState::Running);
    }
}
