//! A kernel whose calls take a core each, and the executor it sends them to.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chiltepin_executors::blocks::{Blocks, BlocksSettings, Rendezvous};
use chiltepin_executors::pool::PoolRequest;
use chiltepin_executors::provider::{BatchSettings, Provider};
use chiltepin_executors::registry::TaskInfo;
use chiltepin_executors::transport::LinkSettings;
use chiltepin_executors::{
    BlocksStatus, Capacity, Demand, Executor, LazyFolder, Outcome, Rooms, Wanted, Work as _,
};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::cluster::Cluster;
use crate::entrance::let_in;
use crate::process::LONG;
use crate::work::{Ended, TestWork};

const CORE: Demand = Demand {
    async_bodies: 0,
    cores: 1,
    memory: 0,
    gpus: 0,
};

/// A workflow of its own.
pub(crate) struct World {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) blocks: Arc<Blocks>,
    rooms: Arc<Offers>,
    ends: Sender<Ended>,
    ended: Receiver<Ended>,
    works: BTreeMap<u64, (Arc<TestWork>, u32)>,
    waiting: VecDeque<u64>,
    told: u64,
    last: u64,
    /// How often a call was returned.
    pub(crate) returned: Vec<String>,
    pub(crate) done: BTreeMap<u64, Ended>,
    pub(crate) folder: TempDir,
    pub(crate) runtime: Runtime,
}

/// What the executor has told.
#[derive(Default)]
struct Offers {
    free: Mutex<BTreeMap<u32, (Capacity, u32)>>,
    broken: OnceLock<String>,
    panics: AtomicBool,
}

impl Rooms for Offers {
    fn offered_until(&self, offer: u32, capacity: Capacity, until: Option<Instant>) {
        assert!(until.is_some(), "every block ends");
        if self.panics.swap(false, Ordering::SeqCst) {
            panic!("a kernel with a mistake");
        }
        // Calls that wait ahead are none of this kernel's.
        if offer.is_multiple_of(2) {
            let mut free = self.free.lock();
            let used = free.get(&offer).map_or(0, |(_, used)| *used);
            free.insert(offer, (capacity, used));
        }
    }

    fn withdrawn(&self, offer: u32) {
        self.free.lock().remove(&offer);
    }

    fn largest(&self, _capacity: Capacity) {}

    fn broken(&self, reason: String) {
        let _ = self.broken.set(reason);
    }
}

pub(crate) fn settings(folder: &Path, nodes: u32) -> BlocksSettings {
    BlocksSettings {
        pool: PoolRequest {
            kill_grace: Duration::from_secs(1),
            largest_value: 1 << 20,
            ..crate::pool::request()
        },
        mpi: None,
        batch: BatchSettings {
            nodes,
            directory: folder.to_owned(),
            ..BatchSettings::default()
        },
        init_blocks: 0,
        min_blocks: 0,
        max_blocks: 2,
        parallelism: 1.0,
        max_idletime: LONG,
        poll_interval: Duration::from_secs(1),
        address: vec!["127.0.0.1".to_owned()],
        interface: None,
        port: None,
        link: LinkSettings::default(),
        log: None,
    }
}

impl World {
    pub(crate) fn new(nodes: u32, change: impl FnOnce(&mut BlocksSettings, &Cluster)) -> Self {
        let_in();
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let cluster = Arc::new(Cluster::new(nodes));
        let mut settings = settings(folder.path(), nodes);
        let run_folder = LazyFolder::at(folder.path().to_owned());
        change(&mut settings, &cluster);
        let rendezvous = Rendezvous::new(&run_folder, runtime.handle());
        let provider: Arc<dyn Provider> = Arc::clone(&cluster) as _;
        let handle = runtime.handle().clone();
        let blocks = Blocks::open(settings, provider, &rendezvous, handle).unwrap();
        let rooms = Arc::new(Offers::default());
        blocks.attach(Arc::clone(&rooms) as _);
        let (ends, ended) = mpsc::channel();
        Self {
            cluster,
            blocks: Arc::new(blocks),
            rooms,
            ends,
            ended,
            works: BTreeMap::new(),
            waiting: VecDeque::new(),
            told: 0,
            last: 0,
            returned: Vec::new(),
            done: BTreeMap::new(),
            folder,
            runtime,
        }
    }

    pub(crate) fn call(&mut self, info: &'static TaskInfo, argument: &str) -> u64 {
        self.last += 1;
        let work = TestWork::new(self.last, info, argument, self.ends.clone());
        self.works.insert(self.last, (Arc::new(work), 0));
        self.waiting.push_back(self.last);
        self.turn();
        self.last
    }

    /// Does what a kernel does: takes ends, binds what waits, tells what is left.
    fn turn(&mut self) {
        for ended in self.ended.try_iter() {
            let offer = self.works[&ended.number].1;
            if let Some((_, used)) = self.rooms.free.lock().get_mut(&offer) {
                *used -= 1;
            }
            if let Outcome::Returned { reason } = &ended.outcome {
                self.returned.push(reason.clone());
                self.waiting.push_front(ended.number);
            } else {
                self.done.insert(ended.number, ended);
            }
        }
        while let Some(number) = self.waiting.front() {
            let mut free = self.rooms.free.lock();
            let mut offers = free.iter_mut();
            let Some((offer, (_, used))) = offers.find(|(_, (room, used))| *used < room.cores)
            else {
                break;
            };
            *used += 1;
            let (work, place) = self.works.get_mut(number).unwrap();
            *place = *offer;
            let mut invocation = work.invocation();
            invocation.offer = *offer;
            drop(free);
            self.waiting.pop_front();
            self.blocks.start(invocation);
        }
        let waiting = self.waiting.len() as u64;
        if waiting != self.told {
            self.told = waiting;
            let mut wanted = Wanted::default();
            wanted.add(waiting, &CORE, None);
            self.blocks.wanted(wanted);
        }
    }

    /// Goes on until something holds, far longer than it should take.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.turn();
            if holds(self) {
                return;
            }
            assert!(
                begun.elapsed() < LONG,
                "waited in vain for {what}: {:#?}; {:?}",
                self.status(),
                self.outputs()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the jobs have written.
    fn outputs(&self) -> Vec<String> {
        let folder = self.folder.path().join("blocks");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .collect()
    }

    pub(crate) fn stop(&self, number: u64) {
        let work = Arc::clone(&self.works[&number].0);
        let id = work.id();
        self.blocks.stop(id, &(work as _));
    }

    pub(crate) fn losses(&self, number: u64) -> u32 {
        self.works[&number].0.losses()
    }

    pub(crate) fn broken(&self) -> Option<&str> {
        self.rooms.broken.get().map(String::as_str)
    }

    pub(crate) fn offers(&self) -> usize {
        self.rooms.free.lock().len()
    }

    /// Has the kernel panic when it is told of room next.
    pub(crate) fn panic_once(&self) {
        self.rooms.panics.store(true, Ordering::SeqCst);
    }

    pub(crate) fn status(&self) -> BlocksStatus {
        self.blocks.status().unwrap()
    }

    /// Ends everything; nothing may be left.
    pub(crate) fn shut(&self) {
        let grace = Duration::from_secs(1);
        self.runtime.block_on(self.blocks.shutdown(grace));
        assert_eq!(self.cluster.alive(), []);
    }
}
