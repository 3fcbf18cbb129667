//! The disk of PostgreSQL is lost. A base backup and the log that was archived since bring back
//! every payment that was acknowledged.

use std::process::Command;

use wallet_test_postgres::{Postgres, documented_archive_command};
use wallet_tests::{Answer, Books, Charge, World};

use super::assert_right;
use crate::journeys::audit::{With, audit};

/// How many payments are made before the base backup, while it is taken, and after it.
const PAYMENTS: usize = 8;

#[tokio::test]
async fn a_base_backup_and_the_archived_log_bring_back_every_payment_and_the_audit_is_clean() {
    let server = Postgres::start_archiving();
    let books = Books::Postgres(server.database());
    let changes = [("journal.checkpoint_seconds", "1")];
    let mut world = World::try_start_in(books, 41, &changes).await.unwrap();
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let mut acknowledged: Vec<(Charge, Answer)> = Vec::new();
    for part in ["before", "meanwhile", "after"] {
        let of_the_server = server.clone();
        let backup = (part == "meanwhile")
            .then(|| tokio::task::spawn_blocking(move || of_the_server.back_up()));
        for number in 0..PAYMENTS {
            let reference = format!("{part}-{number}");
            let charge = Charge::new(&reference, &phone.code(&world, "200.00"), "12.50");
            let answer = till.charge(&charge).await.created();
            acknowledged.push((charge, answer));
        }
        if let Some(backup) = backup {
            backup.await.unwrap();
        }
    }
    world.placed().await;
    world.stop().await;
    let seen = audit(&world, With::keys(&world)).await;
    let segment = world.postgres().unwrap().archive();
    // A crash after a segment was archived and before that was noted: it comes once more, and those
    // after it wait for it.
    server.forget_archived(&segment);
    let _ = world.postgres().unwrap().archive();

    server.lose_and_restore();
    let witness = seen.newest.as_ref().map(|newest| *newest.checkpoint());
    let report = audit(&world, With { witness, ..With::keys(&world) }).await;
    assert_eq!(report.first, None);
    assert_eq!((report.tree.size(), report.tree.root()), (seen.tree.size(), seen.tree.root()));

    world.restart().await;
    let till = till.at(&world);
    for (charge, answer) in &acknowledged {
        let again = till.charge(charge).await;
        assert_eq!((again.replayed, &again.text), (true, &answer.text));
    }
    let charge = Charge::new("again", &phone.code(&world, "200.00"), "12.50");
    let _ = till.charge(&charge).await.created();
    assert_right(&world, i64::try_from(3 * PAYMENTS + 1).unwrap()).await;
    world.stop().await;
    let report = audit(&world, With { witness, ..With::keys(&world) }).await;
    assert_eq!(report.first, None);
}

#[test]
fn the_documented_archive_command_takes_a_segment_twice_and_never_another_one_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let [log, archive] = ["log", "archive"].map(|name| folder.path().join(name));
    std::fs::create_dir(&log).unwrap();
    std::fs::create_dir(&archive).unwrap();
    let command = documented_archive_command(&archive.display().to_string());
    let (segment, archived) = (log.join("0001"), archive.join("0001"));
    let take = |content: &str| {
        std::fs::write(&segment, content).unwrap();
        let command = command.replace("%p", &segment.display().to_string()).replace("%f", "0001");
        let output = Command::new("sh").arg("-c").arg(command).output().unwrap();
        (output.status.success(), std::fs::read_to_string(&archived).unwrap_or_default())
    };
    // A crash in the middle of an earlier attempt leaves a part of it.
    std::fs::write(archive.join("0001.part"), "pay").unwrap();
    assert_eq!(take("payments"), (true, "payments".to_owned()));
    assert_eq!(take("payments"), (true, "payments".to_owned()), "after a crash it comes again");
    assert_eq!(take("others"), (false, "payments".to_owned()), "another server's");
    // Where the archive is not there, nothing is archived.
    std::fs::remove_dir_all(&archive).unwrap();
    assert_eq!(take("payments"), (false, String::new()));
}
