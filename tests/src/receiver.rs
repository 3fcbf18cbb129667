//! A merchant's endpoint for webhooks: it answers as it is told to, and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use wallet_core::SigningPublicKey;

/// How long to wait for a webhook at most: far longer than one takes.
const DEADLINE: Duration = Duration::from_mins(1);

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With a status and a field of the header.
    With(u16, &'static str, String),
    /// Not at all.
    Silence,
    /// With this status, when it is [let](Receiver::release).
    Held(u16),
}

/// What an endpoint was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in seconds.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signatures: String,
    /// The media type.
    pub media_type: String,
    /// The body, to the byte.
    pub body: String,
}

impl Webhook {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What happened.
    #[must_use]
    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    fn signed(&self) -> String {
        format!("{}.{}.{}", self.id, self.timestamp, self.body)
    }

    /// Whether one of the signatures is the HMAC with this secret.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = Base64::decode_vec(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(self.signed().as_bytes());
        let wanted = format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()));
        self.signatures.split(' ').any(|signature| signature == wanted)
    }

    /// Whether one of the signatures is the Ed25519 key's.
    #[must_use]
    pub fn is_signed_by(&self, public_key: &str) -> bool {
        let key = Base64::decode_vec(public_key.strip_prefix("whpk_").unwrap()).unwrap();
        let key = SigningPublicKey::from_bytes(&key.try_into().unwrap()).unwrap();
        let signatures = self.signatures.split(' ').filter_map(|it| it.strip_prefix("v1a,"));
        let mut signatures = signatures.map(|text| Base64::decode_vec(text).unwrap());
        signatures
            .any(|bytes| key.verify(self.signed().as_bytes(), &bytes.try_into().unwrap()).is_ok())
    }
}

/// A running endpoint. It ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    reply: Mutex<Reply>,
    received: Mutex<Vec<Webhook>>,
    released: Semaphore,
}

impl Receiver {
    /// Starts one on loopback that answers 204.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            reply: Mutex::new(Reply::Status(204)),
            received: Mutex::default(),
            released: Semaphore::new(0),
        });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, state, task }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Answers like this from now on.
    pub fn answer(&self, reply: Reply) {
        *self.state.reply.lock().unwrap() = reply;
    }

    /// Lets it answer so many of those requests that it holds, or will hold.
    pub fn release(&self, count: usize) {
        self.state.released.add_permits(count);
    }

    /// Everything that came so far.
    #[must_use]
    pub fn received(&self) -> Vec<Webhook> {
        self.state.received.lock().unwrap().clone()
    }

    /// Waits until so many have come, and returns them all.
    pub async fn wait_for(&self, count: usize) -> Vec<Webhook> {
        let enough = async {
            loop {
                let received = self.received();
                if received.len() >= count {
                    break received;
                }
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(DEADLINE, enough).await;
        came.unwrap_or_else(|_| panic!("{count} were to come: {:#?}", self.received()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut buffer = Vec::new();
    while let Some(webhook) = read(&mut stream, &mut buffer).await {
        state.received.lock().unwrap().push(webhook);
        let reply = state.reply.lock().unwrap().clone();
        let answer = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n"),
            Reply::With(status, name, value) => {
                format!("HTTP/1.1 {status} x\r\n{name}: {value}\r\ncontent-length: 0\r\n\r\n")
            }
            Reply::Silence => continue,
            Reply::Held(status) => {
                state.released.acquire().await.unwrap().forget();
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n")
            }
        };
        // A body has none of its bytes announced where there can be none.
        let answer = answer.replace("204 x\r\ncontent-length: 0", "204 x");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` when there is no more.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Webhook> {
    loop {
        if let Some(head_end) = buffer.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
            assert!(head.starts_with("POST /hooks HTTP/1.1\r\n"), "{head}");
            let field = |name: &str| {
                let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
                fields.find(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1)
            };
            let length: usize = field("content-length").unwrap().parse().unwrap();
            let body = head_end + 4..head_end + 4 + length;
            if let Some(bytes) = buffer.get(body.clone()) {
                let webhook = Webhook {
                    id: field("webhook-id").unwrap().to_owned(),
                    timestamp: field("webhook-timestamp").unwrap().parse().unwrap(),
                    signatures: field("webhook-signature").unwrap().to_owned(),
                    media_type: field("content-type").unwrap().to_owned(),
                    body: String::from_utf8(bytes.to_vec()).unwrap(),
                };
                buffer.drain(..body.end);
                return Some(webhook);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
