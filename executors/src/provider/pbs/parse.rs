//! What PBS Pro's commands print.

use std::collections::HashMap;
use std::time::Duration;

use crate::provider::slurm::time;
use crate::provider::{JobEnd, JobId, JobState, JobStatus};

/// A job as `qstat -f` shows it: its attributes by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) job: JobId,
    attributes: HashMap<String, String>,
}

/// The job's id that qsub has printed, as `12.server`.
pub(super) fn submitted(stdout: &str) -> Option<JobId> {
    let line = stdout
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())?;
    is_job(line).then(|| JobId(line.to_owned()))
}

/// Whether a text is the id of a job.
pub(super) fn is_job(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.len() <= 256
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(plain)
}

/// Whether two ids name one job: servers are told with or without their domains.
pub(super) fn is_same(one: &JobId, other: &JobId) -> bool {
    let number = |job: &JobId| job.0.split('.').next().map(ToOwned::to_owned);
    number(one) == number(other)
}

/// The jobs that `qstat -f` has printed. Long values go on in the next line, after a tab.
pub(super) fn shown(stdout: &str) -> Vec<Shown> {
    let mut jobs: Vec<Shown> = Vec::new();
    let mut key: Option<String> = None;
    for line in stdout.lines() {
        if let Some(job) = line.strip_prefix("Job Id:") {
            jobs.push(Shown {
                job: JobId(job.trim().to_owned()),
                attributes: HashMap::new(),
            });
            key = None;
            continue;
        }
        let Some(job) = jobs.last_mut() else {
            continue;
        };
        if let Some(rest) = line.strip_prefix('\t') {
            if let Some(value) = key.as_ref().and_then(|key| job.attributes.get_mut(key)) {
                value.push_str(rest);
            }
        } else if let Some((name, value)) = line.split_once(" = ") {
            let name = name.trim().to_owned();
            job.attributes.insert(name.clone(), value.to_owned());
            key = Some(name);
        }
    }
    jobs.retain(|job| is_job(&job.job.0));
    jobs
}

impl Shown {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim())
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.attribute("Job_Name").unwrap_or_default()
    }

    /// How it stands.
    pub(super) fn status(&self) -> JobStatus {
        let word = self.attribute("job_state").unwrap_or_default();
        let reason = self
            .attribute("comment")
            .filter(|reason| !reason.is_empty());
        let exit = self
            .attribute("Exit_status")
            .and_then(|code| code.parse().ok());
        let state = state(word, reason, exit);
        let limit = self.attribute("Resource_List.walltime").and_then(time);
        let used = self.attribute("resources_used.walltime").and_then(time);
        let runs = matches!(state, JobState::Running | JobState::Suspended);
        JobStatus {
            state,
            word: word.to_owned(),
            reason: reason.map(ToOwned::to_owned),
            nodes: self.attribute("exec_host").map(nodes).unwrap_or_default(),
            left: limit
                .filter(|_| runs)
                .map(|limit| limit.saturating_sub(used.unwrap_or(Duration::ZERO))),
            exit: exit
                .filter(|_| matches!(state, JobState::Over(_)))
                .map(parts),
        }
    }
}

/// The state that a letter stands for; of a job that is over, how it ended.
fn state(letter: &str, comment: Option<&str>, exit: Option<i32>) -> JobState {
    match letter {
        "Q" | "T" | "W" => match comment {
            Some(comment) if comment.contains("Can Never Run") => JobState::Stuck,
            _ => JobState::Pending,
        },
        // Moved to another server, which knows the rest.
        "M" => JobState::Unknown,
        "H" => JobState::Stuck,
        "R" | "B" => JobState::Running,
        "S" | "U" => JobState::Suspended,
        "E" => JobState::Completing,
        "F" | "X" => JobState::Over(end(comment, exit)),
        _ => JobState::Unknown,
    }
}

/// Negative codes are those of the server itself; from 256 on they are 256 and a signal.
fn end(comment: Option<&str>, exit: Option<i32>) -> JobEnd {
    match exit {
        Some(0) => JobEnd::Completed,
        Some(-29) => JobEnd::TimedOut,
        Some(-26 | -27) => JobEnd::OutOfMemory,
        // Killed by the server: what for, only the comment tells.
        Some(265 | 271) => JobEnd::Cancelled,
        Some(_) => JobEnd::Failed,
        // It never ran.
        None if comment.is_some_and(|comment| comment.contains("failed")) => JobEnd::Failed,
        None => JobEnd::Cancelled,
    }
}

/// The exit code and the signal.
fn parts(status: i32) -> (i32, i32) {
    if status >= 256 {
        (0, status - 256)
    } else {
        (status, 0)
    }
}

/// The hosts of `n1/0*8+n2/0*8`, each once.
fn nodes(hosts: &str) -> Vec<String> {
    let mut nodes: Vec<String> = Vec::new();
    for part in hosts.split('+') {
        let host = part.split(['/', ':']).next().unwrap_or_default();
        let host = host.trim_matches(|character| matches!(character, '(' | ')' | ' '));
        if !host.is_empty() && !nodes.iter().any(|other| other == host) {
            nodes.push(host.to_owned());
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the reference guide has it, with a value that goes on.
    const QSTAT: &str = "Job Id: 12.pbs.example.org\n    \
        Job_Name = chiltepin-compute-1\n    \
        Job_Owner = me@login\n    \
        job_state = R\n    \
        exec_host = n1/0*8+n2/0\n\t*8\n    \
        Resource_List.walltime = 01:00:00\n    \
        resources_used.walltime = 00:10:05\n    \
        Variable_List = PBS_O_HOME=/home/me,A=job_state = Q,\n\tB=c\n    \
        comment = Job run at Sat Nov 21 at 10:00 on (n1:ncpus=8)+(n2:ncpus=8)\n\n\
        Job Id: 13.pbs\n    Job_Name = other\n    job_state = F\n    Exit_status = 271\n\n";

    #[test]
    fn jobs_are_read() {
        let jobs = shown(QSTAT);
        let [running, ended] = &*jobs else {
            panic!("{jobs:?}");
        };
        assert_eq!(running.name(), "chiltepin-compute-1");
        let status = running.status();
        assert_eq!((status.state, &*status.word), (JobState::Running, "R"));
        assert_eq!(status.nodes, ["n1", "n2"]);
        assert_eq!(status.left, Some(Duration::from_secs(2995)));
        assert!(status.reason.unwrap().starts_with("Job run at"));
        let status = ended.status();
        assert_eq!(status.state, JobState::Over(JobEnd::Cancelled));
        assert_eq!(status.exit, Some((0, 15)));
        assert!(is_same(&ended.job, &JobId("13.pbs.example.org".to_owned())));
        assert!(!is_same(&ended.job, &running.job));
    }

    #[test]
    fn states_and_ends() {
        let of = |letter, comment, exit| state(letter, comment, exit);
        for (letter, expected) in [
            ("Q", JobState::Pending),
            ("W", JobState::Pending),
            ("T", JobState::Pending),
            ("H", JobState::Stuck),
            ("R", JobState::Running),
            ("S", JobState::Suspended),
            ("U", JobState::Suspended),
            ("E", JobState::Completing),
            ("M", JobState::Unknown),
            ("?", JobState::Unknown),
        ] {
            assert_eq!(of(letter, None, None), expected, "{letter}");
        }
        let never = Some("Can Never Run: Insufficient amount of resource: ncpus (R: 64 A: 8 T: 8)");
        assert_eq!(of("Q", never, None), JobState::Stuck);
        let not_yet = Some("Not Running: Insufficient amount of resource: ncpus");
        assert_eq!(of("Q", not_yet, None), JobState::Pending);
        for (exit, end) in [
            (Some(0), JobEnd::Completed),
            (Some(3), JobEnd::Failed),
            (Some(-1), JobEnd::Failed),
            (Some(-27), JobEnd::OutOfMemory),
            (Some(-29), JobEnd::TimedOut),
            (Some(271), JobEnd::Cancelled),
            (Some(267), JobEnd::Failed),
            (None, JobEnd::Cancelled),
        ] {
            assert_eq!(of("F", None, exit), JobState::Over(end), "{exit:?}");
        }
    }

    #[test]
    fn ids_are_told_from_other_words() {
        assert_eq!(submitted("12.pbs\n"), Some(JobId("12.pbs".to_owned())));
        for text in ["", "qsub: waiting for job 12 to start", "-1", "12 13"] {
            assert_eq!(submitted(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "(Job Id: |job_state = |exec_host = |[0-9:+/*\n\t ]|.){0,60}") {
            for job in shown(&text) {
                job.status();
            }
            submitted(&text);
        }
    }
}
