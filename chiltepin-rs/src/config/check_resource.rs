use std::time::Duration;

use super::check_retries;
use super::error::{Mistake, MistakeKind, quoted_list};
use super::keys::{Providers, nearest_resource_key, providers_with, resource_keys};
use super::reader::Reader;
use super::resource::{Allocation, Batch, Mpi, Pool, Provider, Resource, Threads};
use super::tree::{Entry, Format, Table, Value, shorten};

/// The provider of a resource that names none, as in Chiltepin.
const DEFAULT_PROVIDER: &str = "localhost";

/// As many slots as a worker can have.
const MOST_THREADS_PER_WORKER: u32 = 256;

/// The most bytes of a value that travels within a message.
const MOST_INLINE: u64 = 1 << 30;

/// Makes a resource of its table; `None` where the entry turns out to be no resource.
pub(super) fn check(
    entry: &Entry,
    table: &Table,
    format: Format,
    mistakes: &mut Vec<Mistake>,
) -> Option<Resource> {
    let place = format!("resource `{}`", entry.key);
    let mut reader = Reader {
        table,
        format,
        place,
        mistakes,
    };
    let named = match reader.entry("provider") {
        Some(_) => reader.text("provider")?,
        None => DEFAULT_PROVIDER,
    };
    let Some(providers) = Providers::named(named) else {
        // A provider of a later version may have keys that are not known here.
        let provider = Provider::Unknown {
            name: named.to_owned(),
        };
        let provider = match reader.optional_text("endpoint") {
            Some(endpoint) => Provider::GlobusCompute {
                endpoint,
                described: Box::new(provider),
            },
            None => provider,
        };
        return Some(Resource::new(&entry.key, provider));
    };

    let endpoint = match providers.overlaps(Providers::PROCESSES) {
        true => reader.optional_text("endpoint"),
        false => None,
    };
    // Chiltepin hands everything over to the endpoint, which takes what it needs.
    let accepted = if endpoint.is_some() {
        Providers::PROCESSES
    } else {
        providers
    };
    let unfit: Vec<_> = table
        .entries
        .iter()
        .filter_map(|key| unfit_key(key, accepted, &reader))
        .collect();
    if is_shared_part(entry, table, &unfit) {
        return None;
    }
    reader.mistakes.extend(unfit);

    let provider = if providers == Providers::THREADS {
        Provider::Threads(threads(&mut reader))
    } else {
        let mut pool = pool(&mut reader, named, endpoint.is_some());
        let nodes = reader.count("nodes_per_block", 1);
        if let (Some(mpi), Some(nodes)) = (&mut pool.mpi, nodes) {
            mpi.nodes_per_block = nodes;
        }
        if providers == Providers::LOCALHOST {
            nodes_of_this_machine(&mut reader, &pool, nodes);
            Provider::Localhost(pool)
        } else if providers == Providers::SLURM {
            Provider::Slurm(batch(&mut reader, pool, nodes))
        } else {
            Provider::PbsPro(batch(&mut reader, pool, nodes))
        }
    };
    let provider = match endpoint {
        Some(endpoint) => Provider::GlobusCompute {
            endpoint,
            described: Box::new(provider),
        },
        None => provider,
    };
    let default = Resource::new(&entry.key, provider);
    Some(Resource {
        prefix: reader.words("prefix").unwrap_or_default(),
        retries: check_retries::check_optional(&mut reader),
        kill_grace: reader
            .duration("kill_grace", Duration::ZERO)
            .unwrap_or(default.kill_grace),
        ..default
    })
}

/// Whether a table only holds what resources have in common, put into them with a YAML anchor:
/// it names no provider, and on its own it would be a `localhost` resource with keys that such a
/// one does not have.
fn is_shared_part(entry: &Entry, table: &Table, unfit: &[Mistake]) -> bool {
    let misplaced = |mistake: &Mistake| matches!(mistake.kind(), MistakeKind::MisplacedKey { .. });
    entry.shared
        && table.get("provider").is_none()
        && !unfit.is_empty()
        && unfit.iter().all(misplaced)
}

/// What is wrong with a key that resources of `accepted` do not have.
fn unfit_key(entry: &Entry, accepted: Providers, reader: &Reader<'_, '_>) -> Option<Mistake> {
    let key = &*entry.key;
    let place = reader.place.clone();
    let Some(providers) = providers_with(key) else {
        let meant = nearest_resource_key(key, accepted);
        let keys = quoted_list(resource_keys(accepted));
        let known = match accepted.names().next() {
            Some(provider) if accepted.names().count() == 1 => {
                format!("the keys for `{provider}` are {keys}")
            }
            _ => format!("the keys are {keys}"),
        };
        let kind = MistakeKind::UnknownKey {
            key: shorten(key),
            place,
            nearest: meant,
        };
        return Some(Mistake::new(kind, entry.key_at).hint(match meant {
            Some(meant) => format!("did you mean `{meant}`? {known}"),
            None => known,
        }));
    };
    if providers.overlaps(accepted) {
        return None;
    }
    let provider = accepted.names().next().unwrap_or(DEFAULT_PROVIDER);
    let kind = MistakeKind::MisplacedKey {
        key: key.to_owned(),
        place,
        provider,
    };
    let with = quoted_list(providers.names());
    let hint = match (key, provider) {
        ("partition", "pbspro") => "PBS Pro has no partitions; name its queue with `queue`".into(),
        ("max_threads", _) => "it is for `threads`; see `max_workers_per_node`".into(),
        ("max_workers_per_node", _) => format!("it is for {with}; see `max_threads`"),
        _ if reader.entry("provider").is_none() => format!(
            "the resource names no `provider` and so has `{DEFAULT_PROVIDER}`; the key is for \
             {with}"
        ),
        _ => format!("it is for {with}"),
    };
    Some(Mistake::new(kind, entry.key_at).hint(hint))
}

fn threads(reader: &mut Reader<'_, '_>) -> Threads {
    let default = Threads::default();
    Threads {
        max_threads: match reader.count("max_threads", 1) {
            Some(threads) => usize::try_from(threads).unwrap_or(usize::MAX),
            None => default.max_threads,
        },
        max_async: reader.count("max_async", 1).unwrap_or(default.max_async),
        memory: reader.memory("memory"),
        gpus: reader.count("gpus", 0).unwrap_or(default.gpus),
    }
}

fn pool(reader: &mut Reader<'_, '_>, provider: &str, remote: bool) -> Pool {
    let default = Pool::default();
    let before = reader.mistakes.len();
    let launcher = if provider == "slurm" {
        "srun"
    } else {
        "mpiexec"
    };
    let mut mpi = Mpi::with_launcher(launcher);
    if let Some(apps) = reader.count("max_mpi_apps", 1) {
        mpi.max_apps = apps;
    }
    if let Some(launcher) = reader.optional_text("mpi_launcher") {
        mpi.launcher = launcher;
    }
    if let Some(options) = reader.words("launcher_options") {
        mpi.launcher_options = options;
    }
    let pool = Pool {
        mpi: reader.boolean("mpi").unwrap_or(false).then_some(mpi),
        environment: reader.texts("environment").unwrap_or_default(),
        cores_per_node: reader.optional_count("cores_per_node", 1),
        memory_per_node: reader.memory("memory_per_node"),
        gpus_per_node: reader.optional_count("gpus_per_node", 0),
        cores_per_worker: reader
            .count("cores_per_worker", 1)
            .unwrap_or(default.cores_per_worker),
        gpus_per_worker: reader
            .count("gpus_per_worker", 0)
            .unwrap_or(default.gpus_per_worker),
        max_workers_per_node: reader.optional_count("max_workers_per_node", 1),
        threads_per_worker: threads_per_worker(reader),
        max_async: reader.count("max_async", 1).unwrap_or(default.max_async),
        cpu_affinity: reader
            .boolean("cpu_affinity")
            .unwrap_or(default.cpu_affinity),
        crash_limit: reader
            .count("crash_limit", 1)
            .unwrap_or(default.crash_limit),
        max_inline_value: max_inline_value(reader),
        init_blocks: reader
            .count("init_blocks", 0)
            .unwrap_or(default.init_blocks),
        min_blocks: reader.count("min_blocks", 0).unwrap_or(default.min_blocks),
        max_blocks: reader.count("max_blocks", 1).unwrap_or(default.max_blocks),
        parallelism: reader
            .fraction("parallelism")
            .unwrap_or(default.parallelism),
        max_idletime: reader
            .duration("max_idletime", Duration::ZERO)
            .unwrap_or(default.max_idletime),
    };
    // What an endpoint makes of the numbers is its own affair, and wrong ones say nothing.
    if !remote && reader.mistakes.len() == before {
        contradictions(&pool, reader);
    }
    pool
}

/// Only MPI applications are given nodes on this machine, which is one.
fn nodes_of_this_machine(reader: &mut Reader<'_, '_>, pool: &Pool, nodes: Option<u32>) {
    if pool.mpi.is_some() || nodes.is_none_or(|nodes| nodes == 1) {
        return;
    }
    let at = reader.entry("nodes_per_block").map(|entry| entry.key_at);
    let reason = "on `localhost` there is more than one node for MPI applications alone; set \
                  `mpi = true`, or leave `nodes_per_block` out";
    let kind = MistakeKind::Contradiction {
        place: reader.place.clone(),
        reason: reason.to_owned(),
    };
    reader.mistakes.push(Mistake::new(kind, at));
}

fn threads_per_worker(reader: &mut Reader<'_, '_>) -> u32 {
    let threads = reader.count("threads_per_worker", 1).unwrap_or(1);
    if threads > MOST_THREADS_PER_WORKER
        && let Some(entry) = reader.entry("threads_per_worker")
    {
        let reason = format!("it must be at most {MOST_THREADS_PER_WORKER}");
        reader.bad::<()>(entry, &entry.node, reason, None);
    }
    threads.min(MOST_THREADS_PER_WORKER)
}

fn max_inline_value(reader: &mut Reader<'_, '_>) -> u64 {
    let value = reader
        .memory("max_inline_value")
        .unwrap_or(Pool::default().max_inline_value);
    if value > MOST_INLINE
        && let Some(entry) = reader.entry("max_inline_value")
    {
        let reason = "it must be at most 1GiB".to_owned();
        let hint = "what is larger had better go by a file, whose path is passed".to_owned();
        reader.bad::<()>(entry, &entry.node, reason, Some(hint));
    }
    value.min(MOST_INLINE)
}

/// Numbers that are each possible, but not together.
fn contradictions(pool: &Pool, reader: &mut Reader<'_, '_>) {
    let mut against = |key: &str, reason: String| {
        let at = reader.entry(key).map(|entry| entry.key_at);
        let place = reader.place.clone();
        reader.mistakes.push(Mistake::new(
            MistakeKind::Contradiction { place, reason },
            at,
        ));
    };
    let Pool {
        init_blocks: init,
        min_blocks: min,
        max_blocks: max,
        ..
    } = *pool;
    if min > max {
        against(
            "min_blocks",
            format!("`min_blocks` {min} is more than `max_blocks` {max}"),
        );
    }
    if init > max {
        against(
            "init_blocks",
            format!("`init_blocks` {init} is more than `max_blocks` {max}"),
        );
    }
    // MPI applications get whole nodes; the division into workers does not matter to them.
    if pool.mpi.is_some() {
        return;
    }
    let workers = pool.max_workers_per_node.unwrap_or(1);
    let needed = u64::from(workers) * u64::from(pool.cores_per_worker);
    if let Some(cores) = pool.cores_per_node
        && needed > u64::from(cores)
    {
        let key = if pool.max_workers_per_node.is_some() {
            "max_workers_per_node"
        } else {
            "cores_per_worker"
        };
        let reason = format!(
            "{workers} × `cores_per_worker` {} is more than `cores_per_node` {cores}",
            pool.cores_per_worker
        );
        against(key, reason);
    }
    if let Some(gpus) = pool.gpus_per_node
        && pool.gpus_per_worker > gpus
    {
        let reason = format!(
            "`gpus_per_worker` {} is more than `gpus_per_node` {gpus}",
            pool.gpus_per_worker
        );
        against("gpus_per_worker", reason);
    }
}

fn batch(reader: &mut Reader<'_, '_>, pool: Pool, nodes_per_block: Option<u32>) -> Batch {
    let default = Batch::default();
    Batch {
        pool,
        nodes_per_block: nodes_per_block.unwrap_or(default.nodes_per_block),
        exclusive: reader.boolean("exclusive").unwrap_or(default.exclusive),
        partition: reader.optional_text("partition"),
        queue: reader.optional_text("queue"),
        account: reader.optional_text("account"),
        walltime: reader.walltime("walltime").unwrap_or(default.walltime),
        scheduler_options: scheduler_options(reader),
        allocation: match reader.choice("allocation", &["new", "current"]) {
            Some(1) => Allocation::Current,
            _ => Allocation::New,
        },
        poll_interval: reader
            .duration("poll_interval", Duration::from_secs(1))
            .unwrap_or(default.poll_interval),
        address: reader.one_or_more("address").unwrap_or_default(),
        interface: reader.optional_text("interface"),
        port: reader.ports("port"),
    }
}

/// Options that each become a line of the batch script, and so must be one.
fn scheduler_options(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let options = reader.texts("scheduler_options").unwrap_or_default();
    if let Some(entry) = reader.entry("scheduler_options")
        && let Value::List(items) = &entry.node.value
    {
        for item in items {
            let Value::Text(option) = &item.value else {
                continue;
            };
            if !option.starts_with('-') || option.contains('\n') {
                let reason = "it must be one option, such as `--constraint=gpu`".to_owned();
                let hint = "leave out `#SBATCH` or `#PBS`, and give each option by itself";
                reader.bad::<()>(entry, item, reason, Some(hint.to_owned()));
            }
        }
    }
    options
}
