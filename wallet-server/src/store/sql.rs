//! The seam between the two databases: one text a statement, two heads.
//!
//! Every statement has one parameter, a JSON array of rows, and a query answers with one JSON
//! array. A row is an array of its columns ([`row`](super::row)). So a statement is one step whatever
//! the number of rows, because a step for each costs more than the row: a round trip with PostgreSQL.
//! Only how JSON becomes rows and rows become JSON differs, and only here.
//!
//! SQLite is no round trip away, and JSON is what much of a small statement's time goes to there. So
//! the statements that settle a payment, and those of the merchants' feed, are run on SQLite for each
//! input row, whose columns are named parameters, and rows come back as they are. Such a statement must
//! mean the same for one row after the other as for all of them at once. Where SQLite would first write
//! the one row of `input` to a table of its own, as it does for `update … from`, the statement has a
//! text of its own.
//!
//! PostgreSQL takes every array for one of a hundred rows, and would rather read a small table once
//! than look a hundred rows up, with a plan that its connection keeps while the table grows. Of rows
//! that must satisfy an equality it expects next to none, so it looks them up: that is all that
//! `ordinality = abs(ordinality)` is for.
//!
//! `jsonb_each` hands a row on as it was parsed. `json_each` would write it as text again, and
//! every column would parse that: payments took 7 % longer.

/// A statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// For SQLite 3.51 and later.
    pub(crate) sqlite: &'static str,
    /// For SQLite, about one row whose columns are parameters of their names, `:n` its number; empty if
    /// the statement gets all rows at once.
    pub(crate) each: &'static str,
    /// For PostgreSQL 15 and later.
    pub(crate) postgres: &'static str,
    /// What a row of the parameter holds, in this order.
    pub(crate) columns: &'static [&'static str],
    /// What a row of the answer holds, in this order; a change answers with none.
    pub(crate) output: &'static [&'static str],
}

/// Which database is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A column read from its place in a JSON array: bytes travel as lower-case hexadecimal digits.
///
/// SQLite takes `$[3]` as it stands, and would make it of a plain `3` for every row anew.
macro_rules! read_column {
    (sqlite $place:literal $name:ident blob) => {
        concat!(", unhex(value ->> '$[", $place, "]') as ", stringify!($name))
    };
    (sqlite $place:literal $name:ident $type:ident) => {
        concat!(", value ->> '$[", $place, "]' as ", stringify!($name))
    };
    (postgres $place:literal $name:ident blob) => {
        concat!(", decode(value ->> ", $place, ", 'hex') as ", stringify!($name))
    };
    (postgres $place:literal $name:ident int) => {
        concat!(", (value ->> ", $place, ")::bigint as ", stringify!($name))
    };
    (postgres $place:literal $name:ident text) => {
        concat!(", value ->> ", $place, " as ", stringify!($name))
    };
}

/// All columns of a row, each read from its place.
macro_rules! read_columns {
    ($dialect:ident $($column:tt)+) => {
        $crate::store::sql::read_columns!(@ $dialect
            [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
             32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59]
            $($column)+)
    };
    (@ $dialect:ident [$place:literal $($places:literal)*] $name:ident: $type:ident
        $(, $names:ident: $types:ident)*) => {
        concat!(
            $crate::store::sql::read_column!($dialect $place $name $type),
            $crate::store::sql::read_columns!(@ $dialect [$($places)*] $($names: $types),*)
        )
    };
    (@ $dialect:ident [$($places:literal)*]) => { "" };
}

/// A column written to its place in a JSON array.
macro_rules! write_column {
    (sqlite $name:ident blob) => {
        concat!("iif(", stringify!($name), " is null, null, lower(hex(", stringify!($name), ")))")
    };
    (postgres $name:ident blob) => {
        concat!("encode(", stringify!($name), ", 'hex')")
    };
    ($dialect:ident $name:ident $type:ident) => {
        stringify!($name)
    };
}

/// A statement over the rows of its parameter.
///
/// - `sql!(input { a: blob, b: int } "insert …")` changes rows. `input` has a column for each
///   field, and `n`, the row's position from 0.
/// - `sql!(input { a: blob } "select …" => { c: blob, d: text })` asks: the columns named behind
///   the arrow come back as a JSON array, a row each, in the order of the query.
/// - the text may come in several pieces, so that statements can share some.
/// - `sql!(postgres input …)` is for PostgreSQL alone: locks, and what several processes need.
/// - `sql!(each input …)` is run for each row on SQLite, and `sql!(each "…" input …)` with a text of
///   its own there.
macro_rules! sql {
    (each $each:literal input $($statement:tt)+) => {
        $crate::store::sql::Sql { each: $each, ..$crate::store::sql::sql!(input $($statement)+) }
    };
    (each input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+) => {
        $crate::store::sql::Sql {
            each: concat!(
                "with input as (select :n as n",
                $(", :", stringify!($name), " as ", stringify!($name)),+, ") ", $($text),+
            ),
            ..$crate::store::sql::sql!(input { $($name: $type),+ } $($text)+)
        }
    };
    (each input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+
        => { $first:ident: $first_type:ident $(, $out:ident: $out_type:ident)* $(,)? }) => {
        $crate::store::sql::Sql {
            each: concat!(
                "with input as (select :n as n",
                $(", :", stringify!($name), " as ", stringify!($name)),+,
                "), output as (", $($text),+, ") select ", stringify!($first), $(", ", stringify!($out),)* " from output"
            ),
            ..$crate::store::sql::sql!(input { $($name: $type),+ } $($text)+
                => { $first: $first_type $(, $out: $out_type)* })
        }
    };
    (postgres $($statement:tt)+) => {
        $crate::store::sql::Sql { sqlite: "", ..$crate::store::sql::sql!($($statement)+) }
    };
    (input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+) => {
        $crate::store::sql::Sql {
            sqlite: concat!(
                "with input as (select key as n",
                $crate::store::sql::read_columns!(sqlite $($name: $type),+),
                " from jsonb_each($1)) ", $($text),+
            ),
            postgres: concat!(
                "with input as (select ordinality - 1 as n",
                $crate::store::sql::read_columns!(postgres $($name: $type),+),
                " from jsonb_array_elements($1) with ordinality where ordinality = abs(ordinality)) ",
                $($text),+
            ),
            each: "",
            columns: &[$(stringify!($name)),+],
            output: &[],
        }
    };
    (input { $($name:ident: $type:ident),+ $(,)? } $($text:literal)+
        => { $first:ident: $first_type:ident $(, $out:ident: $out_type:ident)* $(,)? }) => {
        $crate::store::sql::Sql {
            sqlite: concat!(
                "with input as (select key as n",
                $crate::store::sql::read_columns!(sqlite $($name: $type),+),
                " from jsonb_each($1)), output as (", $($text),+,
                ") select json_group_array(json_array(",
                $crate::store::sql::write_column!(sqlite $first $first_type),
                $(", ", $crate::store::sql::write_column!(sqlite $out $out_type),)*
                ")) from output"
            ),
            postgres: concat!(
                "with input as (select ordinality - 1 as n",
                $crate::store::sql::read_columns!(postgres $($name: $type),+),
                " from jsonb_array_elements($1) with ordinality where ordinality = abs(ordinality)), \
                 output as (", $($text),+,
                ") select coalesce(json_agg(json_build_array(",
                $crate::store::sql::write_column!(postgres $first $first_type),
                $(", ", $crate::store::sql::write_column!(postgres $out $out_type),)*
                ")), '[]')::text from output"
            ),
            each: "",
            columns: &[$(stringify!($name)),+],
            output: &[stringify!($first) $(, stringify!($out))*],
        }
    };
}

pub(crate) use {read_column, read_columns, sql, write_column};

#[cfg(test)]
mod tests {
    #[test]
    fn the_dialects_share_everything_but_head_and_foot() {
        let change =
            sql!(input { id: blob, amount: int } "insert into t select id, amount from input");
        assert_eq!(
            change.sqlite,
            "with input as (select key as n, unhex(value ->> '$[0]') as id, \
             value ->> '$[1]' as amount from jsonb_each($1)) insert into t select id, amount from input"
        );
        assert_eq!(
            change.postgres,
            "with input as (select ordinality - 1 as n, decode(value ->> 0, 'hex') as id, \
             (value ->> 1)::bigint as amount from jsonb_array_elements($1) with ordinality \
             where ordinality = abs(ordinality)) insert into t select id, amount from input"
        );
        assert_eq!(change.each, "");
        let change =
            sql!(each input { id: blob, amount: int } "insert into t select id, amount from input");
        assert_eq!(
            change.each,
            "with input as (select :n as n, :id as id, :amount as amount) \
             insert into t select id, amount from input"
        );
        let query =
            sql!(each input { id: blob } "select id, name from t" => { id: blob, name: text });
        assert_eq!(
            query.each,
            "with input as (select :n as n, :id as id), output as (select id, name from t) \
             select id, name from output"
        );
        assert_eq!(
            query.sqlite,
            "with input as (select key as n, unhex(value ->> '$[0]') as id from jsonb_each($1)), \
             output as (select id, name from t) select json_group_array(json_array(\
             iif(id is null, null, lower(hex(id))), name)) from output"
        );
        assert_eq!(
            query.postgres,
            "with input as (select ordinality - 1 as n, decode(value ->> 0, 'hex') as id \
             from jsonb_array_elements($1) with ordinality where ordinality = abs(ordinality)), \
             output as (select id, name from t) \
             select coalesce(json_agg(json_build_array(encode(id, 'hex'), name)), '[]')::text \
             from output"
        );
    }
}
