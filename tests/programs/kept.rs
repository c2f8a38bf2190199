//! A program whose results outlive it, to be killed at any moment.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use chiltepin::{AppFuture, Workflow, task};

const CHAINS: u64 = 6;
const LENGTH: u64 = 8;

/// Adds a line to the log, whole or not at all.
fn note(line: &str) -> std::io::Result<()> {
    let mut log = OpenOptions::new().append(true).create(true).open("log")?;
    log.write_all(format!("{line}\n").as_bytes())
}

#[task(cache)]
fn step(chain: u64, place: u64, before: u64) -> std::io::Result<u64> {
    note(&format!("ran {chain} {place}"))?;
    std::thread::sleep(Duration::from_millis(1));
    Ok(before * 3 + chain + place)
}

#[task(cache)]
fn sum(values: Vec<u64>) -> u64 {
    values.into_iter().fold(0, u64::wrapping_add)
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut ends = Vec::new();
    let mut watches = Vec::new();
    for chain in 0..CHAINS {
        let mut last = AppFuture::ready(chain);
        for place in 0..LENGTH {
            last = step(chain, place, &last).submit(&workflow);
            let watched = last.clone();
            watches.push(tokio::spawn(async move {
                watched.await.is_ok() && note(&format!("done {chain} {place}")).is_ok()
            }));
        }
        ends.push(last);
    }
    let sum = sum(ends).submit(&workflow).await?;
    for watch in watches {
        assert!(watch.await?);
    }
    println!("{sum}");
    Ok(())
}

pub(crate) fn run() -> ExitCode {
    main()
}
