//! Agents without nodes: each connects, encrypts and speaks as a real one does, and answers every
//! call at once with its own arguments.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chiltepin_executors::Capacity;
use chiltepin_executors::agent::{
    AgentHello, AttemptEnd, FinishedAttempt, FromAgent, PROTOCOL, ToAgent,
};
use chiltepin_executors::registry::Functions;
use chiltepin_executors::start::{AgentStart, START_VARIABLE};
use chiltepin_executors::transport::{Dial, Key, Link, LinkEnd, Receive};
use chiltepin_executors::wire::{WireValue, read_message};

/// The argument that makes this program the agents of a block, and says how many.
pub(crate) const CHILD: &str = "--simulate-agents";

/// Cores that an agent says it has, and calls that may wait at it.
const CORES: u32 = 4;
const AHEAD: u32 = 1024;

/// Serves as so many agents, until the driver is done with them.
pub(crate) fn serve(count: usize) -> io::Result<()> {
    let claim = std::env::var_os(START_VARIABLE).ok_or(io::ErrorKind::NotFound)?;
    let start = AgentStart::read(Path::new(&claim)).map_err(io::Error::other)?;
    let start = Arc::new(start.ok_or(io::ErrorKind::NotFound)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let agents: Vec<_> = (0..count)
            .map(|number| tokio::spawn(agent(Arc::clone(&start), number)))
            .collect();
        for agent in agents {
            agent.await??;
        }
        Ok(())
    })
}

async fn agent(start: Arc<AgentStart>, number: usize) -> io::Result<()> {
    let hello = AgentHello {
        protocol: PROTOCOL,
        executor: start.executor.clone(),
        block: start.block,
        registry: Functions::of_program().fingerprint(),
        host: format!("s{number}"),
        node: format!("s{number}"),
        process: std::process::id(),
        cores: CORES,
        memory: 1 << 30,
        gpus: Some(0),
        age: Some(Duration::ZERO),
        launcher: None,
    };
    let dial = Dial {
        candidates: start.candidates.clone(),
        key: Key::read(&start.key)?,
        identity: start.identity,
        largest_frame: usize::try_from(start.largest_frame).unwrap_or(usize::MAX),
        answers_within: Dial::ANSWERS_WITHIN,
        patience: start.patience,
    };
    let hello = hello.encode().map_err(io::Error::other)?;
    let dialed = dial.connect(hello).await.map_err(io::Error::other)?;
    let link = Arc::clone(&dialed.link);
    let ahead = FromAgent::Ahead {
        capacity: Capacity {
            async_bodies: 0,
            cores: AHEAD,
            memory: 0,
            gpus: 0,
        },
    };
    link.send(&ahead, &Bytes::new()).map_err(io::Error::other)?;
    dialed.run(Box::new(Answers(link))).await;
    Ok(())
}

/// Answers whatever comes over a link.
struct Answers(Arc<Link>);

impl Receive for Answers {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        for frame in frames.drain(..) {
            let Ok((message, arguments)) = read_message::<ToAgent>(&frame) else {
                return self.0.abort();
            };
            match message {
                ToAgent::Start(call) => {
                    let length = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
                    let finished = FinishedAttempt {
                        attempt: call.attempt,
                        end: AttemptEnd::Value(WireValue::Inline(length)),
                        report: None,
                    };
                    // A few numbers can always be encoded.
                    let _ = self
                        .0
                        .send(&FromAgent::Finished(Box::new(finished)), &arguments);
                }
                ToAgent::Close { .. } => self.0.close(),
                ToAgent::Stop { .. } | ToAgent::Hurry | ToAgent::Sweep { .. } => {}
            }
        }
    }

    fn silent(&mut self) {}

    fn back(&mut self) {}

    fn ended(&mut self, _end: LinkEnd) {}
}
