//! A way to the server that breaks where it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When a test gives up on what has to happen.
const DEADLINE: Duration = Duration::from_mins(1);

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Passes,
    /// The connection breaks before the server has heard of it.
    CutBefore,
    /// The server has answered, and nobody hears of it.
    CutAfter,
    /// It hangs before the server has heard of it.
    HeldBefore,
    /// The server has answered, and the answer hangs.
    HeldAfter,
}

/// Says what becomes of a request: its number, beginning with 0, and its method and path.
type Plan = dyn Fn(usize, &str) -> Fate + Send + Sync;

/// A way to a server.
pub(crate) struct Proxy {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    held: Receiver<()>,
}

struct Shared {
    server: String,
    plan: Box<Plan>,
    seen: Arc<Mutex<Vec<String>>>,
    held: Sender<()>,
}

impl Proxy {
    /// Leads to the server at this URL.
    pub(crate) fn to(
        url: &str,
        plan: impl Fn(usize, &str) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, held) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared {
            server: url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned(),
            plan: Box::new(plan),
            seen: Arc::clone(&seen),
            held: sender,
        });
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.forward(&client.unwrap()));
            }
        });
        Self { url: format!("http://{address}"), seen, held }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The requests that came: their methods and paths.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until a request hangs.
    pub(crate) fn wait_until_held(&self) {
        self.held.recv_timeout(DEADLINE).expect("nothing ever hangs");
    }
}

impl Shared {
    /// Passes on requests and answers, until either end closes or a connection is to break.
    fn forward(&self, client: &TcpStream) -> Option<()> {
        let server = TcpStream::connect(&self.server).ok()?;
        let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(&server));
        loop {
            let request = message(&mut requests)?;
            let line =
                String::from_utf8_lossy(&request).split(' ').take(2).collect::<Vec<_>>().join(" ");
            let number = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(line.clone());
                seen.len() - 1
            };
            let fate = (self.plan)(number, &line);
            match fate {
                Fate::CutBefore => return None,
                Fate::HeldBefore => return self.hold(client),
                Fate::Passes | Fate::CutAfter | Fate::HeldAfter => {}
            }
            (&server).write_all(&request).ok()?;
            let answer = message(&mut answers)?;
            match fate {
                Fate::CutAfter => return None,
                Fate::HeldAfter => return self.hold(client),
                Fate::Passes | Fate::CutBefore | Fate::HeldBefore => {}
            }
            { client }.write_all(&answer).ok()?;
        }
    }

    /// Keeps the connection until the client gives it up.
    fn hold(&self, mut client: &TcpStream) -> Option<()> {
        self.held.send(()).ok()?;
        let _ = client.read(&mut [0]);
        None
    }
}

/// A whole HTTP message with a body of a length that it says.
fn message(from: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        message.extend(line.as_bytes());
        if line == "\r\n" {
            break;
        }
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    message.extend(body);
    Some(message)
}
