//! What Slurm's commands print.

use std::time::Duration;

use super::nodes;
use super::states::state;
use crate::provider::{JobEnd, JobId, JobState, JobStatus};

/// What squeue is asked for. The reason comes last: it alone may hold anything.
pub(super) const QUEUE_FORMAT: &str = "%i|%T|%L|%N|%j|%r";

/// What sacct is asked for.
pub(super) const ACCOUNT_FORMAT: &str = "JobIDRaw,State,ExitCode,NodeList";

/// A job as squeue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// Its number, without a cluster.
    pub(super) number: String,
    pub(super) name: String,
    pub(super) status: JobStatus,
}

/// A job's number and its cluster, where there are several; `None` if this is no such id.
pub(super) fn parts(job: &JobId) -> Option<(&str, Option<&str>)> {
    let (number, cluster) = match job.0.split_once(';') {
        Some((number, cluster)) => (number, Some(cluster)),
        None => (&*job.0, None),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let named = |name: &str| {
        !name.is_empty() && !name.starts_with('-') && name.len() <= 64 && name.bytes().all(plain)
    };
    let good = is_number(number) && cluster.is_none_or(named);
    good.then_some((number, cluster))
}

/// The job's id that `sbatch --parsable` has printed.
pub(super) fn submitted(stdout: &str) -> Option<JobId> {
    // A site's plugin may have had its say before.
    let line = stdout
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())?;
    let job = JobId(line.to_owned());
    parts(&job).is_some().then_some(job)
}

/// The jobs that squeue has printed in [`QUEUE_FORMAT`]; other lines are left out.
pub(super) fn queue(stdout: &str) -> Vec<Queued> {
    stdout.lines().filter_map(queued).collect()
}

fn queued(line: &str) -> Option<Queued> {
    let mut fields = line.splitn(6, '|').map(str::trim);
    let mut next = || fields.next();
    let (number, word, left, list, name, reason) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    if !is_number(number) {
        return None;
    }
    let reason = Some(reason).filter(|reason| !matches!(*reason, "" | "None" | "(null)"));
    Some(Queued {
        number: number.to_owned(),
        name: name.to_owned(),
        status: JobStatus {
            state: state(word, reason),
            word: word.to_owned(),
            reason: reason.map(ToOwned::to_owned),
            nodes: nodes::expand(list),
            left: time(left),
            exit: None,
        },
    })
}

/// The jobs that `sacct -P -n -X` has printed in [`ACCOUNT_FORMAT`].
pub(super) fn accounts(stdout: &str) -> Vec<(String, JobStatus)> {
    let account = |line: &str| {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let [number, word, exit, list] = *fields else {
            return None;
        };
        is_number(number).then(|| (number.to_owned(), ended(word, exit, list, None)))
    };
    stdout.lines().filter_map(account).collect()
}

/// The job that `scontrol -o show job` has printed.
pub(super) fn shown(stdout: &str) -> Option<JobStatus> {
    let line = stdout.lines().find(|line| line.starts_with("JobId="))?;
    // Values may hold spaces, and so what looks like another key; the first one is the job's.
    let value = |key: &str| {
        let mut words = line.split(' ');
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    };
    let reason = value("Reason").filter(|reason| !matches!(*reason, "" | "None"));
    let list = value("NodeList").unwrap_or_default();
    Some(ended(
        value("JobState")?,
        value("ExitCode").unwrap_or_default(),
        list,
        reason,
    ))
}

fn ended(word: &str, exit: &str, list: &str, reason: Option<&str>) -> JobStatus {
    let state = state(word, reason);
    let over = matches!(state, JobState::Over(_));
    JobStatus {
        state,
        word: word.to_owned(),
        reason: reason.map(ToOwned::to_owned),
        nodes: nodes::expand(list),
        left: None,
        exit: exit_code(exit).filter(|_| over),
    }
}

/// The cores of nodes that sinfo has printed as `%c|%P`, of the default partition alone if so asked.
pub(super) fn cores(stdout: &str, default: bool) -> Vec<u32> {
    let line = |line: &str| {
        let (cores, partition) = line.trim().split_once('|')?;
        // `4+` stands for nodes with 4 and more.
        let cores = cores.trim_end_matches('+').parse().ok()?;
        (!default || partition.ends_with('*')).then_some(cores)
    };
    stdout.lines().filter_map(line).collect()
}

/// `0:9`: exit code and signal.
fn exit_code(text: &str) -> Option<(i32, i32)> {
    let (code, signal) = text.split_once(':')?;
    Some((code.parse().ok()?, signal.parse().ok()?))
}

/// `1-02:03:04`; none for `UNLIMITED`, `NOT_SET` and the like.
pub(in crate::provider) fn time(text: &str) -> Option<Duration> {
    let (days, clock) = match text.trim().split_once('-') {
        Some((days, clock)) => (number(days)?, clock),
        None => (0, text.trim()),
    };
    let parts: Vec<u64> = clock.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match *parts {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [minutes, seconds] => (0, minutes, seconds),
        _ => return None,
    };
    // Each number is below 10^9, so that the sum fits.
    Some(Duration::from_secs(
        days * 86_400 + hours * 3600 + minutes * 60 + seconds,
    ))
}

fn number(digits: &str) -> Option<u64> {
    (is_number(digits) && digits.len() < 10).then(|| digits.parse().ok())?
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is worth asking how a job ended in more detail.
pub(super) fn has_exit_code(state: JobState) -> bool {
    matches!(state, JobState::Over(JobEnd::Failed | JobEnd::OutOfMemory))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_numbers_with_or_without_a_cluster() {
        assert_eq!(submitted("123\n"), Some(JobId("123".to_owned())));
        assert_eq!(
            submitted("Welcome!\n123;big\n"),
            Some(JobId("123;big".to_owned()))
        );
        for text in [
            "",
            "Submitted batch job 123",
            "123;",
            "123;-M",
            "-1",
            "1;a b",
        ] {
            assert_eq!(submitted(text), None, "{text}");
        }
        assert_eq!(parts(&JobId("7;big".to_owned())), Some(("7", Some("big"))));
    }

    #[test]
    fn the_queue_is_read() {
        let jobs = queue(
            "CLUSTER: big\n\
             12|PENDING|NOT_SET||chiltepin-a|ReqNodeNotAvail, UnavailableNodes:n1|n2\n\
             13|RUNNING|1-02:03:04|n[1-2]|chiltepin-b|None\n\
             nonsense\n14|x\n",
        );
        let [pending, running] = &*jobs else {
            panic!("{jobs:?}");
        };
        assert_eq!(pending.number, "12");
        assert_eq!(pending.status.state, JobState::Pending);
        let reason = pending.status.reason.as_deref();
        assert_eq!(reason, Some("ReqNodeNotAvail, UnavailableNodes:n1|n2"));
        assert_eq!((pending.status.left, pending.status.nodes.len()), (None, 0));
        assert_eq!(
            (&*running.name, &running.status.reason),
            ("chiltepin-b", &None)
        );
        assert_eq!(running.status.left, Some(Duration::from_secs(93_784)));
        assert_eq!(running.status.nodes, ["n1", "n2"]);
    }

    #[test]
    fn accounts_are_read() {
        let accounts =
            accounts("12|CANCELLED by 0|0:15|n1\n12.batch|FAILED|1:0|n1\n13|FAILED|3:0|\n");
        let [(first, cancelled), (second, failed)] = &*accounts else {
            panic!("{accounts:?}");
        };
        assert_eq!((&**first, &**second), ("12", "13"));
        assert_eq!(cancelled.state, JobState::Over(JobEnd::Cancelled));
        assert_eq!((cancelled.exit, failed.exit), (Some((0, 15)), Some((3, 0))));
    }

    #[test]
    fn a_job_that_is_shown_is_read() {
        let status = shown(
            "JobId=12 JobName=a JobState=FAILED UserId=root(0) JobState=RUNNING \
             Reason=NonZeroExitCode Dependency=(null) ExitCode=3:0 NodeList=n[1-2] \n",
        )
        .unwrap();
        assert_eq!(status.state, JobState::Over(JobEnd::Failed));
        assert_eq!(status.exit, Some((3, 0)));
        assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
        assert_eq!(status.nodes, ["n1", "n2"]);
        assert_eq!(
            shown("slurm_load_jobs error: Invalid job id specified"),
            None
        );
    }

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("0:00", 0),
            ("9:59", 599),
            ("1:00:00", 3600),
            ("2-00:00:01", 172_801),
        ] {
            assert_eq!(time(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "UNLIMITED",
            "NOT_SET",
            "INVALID",
            "",
            "5",
            "1-",
            "-1:00",
            "9999999999:00",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn cores_are_those_of_the_default_partition_or_of_the_one_asked_for() {
        let text = "8|batch*\n4+|batch*\n64|big\n";
        assert_eq!(cores(text, true), [8, 4]);
        assert_eq!(cores(text, false), [8, 4, 64]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "([0-9;|:A-Za-z\\[\\],=%\n -]|.){0,80}") {
            submitted(&text);
            queue(&text);
            accounts(&text);
            shown(&text);
            time(&text);
            cores(&text, false);
            exit_code(&text);
        }
    }
}
