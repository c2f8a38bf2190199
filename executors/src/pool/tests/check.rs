use super::super::job::{JobState, Payload};
use super::super::state::State;
use super::super::worker::Phase;
use crate::{Demand, TaskKind};

impl<P: Payload> State<P> {
    /// What must hold between events.
    pub(super) fn check(&self) {
        let mut free = self.settings.capacity();
        let (mut ahead, mut calls, mut bodies) = (0, 0, 0);
        let mut gpus = vec![true; self.free_gpus.len()];
        for (id, entry) in self.jobs() {
            if let Some(charge) = &entry.charge {
                assert!(free.take(charge), "more is charged than there is");
            }
            for gpu in &entry.gpus {
                assert!(gpus[*gpu as usize], "GPU {gpu} is held twice");
                gpus[*gpu as usize] = false;
            }
            let queued = self
                .light
                .iter()
                .chain(&self.heavy)
                .chain(&self.bodies)
                .chain(&self.scripts)
                .filter(|queued| **queued == id);
            let is_queued = entry.state == JobState::Queued;
            assert_eq!(queued.count(), usize::from(is_queued), "{id:?} in queues");
            match entry.state {
                JobState::Queued => {
                    assert_eq!(entry.charge, None, "what waits holds nothing");
                    match entry.job.kind {
                        TaskKind::Function => calls += 1,
                        TaskKind::AsyncFunction if entry.job.demand.gpus > 0 => calls += 1,
                        TaskKind::AsyncFunction => bodies += 1,
                        _ => {}
                    }
                }
                JobState::Sent { worker, sequence } => {
                    let at = self.position(worker).expect("its worker is there");
                    let (found, _) = self.workers[at].1.find(sequence).expect("it has the call");
                    assert_eq!(found, id);
                    ahead += u32::from(entry.charge.is_none());
                }
                JobState::Executing => assert!(entry.charge.is_some()),
                JobState::Following(first) => {
                    assert_eq!(entry.charge, None, "what waits holds nothing");
                    let first = self.entry(first).expect("what it follows on is there");
                    assert_eq!(first.follower, Some(id));
                    assert_eq!(first.state, JobState::Executing);
                }
            }
            let unfollowed = self
                .unfollowed
                .iter()
                .filter(|unfollowed| **unfollowed == id);
            let may_be_followed = entry.state == JobState::Executing && entry.follower.is_none();
            assert!(unfollowed.count() <= usize::from(may_be_followed));
            let following = self.following.iter().filter(|following| **following == id);
            let follows = matches!(entry.state, JobState::Following(_));
            assert_eq!(following.count(), usize::from(follows));
        }
        assert_eq!(free, self.free, "what is free and what is charged");
        assert_eq!(gpus, self.free_gpus);
        assert_eq!(ahead, self.sent_ahead);
        assert_eq!((calls, bodies), (self.waiting_calls, self.waiting_bodies));
        let ready = self.workers.iter().filter(|(_, worker)| worker.is_ready());
        assert_eq!(ready.count(), self.ready);
        let alive = self
            .workers
            .iter()
            .filter(|(_, worker)| !matches!(worker.phase, Phase::Closing { .. }));
        assert!(alive.count() <= self.settings.max_workers as usize);
        // What a worker has of the node goes by its number.
        for (_, worker) in &self.workers {
            assert!(worker.number < self.settings.max_workers);
        }
        for (_, worker) in &self.workers {
            let threads = self.settings.threads_per_worker as usize;
            for (place, sent) in worker.calls.iter().enumerate() {
                let entry = self.entry(sent.job).expect("what is sent is in the table");
                assert!(
                    place >= threads || entry.charge.is_some(),
                    "what runs is charged"
                );
            }
        }
    }
}

/// A demand of so many cores.
pub(super) fn cores(cores: u32) -> Demand {
    Demand {
        async_bodies: 0,
        cores,
        memory: 0,
        gpus: 0,
    }
}
