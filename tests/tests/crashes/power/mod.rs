//! The power is cut: what was written and not flushed is on the disk, or not, or in part.
//!
//! `kill -9` cannot tell a server that flushes from one that does not, because the machine's memory
//! survives it. So everything that a server writes to its database and every flush is recorded
//! while tills charge, and each acknowledgement with them, in one log. Then disks are made as they
//! may be after a cut at some point of it, and each is opened: it must hold every payment that was
//! acknowledged before, and books that are right.
//!
//! A disk keeps what was flushed. Of each later write it keeps all, nothing, or some of its
//! sectors, whatever became of the writes around it.

mod disk;
mod log;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;
use wallet_tests::{Books, World};

use crate::load::{Load, assert_books};
use crate::rounds;
use disk::{Disk, Unflushed};
use log::Step;

/// So many payments fill the log of the database more than once, so that it is moved to the
/// database and begun again meanwhile: 4,096 pages, of which a payment writes some seven.
const ENOUGH: u32 = 800;

/// Compiles what records into `folder`.
fn recorder(folder: &Path) -> PathBuf {
    let library = folder.join("recorder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes/power/recorder.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).arg("-ldl");
    assert!(compiler.status().unwrap().success(), "the recorder does not compile");
    library
}

/// Charges until enough is acknowledged, and returns everything that happened.
async fn record(folder: &TempDir) -> Vec<Step> {
    let database = folder.path().join("wallet.sqlite");
    let log = folder.path().join("log");
    let text = |path: &Path| path.display().to_string();
    let variables = [
        ("LD_PRELOAD".to_owned(), text(&recorder(folder.path()))),
        ("RECORDER_FILES".to_owned(), text(&database)),
        ("RECORDER_LOG".to_owned(), text(&log)),
    ];
    let books = Books::Sqlite(format!("sqlite:{}", database.display()));
    let mut world = World::start_apart(Some(books), 81, &variables).await;
    let mut load = Load::begin(&world).await;
    let place = log.clone();
    let acknowledged = move |charge: &wallet_tests::Charge| {
        // One write, so that it stands between two records.
        let line = format!("A {}\n", charge.body["reference"].as_str().unwrap());
        let mut log = OpenOptions::new().append(true).open(&place).unwrap();
        log.write_all(line.as_bytes()).unwrap();
    };
    let _ = load.until_the_end(&mut world, ENOUGH, acknowledged, World::kill).await;
    log::read(&std::fs::read(log).unwrap())
}

fn reference(step: &Step) -> Option<&str> {
    match step {
        Step::Acknowledged(reference) => Some(reference),
        Step::Write { .. } | Step::Resize { .. } | Step::Flush { .. } | Step::Remove { .. } => None,
    }
}

/// The references that were acknowledged before a step.
fn acknowledged(steps: &[Step]) -> BTreeSet<&str> {
    steps.iter().filter_map(reference).collect()
}

/// The references that the books on a disk hold.
async fn kept(url: &str) -> BTreeSet<String> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar("select reference from payments")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    rows.into_iter().collect()
}

/// The payments that were acknowledged before the cut and are not on the disk after it.
async fn lost(steps: &[Step], unflushed: Unflushed, rng: &mut ChaCha20Rng) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.sqlite");
    Disk::after(steps).cut(unflushed, rng).write(&path);
    let url = format!("sqlite:{}", path.display());
    assert_books(&url).await;
    let kept = kept(&url).await;
    acknowledged(steps).into_iter().filter(|name| !kept.contains(*name)).map(Into::into).collect()
}

/// A place after the first acknowledgement, as often as not right behind one.
fn place(steps: &[Step], rng: &mut ChaCha20Rng) -> usize {
    let is_one = |step: &Step| matches!(step, Step::Acknowledged(_));
    let first = steps.iter().position(is_one).unwrap();
    let left = steps.len() - first;
    let place = first + usize::try_from(rng.next_u64() % u64::try_from(left).unwrap()).unwrap();
    if rng.next_u32().is_multiple_of(2) {
        return place;
    }
    steps[place..].iter().position(is_one).map_or(place, |next| place + next + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cut_of_the_power_loses_an_acknowledged_payment() {
    let folder = tempfile::tempdir().unwrap();
    let steps = record(&folder).await;
    let mut rng = ChaCha20Rng::seed_from_u64(82);
    for number in 0..rounds(40, 2000) {
        let unflushed = Unflushed::ALL[number as usize % Unflushed::ALL.len()];
        let cut = place(&steps, &mut rng);
        let lost = lost(&steps[..cut], unflushed, &mut rng).await;
        assert!(lost.is_empty(), "cut {number} after step {cut}, {unflushed:?}: {lost:?}");
    }

    // What these disks can tell: the same server, had it not flushed its log.
    let unsafe_steps: Vec<Step> = steps
        .into_iter()
        .filter(|step| !matches!(step, Step::Flush { file } if file.ends_with("-wal")))
        .collect();
    // Not at the end alone: there, all of the log may have been moved to the database a moment ago.
    let mut missing = 0;
    for _ in 0..10 {
        let cut = place(&unsafe_steps, &mut rng);
        missing += lost(&unsafe_steps[..cut], Unflushed::Lost, &mut rng).await.len();
    }
    assert!(missing > 0, "a server that never flushes its log would pass as well");
}
