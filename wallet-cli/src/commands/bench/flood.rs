//! A flood of wrong PINs: devices that try them by signed requests, whatever they are told.
//!
//! Each client is a payer's device on a connection of its own. None is let in more often than a few
//! times a minute, so one that tries every second is turned away nearly always, before anything is
//! hashed; what it costs then is its request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet, LocalSet};
use wallet_core::DeviceKey;
use wallet_core::requests::{RequestParts, SignedHeaders, sign_request};

use super::load::{connect, response};
use super::parallel::on_thread;
use super::people::People;
use crate::failure::{Exit, Failure};
use crate::system;

/// How long a client rests between two tries.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// Six digits that are nobody's PIN: too simple to be one.
const BODY: &str = r#"{"pin":"000000"}"#;
/// What is to be confirmed; the PIN is looked at first.
const PATH: &str = "/v1/wallet/confirmations/pay_01000000000070008000000000000000/confirm";
const ANSWER_LENGTH: usize = 2048;
/// Files that a process has open besides the connections of a flood.
const OTHER_FILES: u64 = 512;

/// Who floods whom.
pub(super) struct Flood {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) people: Arc<People>,
    pub(super) clients: usize,
}

/// A flood that goes on until it is stopped.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    answers: JoinHandle<Result<Answers, Failure>>,
}

/// What the clients were answered, by status; what had no answer stands under 0.
#[derive(Default, Debug)]
pub(super) struct Answers(BTreeMap<u16, u64>);

impl Answers {
    /// As if there had been these.
    #[cfg(test)]
    pub(super) fn of(answers: &[(u16, u64)]) -> Self {
        Self(answers.iter().copied().collect())
    }

    /// How often there was this answer.
    pub(super) fn count(&self, status: u16) -> u64 {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// How many tries there were.
    pub(super) fn all(&self) -> u64 {
        self.0.values().sum()
    }
}

impl Flood {
    /// Connects all clients on a thread of their own, and lets them loose.
    pub(super) async fn start(self) -> Result<Running, Failure> {
        let (stop, stopped) = oneshot::channel();
        let (connected, all_connected) = oneshot::channel();
        let answers =
            tokio::spawn(
                async move { on_thread("flood", move || self.run(connected, stopped)).await? },
            );
        // When it could not connect, its end says why.
        let _ = all_connected.await;
        Ok(Running { stop, answers })
    }

    fn run(
        self,
        connected: oneshot::Sender<()>,
        stopped: oneshot::Receiver<()>,
    ) -> Result<Answers, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Unexpected, "runtime", error.to_string()))?;
        LocalSet::new().block_on(&runtime, self.send(connected, stopped))
    }

    async fn send(
        self,
        connected: oneshot::Sender<()>,
        stopped: oneshot::Receiver<()>,
    ) -> Result<Answers, Failure> {
        let mut clients = Vec::with_capacity(self.clients);
        for number in 0..self.clients {
            let server = self.servers[number % self.servers.len()];
            let unreachable = |error: io::Error| {
                Failure::new(Exit::Unreachable, "unreachable", format!("{server}: {error}"))
            };
            let stream = connect(server).await.map_err(unreachable)?;
            let key = self.people.device_key(number);
            let key_id = self.people.device_key_id(number).to_string();
            clients.push(Client { server, stream, key, key_id });
        }
        // Nobody waits for it when the run has been given up.
        let _ = connected.send(());
        let answers = Rc::new(RefCell::new(Answers::default()));
        let mut running = JoinSet::new();
        let count = u32::try_from(self.clients).unwrap_or(u32::MAX);
        for (number, client) in (0..).zip(clients) {
            // Spread over the first second, so that they do not come in one wave.
            let starts_in = TRY_EVERY / count * number;
            running.spawn_local(client.flood(starts_in, Rc::clone(&answers)));
        }
        // Also when whoever would stop it is gone.
        let _ = stopped.await;
        running.abort_all();
        Ok(answers.take())
    }
}

impl Running {
    /// Ends the flood, and tells what it was answered.
    pub(super) async fn stop(self) -> Result<Answers, Failure> {
        // It ended by itself when it could not connect.
        let _ = self.stop.send(());
        self.answers
            .await
            .map_err(|error| Failure::new(Exit::Unexpected, "thread", error.to_string()))?
    }
}

/// A device on a connection of its own.
struct Client {
    server: SocketAddr,
    stream: TcpStream,
    key: DeviceKey,
    key_id: String,
}

impl Client {
    /// Tries until it is stopped.
    async fn flood(mut self, starts_in: Duration, answers: Rc<RefCell<Answers>>) {
        tokio::time::sleep(starts_in).await;
        let mut every = tokio::time::interval(TRY_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answer = Vec::with_capacity(ANSWER_LENGTH);
        loop {
            every.tick().await;
            let status = self.attempt(&mut answer).await.unwrap_or(0);
            *answers.borrow_mut().0.entry(status).or_default() += 1;
            if status == 0
                && let Ok(stream) = connect(self.server).await
            {
                self.stream = stream;
            }
        }
    }

    async fn attempt(&mut self, answer: &mut Vec<u8>) -> io::Result<u16> {
        let request = self.request().map_err(io::Error::other)?;
        self.stream.write_all(request.as_bytes()).await?;
        answer.clear();
        loop {
            if self.stream.read_buf(answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(response) = response::parse(answer)? {
                return Ok(response.status);
            }
        }
    }

    /// A try, signed now.
    fn request(&self) -> Result<String, wallet_core::Error> {
        let host = self.server.to_string();
        let key = system::random_hex::<16>();
        let parts = RequestParts {
            method: "POST".to_owned(),
            scheme: "http".to_owned(),
            authority: host.clone(),
            path: PATH.to_owned(),
            query: None,
            headers: vec![("idempotency-key".to_owned(), key.clone())],
        };
        let created = u64::try_from(system::now().unix_seconds()).unwrap_or_default();
        let nonce = system::random_hex::<16>();
        let signed =
            sign_request(&self.key, &self.key_id, &parts, BODY.as_bytes(), created, &nonce)?;
        let length = BODY.len();
        let mut request = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {host}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n"
        );
        for (name, value) in SignedHeaders::into_fields(signed) {
            request.extend([name.as_str(), ": ", &value, "\r\n"]);
        }
        request.extend(["\r\n", BODY]);
        Ok(request)
    }
}

/// Lets this process, and the servers that it starts, have a connection for each client.
pub(super) fn allow_connections(clients: usize) -> Result<(), Failure> {
    let needed = u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let wanted = Rlimit { current: Some(needed), maximum };
    setrlimit(Resource::Nofile, wanted).map_err(|error| {
        let sentence = format!("{clients} connections need {needed} open files: {error}");
        Failure::new(Exit::Local, "open_files", sentence).hint("`ulimit -n` tells the limit")
    })
}
