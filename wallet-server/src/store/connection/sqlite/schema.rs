//! Bringing the schema of a file up to date: the same migrations, kept in the same table, as on
//! PostgreSQL.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use sqlx::migrate::{MigrateError, Migration, Migrator};

use crate::store::StoreError;

/// What was done to this file before. The table is as releases made it that migrated with sqlx.
const TABLE: &str = "create table if not exists _sqlx_migrations (
    version bigint primary key,
    description text not null,
    installed_on timestamp not null default current_timestamp,
    success boolean not null,
    checksum blob not null,
    execution_time bigint not null
)";

/// Makes the changes that have not been made yet, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, migrator: &Migrator) -> Result<(), StoreError> {
    connection.execute_batch(TABLE)?;
    let unfinished = "select version from _sqlx_migrations where not success order by version";
    let unfinished = connection.query_row(unfinished, [], |row| row.get(0)).optional()?;
    if let Some(version) = unfinished {
        return Err(MigrateError::Dirty(version).into());
    }
    let applied = applied(connection)?;
    let known = |version: &i64| migrator.iter().any(|migration| migration.version == *version);
    if let Some(version) = applied.keys().find(|version| !known(version)) {
        return Err(MigrateError::VersionMissing(*version).into());
    }
    // What a migration sorts is as large as the books, and they may be larger than the memory.
    let kept_in: i64 = connection.pragma_query_value(None, "temp_store", |row| row.get(0))?;
    connection.pragma_update(None, "temp_store", "file")?;
    for migration in migrator.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if *checksum == *migration.checksum => {}
            Some(_) => return Err(MigrateError::VersionMismatch(migration.version).into()),
            None => apply(connection, migration)?,
        }
    }
    Ok(connection.pragma_update(None, "temp_store", kept_in)?)
}

/// The checksums of the migrations that were made, by their numbers.
fn applied(connection: &Connection) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
    let mut statement = connection.prepare("select version, checksum from _sqlx_migrations")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let made = || -> Result<(), rusqlite::Error> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql.as_str())?;
        transaction.execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             values (?1, ?2, true, ?3, 0)",
            (migration.version, &*migration.description, &*migration.checksum),
        )?;
        transaction.commit()
    };
    let mut made = made;
    made().map_err(|error| {
        MigrateError::Source(format!("migration {}: {error}", migration.version).into()).into()
    })
}
