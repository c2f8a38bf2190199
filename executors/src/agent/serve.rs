use std::env;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::desk::Desk;
use super::ending::Departure;
use super::granted::{Granted, Whole};
use super::message::{AgentHello, AgentWelcome, PROTOCOL};
use super::orders::{AheadRooms, Deaf, Orders};
use super::signals::Signals;
use super::variables::{self, Changes};
use crate::causes::WithCauses;
use crate::pool::Processes;
use crate::registry::Functions;
use crate::start::AgentStart;
use crate::transport::{Dial, Dialed, Key, Link, LinkEnd};
use crate::{Executor, LazyFolder, machine_memory, mpi, raise_open_files};

/// The exit code of an agent that is of no use, or has lost its driver.
const FAILED: i32 = 1;

/// How long it takes at most to go, once told by a signal: batch systems kill after five seconds,
/// some earlier.
const GOES_WITHIN: Duration = Duration::from_millis(2800);

/// How long what runs may take to end when the agent was told to go by a signal.
const SIGNAL_GRACE: Duration = Duration::from_secs(1);

/// How long it takes until what is killed is seen to be gone.
const KILLED_WITHIN: Duration = Duration::from_millis(700);

/// How long it may take to let go of everything, where nobody counts the seconds.
const LETS_GO_WITHIN: Duration = Duration::from_secs(5);

/// How long threads are waited for at the end, as those that run bodies of commands.
const THREADS_END_WITHIN: Duration = Duration::from_millis(100);

/// What to do where a driver is not reached.
const CURE: &str = "nodes must be able to open TCP connections to the machine that the program runs \
                    on: name an address of it that they know by `address` or `interface`, and where \
                    a firewall stands between let a range of ports through and set `port`";

/// Runs what the driver sends to this node, until it is told to end. The exit code comes back.
pub(crate) fn serve(start: AgentStart) -> i32 {
    let told = format!("the agent of block {} of `{}`", start.block, start.executor);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("chiltepin-agent")
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => {
            let served = runtime.block_on(run(start));
            runtime.shutdown_timeout(THREADS_END_WITHIN);
            served
        }
        Err(error) => Err(format!("cannot start its threads: {error}")),
    };
    match served {
        Ok(()) => 0,
        Err(reason) => {
            eprintln!("error: {told}: {reason}");
            FAILED
        }
    }
}

/// Serves to the end; an error says why that was none in good order.
async fn run(start: AgentStart) -> Result<(), String> {
    match raise_open_files() {
        Ok((before, now)) => tracing::debug!(?before, ?now, "files that may be open"),
        Err(error) => tracing::warn!(%error, "cannot raise the number of files that may be open"),
    }
    let mut signals = Signals::new().map_err(|error| format!("cannot heed signals: {error}"))?;
    let prepared = tokio::select! {
        prepared = prepare(start) => prepared?,
        signal = signals.next() => {
            eprintln!("told to end by signal {signal} before the driver was reached");
            return Ok(());
        }
    };
    prepared.serve(signals).await
}

/// Looks around, reaches the driver, and makes what it asks for.
async fn prepare(start: AgentStart) -> Result<Prepared, String> {
    let key = Key::read(&start.key)
        .map_err(|error| format!("cannot read the key of the run: {}", WithCauses(&error)))?;
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let granted = granted(&host);
    let hello = AgentHello {
        protocol: PROTOCOL,
        executor: start.executor,
        block: start.block,
        registry: Functions::of_program().fingerprint(),
        host,
        node: granted.node.clone(),
        process: std::process::id(),
        cores: granted.machine.cores,
        memory: granted.machine.memory,
        gpus: granted.gpus,
        age: granted.age,
        launcher: ask_launcher(start.launcher).await,
    };
    let dial = Dial {
        candidates: start.candidates,
        key,
        identity: start.identity,
        largest_frame: usize::try_from(start.largest_frame).unwrap_or(usize::MAX),
        answers_within: Dial::ANSWERS_WITHIN,
        patience: start.patience,
    };
    let hello = hello.encode().map_err(|error| error.to_string())?;
    let node = granted.node;
    let dialed = dial
        .connect(hello)
        .await
        .map_err(|error| format!("node `{node}`: {}\n  cure: {CURE}", WithCauses(&error)))?;
    let welcome = AgentWelcome::decode(&dialed.welcome)
        .map_err(|error| format!("what the driver answered makes no sense: {error}"))?;
    let link = Arc::clone(&dialed.link);
    let desk = Desk::new(
        Arc::clone(&link) as _,
        Functions::of_program(),
        Handle::current(),
    );
    let pool = pool(&welcome, &node, start.block);
    Ok(Prepared {
        desk,
        pool,
        link,
        dialed,
        node,
    })
}

/// What the MPI launcher says of its version, if that is to be told.
async fn ask_launcher(launcher: Option<String>) -> Option<Result<String, String>> {
    let launcher = launcher?;
    let asked = tokio::task::spawn_blocking(move || mpi::ask(&launcher)).await;
    Some(asked.unwrap_or_else(|error| Err(format!("cannot ask the MPI launcher: {error}"))))
}

/// The variables that are set, as text.
fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// What this job was granted of this machine, as far as can be told before the driver says more.
fn granted(host: &str) -> Granted {
    read_granted(host, None)
}

fn read_granted(host: &str, gpus_per_node: Option<u32>) -> Granted {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let whole = Whole {
        host: host.to_owned(),
        cores: u32::try_from(available).unwrap_or(u32::MAX),
        memory: machine_memory(),
        now: SystemTime::now(),
    };
    Granted::read(variable, gpus_per_node, &whole)
}

/// The pool that the driver asks for, on this node.
fn pool(welcome: &AgentWelcome, node: &str, block: u32) -> Result<Processes, String> {
    let request = &welcome.pool;
    let machine = read_granted(node, request.gpus_per_node).machine;
    // The same node may be part of several blocks, at once or one after the other, whose workers
    // are not to write to the same files.
    let folder = welcome.output_folder.join(format!("block-{block}"));
    let mut settings = request.resolve(&machine, LazyFolder::at(folder))?;
    let Changes { removed, set } = variables::changes(&environment());
    settings.name = format!("{}-{node}", request.name);
    settings.removed_variables = removed;
    settings.common_variables = set;
    Processes::new(settings, Handle::current()).map_err(|error| WithCauses(&error).to_string())
}

/// Everything that serving takes.
struct Prepared {
    desk: Arc<Desk>,
    pool: Result<Processes, String>,
    link: Arc<Link>,
    dialed: Dialed,
    node: String,
}

impl Prepared {
    async fn serve(self, signals: Signals) -> Result<(), String> {
        let Self {
            desk,
            pool,
            link,
            dialed,
            node,
        } = self;
        let pool = match pool {
            Ok(pool) => Arc::new(pool),
            Err(reason) => {
                desk.broken(reason.clone());
                link.close();
                let _ = timeout(LETS_GO_WITHIN, dialed.run(Box::new(Deaf))).await;
                return Err(format!("node `{node}` can run nothing: {reason}"));
            }
        };
        pool.attach(Arc::new(AheadRooms(Arc::clone(&link))));
        let (ended, end) = oneshot::channel();
        let (closing, close) = mpsc::unbounded_channel();
        let orders = Orders {
            desk: Arc::clone(&desk),
            pool: Arc::clone(&pool),
            link: Arc::clone(&link),
            closing,
            ended: Some(ended),
        };
        let driven = tokio::spawn(dialed.run(Box::new(orders)));
        let serving = Serving { desk, pool, link };
        serving.serve(signals, end, close, driven).await
    }
}

struct Serving {
    desk: Arc<Desk>,
    pool: Arc<Processes>,
    link: Arc<Link>,
}

impl Serving {
    /// Waits for a reason to end, and ends.
    async fn serve(
        self,
        mut signals: Signals,
        mut end: oneshot::Receiver<LinkEnd>,
        mut close: mpsc::UnboundedReceiver<Duration>,
        driven: JoinHandle<()>,
    ) -> Result<(), String> {
        let mut closing: Option<Instant> = None;
        loop {
            let closed = async {
                match closing {
                    Some(deadline) => {
                        let _ = timeout_at(deadline, self.desk.emptied()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                signal = signals.next() => {
                    let deadline = Instant::now() + GOES_WITHIN;
                    self.end(Departure::Signal(signal), SIGNAL_GRACE, deadline, driven).await;
                    return Ok(());
                }
                ended = &mut end => return self.abandon(ended.ok()).await,
                Some(grace) = close.recv() => {
                    let now = Instant::now();
                    closing = closing.or_else(|| now.checked_add(grace).or(Some(now)));
                }
                () = closed => {
                    let deadline = Instant::now() + LETS_GO_WITHIN;
                    self.end(Departure::Closed, Duration::ZERO, deadline, driven).await;
                    return Ok(());
                }
            }
        }
    }

    /// Ends what runs, tells of that, and lets go of everything until the deadline.
    async fn end(
        &self,
        departure: Departure,
        grace: Duration,
        deadline: Instant,
        driven: JoinHandle<()>,
    ) {
        for work in self.desk.begin_end(departure) {
            let id = work.id();
            self.pool.stop(id, &(work as _));
        }
        if grace.is_zero() || timeout(grace, self.desk.emptied()).await.is_err() {
            self.pool.hurry();
            let _ = timeout(KILLED_WITHIN, self.desk.emptied()).await;
        }
        self.desk.return_all();
        // What is told counts more than what is tidied up.
        self.link.close();
        let all = async { tokio::join!(self.pool.shutdown(Duration::ZERO), driven) };
        if timeout_at(deadline, all).await.is_err() {
            tracing::warn!("not all was told and ended in time");
        }
    }

    /// Kills all that runs: nobody wants to know of it.
    async fn abandon(&self, end: Option<LinkEnd>) -> Result<(), String> {
        self.pool.hurry();
        for work in self.desk.begin_end(Departure::Closed) {
            let id = work.id();
            self.pool.stop(id, &(work as _));
        }
        let deadline = Instant::now() + LETS_GO_WITHIN;
        tokio::select! {
            () = self.pool.shutdown(Duration::ZERO) => {}
            () = sleep_until(deadline) => tracing::warn!("not all could be killed in time"),
        }
        match end {
            Some(LinkEnd::Closed | LinkEnd::PeerClosed) => Ok(()),
            Some(end) => Err(format!("the driver {end}")),
            None => Err("its connection to the driver ended with an error".to_owned()),
        }
    }
}
