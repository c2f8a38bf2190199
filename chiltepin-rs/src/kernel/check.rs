//! What must be true of a kernel between any two events; run by the tests after each step.

use std::collections::HashMap;

use chiltepin_executors::TaskId;

use super::machine::{Kernel, Mode};
use super::offer::Room;
use super::queue;
use super::shape::{KEPT, ShapeId};
use super::state::State;
use super::timer::{self, TimerKind};
use super::wanted;

impl<P: Clone, F: Clone> Kernel<P, F> {
    /// Panics if the kernel's parts do not fit together. Takes time linear in what it holds.
    pub(super) fn check(&self) {
        self.check_table();
        self.check_edges();
        self.check_queues();
        self.check_room();
        self.check_shapes();
        self.check_timers();
        self.check_bounds();
        self.check_wanted();
        assert!(
            self.placement.is_settled(),
            "placement was left with something to look at"
        );
        let bindable = self.placement.bindable();
        assert_eq!(bindable, None, "a task waits that could be bound");
        if self.is_empty() {
            self.check_empty();
        }
    }

    fn check_table(&self) {
        let live = self.table.iter().count();
        assert_eq!(live, self.len(), "tasks counted");
        let (free, all) = self.table.places();
        let taken = live + self.table.zombies().count() + self.table.reserved();
        assert_eq!(free + taken, all, "places free and taken");
        for (id, task) in self.table.iter() {
            assert!(
                task.returned <= task.attempt,
                "task {id} was returned more often than it was started"
            );
            let counted = task.rules.as_ref().map_or(0, |it| it.retry.counted());
            let is_over =
                task.attempt == 0 || matches!(task.state, State::Delayed { .. } | State::Ready);
            assert_eq!(
                counted + u32::from(!is_over),
                task.attempt - task.returned,
                "attempts of task {id} that count against its retries"
            );
            match task.state {
                State::Waiting { pending, external } => {
                    assert!(pending + external > 0, "task {id} waits for nothing");
                    assert_eq!(
                        task.attempt, 0,
                        "task {id} has run and waits for dependencies"
                    );
                }
                State::Looking => {
                    assert!(
                        task.attempt == 0 && task.is_cached(),
                        "task {id} is looked for and need not be"
                    );
                }
                State::Keeping => assert!(task.is_cached(), "task {id} need not be kept"),
                State::Ready => assert!(task.order > 0, "task {id} is ready and has no turn"),
                State::Delayed { .. } | State::Running { .. } | State::Stopping { .. } => {
                    assert!(task.attempt > 0, "task {id} has never run");
                }
            }
            let has_started = matches!(
                task.state,
                State::Running { .. } | State::Stopping { .. } | State::Keeping
            );
            assert!(
                has_started || self.mode < Mode::Closing,
                "task {id} has not started and the workflow is closing"
            );
        }
    }

    fn check_edges(&self) {
        let mut met_by: HashMap<TaskId, u32> = HashMap::new();
        let mut edges = 0;
        for (id, task) in self.table.iter() {
            for dependent in self.edges.iter(&task.dependents) {
                edges += 1;
                assert!(
                    dependent.number() > id.number(),
                    "{dependent} waits for later {id}"
                );
                *met_by.entry(dependent).or_default() += 1;
            }
        }
        assert_eq!(edges, self.edges.len(), "edges reached and edges in use");
        for (id, task) in self.table.iter() {
            let met_by = met_by.get(&id).copied().unwrap_or_default();
            let pending = match task.state {
                State::Waiting { pending, .. } => pending,
                _ => 0,
            };
            assert_eq!(met_by, pending, "dependencies of task {id}");
        }
    }

    fn check_queues(&self) {
        let mut ready = self
            .table
            .iter()
            .filter(|(_, task)| task.state == State::Ready)
            .map(|(id, task)| (task.order, (id, task.shape, task.priority)))
            .collect::<HashMap<_, _>>();
        for (id, shape) in self.placement.shapes.iter() {
            let live: Vec<_> = shape
                .queue
                .turns()
                .filter(|turn| self.table.is_queued(*turn))
                .collect();
            assert_eq!(
                live.len(),
                shape.queue.len(),
                "turns in the queue of {id:?}"
            );
            assert_eq!(
                shape.queue.first(),
                live.iter().min().copied(),
                "first turn of {id:?}"
            );
            let stale = shape.queue.turns().count() - live.len();
            assert!(
                stale < queue::SWEEP.max(live.len()),
                "{stale} stale turns beside {}",
                live.len()
            );
            for turn in live {
                let task = ready.remove(&turn.order);
                let (task, of, priority) = task.expect("a turn of a ready task, and only one");
                assert_eq!(turn.index, task.index(), "place of task {task}");
                assert_eq!(of, id, "shape of task {task}");
                assert_eq!(turn.priority.0, priority, "priority of task {task}");
            }
        }
        assert!(ready.is_empty(), "ready tasks without a turn: {ready:?}");
    }

    /// The attempts of tasks that have not ended, each with what it holds.
    fn running(&self) -> impl Iterator<Item = (ShapeId, Room)> {
        self.table.iter().filter_map(|(_, task)| match task.state {
            State::Running { room, .. } | State::Stopping { room, .. } => Some((task.shape, room)),
            State::Waiting { .. }
            | State::Looking
            | State::Ready
            | State::Delayed { .. }
            | State::Keeping => None,
        })
    }

    fn check_room(&self) {
        let demand = |shape| self.placement.shapes.get(shape).key.demand;
        for (room, offer) in self.placement.offers.iter() {
            let held = self.running().filter(|(_, held)| *held == room);
            let held: Vec<_> = held.map(|(shape, _)| demand(shape)).collect();
            let lost = self.table.zombies().filter(|zombie| zombie.room == room);
            let lost: Vec<_> = lost.map(|zombie| demand(zombie.shape)).collect();
            offer.check(&held, &lost);
        }
        let mut taken: HashMap<u16, u32> = HashMap::new();
        let abandoned = self.table.zombies().map(|zombie| zombie.shape);
        for shape in self.running().map(|(shape, _)| shape).chain(abandoned) {
            for label in &self.placement.shapes.get(shape).key.labels {
                *taken.entry(label.0).or_default() += 1;
            }
        }
        for ((limit, counted), label) in self.placement.limits.usage().zip(0..) {
            assert_eq!(
                counted,
                taken.remove(&label).unwrap_or_default(),
                "label {label}"
            );
            assert!(
                counted <= limit,
                "label {label} has {counted} tasks, and may have {limit}"
            );
        }
        assert!(taken.is_empty(), "labels without a limit: {taken:?}");
    }

    fn check_shapes(&self) {
        let shapes = &self.placement.shapes;
        for (id, shape) in shapes.iter() {
            let tasks = self
                .table
                .iter()
                .filter(|(_, task)| task.shape == id)
                .count();
            let zombies = self
                .table
                .zombies()
                .filter(|zombie| zombie.shape == id)
                .count();
            assert_eq!(shape.users() as usize, tasks + zombies, "tasks of {id:?}");
            assert!(!shape.is_dirty, "{id:?} is dirty");
            let waits = shape.waiting_at().map(|at| shapes.waiting()[at as usize]);
            assert_eq!(
                waits,
                (shape.queue.len() > 0).then_some(id),
                "whether {id:?} waits"
            );
            assert!(
                shape.queue.len() > 0 || shape.passed.is_empty(),
                "{id:?} was passed"
            );
            for label in &shape.key.labels {
                assert!(
                    self.placement.limits.shapes(*label).contains(&id),
                    "{id:?} lacks a label"
                );
            }
        }
        let waiting = shapes
            .iter()
            .filter(|(_, shape)| shape.queue.len() > 0)
            .count();
        assert_eq!(shapes.waiting().len(), waiting, "shapes that wait");
        assert!(shapes.unused().len() <= KEPT, "shapes left behind");
        for (id, shape) in shapes.iter() {
            let listed = shapes
                .unused()
                .iter()
                .filter(|unused| **unused == id)
                .count();
            assert!(
                listed <= 1 && (listed == 1 || shape.users() > 0),
                "{id:?} is forgotten"
            );
        }
    }

    fn check_bounds(&self) {
        let placement = &self.placement;
        for (id, shape) in placement.shapes.iter() {
            let fitting = placement
                .bounds
                .fitting(shape.key.executors, &shape.key.demand);
            assert_eq!(shape.fitting, fitting, "executors that fit {id:?}");
        }
        for (id, task) in self.table.iter() {
            assert!(
                !matches!(task.state, State::Ready | State::Delayed { .. })
                    || !placement.fits_nowhere(task.shape),
                "task {id} waits for room that never comes"
            );
        }
        for (room, _) in placement.offers.iter() {
            assert!(
                !placement.bounds.is_broken(room.executor),
                "{room:?} is of a broken executor"
            );
        }
    }

    /// What executors hear is what waits, and they are told in time.
    fn check_wanted(&self) {
        for (executor, told) in self.hearers() {
            let wanted = self.wanted(executor);
            assert!(!wanted::differs(told, &wanted), "{executor:?} was not told");
            let mut counted = 0;
            for (_, shape) in self.placement.shapes.iter() {
                let limits = self.placement.limits.left(&shape.key.labels);
                if shape.fitting.contains(executor) {
                    counted += limits.min(shape.queue.len() as u64);
                }
            }
            assert_eq!(wanted.calls, counted, "what waits for {executor:?}");
            assert_eq!(told.calls == 0, counted == 0);
        }
    }

    fn check_timers(&self) {
        let needed = self
            .table
            .iter()
            .filter(|(_, task)| {
                matches!(
                    task.state,
                    State::Running { timed: true, .. } | State::Delayed { .. }
                )
            })
            .count();
        assert_eq!(self.timers.len(), needed, "timers needed");
        let live: Vec<_> = self
            .timers
            .iter()
            .filter(|timer| self.table.is_timed(timer))
            .collect();
        assert_eq!(live.len(), needed, "timers there");
        assert_eq!(
            self.next_wake(),
            live.iter().map(|timer| timer.at).min(),
            "the next wake is of a timer that is needed"
        );
        let stale = self.timers.iter().count() - live.len();
        assert!(
            stale < timer::SWEEP.max(live.len()),
            "{stale} stale timers beside {}",
            live.len()
        );
        for timer in live.iter().filter(|timer| timer.kind == TimerKind::Retry) {
            let task = self
                .table
                .get(timer.attempt.task)
                .expect("a task that is repeated");
            assert_eq!(task.state, State::Delayed { until: timer.at });
        }
    }

    /// Nothing stays behind.
    fn check_empty(&self) {
        assert_eq!(self.edges.len(), 0, "edges left behind");
        assert_eq!(self.timers.iter().count(), 0, "timers left behind");
        for (id, shape) in self.placement.shapes.iter() {
            assert_eq!(
                shape.queue.turns().count(),
                0,
                "turns of {id:?} left behind"
            );
        }
        if self.table.zombies().count() == 0 {
            assert!(
                self.placement.limits.usage().all(|(_, taken)| taken == 0),
                "labels taken"
            );
        }
    }
}
