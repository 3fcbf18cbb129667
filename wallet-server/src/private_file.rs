//! Files that hold secrets: readable by their owner only, and replaced as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The bits of a file's mode that let its group and others in.
const OTHERS_MASK: u32 = 0o077;

/// Reads a file that nobody but its owner may open.
///
/// # Errors
/// Those of the file system; `PermissionDenied` if others may open the file, with what to do.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    if file.metadata()?.mode() & OTHERS_MASK != 0 {
        let problem = format!("others can open this secret; run: chmod 600 {}", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a file that is not there yet, and writes it to the disk.
///
/// # Errors
/// Those of the file system; `AlreadyExists` also for a symbolic link that leads nowhere.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a file that is not there yet, and that nobody ever sees unfinished: it is written under
/// another name, which is then given to it as well only if nothing has that name. Whether it is
/// there after a power failure is certain after [`sync_folder`] only.
///
/// The caller holds a [`Lock`]: the other name is the same for all.
///
/// # Errors
/// Those of the file system; `AlreadyExists` if there is such a file, which stays as it is.
pub(crate) fn create_whole(path: &Path, bytes: &[u8], _lock: &Lock) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    linked
}

/// Writes a new file beside an old one and puts it in its place, so that a crash leaves one of
/// the two. Which of them, after a power failure, is certain after [`sync_folder`] only.
///
/// The caller holds a [`Lock`]: the name beside it is the same for all.
///
/// # Errors
/// Those of the file system; then the old file is still there.
pub(crate) fn replace(path: &Path, bytes: &[u8], _lock: &Lock) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    fs::rename(&new, path)
}

/// Writes a file under the name beside another one, and says which that is.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let new = with_suffix(path, ".new");
    // A crash may have left one behind. It is never opened: it could be a link to anywhere.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&new, bytes)?;
    Ok(new)
}

/// The right to write a file, which one process at a time has; it ends with the value, and with
/// its process.
///
/// What is locked is a file beside it that holds nothing: the file itself is another one after
/// each write. The file beside it stays: whoever removed it could let two in at once.
#[derive(Debug)]
pub(crate) struct Lock {
    _locked: File,
}

/// Waits until no other process may write a file.
///
/// # Errors
/// Those of the file system; `Unsupported` where it has no locks.
pub(crate) fn lock(path: &Path) -> io::Result<Lock> {
    let beside = with_suffix(path, ".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&beside)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            // Whoever has it derives a key and waits for the disk: a second or so.
            tracing::info!(file = %beside.display(), "another process has it locked: waiting");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(Lock { _locked: file })
}

/// Takes from its group and others what they may do with a file; whether they might do anything. No
/// file is none that they can open.
///
/// # Errors
/// Those of the file system; `PermissionDenied` for a file of somebody else.
pub(crate) fn close_to_others(path: &Path) -> io::Result<bool> {
    let mode = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata?.mode(),
    };
    if mode & OTHERS_MASK == 0 {
        return Ok(false);
    }
    let owners = mode & !OTHERS_MASK & 0o7777;
    fs::set_permissions(path, fs::Permissions::from_mode(owners))?;
    Ok(true)
}

/// Writes the names in the folder of a file to the disk.
///
/// # Errors
/// Those of the file system.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// The folder that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions, TryLockError};
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::mpsc;
    use std::thread;

    use super::{close_to_others, create, create_whole, lock, read, replace};

    #[test]
    fn a_replaced_file_is_its_owners_only_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("key"), folder.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, folder.path().join("key.new")).unwrap();
        replace(&path, b"secret", &lock(&path).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().as_slice(), b"secret");
        assert!(create(&path, b"other").is_err());
    }

    #[test]
    fn a_whole_file_takes_no_others_place_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        // What a crash may have left behind.
        fs::write(folder.path().join("key.new"), "half").unwrap();
        let lock = lock(&path).unwrap();
        create_whole(&path, b"first", &lock).unwrap();
        let error = create_whole(&path, b"second", &lock).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap().as_slice(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!folder.path().join("key.new").exists());
    }

    #[test]
    fn one_at_a_time_may_write_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = lock(&path).unwrap();
        let (tell, told) = mpsc::channel();
        let waiting = path.clone();
        let second = thread::spawn(move || {
            let _second = lock(&waiting).unwrap();
            tell.send(()).unwrap();
        });
        let beside = File::open(folder.path().join("key.lock")).unwrap();
        assert!(matches!(beside.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(told.try_recv().is_err());
        drop(first);
        told.recv().unwrap();
        second.join().unwrap();
    }

    #[test]
    fn a_file_that_others_can_open_is_refused_with_the_command_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, b"secret").unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.ends_with(&format!("chmod 600 {}", path.display())), "{error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        read(&path).unwrap();
    }

    #[test]
    fn a_file_is_closed_to_others_and_stays_what_it_is_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        assert!(!close_to_others(&path).unwrap());
        create(&path, b"books").unwrap();
        for (mode, closed, after) in [
            (0o644, true, 0o600),
            (0o660, true, 0o600),
            (0o404, true, 0o400),
            (0o600, false, 0o600),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(close_to_others(&path).unwrap(), closed, "{mode:o}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, after);
        }
        assert_eq!(fs::read(&path).unwrap(), b"books");
    }
}
