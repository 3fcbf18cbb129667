//! The load: connections that send charges and read answers, as cheaply as can be, because they
//! share the machine with the server that is measured.

mod connection;
mod request;
pub(super) mod response;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use wallet_core::code::PaymentCode;

pub(super) use request::Requests;

use super::share::Pools;
use super::tally::{Pace, Progress, Tally};
use crate::failure::{Exit, Failure};
use crate::system;
use connection::Connection;

/// How long answers may take that are still to come when the time is over.
const LAST_ANSWERS: Duration = Duration::from_secs(20);

/// What is sent: how long, how fast, and each client's codes.
pub(super) struct Load {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) requests: Arc<Requests>,
    pub(super) codes: Vec<Pools<PaymentCode>>,
    pub(super) lasts: Duration,
    pub(super) rate: Option<u64>,
}

/// What came of it.
pub(super) struct Loaded<Sample> {
    pub(super) tally: Tally,
    /// From the first request to the last answer.
    pub(super) took: Duration,
    /// Taken when everybody was connected and nothing had been sent.
    pub(super) before: Sample,
    /// Taken after the last answer.
    pub(super) after: Sample,
}

impl Load {
    /// Connects, and then sends from all connections at once, all on the thread that calls this.
    pub(super) fn run<Sample>(
        self,
        progress: &Arc<Progress>,
        sample: impl Fn() -> Sample,
    ) -> Result<Loaded<Sample>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Unexpected, "runtime", error.to_string()))?;
        LocalSet::new().block_on(&runtime, self.send(progress, sample))
    }

    async fn send<Sample>(
        self,
        progress: &Arc<Progress>,
        sample: impl Fn() -> Sample,
    ) -> Result<Loaded<Sample>, Failure> {
        let clients = self.codes.len();
        let mut connections = Vec::with_capacity(clients);
        for (client, codes) in self.codes.into_iter().enumerate() {
            let server = self.servers[client % self.servers.len()];
            let stream = connect(server).await.map_err(|error| {
                Failure::new(Exit::Unreachable, "unreachable", format!("{server}: {error}"))
            })?;
            let requests = Arc::clone(&self.requests);
            let progress = Arc::clone(progress);
            connections.push(Connection { client, server, stream, requests, codes, progress });
        }
        let before = sample();
        let pace = Pace::new(self.lasts, self.rate, clients);
        let mut running = JoinSet::new();
        for connection in connections {
            running.spawn_local(connection.send_all(pace));
        }
        let mut tally = Tally::default();
        let all_done = async {
            while let Some(one) = running.join_next().await {
                match one {
                    Ok(one) => tally.add(one),
                    Err(error) => tally.other(format!("client: {error}")),
                }
            }
        };
        let patience = self.lasts + LAST_ANSWERS;
        let in_time = tokio::time::timeout(patience, all_done).await.is_ok();
        // What a silent connection did is not known: at most one request each was under way.
        tally.unanswered += u64::try_from(running.len()).unwrap_or(u64::MAX);
        if !in_time {
            tally.other("silent connection");
        }
        let took = system::instant().saturating_duration_since(pace.starts());
        Ok(Loaded { tally, took, before, after: sample() })
    }
}

/// Connects as the load does.
pub(super) async fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
