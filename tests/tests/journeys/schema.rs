//! A schema that this release cannot work with: the server says so and leaves it alone.

use wallet_tests::{Charge, World};

use crate::DATABASE;

/// Changes what the database says of its schema, and starts the server on it.
async fn restart_after(world: &mut World, change: &'static str) -> String {
    world.stop().await;
    let mut database = world.database().await;
    sqlx::raw_sql(change).execute(&mut database).await.unwrap();
    world.restart_with(&[]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_schema_of_a_newer_release_is_left_alone() {
    let mut world = World::start(DATABASE, 1).await;
    let newer = "insert into _sqlx_migrations select 9999, 'of tomorrow', installed_on, success, \
                 checksum, execution_time from _sqlx_migrations where version = 1";
    let error = restart_after(&mut world, newer).await;
    assert!(error.contains("newer release"), "{error}");
    // Whoever goes back to the newer release finds everything as it was.
    let back = "delete from _sqlx_migrations where version = 9999";
    sqlx::raw_sql(back).execute(&mut world.database().await).await.unwrap();
    world.restart().await;
}

#[tokio::test]
async fn a_migration_that_was_not_finished_or_is_another_one_stops_the_server() {
    let mut world = World::start(DATABASE, 2).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let payment = till.charge(&charge).await.created();
    for (change, word, back) in [
        (
            "update _sqlx_migrations set success = false where version = 1",
            "partially applied",
            "update _sqlx_migrations set success = true where version = 1",
        ),
        (
            "create table kept as select * from _sqlx_migrations; \
             update _sqlx_migrations set checksum = substr(checksum, 2) where version = 1",
            "has been modified",
            "update _sqlx_migrations set checksum = \
             (select checksum from kept where kept.version = _sqlx_migrations.version)",
        ),
    ] {
        let error = restart_after(&mut world, change).await;
        assert!(error.starts_with("cannot migrate the database"), "{error}");
        assert!(error.contains(word), "{error}");
        sqlx::raw_sql(back).execute(&mut world.database().await).await.unwrap();
        world.restart().await;
        assert_eq!(till.at(&world).charge(&charge).await.text, payment.text);
    }
}
