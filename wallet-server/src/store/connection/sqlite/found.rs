//! The rows that a statement gives, read from its columns.

use rusqlite::types::ValueRef;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

/// Reads a row that a statement gave by the names of its columns.
///
/// # Errors
/// When it does not have what the structure wants.
pub(super) fn read_row<Row: DeserializeOwned>(
    columns: &'static [&'static str],
    row: &rusqlite::Row<'_>,
) -> Result<Row, Error> {
    Row::deserialize(MapAccessDeserializer::new(FoundRow { columns, row, next: 0 }))
}

/// A row that is being read.
struct FoundRow<'a, 'b> {
    columns: &'static [&'static str],
    row: &'a rusqlite::Row<'b>,
    next: usize,
}

impl<'de> MapAccess<'de> for FoundRow<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let name = self.columns.get(self.next);
        name.map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self.row.get_ref(self.next).map_err(Error::custom)?;
        self.next += 1;
        seed.deserialize(Found(value))
    }
}

/// A value that a statement gave.
struct Found<'a>(ValueRef<'a>);

impl<'de> Deserializer<'de> for Found<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(number) => visitor.visit_i64(number),
            ValueRef::Text(text) => {
                visitor.visit_str(std::str::from_utf8(text).map_err(Error::custom)?)
            }
            ValueRef::Blob(bytes) => visitor.visit_bytes(bytes),
            ValueRef::Real(_) => Err(Error::custom("a fraction")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::Error;

    use super::read_row;
    use crate::store::hex::{Bytes, Hex};

    #[derive(Deserialize, PartialEq, Debug)]
    struct Found {
        number: u8,
        text: Option<String>,
        #[serde(flatten)]
        inner: Inner,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Inner {
        id: Hex<2>,
        bytes: Option<Bytes>,
        #[serde(default)]
        missing: Option<u8>,
    }

    const COLUMNS: &[&str] = &["id", "number", "text", "bytes"];

    fn found<Row: DeserializeOwned>(
        columns: &'static [&'static str],
        values: &str,
    ) -> Result<Row, Error> {
        let connection = Connection::open_in_memory().unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok(read_row(columns, row));
        connection.query_row(&format!("select {values}"), [], row).unwrap()
    }

    #[test]
    fn a_row_is_read_by_the_names_of_its_columns() {
        let inner = |bytes| Inner { id: Hex([1, 255]), bytes, missing: None };
        let row = found::<Found>(COLUMNS, "x'01ff', 255, 'é', x''").unwrap();
        let text = Some("é".to_owned());
        assert_eq!(row, Found { number: 255, text, inner: inner(Some(Bytes(vec![]))) });
        let row = found::<Found>(COLUMNS, "x'01ff', 0, null, null").unwrap();
        assert_eq!(row, Found { number: 0, text: None, inner: inner(None) });
    }

    #[test]
    fn a_row_of_another_shape_is_an_error() {
        for values in [
            "null, 1, null, null",
            "x'01', 1, null, null",
            "1, 1, null, null",
            "x'01ff', 256, null, null",
            "x'01ff', -1, null, null",
            "x'01ff', 1.5, null, null",
            "x'01ff', null, null, null",
            "x'01ff', 1, 2, null",
            "x'01ff', 1, cast(x'ff' as text), null",
            "x'01ff', 1, null, 3",
        ] {
            assert!(found::<Found>(COLUMNS, values).is_err(), "{values}");
        }
        // Fewer columns than the statement is said to give.
        assert!(found::<Found>(COLUMNS, "x'01ff', 1, null").is_err());
        assert!(found::<Found>(&["id", "text"], "x'01ff', 'a'").is_err());
    }
}
