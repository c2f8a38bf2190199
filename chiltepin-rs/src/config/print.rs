use std::fmt::{self, Display};

use super::Config;
use super::check_retries::CAUSES;
use super::resource::{Allocation, Batch, Pool, Provider, Resource, Threads};
use super::units::{print_duration, print_memory, print_walltime};
use super::workflow_settings::{CacheFolder, WorkflowSettings};
use crate::retries::{BackOff, Cause, Retries};

/// TOML that says everything the configuration holds, defaults included, and reads back as the
/// same. What is not set has no line.
impl Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer { formatter };
        writer.workflow(&self.workflow)?;
        self.resources
            .iter()
            .try_for_each(|resource| writer.resource(resource))
    }
}

struct Writer<'a, 'f> {
    formatter: &'a mut fmt::Formatter<'f>,
}

impl Writer<'_, '_> {
    fn plain(&mut self, key: &str, value: impl Display) -> fmt::Result {
        writeln!(self.formatter, "{key} = {value}")
    }

    fn text(&mut self, key: &str, value: &str) -> fmt::Result {
        self.plain(key, quoted(value))
    }

    fn optional_text(&mut self, key: &str, value: Option<&str>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.text(key, value))
    }

    fn optional(&mut self, key: &str, value: Option<impl Display>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.plain(key, value))
    }

    fn texts(&mut self, key: &str, values: &[String]) -> fmt::Result {
        let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
        self.plain(key, format_args!("[{}]", values.join(", ")))
    }

    fn workflow(&mut self, settings: &WorkflowSettings) -> fmt::Result {
        writeln!(self.formatter, "[workflow]")?;
        self.text("run_dir", &settings.run_dir.to_string_lossy())?;
        self.plain("retries", printed_retries(&settings.retries))?;
        if let Some(executors) = &settings.executors {
            self.texts("executors", executors)?;
        }
        self.text("grace", &print_duration(settings.grace))?;
        match &settings.cache {
            None => {}
            Some(CacheFolder::Off) => self.plain("cache", false)?,
            Some(CacheFolder::At(folder)) => self.text("cache", &folder.to_string_lossy())?,
        }
        self.text("cache_mode", &settings.cache_mode.to_string())?;
        self.plain("journal", settings.journal)?;
        self.text("record_arguments", &settings.record_arguments.to_string())?;
        self.text("progress", &settings.progress.to_string())?;
        let level = settings.log_level.map(|level| level.to_string());
        self.optional_text("log_level", level.as_deref())?;
        if !settings.limits.is_empty() {
            let limits = settings.limits.iter();
            let limits: Vec<_> = limits
                .map(|(label, limit)| format!("{} = {limit}", key(label)))
                .collect();
            self.plain("limits", format_args!("{{ {} }}", limits.join(", ")))?;
        }
        Ok(())
    }

    fn resource(&mut self, resource: &Resource) -> fmt::Result {
        writeln!(self.formatter, "\n[{}]", key(&resource.name))?;
        if let Some(reason) = resource.unavailable() {
            for line in reason.lines() {
                writeln!(self.formatter, "# {line}")?;
            }
        }
        if let Provider::GlobusCompute { endpoint, .. } = &resource.provider {
            self.text("endpoint", endpoint)?;
        }
        self.text("provider", resource.provider.name())?;
        let known = self.provider(&resource.provider)?;
        // The keys of a provider that is not known are not known either.
        if !known {
            return Ok(());
        }
        if !resource.prefix.is_empty() {
            self.texts("prefix", &resource.prefix)?;
        }
        let retries = resource.retries.as_ref().map(printed_retries);
        self.optional("retries", retries)?;
        self.text("kill_grace", &print_duration(resource.kill_grace))
    }

    fn provider(&mut self, provider: &Provider) -> Result<bool, fmt::Error> {
        match provider {
            Provider::Threads(threads) => self.threads(threads)?,
            Provider::Localhost(pool) => {
                if let Some(mpi) = &pool.mpi {
                    self.plain("nodes_per_block", mpi.nodes_per_block)?;
                }
                self.pool(pool)?;
            }
            Provider::Slurm(batch) | Provider::PbsPro(batch) => self.batch(batch)?,
            Provider::GlobusCompute { described, .. } => return self.provider(described),
            Provider::Unknown { .. } => return Ok(false),
        }
        Ok(true)
    }

    fn threads(&mut self, threads: &Threads) -> fmt::Result {
        self.plain("max_threads", threads.max_threads)?;
        self.plain("max_async", threads.max_async)?;
        self.optional_text("memory", threads.memory.map(print_memory).as_deref())?;
        self.plain("gpus", threads.gpus)
    }

    fn pool(&mut self, pool: &Pool) -> fmt::Result {
        self.plain("mpi", pool.mpi.is_some())?;
        if let Some(mpi) = &pool.mpi {
            self.plain("max_mpi_apps", mpi.max_apps)?;
            self.text("mpi_launcher", &mpi.launcher)?;
            self.texts("launcher_options", &mpi.launcher_options)?;
        }
        self.texts("environment", &pool.environment)?;
        self.optional("cores_per_node", pool.cores_per_node)?;
        let memory = pool.memory_per_node.map(print_memory);
        self.optional_text("memory_per_node", memory.as_deref())?;
        self.optional("gpus_per_node", pool.gpus_per_node)?;
        self.plain("cores_per_worker", pool.cores_per_worker)?;
        self.plain("gpus_per_worker", pool.gpus_per_worker)?;
        self.optional("max_workers_per_node", pool.max_workers_per_node)?;
        self.plain("threads_per_worker", pool.threads_per_worker)?;
        self.plain("max_async", pool.max_async)?;
        self.plain("cpu_affinity", pool.cpu_affinity)?;
        self.plain("crash_limit", pool.crash_limit)?;
        self.text("max_inline_value", &print_memory(pool.max_inline_value))?;
        self.plain("init_blocks", pool.init_blocks)?;
        self.plain("min_blocks", pool.min_blocks)?;
        self.plain("max_blocks", pool.max_blocks)?;
        // Debug keeps the point that makes it a float to TOML.
        self.plain("parallelism", format_args!("{:?}", pool.parallelism))?;
        self.text("max_idletime", &print_duration(pool.max_idletime))
    }

    fn batch(&mut self, batch: &Batch) -> fmt::Result {
        self.plain("nodes_per_block", batch.nodes_per_block)?;
        self.plain("exclusive", batch.exclusive)?;
        self.optional_text("partition", batch.partition.as_deref())?;
        self.optional_text("queue", batch.queue.as_deref())?;
        self.optional_text("account", batch.account.as_deref())?;
        self.text("walltime", &print_walltime(batch.walltime))?;
        self.texts("scheduler_options", &batch.scheduler_options)?;
        let allocation = match batch.allocation {
            Allocation::New => "new",
            Allocation::Current => "current",
        };
        self.text("allocation", allocation)?;
        self.text("poll_interval", &print_duration(batch.poll_interval))?;
        if !batch.address.is_empty() {
            self.texts("address", &batch.address)?;
        }
        self.optional_text("interface", batch.interface.as_deref())?;
        if let Some(port) = &batch.port {
            self.text("port", &format!("{}-{}", port.start(), port.end()))?;
        }
        self.pool(&batch.pool)
    }
}

/// A number where that says it all, else a table.
fn printed_retries(retries: &Retries) -> String {
    let back_off = retries.given_back_off();
    let factors = retries.given_factors();
    if retries.counts().is_empty() && back_off.is_none() && factors == (None, None) {
        return retries.others().to_string();
    }
    let mut keys = vec![format!("others = {}", retries.others())];
    let mut exit_codes = Vec::new();
    for (cause, count) in retries.counts() {
        match (*cause, CAUSES.iter().find(|(_, known)| known == cause)) {
            (_, Some((key, _))) => keys.push(format!("{key} = {count}")),
            (Cause::ExitCode(code), None) => exit_codes.push(format!("{code} = {count}")),
            (_, None) => debug_assert!(false, "every cause has a key"),
        }
    }
    if !exit_codes.is_empty() {
        keys.push(format!("exit_codes = {{ {} }}", exit_codes.join(", ")));
    }
    if let Some(BackOff { base, longest }) = back_off {
        keys.push(format!("back_off = {}", quoted(&print_duration(base))));
        keys.push(format!("longest = {}", quoted(&print_duration(longest))));
    }
    // Debug keeps the point that makes it a float to TOML.
    let (memory, timeout) = factors;
    keys.extend(memory.map(|factor| format!("scale_memory = {factor:?}")));
    keys.extend(timeout.map(|factor| format!("scale_timeout = {factor:?}")));
    format!("{{ {} }}", keys.join(", "))
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A name as TOML writes it before an equals sign or in brackets.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
