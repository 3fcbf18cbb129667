//! Several processes with one file, files that somebody has put there, and keys that are destroyed.
//!
//! Each `open` stands for a process: it has a file descriptor, hence a lock, of its own.

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use tempfile::TempDir;
use wallet_core::Timestamp;
use wallet_core::keyfile::Cost;

use super::NOW;
use crate::entropy::Entropy;
use crate::issuer::{FileKeys, IssuerKeys, KeyFileError, KeyKind};

/// How long a slot rests, with the minutes that a clock may differ.
const REST_MILLIS: i64 = 10 * 60 * 1000;

fn open_at(path: &Path, now: Timestamp) -> FileKeys {
    let entropy = Arc::new(Entropy::system());
    FileKeys::open_or_create(path, None, Cost::CHEAP_FOR_TESTS, now, entropy).unwrap()
}

/// A folder with a key file.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("issuer.key")
    }

    fn open(&self) -> FileKeys {
        open_at(&self.path(), NOW)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    /// Puts another file in the place of this one, readable by its owner only.
    fn put(&self, text: &str) {
        std::fs::remove_file(self.path()).unwrap();
        crate::private_file::create(&self.path(), text.as_bytes()).unwrap();
    }
}

fn slots(keys: &FileKeys) -> Vec<u8> {
    keys.public().sealing.iter().map(|key| key.slot.number()).collect()
}

#[test]
fn another_issuers_file_is_neither_used_nor_overwritten_by_a_rotation() {
    let (scene, other) = (Scene::new(), Scene::new());
    let keys = scene.open();
    let before = keys.public();
    let _ = other.open();
    scene.put(&other.text());
    for kind in [KeyKind::Sealing, KeyKind::Signing] {
        let error = keys.rotate(kind, NOW).unwrap_err();
        assert!(matches!(error, KeyFileError::OtherIssuer(_)), "{error}");
    }
    assert_eq!(scene.text(), other.text());
    assert!(Arc::ptr_eq(&keys.public(), &before));
}

#[test]
fn an_older_copy_of_the_file_is_neither_used_nor_overwritten_by_a_rotation() {
    for kind in [KeyKind::Sealing, KeyKind::Signing] {
        let scene = Scene::new();
        let keys = scene.open();
        let old = scene.text();
        keys.rotate(kind, NOW).unwrap();
        let (newest, before) = (scene.text(), keys.public());
        scene.put(&old);
        for kind in [KeyKind::Sealing, KeyKind::Signing] {
            let error = keys.rotate(kind, NOW).unwrap_err();
            assert!(matches!(error, KeyFileError::Older(_)), "{error}");
        }
        assert_eq!(scene.text(), old);
        assert!(Arc::ptr_eq(&keys.public(), &before));
        // With the newest one it goes on.
        scene.put(&newest);
        keys.rotate(kind, NOW).unwrap();
        let public = open_at(&scene.path(), NOW).public();
        assert_eq!(public.signing.len() + public.sealing.len(), 4);
    }
}

#[test]
fn a_file_that_is_gone_comes_back_with_all_keys_in_use() {
    let scene = Scene::new();
    let keys = scene.open();
    keys.rotate(KeyKind::Signing, NOW).unwrap();
    std::fs::remove_file(scene.path()).unwrap();
    keys.rotate(KeyKind::Signing, NOW).unwrap();
    assert_eq!(scene.open().public().signing, keys.public().signing);
    assert_eq!(keys.public().signing.len(), 3);
}

#[test]
fn processes_that_rotate_at_once_lose_no_key() {
    let scene = Scene::new();
    let processes = [scene.open(), scene.open()];
    let begin = Barrier::new(processes.len());
    thread::scope(|scope| {
        for keys in &processes {
            scope.spawn(|| {
                begin.wait();
                (0..5).for_each(|_| keys.rotate(KeyKind::Signing, NOW).unwrap());
            });
        }
    });
    assert_eq!(scene.open().public().signing.len(), 1 + 2 * 5);
}

#[test]
fn processes_that_start_at_once_for_the_first_time_are_one_issuer() {
    const PROCESSES: usize = 8;
    for _ in 0..20 {
        let scene = Scene::new();
        let begin = Barrier::new(PROCESSES);
        let start = || {
            begin.wait();
            scene.open().public().issuer_id
        };
        let started: Vec<_> = thread::scope(|scope| {
            let processes: Vec<_> = (0..PROCESSES).map(|_| scope.spawn(start)).collect();
            processes.into_iter().map(|process| process.join().unwrap()).collect()
        });
        let kept = scene.open().public().issuer_id;
        assert!(started.iter().all(|issuer| *issuer == kept), "{started:?}");
    }
}

#[test]
fn a_sealing_key_that_has_rested_is_destroyed_by_the_next_rotation_of_any_kind() {
    let scene = Scene::new();
    let keys = scene.open();
    let year = (keys.public().sealing[0].retires_at.unix_millis() - NOW.unix_millis()) / 2;
    keys.rotate(KeyKind::Sealing, NOW.plus_millis(year)).unwrap();
    let rested = keys.public().sealing[0].retires_at.plus_millis(REST_MILLIS);
    keys.rotate(KeyKind::Signing, rested.plus_millis(-1)).unwrap();
    assert_eq!(slots(&keys), [0, 1]);
    keys.rotate(KeyKind::Signing, rested).unwrap();
    assert_eq!(slots(&keys), [1]);
    assert_eq!(slots(&open_at(&scene.path(), NOW)), [1]);
    // Its slot comes round when it is its turn.
    keys.rotate(KeyKind::Sealing, rested).unwrap();
    assert_eq!(slots(&keys), [1, 2]);
}

#[test]
fn a_sealing_key_that_has_rested_is_destroyed_at_start_unless_the_file_cannot_be_written() {
    let scene = Scene::new();
    let keys = scene.open();
    let year = (keys.public().sealing[0].retires_at.unix_millis() - NOW.unix_millis()) / 2;
    keys.rotate(KeyKind::Sealing, NOW.plus_millis(year)).unwrap();
    let rested = keys.public().sealing[0].retires_at.plus_millis(REST_MILLIS);
    let text = scene.text();
    assert_eq!(slots(&open_at(&scene.path(), rested.plus_millis(-1))), [0, 1]);
    assert_eq!(scene.text(), text, "nothing to destroy, and yet it was written");

    let in_the_way = scene.folder.path().join("issuer.key.new");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(slots(&open_at(&scene.path(), rested)), [0, 1]);
    assert_eq!(scene.text(), text);
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(slots(&open_at(&scene.path(), rested)), [1]);
    // The newest stays, however old it is: without it the file would be none.
    assert_eq!(slots(&open_at(&scene.path(), rested.plus_millis(10 * year))), [1]);
    // The other process, which has the key still, is not in the way of what was destroyed.
    keys.rotate(KeyKind::Signing, rested.plus_millis(-1)).unwrap();
    assert_eq!(slots(&keys), [1]);
}
