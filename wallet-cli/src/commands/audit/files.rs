//! What an audit keeps outside of the database: the highest checkpoint that it saw, and how far it
//! came.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use wallet_core::proof::{Checkpoint, SignedCheckpoint, UnverifiedCheckpoint};
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_server::domain::tree::GrowingTree;
use wallet_server::service::audit::Signatures;

use crate::failure::{Exit, Failure};

/// The longest file that is read: a checkpoint has some hundred bytes, a state some thousand.
const LENGTH_MAX: u64 = 64 * 1024;

/// Reads a small text file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    find(path)?.ok_or_else(|| Failure::file(path, &ErrorKind::NotFound.into()))
}

/// Reads a small text file, if it is there.
fn find(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(path, &error)),
        Ok(metadata) if metadata.len() > LENGTH_MAX => {
            return Err(wrong(path, "the file is too long to be one of ours"));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| Failure::file(path, &error))
}

/// Puts a file in the place of an old one, so that a crash leaves one of the two.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn wrong(path: &Path, sentence: &str) -> Failure {
    Failure::new(Exit::Local, "file", format!("{}: {sentence}", path.display()))
}

/// A checkpoint in a file.
pub(in crate::commands) struct Witness(UnverifiedCheckpoint);

impl Witness {
    /// Reads the file; none if it is not there yet.
    pub(in crate::commands) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let Some(text) = find(path)? else { return Ok(None) };
        Self::parse(path, &text).map(Some)
    }

    /// Reads the file that an audit compares with. One that is missing must not pass for one that
    /// nobody has begun yet: a disk that is not mounted would hide that the books were put back.
    pub(super) fn expected(path: &Path) -> Result<Self, Failure> {
        let text = find(path)?.ok_or_else(|| {
            let sentence = format!("{}: there is no witness", path.display());
            Failure::new(Exit::Local, "no_witness", sentence)
                .hint("is its disk there? Only if there never was one, begin it with --new-witness")
        })?;
        Self::parse(path, &text)
    }

    /// Makes sure that nothing is there yet.
    pub(super) fn none_yet(path: &Path) -> Result<(), Failure> {
        if find(path)?.is_none() {
            return Ok(());
        }
        let sentence = format!("{}: there is a file already", path.display());
        Err(Failure::new(Exit::Local, "file_exists", sentence)
            .hint("without --new-witness it is compared with"))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        // A witness that cannot be read must not pass for one that is not there yet.
        SignedCheckpoint::parse(text).map(Self).map_err(|error| wrong(path, &error.to_string()))
    }

    /// What it says. It was verified before it was kept.
    pub(in crate::commands) fn claimed(&self) -> &Checkpoint {
        self.0.claimed()
    }

    /// What it says; with keys, only if the issuer signed it. One of another issuer is for the
    /// audit to find.
    pub(super) fn checkpoint(
        self,
        issuer: &IssuerId,
        keys: Option<&[SigningPublicKey]>,
    ) -> Result<Checkpoint, Failure> {
        let claimed = *self.0.claimed();
        if let Some(keys) = keys.filter(|_| claimed.issuer == *issuer) {
            self.0.verify(issuer, keys).map_err(|error| Failure::core(Exit::Local, error))?;
        }
        Ok(claimed)
    }

    /// Keeps a newer one.
    pub(in crate::commands) fn keep(path: &Path, newest: &SignedCheckpoint) -> Result<(), Failure> {
        let known = Self::read(path)?.map_or(0, |known| known.0.claimed().size);
        if newest.checkpoint().size > known { write(path, &newest.to_string()) } else { Ok(()) }
    }
}

/// How far the last clean audit came.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    issuer: String,
    size: u64,
    /// The right edge of the tree, in hexadecimal.
    peaks: Vec<String>,
    /// Whether every checkpoint up to there was verified. Files from before this was kept don't say,
    /// and are not believed to.
    #[serde(default)]
    checkpoint_signatures_verified: bool,
    /// Whether every payer's signature was.
    #[serde(default)]
    payer_signatures_verified: bool,
}

impl State {
    pub(super) fn of(issuer: IssuerId, tree: &GrowingTree, verified: Signatures) -> Self {
        Self {
            checkpoint_signatures_verified: verified.checkpoints,
            payer_signatures_verified: verified.payments,
            issuer: issuer.to_string(),
            size: tree.size(),
            peaks: tree.peaks().iter().map(|hash| base16ct::lower::encode_string(hash)).collect(),
        }
    }

    /// Reads the file; none if it is not there yet.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let Some(text) = find(path)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| wrong(path, &error.to_string()))
    }

    /// Which signatures were verified, from the first batch on.
    pub(super) fn verified(&self) -> Signatures {
        Signatures {
            checkpoints: self.checkpoint_signatures_verified,
            payments: self.payer_signatures_verified,
        }
    }

    /// The tree, if it is one of this issuer's journal.
    pub(super) fn tree(self, issuer: IssuerId) -> Result<GrowingTree, Failure> {
        let refused = |sentence: &str| Failure::new(Exit::Local, "file", sentence);
        if self.issuer != issuer.to_string() {
            return Err(refused("--state is of another issuer's books"));
        }
        let hash = |digits: &String| {
            base16ct::lower::decode_vec(digits).ok().and_then(|bytes| bytes.try_into().ok())
        };
        let peaks = self.peaks.iter().map(hash).collect::<Option<Vec<_>>>();
        peaks
            .and_then(|peaks| GrowingTree::resume(self.size, peaks))
            .ok_or_else(|| refused("--state is not what an audit left"))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string(self)
            .map_err(|error| Failure::new(Exit::Unexpected, "output", error.to_string()))?;
        write(path, &text)
    }
}
