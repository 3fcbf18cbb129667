//! Endpoints for webhooks on this machine, half of them dead, and how long an event is on its way to
//! those that live.
//!
//! The dead die in three ways: nobody listens, nobody answers, and every answer is an error. The
//! endpoint of every second merchant lives.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, LocalSet};
use wallet_core::Mode;
use wallet_server::domain::ids::WebhookEndpointId;
use wallet_server::domain::webhooks::WantedEvents;
use wallet_server::store::{NewEndpoint, Store};

use super::parallel::on_thread;
use super::people::{People, digest, time_ordered};
use crate::failure::{Exit, Failure};
use crate::system;

/// How long events may be on their way after the last payment: whatever they do, a run ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long nothing arrives when nothing is on its way.
const QUIET: Duration = Duration::from_secs(1);
/// As many endpoints as a merchant may have, and more than a benchmark gives one.
const ENDPOINTS_MAX: u32 = 10;
/// More than the server sends.
const HEADERS_MAX: usize = 32;
const REQUEST_LENGTH: usize = 4096;

/// How an endpoint answers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Living,
    Failing,
    Silent,
}

/// Webhooks that arrived at the living, so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Arrivals {
    /// From commit to arrival, in milliseconds.
    pub(super) millis: Vec<u32>,
    /// Requests to the dead that could be counted.
    pub(super) at_the_dead: u64,
}

/// Endpoints that answer until they are stopped.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    arrivals: JoinHandle<Result<Arrivals, Failure>>,
    /// How many have arrived so far.
    arrived: Arc<AtomicU64>,
    urls: Urls,
}

/// Listens on a free port of this machine.
fn bind() -> io::Result<(SocketAddr, std::net::TcpListener)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

/// Endpoints in the books, in the order of their merchants.
#[derive(Default, Debug)]
pub(super) struct Endpoints {
    all: Vec<WebhookEndpointId>,
    living: Vec<WebhookEndpointId>,
}

/// Where they are.
#[derive(Clone, Copy, Debug)]
struct Urls {
    living: SocketAddr,
    failing: SocketAddr,
    silent: SocketAddr,
    /// Where nobody listens.
    refused: SocketAddr,
}

impl Urls {
    /// The endpoint of a merchant.
    fn of(&self, number: usize) -> (SocketAddr, bool) {
        match number % 6 {
            1 => (self.failing, false),
            3 => (self.silent, false),
            5 => (self.refused, false),
            _ => (self.living, true),
        }
    }
}

impl Running {
    /// Listens, on a thread of its own.
    pub(super) fn start() -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::new(Exit::Local, "listen", error.to_string());
        let (living, listens_living) = bind().map_err(failed)?;
        let (failing, listens_failing) = bind().map_err(failed)?;
        let (silent, listens_silent) = bind().map_err(failed)?;
        let (refused, nobody) = bind().map_err(failed)?;
        drop(nobody);
        let (stop, stopped) = oneshot::channel();
        let listeners = vec![
            (Kind::Living, listens_living),
            (Kind::Failing, listens_failing),
            (Kind::Silent, listens_silent),
        ];
        let arrived = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&arrived);
        let arrivals = tokio::spawn(async move {
            on_thread("webhooks", move || serve_all(listeners, &count, stopped)).await?
        });
        Ok(Self { stop, arrivals, arrived, urls: Urls { living, failing, silent, refused } })
    }

    /// Gives each of the first merchants an endpoint.
    pub(super) async fn make_endpoints(
        &self,
        store: &Store,
        people: &People,
        count: usize,
    ) -> Result<Endpoints, Failure> {
        let now = system::now();
        let mut endpoints = Endpoints::default();
        for number in 0..count {
            let random = digest(&["webhook endpoint", &system::random_hex::<8>()], number);
            let id = WebhookEndpointId::from_bytes(time_ordered(now, &random));
            let (address, lives) = self.urls.of(number);
            let new = NewEndpoint {
                id,
                merchant: people.merchant(number),
                mode: Mode::Live,
                url: format!("http://{address}/hooks/{number}"),
                events: WantedEvents::All,
                description: None,
                created_at: now,
            };
            if !store.create_webhook_endpoint(&new, ENDPOINTS_MAX).await? {
                let sentence = "the merchants have endpoints from too many earlier runs";
                return Err(Failure::new(Exit::Usage, "too_many_endpoints", sentence));
            }
            endpoints.all.push(id);
            if lives {
                endpoints.living.push(id);
            }
        }
        Ok(endpoints)
    }

    /// Takes the endpoints away again, so that kept books can be measured once more; says how many of
    /// the living still waited for something.
    pub(super) async fn remove_endpoints(
        store: &Store,
        people: &People,
        endpoints: &Endpoints,
    ) -> Result<usize, Failure> {
        let waiting = store.due_deliveries(&endpoints.living, 1, system::now()).await?.len();
        for (number, id) in endpoints.all.iter().enumerate() {
            store.delete_webhook_endpoint((people.merchant(number), Mode::Live), *id).await?;
        }
        Ok(waiting)
    }

    /// Waits until nothing more arrives, or for so long that it is no use.
    pub(super) async fn settle_down(&self) {
        let quiet = async {
            let mut before = None;
            while before.replace(self.arrived.load(Ordering::Relaxed))
                != Some(self.arrived.load(Ordering::Relaxed))
            {
                tokio::time::sleep(QUIET).await;
            }
        };
        // Whoever is not there by then is missing.
        let _ = tokio::time::timeout(PATIENCE, quiet).await;
    }

    /// Stops listening, and tells what arrived.
    pub(super) async fn stop(self) -> Result<Arrivals, Failure> {
        // It ended by itself when it could not listen.
        let _ = self.stop.send(());
        self.arrivals
            .await
            .map_err(|error| Failure::new(Exit::Unexpected, "thread", error.to_string()))?
    }
}

fn serve_all(
    listeners: Vec<(Kind, std::net::TcpListener)>,
    arrived: &Arc<AtomicU64>,
    stopped: oneshot::Receiver<()>,
) -> Result<Arrivals, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Unexpected, "runtime", error.to_string());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    LocalSet::new().block_on(&runtime, async move {
        let arrivals = Rc::new(RefCell::new(Arrivals::default()));
        let mut running = JoinSet::new();
        for (kind, listener) in listeners {
            let listener = TcpListener::from_std(listener).map_err(failed)?;
            let counts = Counts { arrivals: Rc::clone(&arrivals), arrived: Arc::clone(arrived) };
            running.spawn_local(accept(kind, listener, counts));
        }
        // Also when whoever would stop it is gone.
        let _ = stopped.await;
        running.abort_all();
        Ok(arrivals.take())
    })
}

/// Where what comes is counted.
#[derive(Clone)]
struct Counts {
    arrivals: Rc<RefCell<Arrivals>>,
    arrived: Arc<AtomicU64>,
}

async fn accept(kind: Kind, listener: TcpListener, counts: Counts) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn_local(answer(kind, stream, counts.clone()));
        // Those that have ended are not remembered.
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection.
async fn answer(kind: Kind, mut stream: TcpStream, counts: Counts) {
    let mut buffer = Vec::with_capacity(REQUEST_LENGTH);
    loop {
        let Some((length, committed_at)) = head(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(read) if read > 0 => continue,
                _ => return,
            }
        };
        let answer: &[u8] = match kind {
            Kind::Living => {
                let millis = system::now().unix_millis().saturating_sub(committed_at);
                counts.arrivals.borrow_mut().millis.push(u32::try_from(millis).unwrap_or(0));
                counts.arrived.fetch_add(1, Ordering::Relaxed);
                b"HTTP/1.1 204 No Content\r\n\r\n"
            }
            Kind::Failing => {
                counts.arrivals.borrow_mut().at_the_dead += 1;
                b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
            }
            Kind::Silent => {
                counts.arrivals.borrow_mut().at_the_dead += 1;
                b""
            }
        };
        buffer.drain(..length);
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// How long a request is and when its event was committed, once all of it is there.
fn head(buffer: &[u8]) -> Option<(usize, i64)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = request.parse(buffer) else { return None };
    let field = |name: &str| {
        let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        str::from_utf8(field.value).ok()
    };
    let length = head + field("content-length")?.parse::<usize>().ok()?;
    // The last part of an event's id is when it was committed.
    let committed_at = field("webhook-id")?.rsplit('_').next()?.parse().ok()?;
    (buffer.len() >= length).then_some((length, committed_at))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_request_is_counted_once_all_of_it_is_there() {
        let request = b"POST /hooks/1 HTTP/1.1\r\nwebhook-id: evt_7_0_1800000000123\r\n\
            content-length: 2\r\n\r\n{}";
        for length in 0..request.len() {
            assert_eq!(head(&request[..length]), None, "{length}");
        }
        assert_eq!(head(request), Some((request.len(), 1_800_000_000_123)));
    }
}
