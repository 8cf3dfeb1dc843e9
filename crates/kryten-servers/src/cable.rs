//! A network between a service and its server that can be cut: a TCP forwarder for tests.
//!
//! A cable fails in three ways. One that is cut ends all connections, so both sides know at once. One that is silent
//! carries nothing in either direction and ends nothing, as a switch that is off or a machine that is asleep; what was
//! sent meanwhile arrives when it is mended. One that is slow carries so many bytes a second in each direction.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    Silent,
    /// So many bytes a second.
    Slow(u32),
    Cut,
}

/// A forwarder to one server; its connections end when it is dropped.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    task: JoinHandle<()>,
}

impl Cable {
    /// Listens on a free port of the loopback and forwards to `server`, which is `host:port` or `nats://host:port`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn to(server: &str) -> io::Result<Self> {
        let server = server.trim_start_matches("nats://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::Whole));
        let ours = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connect(near, server.clone(), ours.subscribe()));
            }
        });
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Where it listens, as NATS writes addresses.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends all connections, and all that are tried until it is mended.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Carries nothing until it is mended, and ends no connection.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Carries no more than so many bytes a second in each direction of a connection, until it is mended.
    pub fn slow_down(&self, bytes_per_second: u32) {
        self.state
            .send_replace(State::Slow(bytes_per_second.max(1)));
    }

    /// Carries again, first what waited.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn connect(near: TcpStream, server: String, mut state: watch::Receiver<State>) {
    if *state.borrow() == State::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(server).await else {
        return;
    };
    let ((near_from, near_to), (far_from, far_to)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = carry(near_from, far_to, state.clone()) => {}
        () = carry(far_from, near_to, state.clone()) => {}
        // The sender is gone when the cable is, which is as good as a cut.
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        if state
            .wait_for(|state| *state != State::Silent)
            .await
            .is_err()
            || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
        let now = *state.borrow();
        if let State::Slow(rate) = now {
            tokio::time::sleep(Duration::from_secs_f64(count as f64 / f64::from(rate))).await;
        }
    }
}
