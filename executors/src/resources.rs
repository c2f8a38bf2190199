use std::fmt;

use serde::{Deserialize, Serialize};

/// What one call asks for while it runs.
///
/// Fields left out ask for the default: one core for a synchronous function or a command, none
/// for an async function, which waits more than it computes.
///
/// ```
/// use chiltepin_executors::Resources;
/// let resources = Resources { cores: 4, memory: 2 << 30, ..Resources::default() };
/// assert_eq!(resources.to_string(), "4 cores, 2 GiB memory");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// Processor cores; 0 for the default of the kind of task.
    pub cores: u32,
    /// Memory in bytes; 0 to ask for none in particular.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
}

impl fmt::Display for Resources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        write!(formatter, "{} {cores}", self.cores)?;
        if self.memory > 0 {
            write!(formatter, ", {} memory", ByteSize(self.memory))?;
        }
        if self.gpus > 0 {
            let gpus = if self.gpus == 1 { "GPU" } else { "GPUs" };
            write!(formatter, ", {} {gpus}", self.gpus)?;
        }
        Ok(())
    }
}

/// A number of bytes, printed in the largest binary unit that divides it or with one decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 4] = [
            ("TiB", 1 << 40),
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("KiB", 1 << 10),
        ];
        for (unit, size) in UNITS {
            if self.0 >= size {
                return if self.0.is_multiple_of(size) {
                    write!(formatter, "{} {unit}", self.0 / size)
                } else {
                    write!(formatter, "{:.1} {unit}", self.0 as f64 / size as f64)
                };
            }
        }
        write!(formatter, "{} bytes", self.0)
    }
}

/// How the body of a task runs, which decides the room it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// A synchronous function: holds a thread.
    Function,
    /// An async function: holds none while it waits.
    AsyncFunction,
    /// A shell command: a process of its own.
    Command,
    /// A join: an async body that runs in the driver.
    Join,
}

impl TaskKind {
    /// Whether it takes a thread from start to end: an async body takes one only while it
    /// computes.
    #[must_use]
    pub const fn holds_thread(self) -> bool {
        matches!(self, Self::Function | Self::Command)
    }
}

/// What a task needs to be placed: its kind, and its resources with the defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Places among an executor's concurrent async bodies: 1 for an async body, else 0.
    pub async_bodies: u32,
    /// Processor cores.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
}

impl Demand {
    /// The demand of a task of this kind that asks for these resources.
    #[must_use]
    pub fn new(kind: TaskKind, resources: Resources) -> Self {
        let waits = matches!(kind, TaskKind::AsyncFunction | TaskKind::Join);
        Self {
            async_bodies: u32::from(waits),
            cores: if waits {
                resources.cores
            } else {
                resources.cores.max(1)
            },
            memory: resources.memory,
            gpus: resources.gpus,
        }
    }
}

/// Room for tasks: what an executor offers in one place (a process, a node), and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Concurrent async bodies.
    pub async_bodies: u32,
    /// Processor cores.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
}

impl Capacity {
    /// Room without bound.
    pub const UNBOUNDED: Self = Self {
        async_bodies: u32::MAX,
        cores: u32::MAX,
        memory: u64::MAX,
        gpus: u32::MAX,
    };

    /// Whether `demand` fits into this room.
    #[must_use]
    pub const fn fits(&self, demand: &Demand) -> bool {
        demand.async_bodies <= self.async_bodies
            && demand.cores <= self.cores
            && demand.memory <= self.memory
            && demand.gpus <= self.gpus
    }

    /// Takes `demand` out of this room; false, and nothing taken, where it does not fit.
    #[must_use]
    pub fn take(&mut self, demand: &Demand) -> bool {
        if !self.fits(demand) {
            return false;
        }
        self.async_bodies -= demand.async_bodies;
        self.cores -= demand.cores;
        self.memory -= demand.memory;
        self.gpus -= demand.gpus;
        true
    }

    /// Gives back what [`Capacity::take`] took.
    pub fn give(&mut self, demand: &Demand) {
        self.async_bodies = self.async_bodies.saturating_add(demand.async_bodies);
        self.cores = self.cores.saturating_add(demand.cores);
        self.memory = self.memory.saturating_add(demand.memory);
        self.gpus = self.gpus.saturating_add(demand.gpus);
    }
}
