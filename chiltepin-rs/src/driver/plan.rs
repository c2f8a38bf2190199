use std::sync::OnceLock;

use chiltepin_executors::{Demand, TaskKind};

use super::Driver;
use crate::error::ErrorKind;
use crate::kernel::{ExecutorId, ExecutorSet, Retry, Rules};
use crate::task::Header;

/// Where a call may run and by what rules, worked out from its settings and the configuration.
pub(super) struct Plan {
    pub(super) executors: ExecutorSet,
    pub(super) demand: Demand,
    pub(super) priority: i32,
    pub(super) rules: Option<Box<Rules>>,
}

/// The plans of calls that set nothing, one for each kind, once worked out.
pub(super) type PlainPlans = [OnceLock<(ExecutorSet, Demand)>; 4];

const fn place_of(kind: TaskKind) -> usize {
    match kind {
        TaskKind::Function => 0,
        TaskKind::AsyncFunction => 1,
        TaskKind::Command => 2,
        _ => 3,
    }
}

impl Driver {
    /// Works out a call's plan; the error is one that no run could cure.
    pub(super) fn plan(&self, header: &Header, kind: TaskKind) -> Result<Plan, ErrorKind> {
        let sets_nothing = header.options().is_none() && header.info().defaults.sets_nothing();
        let plain = sets_nothing.then(|| &self.plain[place_of(kind)]);
        if let Some(&(executors, demand)) = plain.and_then(OnceLock::get) {
            return Ok(Plan {
                executors,
                demand,
                priority: 0,
                rules: None,
            });
        }
        if let Some(geometry) = header.options().and_then(|options| options.geometry) {
            geometry
                .resolve()
                .map_err(|error| ErrorKind::ImpossibleGeometry {
                    reason: error.to_string(),
                })?;
        }
        let demand = Demand::new(kind, header.resources());
        let executors = match kind {
            TaskKind::Join => self.join_executor(),
            _ => self.choose(header, &demand)?,
        };
        let rules = self.rules(header, executors);
        if let Some(plain) = plain
            && rules.is_none()
        {
            // Another thread may have been first, with the same.
            let _ = plain.set((executors, demand));
        }
        Ok(Plan {
            executors,
            demand,
            priority: header.priority(),
            rules,
        })
    }

    /// The executor that comes after all configured ones runs the joins.
    fn join_executor(&self) -> ExecutorSet {
        let mut set = ExecutorSet::default();
        set.insert(executor_id(self.configured().len()));
        set
    }

    fn choose(&self, header: &Header, demand: &Demand) -> Result<ExecutorSet, ErrorKind> {
        let defaults = header.info().defaults.executors;
        let mut chosen = Choice::default();
        match header.options().map(|options| &options.executors[..]) {
            Some(names) if !names.is_empty() => {
                for name in names {
                    self.add_named(name, demand, &mut chosen)?;
                }
            }
            _ if !defaults.is_empty() => {
                for name in defaults {
                    self.add_named(name, demand, &mut chosen)?;
                }
            }
            _ => match &self.settings.executors {
                Some(names) => {
                    for name in names {
                        self.add_named(name, demand, &mut chosen)?;
                    }
                }
                None => {
                    for index in 0..self.configured().len() {
                        self.add(index, demand, &mut chosen);
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

    fn add_named(&self, name: &str, demand: &Demand, chosen: &mut Choice) -> Result<(), ErrorKind> {
        let configured = self.configured();
        match configured
            .iter()
            .position(|installed| &*installed.name == name)
        {
            Some(index) => {
                self.add(index, demand, chosen);
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
    fn add(&self, index: usize, demand: &Demand, chosen: &mut Choice) {
        let installed = &self.executors[index];
        match &installed.state {
            Err(reason) => {
                chosen
                    .unavailable
                    .get_or_insert_with(|| ErrorKind::UnavailableExecutor {
                        name: installed.name.to_string(),
                        reason: reason.clone(),
                    });
            }
            Ok(_) if installed.largest.fits(demand) => chosen.set.insert(executor_id(index)),
            Ok(_) => {
                let most = chiltepin_executors::Resources {
                    cores: installed.largest.cores,
                    memory: installed.largest.memory,
                    gpus: installed.largest.gpus,
                };
                chosen
                    .too_small
                    .push(format!("`{}` has {most}", installed.name));
            }
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
        let retries = header
            .retries()
            .or_else(|| self.executor_retries(executors));
        let retries = retries.unwrap_or(self.settings.retries);
        let timeout = header.timeout();
        if limited.is_empty() && timeout.is_none() && retries == 0 {
            return None;
        }
        let retry = Retry {
            retries,
            seed: self.settings.seed,
            ..Retry::default()
        };
        Some(Box::new(Rules {
            labels: limited,
            timeout,
            retry,
        }))
    }

    /// What the configuration of the first of these executors says of retries.
    fn executor_retries(&self, executors: ExecutorSet) -> Option<u32> {
        let first = executors.0.trailing_zeros() as usize;
        self.executors.get(first)?.retries
    }
}

/// There are at most 64 executors, as the configuration sees to.
fn executor_id(index: usize) -> ExecutorId {
    ExecutorId(u8::try_from(index).unwrap_or(u8::MAX))
}

/// The executors found fit so far, and why others are not.
#[derive(Default)]
struct Choice {
    set: ExecutorSet,
    unavailable: Option<ErrorKind>,
    too_small: Vec<String>,
}

impl Choice {
    fn refusal(self, header: &Header) -> ErrorKind {
        if self.too_small.is_empty()
            && let Some(unavailable) = self.unavailable
        {
            return unavailable;
        }
        let asked = header.resources();
        let asked = chiltepin_executors::Resources {
            cores: asked.cores.max(1),
            ..asked
        };
        let reason = format!("it needs {asked}, and {}", self.too_small.join(", "));
        ErrorKind::ImpossibleResources { reason }
    }
}
