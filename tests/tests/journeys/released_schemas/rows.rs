//! All rows of a database, as SQL literals: what one database holds can be put into another one,
//! and compared with what a third one holds.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::DATABASE;

/// A row's values by their columns.
pub(super) type Row = BTreeMap<String, String>;

/// The rows of each table.
pub(super) type Rows = BTreeMap<String, Vec<Row>>;

/// What others refer to comes before them, and what a batch holds before the batch, which closes it.
const FIRST: [&str; 9] = [
    "issuer",
    "accounts",
    "merchants",
    "payers",
    "entries",
    "events",
    "batches",
    "api_keys",
    "envelopes",
];

/// Tables in which migrations put a row.
const BEGUN: [&str; 2] = ["merchant_feed", "webhook_cursor"];

/// The migrations of this release, in their order.
pub(super) async fn migrations() -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wallet-server/migrations");
    Migrator::new(folder.join(DATABASE.choose("sqlite", "postgres"))).await.unwrap()
}

/// Makes the schema as it was with this migration as the last one.
pub(super) async fn make_schema(database: &mut AnyConnection, version: i64) {
    let all = migrations().await;
    let released = all.iter().filter(|migration| migration.version <= version).cloned();
    Migrator::with_migrations(released.collect()).run(database).await.unwrap();
}

/// The tables, each with its columns.
pub(super) async fn columns(database: &mut AnyConnection) -> BTreeMap<String, Vec<String>> {
    let question = DATABASE.choose(
        "select t.name, c.name from sqlite_schema t, pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not like 'sqlite_%' order by t.name, c.cid",
        "select table_name::text, column_name::text from information_schema.columns \
         where table_schema = 'public' order by table_name, ordinal_position",
    );
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in sqlx::query(question).fetch_all(database).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        if table != "_sqlx_migrations" {
            tables.entry(table).or_default().push(column);
        }
    }
    tables
}

/// Everything that a database holds.
pub(super) async fn read(database: &mut AnyConnection) -> Rows {
    let mut rows = Rows::new();
    for (table, columns) in columns(database).await {
        let (open, close) = DATABASE.choose(("quote(", ")"), ("quote_nullable(", "::text)"));
        let literals: Vec<_> =
            columns.iter().map(|column| format!("{open}{column}{close}")).collect();
        // Tables whose order matters have it in their first column.
        let question =
            format!("select {} from {table} order by {}", literals.join(", "), columns[0]);
        let read = sqlx::query(AssertSqlSafe(question)).fetch_all(&mut *database).await.unwrap();
        let row = |row: &sqlx::any::AnyRow| {
            let values = (0..columns.len()).map(|index| row.get::<String, _>(index));
            columns.iter().cloned().zip(values).collect()
        };
        rows.insert(table, read.iter().map(row).collect());
    }
    rows
}

/// Puts rows into a database, as far as its schema knows their tables and columns.
pub(super) async fn write(database: &mut AnyConnection, rows: &Rows) {
    let known = columns(database).await;
    let mut script = vec!["begin".to_owned()];
    script.extend(
        BEGUN
            .iter()
            .filter(|table| known.contains_key(**table))
            .map(|table| format!("delete from {table}")),
    );
    let first = FIRST.into_iter().filter_map(|table| known.get_key_value(table));
    let rest = known.iter().filter(|(table, _)| !FIRST.contains(&table.as_str()));
    for (table, columns) in first.chain(rest) {
        let Some(rows) = rows.get(table).filter(|rows| !rows.is_empty()) else { continue };
        let columns: Vec<_> = columns.iter().filter(|name| rows[0].contains_key(*name)).collect();
        let values = rows.iter().map(|row| {
            let values: Vec<_> = columns.iter().map(|column| row[*column].as_str()).collect();
            format!("({})", values.join(", "))
        });
        let names: Vec<_> = columns.iter().map(|column| column.as_str()).collect();
        let values = values.collect::<Vec<_>>().join(", ");
        script.push(format!("insert into {table} ({}) values {values}", names.join(", ")));
    }
    script.push("commit".to_owned());
    for statement in script {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(&*statement)).execute(&mut *database).await
        {
            panic!("{error}: {statement}");
        }
    }
}
