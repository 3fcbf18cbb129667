//! The seam between the two databases: one text a statement, two heads.
//!
//! Every statement has one parameter, a JSON array of rows, and a query answers with one JSON
//! array. So a statement is one step whatever the number of rows, because a statement for each
//! row costs more than the row (50 µs of thread wake-ups with SQLite, a round trip with
//! PostgreSQL). Only how JSON becomes rows and rows become JSON differs, and only here.
//!
//! `jsonb_each` hands a row on as it was parsed. `json_each` would write it as text again, and
//! every column would parse that: payments took 7 % longer.

/// A statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// For SQLite 3.51 and later.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL 15 and later.
    pub(crate) postgres: &'static str,
}

/// Which database is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A column read from a JSON object: bytes travel as lower-case hexadecimal digits.
macro_rules! read_column {
    (sqlite $name:ident blob) => {
        concat!(", unhex(value ->> '", stringify!($name), "') as ", stringify!($name))
    };
    (sqlite $name:ident $type:ident) => {
        concat!(", value ->> '", stringify!($name), "' as ", stringify!($name))
    };
    (postgres $name:ident blob) => {
        concat!(", decode(value ->> '", stringify!($name), "', 'hex') as ", stringify!($name))
    };
    (postgres $name:ident int) => {
        concat!(", (value ->> '", stringify!($name), "')::bigint as ", stringify!($name))
    };
    (postgres $name:ident text) => {
        concat!(", value ->> '", stringify!($name), "' as ", stringify!($name))
    };
}

/// A column written into a JSON object.
macro_rules! write_column {
    (sqlite $name:ident blob) => {
        concat!(
            ", '",
            stringify!($name),
            "', iif(",
            stringify!($name),
            " is null, null, lower(hex(",
            stringify!($name),
            ")))"
        )
    };
    (postgres $name:ident blob) => {
        concat!(", '", stringify!($name), "', encode(", stringify!($name), ", 'hex')")
    };
    ($dialect:ident $name:ident $type:ident) => {
        concat!(", '", stringify!($name), "', ", stringify!($name))
    };
}

/// A statement over the rows of its parameter.
///
/// - `sql!(input { a: blob, b: int } "insert …")` changes rows. `input` has a column for each
///   field, and `n`, the row's position from 0.
/// - `sql!(input { a: blob } "select …" => { c: blob, d: text })` asks: the columns named behind
///   the arrow come back as a JSON array of objects, in the order of the query.
/// - the text may come in several pieces, so that statements can share some.
/// - `sql!(postgres input …)` is for PostgreSQL alone: locks, and what several processes need.
macro_rules! sql {
    (postgres $($statement:tt)+) => {
        $crate::store::sql::Sql { sqlite: "", ..$crate::store::sql::sql!($($statement)+) }
    };
    (input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+) => {
        $crate::store::sql::Sql {
            sqlite: concat!(
                "with input as (select key as n",
                $($crate::store::sql::read_column!(sqlite $name $type)),+,
                " from jsonb_each($1)) ", $($text),+
            ),
            postgres: concat!(
                "with input as (select ordinality - 1 as n",
                $($crate::store::sql::read_column!(postgres $name $type)),+,
                " from jsonb_array_elements($1) with ordinality) ", $($text),+
            ),
        }
    };
    (input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+
        => { $($out:ident: $out_type:ident),+ $(,)? }) => {
        $crate::store::sql::Sql {
            sqlite: concat!(
                "with input as (select key as n",
                $($crate::store::sql::read_column!(sqlite $name $type)),+,
                " from jsonb_each($1)), output as (", $($text),+,
                ") select json_group_array(json_object('row', 0",
                $($crate::store::sql::write_column!(sqlite $out $out_type)),+,
                ")) from output"
            ),
            postgres: concat!(
                "with input as (select ordinality - 1 as n",
                $($crate::store::sql::read_column!(postgres $name $type)),+,
                " from jsonb_array_elements($1) with ordinality), output as (", $($text),+,
                ") select coalesce(json_agg(json_build_object('row', 0",
                $($crate::store::sql::write_column!(postgres $out $out_type)),+,
                ")), '[]')::text from output"
            ),
        }
    };
}

pub(crate) use {read_column, sql, write_column};

#[cfg(test)]
mod tests {
    #[test]
    fn the_dialects_share_everything_but_head_and_foot() {
        let change =
            sql!(input { id: blob, amount: int } "insert into t select id, amount from input");
        assert_eq!(
            change.sqlite,
            "with input as (select key as n, unhex(value ->> 'id') as id, \
             value ->> 'amount' as amount from jsonb_each($1)) insert into t select id, amount from input"
        );
        assert_eq!(
            change.postgres,
            "with input as (select ordinality - 1 as n, decode(value ->> 'id', 'hex') as id, \
             (value ->> 'amount')::bigint as amount from jsonb_array_elements($1) with ordinality) \
             insert into t select id, amount from input"
        );
        let query = sql!(input { id: blob } "select id, name from t" => { id: blob, name: text });
        assert_eq!(
            query.sqlite,
            "with input as (select key as n, unhex(value ->> 'id') as id from jsonb_each($1)), \
             output as (select id, name from t) select json_group_array(json_object('row', 0, \
             'id', iif(id is null, null, lower(hex(id))), 'name', name)) from output"
        );
        assert_eq!(
            query.postgres,
            "with input as (select ordinality - 1 as n, decode(value ->> 'id', 'hex') as id \
             from jsonb_array_elements($1) with ordinality), output as (select id, name from t) \
             select coalesce(json_agg(json_build_object('row', 0, 'id', encode(id, 'hex'), \
             'name', name)), '[]')::text from output"
        );
    }
}
