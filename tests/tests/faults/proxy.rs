//! A way to PostgreSQL that breaks when told to.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
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

/// A connection to break: the one on which this text goes to the database.
struct Trap {
    cut: Cut,
    text: String,
}

type Trapped = Arc<Mutex<Option<Trap>>>;

/// A socket in a folder of its own that leads to the server's.
pub(crate) struct Proxy {
    folder: TempDir,
    trap: Trapped,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Leads to the server whose socket is in this folder.
    pub(crate) fn new(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let (server, trap) = (server.join(SOCKET), Trapped::default());
        let set = Arc::clone(&trap);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, trap) = (server.clone(), Arc::clone(&set));
                tokio::spawn(async move {
                    if let Ok(server) = UnixStream::connect(server).await {
                        // Whichever end closes, the other one does too.
                        drop(forward(client, server, &trap).await);
                    }
                });
            }
        });
        Self { folder, trap, task }
    }

    /// Where its socket is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Breaks the next transaction in which this text goes to the database.
    pub(crate) fn cut(&self, cut: Cut, text: &str) {
        *self.trap.lock().unwrap() = Some(Trap { cut, text: text.to_owned() });
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

/// Passes on what each end says, until one stops or the trap snaps.
async fn forward(
    mut client: UnixStream,
    mut server: UnixStream,
    trap: &Trapped,
) -> std::io::Result<()> {
    let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut named = false;
    loop {
        tokio::select! {
            length = client.read(&mut said) => {
                let message = &said[..length?];
                let cut = snap(trap, message, &mut named);
                if message.is_empty() || matches!(cut, Some(Cut::Within | Cut::BeforeCommit)) {
                    return Ok(());
                }
                server.write_all(message).await?;
                if cut == Some(Cut::AfterCommit) {
                    // Its answer says that it is done.
                    assert_ne!(server.read(&mut answered).await?, 0, "no commit to keep quiet");
                    return Ok(());
                }
            }
            length = server.read(&mut answered) => {
                let answer = &answered[..length?];
                if answer.is_empty() {
                    return Ok(());
                }
                client.write_all(answer).await?;
            }
        }
    }
}

/// Whether this message is where the connection breaks; `named` is whether the transaction has
/// said the text.
fn snap(trap: &Trapped, message: &[u8], named: &mut bool) -> Option<Cut> {
    let holds = |text: &[u8]| message.windows(text.len()).any(|part| part == text);
    let mut trap = trap.lock().unwrap();
    let set = trap.as_ref()?;
    *named |= holds(set.text.as_bytes());
    let commits = holds(COMMIT);
    let snaps = *named && (commits || set.cut == Cut::Within);
    *named &= !commits;
    if snaps { trap.take().map(|trap| trap.cut) } else { None }
}
