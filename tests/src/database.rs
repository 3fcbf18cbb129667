//! The two databases that a world can be on.

use std::path::Path;

use sqlx::{AnyConnection, Connection};
use tokio::sync::OnceCell;
use wallet_server::store::Store;
use wallet_test_postgres::Postgres;

/// Which database a world is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Database {
    /// A new file.
    Sqlite,
    /// A new database in a PostgreSQL of the tests' own.
    Postgres,
}

impl Database {
    /// What differs between the two.
    pub const fn choose<T: Copy>(self, sqlite: T, postgres: T) -> T {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }

    /// Makes a database for a world with this folder.
    pub(crate) async fn make(self, folder: &Path) -> Books {
        match self {
            Self::Sqlite => {
                Books::Sqlite(format!("sqlite:{}", folder.join("wallet.sqlite").display()))
            }
            Self::Postgres => Books::Postgres(migrated().await),
        }
    }
}

/// The database of one world; it is gone when this is dropped, and the folder with it.
#[derive(Debug)]
pub enum Books {
    /// A file, as the server is told to open it.
    Sqlite(String),
    /// A database in PostgreSQL.
    Postgres(wallet_test_postgres::Database),
}

impl Books {
    /// What the server is told to open.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(url) => url.clone(),
            Self::Postgres(database) => database.url(),
        }
    }

    /// A connection to it, beside the server's own.
    pub(crate) async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url()).await.unwrap();
        if let Self::Sqlite(_) = self {
            let guards = "pragma foreign_keys = on; pragma recursive_triggers = on";
            sqlx::raw_sql(guards).execute(&mut connection).await.unwrap();
        }
        connection
    }
}

/// A new database with the schema in it, which was made once.
async fn migrated() -> wallet_test_postgres::Database {
    static TEMPLATE: OnceCell<wallet_test_postgres::Database> = OnceCell::const_new();
    let make = || async {
        let template = Postgres::shared().database();
        Store::open(&template.url()).await.unwrap().close().await;
        template
    };
    let template = TEMPLATE.get_or_init(make).await;
    template.server().copy_of(template)
}
