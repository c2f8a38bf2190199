//! A network that stands between an agent and its driver.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weather {
    /// Whether anything comes through.
    flows: bool,
    /// How often all connections were cut.
    cuts: u32,
}

/// Forwards connections to a driver, unless it is told otherwise.
pub(crate) struct Proxy {
    weather: Arc<watch::Sender<Weather>>,
    pub(crate) port: u16,
}

impl Proxy {
    pub(crate) fn new(runtime: &Runtime, driver: u16) -> Self {
        let weather = Weather {
            flows: true,
            cuts: 0,
        };
        let weather = Arc::new(watch::Sender::new(weather));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::clone(&weather);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let far = TcpStream::connect(("127.0.0.1", driver)).await?;
                    forward(near, far, told.subscribe()).await
                });
            }
        });
        Self { weather, port }
    }

    /// Nothing comes through from now on, or it does again.
    pub(crate) fn flow(&self, flows: bool) {
        self.weather.send_modify(|weather| weather.flows = flows);
    }

    /// Cuts all connections that there are.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }
}

async fn forward(
    near: TcpStream,
    far: TcpStream,
    weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let cuts = weather.borrow().cuts;
    let mut cut = weather.clone();
    tokio::select! {
        _ = cut.wait_for(|weather| weather.cuts > cuts) => {}
        _ = copy(near_read, far_write, weather.clone()) => {}
        _ = copy(far_read, near_write, weather) => {}
    }
    Ok(())
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut buffer).await?;
        // The end of a connection does not come through either.
        let _ = weather.wait_for(|weather| weather.flows).await;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
    }
}
