//! The passphrase of a key file, in a file of its own.

use std::io;
use std::path::Path;

use wallet_core::keyfile::Passphrase;

use super::KeyFileError;
use crate::private_file;

/// The longest file that is read; only its first line counts.
const FILE_LENGTH_MAX: u64 = 64 * 1024;

/// The passphrase in the first line of a file, which nobody but its owner may open: whoever reads
/// both opens the key file as if it were not encrypted.
///
/// # Errors
/// `Io`, also when others can open the file or it is too long, and `Unusable`.
pub fn read_passphrase(path: &Path) -> Result<Passphrase, KeyFileError> {
    let failed = |error: io::Error| KeyFileError::Io(path.to_owned(), error);
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_LENGTH_MAX {
        return Err(failed(io::Error::other("the file is too long to hold a passphrase")));
    }
    let bytes = private_file::read(path).map_err(failed)?;
    let no_text = |_| failed(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"));
    let text = std::str::from_utf8(&bytes).map_err(no_text)?;
    let line = text.lines().next().unwrap_or_default();
    Passphrase::new(line.as_bytes().to_vec())
        .map_err(|error| KeyFileError::Unusable(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::read_passphrase;
    use crate::issuer::KeyFileError;
    use crate::private_file;

    #[test]
    fn a_passphrase_that_others_can_read_is_refused_with_the_command_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        private_file::create(&path, b"correct horse\nwhat follows is not read").unwrap();
        read_passphrase(&path).unwrap();
        for mode in [0o640, 0o604] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = read_passphrase(&path).err().unwrap().to_string();
            assert!(error.ends_with(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn what_holds_no_passphrase_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        assert!(matches!(read_passphrase(&path), Err(KeyFileError::Io(..))));
        for nothing in [b"".as_slice(), b"\nsecond line", b"\xff\xfe"] {
            fs::write(&path, nothing).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = read_passphrase(&path).err().unwrap().to_string();
            assert!(error.contains("passphrase"), "{error}");
        }
        fs::write(&path, vec![b'x'; 70_000]).unwrap();
        assert!(matches!(read_passphrase(&path), Err(KeyFileError::Io(..))));
    }
}
