//! A way to PostgreSQL that breaks when told to.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a PostgreSQL socket is called in its folder.
const SOCKET: &str = ".s.PGSQL.5432";
/// How the end of a transaction looks on the wire, in a message that holds nothing else.
const COMMIT: &[u8] = b"COMMIT\0";

/// Where a connection breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// In the middle of the transaction.
    Within,
    /// The database is not told to commit.
    BeforeCommit,
    /// The database has committed; nobody hears of it.
    AfterCommit,
}

/// How it breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Break {
    /// Both ends see it.
    Closed,
    /// Nothing comes through any more, and neither end hears why: a cable that was pulled.
    Silent,
}

/// Which connections let nothing through.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Silence {
    #[default]
    None,
    /// Those that there are.
    Present,
    /// And those to come.
    All,
}

/// A connection to break: the one on which this text goes to the database.
struct Trap {
    cut: Cut,
    how: Break,
    text: String,
}

type Trapped = Arc<Mutex<Option<Trap>>>;

/// A socket in a folder of its own that leads to the server's.
pub(crate) struct Proxy {
    folder: TempDir,
    trap: Trapped,
    silence: watch::Sender<Silence>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Leads to the server whose socket is in this folder.
    pub(crate) fn new(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (server, trap) = (server.join(SOCKET), Trapped::default());
        let set = Arc::clone(&trap);
        let silence = watch::Sender::<Silence>::default();
        let silenced = silence.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (server, trap) = (server.clone(), Arc::clone(&set));
                let mut silenced = silenced.subscribe();
                let begun = *silenced.borrow_and_update();
                tokio::spawn(async move {
                    let Ok(mut server) = UnixStream::connect(server).await else { return };
                    let forwarded = tokio::select! {
                        broken = forward(&mut client, &mut server, &trap) => broken,
                        () = falls_silent(begun, &mut silenced) => Ok(Break::Silent),
                    };
                    if let Ok(Break::Silent) = forwarded {
                        // Both ends stay, and hear nothing.
                        std::future::pending::<()>().await;
                    }
                    // Whichever end closes, the other one does too.
                });
            }
        });
        Self { folder, trap, silence, task }
    }

    /// Where its socket is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Breaks the next transaction in which this text goes to the database.
    pub(crate) fn cut(&self, cut: Cut, how: Break, text: &str) {
        *self.trap.lock().unwrap() = Some(Trap { cut, how, text: text.to_owned() });
    }

    /// Lets nothing through any more on the connections that there are.
    pub(crate) fn silence(&self) {
        self.silence.send_replace(Silence::Present);
    }

    /// Lets nothing through any more.
    pub(crate) fn silence_for_good(&self) {
        self.silence.send_replace(Silence::All);
    }

    /// Whether a connection has broken since it was asked for.
    pub(crate) fn has_cut(&self) -> bool {
        self.trap.lock().unwrap().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Resolves when a connection that was begun under this silence is to say nothing more.
async fn falls_silent(begun: Silence, silenced: &mut watch::Receiver<Silence>) {
    if begun != Silence::All && silenced.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Passes on what each end says, until one stops or the trap snaps.
async fn forward(
    client: &mut UnixStream,
    server: &mut UnixStream,
    trap: &Trapped,
) -> std::io::Result<Break> {
    let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut named = false;
    loop {
        tokio::select! {
            length = client.read(&mut said) => {
                let message = &said[..length?];
                if message.is_empty() {
                    return Ok(Break::Closed);
                }
                let cut = snap(trap, message, &mut named);
                if let Some((Cut::Within | Cut::BeforeCommit, how)) = cut {
                    return Ok(how);
                }
                server.write_all(message).await?;
                if let Some((Cut::AfterCommit, how)) = cut {
                    // Its answer says that it is done.
                    assert_ne!(server.read(&mut answered).await?, 0, "no commit to keep quiet");
                    return Ok(how);
                }
            }
            length = server.read(&mut answered) => {
                let answer = &answered[..length?];
                if answer.is_empty() {
                    return Ok(Break::Closed);
                }
                client.write_all(answer).await?;
            }
        }
    }
}

/// Whether this message is where the connection breaks; `named` is whether the transaction has
/// said the text.
fn snap(trap: &Trapped, message: &[u8], named: &mut bool) -> Option<(Cut, Break)> {
    let holds = |text: &[u8]| message.windows(text.len()).any(|part| part == text);
    let mut trap = trap.lock().unwrap();
    let set = trap.as_ref()?;
    *named |= holds(set.text.as_bytes());
    let commits = holds(COMMIT);
    let snaps = *named && (commits || set.cut == Cut::Within);
    *named &= !commits;
    if snaps { trap.take().map(|trap| (trap.cut, trap.how)) } else { None }
}
