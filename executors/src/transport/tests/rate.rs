//! How much links carry, both ends in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::pair::{Driver, LARGEST};
use crate::transport::{LinkEnd, LinkSettings, Receive};

/// Answers each message, counting them.
struct Echo {
    link: Arc<crate::transport::Link>,
    count: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Receive for Echo {
    fn received(&mut self, frames: &mut Vec<Bytes>) {
        self.count.fetch_add(frames.len() as u64, Ordering::Relaxed);
        for frame in frames.drain(..) {
            self.bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
            self.link.send(&(), &frame).unwrap();
        }
    }
    fn silent(&mut self) {}
    fn back(&mut self) {}
    fn ended(&mut self, _: LinkEnd) {}
}

#[test]
#[ignore = "a measurement, for release builds"]
fn rate() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (peers, under_way, length) in [
        (1, 1, 60),
        (1, 64, 60),
        (16, 8, 60),
        (16, 64, 60),
        (1, 1, LARGEST - 100),
    ] {
        runtime.block_on(async {
            let driver = Driver::echoing(LinkSettings::default()).await;
            let (count, bytes) = (Arc::default(), Arc::default());
            for _ in 0..peers {
                let dialed = driver.dial().connect(b"hello".to_vec()).await.unwrap();
                let echo = Echo {
                    link: Arc::clone(&dialed.link),
                    count: Arc::clone(&count),
                    bytes: Arc::clone(&bytes),
                };
                for number in 0..under_way {
                    let body = Bytes::from(vec![1; length]);
                    dialed.link.send(&(number as u64), &body).unwrap();
                }
                tokio::spawn(dialed.run(Box::new(echo)));
            }
            let start = Instant::now();
            tokio::time::sleep(Duration::from_secs(2)).await;
            let seconds = start.elapsed().as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
            let (count, bytes) = (
                count.load(Ordering::Relaxed) as f64,
                bytes.load(Ordering::Relaxed) as f64,
            );
            println!(
                "{peers} peers, {under_way} messages of {length} bytes under way at each: {:.0} \
                 messages/s both ways, {:.0} MB/s each way",
                2.0 * count / seconds,
                bytes / seconds / 1e6,
            );
        });
    }
}
