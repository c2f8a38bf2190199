//! The keys a file may hold. Each must stand in `default.toml`; a test sees to it.

use super::nearest::nearest;

/// Which providers a key is for, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Providers(u8);

impl Providers {
    pub(super) const THREADS: Self = Self(1);
    pub(super) const LOCALHOST: Self = Self(2);
    pub(super) const SLURM: Self = Self(4);
    pub(super) const PBSPRO: Self = Self(8);
    const BATCH: Self = Self(4 | 8);
    /// Those that run tasks in processes of their own.
    pub(super) const PROCESSES: Self = Self(2 | 4 | 8);
    const ALL: Self = Self(1 | 2 | 4 | 8);

    /// The provider of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, provider)| *provider)
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .iter()
            .filter(move |(_, provider)| self.overlaps(*provider))
            .map(|(name, _)| *name)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

const NAMES: [(&str, Providers); 4] = [
    ("threads", Providers::THREADS),
    ("localhost", Providers::LOCALHOST),
    ("slurm", Providers::SLURM),
    ("pbspro", Providers::PBSPRO),
];

/// The providers there are.
pub(super) const PROVIDER_NAMES: [&str; 4] = [NAMES[0].0, NAMES[1].0, NAMES[2].0, NAMES[3].0];

/// The keys of a resource and the providers that have them.
pub(super) const RESOURCE_KEYS: &[(&str, Providers)] = &[
    ("provider", Providers::ALL),
    ("retries", Providers::ALL),
    ("prefix", Providers::ALL),
    ("kill_grace", Providers::ALL),
    ("max_threads", Providers::THREADS),
    ("max_async", Providers::ALL),
    ("memory", Providers::THREADS),
    ("gpus", Providers::THREADS),
    ("endpoint", Providers::PROCESSES),
    ("mpi", Providers::PROCESSES),
    ("max_mpi_apps", Providers::PROCESSES),
    ("mpi_launcher", Providers::PROCESSES),
    ("launcher_options", Providers::PROCESSES),
    ("environment", Providers::PROCESSES),
    ("cores_per_node", Providers::PROCESSES),
    ("memory_per_node", Providers::PROCESSES),
    ("gpus_per_node", Providers::PROCESSES),
    ("cores_per_worker", Providers::PROCESSES),
    ("gpus_per_worker", Providers::PROCESSES),
    ("max_workers_per_node", Providers::PROCESSES),
    ("threads_per_worker", Providers::PROCESSES),
    ("cpu_affinity", Providers::PROCESSES),
    ("crash_limit", Providers::PROCESSES),
    ("max_inline_value", Providers::PROCESSES),
    ("init_blocks", Providers::PROCESSES),
    ("min_blocks", Providers::PROCESSES),
    ("max_blocks", Providers::PROCESSES),
    ("parallelism", Providers::PROCESSES),
    ("max_idletime", Providers::PROCESSES),
    ("nodes_per_block", Providers::PROCESSES),
    ("exclusive", Providers::BATCH),
    ("partition", Providers::SLURM),
    ("queue", Providers::BATCH),
    ("account", Providers::BATCH),
    ("walltime", Providers::BATCH),
    ("scheduler_options", Providers::BATCH),
    ("allocation", Providers::BATCH),
    ("poll_interval", Providers::BATCH),
    ("address", Providers::BATCH),
    ("interface", Providers::BATCH),
    ("port", Providers::BATCH),
];

/// The keys of the table `workflow`.
pub(super) const WORKFLOW_KEYS: &[&str] = &[
    "run_dir",
    "retries",
    "executors",
    "limits",
    "cache",
    "cache_mode",
    "journal",
    "record_arguments",
    "progress",
    "grace",
    "log_level",
];

/// The keys of a table `retries`.
pub(super) const RETRIES_KEYS: &[&str] = &[
    "others",
    "error",
    "panic",
    "timeout",
    "lost",
    "out_of_memory",
    "system",
    "exit_codes",
    "back_off",
    "longest",
    "scale_memory",
    "scale_timeout",
];

/// Names that other programs have for our keys.
const SYNONYMS: &[(&str, &str)] = &[
    ("constraint", "scheduler_options"),
    ("cores", "max_threads"),
    ("cpus_per_node", "cores_per_node"),
    ("engine", "provider"),
    ("image", "prefix"),
    ("launcher", "mpi_launcher"),
    ("max_workers", "max_workers_per_node"),
    ("mem", "memory_per_node"),
    ("mem_per_node", "memory_per_node"),
    ("modules", "environment"),
    ("nodes", "nodes_per_block"),
    ("project", "account"),
    ("qos", "queue"),
    ("threads", "max_threads"),
    ("time", "walltime"),
    ("timeout", "walltime"),
    ("type", "provider"),
    ("worker_init", "environment"),
    ("workers", "max_workers_per_node"),
    ("workers_per_node", "max_workers_per_node"),
];

/// The providers that have this key of a resource; none where no provider has it.
pub(super) fn providers_with(key: &str) -> Option<Providers> {
    RESOURCE_KEYS
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, providers)| *providers)
}

/// The keys of a resource of one of these providers.
pub(super) fn resource_keys(providers: Providers) -> impl Iterator<Item = &'static str> {
    let keys = RESOURCE_KEYS
        .iter()
        .filter(move |(_, with)| with.overlaps(providers));
    keys.map(|(key, _)| *key)
}

/// The key of such a resource that was probably meant by `key`.
pub(super) fn nearest_resource_key(key: &str, providers: Providers) -> Option<&'static str> {
    let synonym = SYNONYMS
        .iter()
        .find(|(other, _)| *other == key)
        .map(|(_, ours)| *ours);
    synonym
        .filter(|ours| providers_with(ours).is_some_and(|with| with.overlaps(providers)))
        .or_else(|| nearest(key, resource_keys(providers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synonyms_lead_to_keys() {
        for (name, key) in SYNONYMS {
            assert!(providers_with(key).is_some(), "{key}");
            assert!(providers_with(name).is_none(), "{name}");
        }
    }

    #[test]
    fn every_key_stands_in_the_default_file() {
        let is_there = |key: &str| {
            let given = format!("{key} = ");
            crate::config::DEFAULT_FILE
                .lines()
                .any(|line| line.strip_prefix("# ").unwrap_or(line).starts_with(&given))
        };
        let keys = RESOURCE_KEYS.iter().map(|(key, _)| *key);
        let missing: Vec<_> = keys
            .chain(WORKFLOW_KEYS.iter().copied())
            .filter(|key| !is_there(key))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_key_of_retries_stands_in_the_default_file() {
        let is_there = |key: &&&str| crate::config::DEFAULT_FILE.contains(&format!("{key} = "));
        let missing: Vec<_> = RETRIES_KEYS.iter().filter(|key| !is_there(key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_synonym_is_offered_only_where_its_key_has_a_meaning() {
        assert_eq!(nearest_resource_key("qos", Providers::SLURM), Some("queue"));
        assert_eq!(nearest_resource_key("qos", Providers::THREADS), None);
    }
}
