use std::borrow::Cow;
use std::time::Duration;

use chiltepin_executors::{Asked, Demand, Executor, Resources, TaskKind};

use super::installed::Misfit;
use super::{Driver, cause};
use crate::error::ErrorKind;
use crate::kernel::{ExecutorId, ExecutorSet, Retry, Rules, Scaling};
use crate::retries::Retries;
use crate::task::Header;

/// Where a call may run and by what rules, worked out from its settings and the configuration.
pub(super) struct Plan {
    pub(super) executors: ExecutorSet,
    pub(super) demand: Demand,
    pub(super) priority: i32,
    pub(super) rules: Option<Box<Rules>>,
}

impl Driver {
    /// Works out a call's plan; the error is one that no run could cure.
    pub(super) fn plan(&self, header: &Header, kind: TaskKind) -> Result<Plan, ErrorKind> {
        let sets_nothing = header.options().is_none() && header.info().defaults.sets_nothing();
        if sets_nothing && let Some(executors) = self.plain.get(kind) {
            return Ok(Plan {
                executors,
                demand: Demand::new(kind, Resources::default()),
                priority: 0,
                rules: None,
            });
        }
        let changes = sets_nothing.then(|| self.plain.changes());
        let geometry = header.options().and_then(|options| options.geometry);
        let geometry = geometry.map(|geometry| geometry.resolve()).transpose();
        let asked = Asked {
            geometry: geometry.map_err(|error| ErrorKind::ImpossibleGeometry {
                reason: error.to_string(),
            })?,
            timeout: header.timeout(),
        };
        let demand = Demand::new(kind, header.resources());
        let executors = match kind {
            TaskKind::Join => self.join_executor(),
            _ => self.choose(header, &demand, &asked)?,
        };
        let rules = self.rules(header, executors);
        if let Some(changes) = changes
            && rules.is_none()
        {
            self.plain.keep(kind, executors, changes);
        }
        Ok(Plan {
            executors,
            demand,
            priority: header.priority(),
            rules,
        })
    }

    /// Why none of these executors, for which a task was planned, can run it any more. Needs what
    /// the driver itself knows alone, so it may be asked under the lock.
    pub(super) fn unfit(
        &self,
        executors: ExecutorSet,
        header: &Header,
        kind: TaskKind,
    ) -> ErrorKind {
        let demand = Demand::new(kind, header.resources());
        let mut chosen = Choice::default();
        for executor in executors.iter() {
            if let Some(installed) = self.executors.get(usize::from(executor.0))
                && let Err(misfit) = installed.fits(&demand)
            {
                chosen.leave_out(&installed.name, misfit);
            }
        }
        chosen.refusal(header)
    }

    /// The executor that comes after all configured ones runs the joins.
    fn join_executor(&self) -> ExecutorSet {
        let mut set = ExecutorSet::default();
        set.insert(executor_id(self.configured().len()));
        set
    }

    fn choose(
        &self,
        header: &Header,
        demand: &Demand,
        asked: &Asked,
    ) -> Result<ExecutorSet, ErrorKind> {
        let wish = Wish { demand, asked };
        let defaults = header.info().defaults.executors;
        let mut chosen = Choice::default();
        match header.options().map(|options| &options.executors[..]) {
            Some(names) if !names.is_empty() => {
                for name in names {
                    self.add_named(name, &wish, &mut chosen)?;
                }
            }
            _ if !defaults.is_empty() => {
                for name in defaults {
                    self.add_named(name, &wish, &mut chosen)?;
                }
            }
            _ => match &self.settings.executors {
                Some(names) => {
                    for name in names {
                        self.add_named(name, &wish, &mut chosen)?;
                    }
                }
                None => {
                    for index in 0..self.configured().len() {
                        self.add(index, &wish, &mut chosen);
                    }
                }
            },
        }
        if chosen.set.is_empty() {
            Err(chosen.refusal(header))
        } else {
            Ok(chosen.set)
        }
    }

    fn add_named(&self, name: &str, wish: &Wish<'_>, chosen: &mut Choice) -> Result<(), ErrorKind> {
        let configured = self.configured();
        match configured
            .iter()
            .position(|installed| &*installed.name == name)
        {
            Some(index) => {
                self.add(index, wish, chosen);
                Ok(())
            }
            None => {
                let known: Vec<_> = configured
                    .iter()
                    .map(|installed| installed.name.to_string())
                    .collect();
                let nearest =
                    crate::config::nearest::nearest(name, known.iter().map(String::as_str))
                        .map(ToOwned::to_owned);
                Err(ErrorKind::UnknownExecutor {
                    name: name.to_owned(),
                    known,
                    nearest,
                })
            }
        }
    }

    /// Adds an executor if it can ever run such a task, else notes why not.
    fn add(&self, index: usize, wish: &Wish<'_>, chosen: &mut Choice) {
        let installed = &self.executors[index];
        let executor = match installed.fits(wish.demand) {
            Ok(executor) => executor,
            Err(misfit) => return chosen.leave_out(&installed.name, misfit),
        };
        match wish.refused_by(&**executor) {
            None => chosen.set.insert(executor_id(index)),
            Some(refused) => chosen.refuse(&installed.name, refused),
        }
    }

    fn rules(&self, header: &Header, executors: ExecutorSet) -> Option<Box<Rules>> {
        let labels = &self.settings.labels;
        let mut limited = Vec::new();
        if !labels.limits().is_empty() {
            limited.extend(header.labels().filter_map(|label| labels.id(label)));
            limited.sort_unstable_by_key(|label| label.0);
            limited.dedup();
        }
        header.set_first_executor(first(executors));
        let retries = self.retries(header);
        let retry = self.retry(&retries, header, executors);
        let timeout = header.timeout();
        let is_cached = self.settings.results.is_some() && header.is_cached();
        if limited.is_empty() && timeout.is_none() && retry.is_nothing() && !is_cached {
            return None;
        }
        Some(Box::new(Rules {
            labels: limited,
            timeout,
            scaling: self.scaling(&retries, header, executors),
            retry,
            is_cached,
        }))
    }

    /// How often it is repeated, as the call says, else its task, else the configuration of the first
    /// of its executors, else that of the workflow.
    pub(super) fn retries<'a>(&'a self, header: &'a Header) -> Cow<'a, Retries> {
        let of_task = || header.info().defaults.retries.map(Retries::new);
        let first = usize::from(header.first_executor().0);
        let of_executor = || self.executors.get(first)?.retries.as_ref();
        if let Some(retries) = header.retries() {
            return Cow::Borrowed(retries);
        }
        if let Some(retries) = of_task() {
            return Cow::Owned(retries);
        }
        Cow::Borrowed(of_executor().unwrap_or(&self.settings.retries))
    }

    /// The same, as the kernel counts them.
    fn retry(&self, retries: &Retries, header: &Header, executors: ExecutorSet) -> Retry {
        // A directory is an attempt's own: what an executor repeats by itself is the same attempt.
        let counts_losses = cause::counts_losses(retries) || header.has_fresh_directory();
        if counts_losses {
            header.report_losses();
        }
        let crash_limits = executors.iter().filter_map(|executor| {
            let installed = self.executors.get(usize::from(executor.0))?;
            Some(installed.crash_limit)
        });
        let crash_limit = || crash_limits.max().unwrap_or(1);
        cause::retry(retries, counts_losses.then(crash_limit), self.settings.seed)
    }
}

impl Driver {
    /// What more the next attempt gets, where the call has anything that can grow.
    fn scaling(
        &self,
        retries: &Retries,
        header: &Header,
        executors: ExecutorSet,
    ) -> Option<Scaling> {
        let timeout = header.timeout().filter(|_| retries.timeout_factor() > 1.0);
        let has_memory = header.resources().memory > 0 && retries.memory_factor() > 1.0;
        if timeout.is_none() && !has_memory {
            return None;
        }
        let rooms = executors.iter().filter_map(|executor| {
            let installed = self.executors.get(usize::from(executor.0))?;
            Some((executor, installed.largest()?.memory))
        });
        let longest = |timeout| self.longest(timeout, retries.timeout_factor(), header, executors);
        Some(Scaling {
            timeout: retries.timeout_factor(),
            longest: timeout.map(longest).unwrap_or_default(),
            memory: retries.memory_factor(),
            rooms: rooms.collect(),
        })
    }

    /// How far a timeout may grow so that all these executors still admit the call, as far as any
    /// run will see it.
    fn longest(
        &self,
        timeout: Duration,
        factor: f64,
        header: &Header,
        executors: ExecutorSet,
    ) -> Duration {
        const STEPS: usize = 64;
        let geometry = header.geometry();
        let admits = |timeout: &Duration| {
            let asked = Asked {
                geometry,
                timeout: Some(*timeout),
            };
            let mut all = executors.iter().filter_map(|executor| {
                let installed = self.executors.get(usize::from(executor.0))?;
                installed.executor()
            });
            all.all(|executor| executor.admit(&asked).is_ok())
        };
        let next =
            |timeout: &Duration| Duration::try_from_secs_f64(timeout.as_secs_f64() * factor).ok();
        let grown = std::iter::successors(next(&timeout), next).take(STEPS);
        grown.take_while(admits).last().unwrap_or(timeout)
    }
}

/// The first of these executors.
fn first(executors: ExecutorSet) -> ExecutorId {
    executor_id(executors.0.trailing_zeros() as usize)
}

/// There are at most 64 executors, as the configuration sees to.
fn executor_id(index: usize) -> ExecutorId {
    ExecutorId(u8::try_from(index).unwrap_or(u8::MAX))
}

/// What a call asks of an executor.
struct Wish<'a> {
    demand: &'a Demand,
    asked: &'a Asked,
}

/// Why an executor does not admit a call that it has room for.
struct Refused {
    /// As the end of a sentence that begins with the call.
    reason: String,
    /// The geometry alone would be refused too.
    is_geometry: bool,
}

impl Wish<'_> {
    fn refused_by(&self, executor: &dyn Executor) -> Option<Refused> {
        let Asked { geometry, timeout } = *self.asked;
        if geometry.is_none() && timeout.is_none() {
            return None;
        }
        let reason = executor.admit(self.asked).err()?;
        let of_geometry = Asked {
            geometry,
            timeout: None,
        };
        let is_geometry =
            geometry.is_some() && (timeout.is_none() || executor.admit(&of_geometry).is_err());
        Some(Refused {
            reason,
            is_geometry,
        })
    }
}

/// The executors found fit so far, and why others are not.
#[derive(Default)]
struct Choice {
    set: ExecutorSet,
    unavailable: Option<ErrorKind>,
    too_small: Vec<String>,
    /// What executors said that did not admit it.
    refused: Vec<String>,
    /// Those among them that were about its geometry.
    by_geometry: usize,
}

impl Choice {
    fn leave_out(&mut self, name: &str, misfit: Misfit) {
        match misfit {
            Misfit::Unavailable(reason) => {
                self.unavailable
                    .get_or_insert_with(|| ErrorKind::UnavailableExecutor {
                        name: name.to_owned(),
                        reason: reason.to_string(),
                    });
            }
            Misfit::TooSmall(largest) => {
                let most = Resources {
                    cores: largest.cores,
                    memory: largest.memory,
                    gpus: largest.gpus,
                };
                self.too_small.push(format!("`{name}` has {most}"));
            }
        }
    }

    fn refuse(&mut self, name: &str, refused: Refused) {
        self.refused
            .push(format!("on `{name}` it {}", refused.reason));
        self.by_geometry += usize::from(refused.is_geometry);
    }

    fn refusal(self, header: &Header) -> ErrorKind {
        let (too_small, refused) = (!self.too_small.is_empty(), !self.refused.is_empty());
        if !too_small
            && !refused
            && let Some(unavailable) = self.unavailable
        {
            return unavailable;
        }
        let mut reasons = self.refused;
        if !too_small && refused && self.by_geometry == reasons.len() {
            let reason = reasons.join("; ");
            return ErrorKind::ImpossibleGeometry { reason };
        }
        let asked = header.resources();
        let asked = Resources {
            cores: asked.cores.max(1),
            ..asked
        };
        if too_small {
            let there = self.too_small.join(", ");
            reasons.insert(0, format!("it needs {asked}, and {there}"));
        }
        let reason = reasons.join("; ");
        ErrorKind::ImpossibleResources { reason }
    }
}
