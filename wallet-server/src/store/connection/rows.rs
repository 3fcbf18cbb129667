//! The rows that a statement of SQLite's takes, as values and not as JSON.

use std::ops::Range;

use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::ser::{Error as _, Impossible, Serializer};
use serde_json::Error;

use crate::store::StoreError;
use crate::store::row::{Places, put_fields};

/// The input rows of a statement that is run once for each.
#[derive(Debug)]
pub(super) struct Rows {
    columns: &'static [&'static str],
    /// A row after the other.
    values: Vec<Value>,
    /// What texts and blobs consist of.
    bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Value {
    Null,
    Integer(i64),
    Text(Range<usize>),
    Blob(Range<usize>),
}

impl Rows {
    /// Puts the rows' fields into the places of the columns. A column that a row leaves out is null.
    ///
    /// # Errors
    /// When a row is no structure with named fields, or a field is more than one value.
    pub(super) fn new(
        columns: &'static [&'static str],
        rows: &[impl Serialize],
    ) -> Result<Self, Error> {
        let width = columns.len();
        let (values, bytes) =
            (Vec::with_capacity(width * rows.len()), Vec::with_capacity(width * rows.len() * 12));
        let mut all = Self { columns, values, bytes };
        for row in rows {
            let first = all.values.len();
            all.values.resize(first + width, Value::Null);
            let Self { values, bytes, .. } = &mut all;
            put_fields(columns, row, &mut Place { row: &mut values[first..], bytes })?;
        }
        Ok(all)
    }

    /// Gives the statement one row after the other: its number, and its columns.
    pub(super) fn each(
        &self,
        statement: &mut Statement<'_>,
        mut run: impl FnMut(&mut Statement<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let number_at = statement.parameter_index(":n")?;
        let mut places = Vec::with_capacity(self.columns.len());
        for name in self.columns {
            places.push(statement.parameter_index(&format!(":{name}"))?);
        }
        // One that is not given would be null, and nobody would notice.
        let given = places.iter().chain([&number_at]).flatten().count();
        if given != statement.parameter_count() {
            return Err(StoreError::Corrupt("a parameter that is no column"));
        }
        for (number, row) in (0_i64..).zip(self.values.chunks(self.columns.len())) {
            if let Some(place) = number_at {
                statement.raw_bind_parameter(place, number)?;
            }
            for (place, value) in places.iter().zip(row) {
                let Some(place) = *place else { continue };
                statement.raw_bind_parameter(place, ToSqlOutput::Borrowed(self.value(value)))?;
            }
            run(statement)?;
        }
        Ok(())
    }

    fn value(&self, value: &Value) -> ValueRef<'_> {
        let bytes = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        match value {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(range) => ValueRef::Text(bytes(range)),
            Value::Blob(range) => ValueRef::Blob(bytes(range)),
        }
    }
}

/// The row that is being written.
struct Place<'a> {
    row: &'a mut [Value],
    bytes: &'a mut Vec<u8>,
}

impl Places for Place<'_> {
    fn put(&mut self, column: usize, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let value = value.serialize(One { bytes: self.bytes })?;
        if let Some(place) = self.row.get_mut(column) {
            *place = value;
        }
        Ok(())
    }
}

/// Takes one value.
struct One<'a> {
    bytes: &'a mut Vec<u8>,
}

impl One<'_> {
    fn keep(self, bytes: &[u8]) -> Range<usize> {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        from..self.bytes.len()
    }
}

/// Numbers that SQLite's integers hold.
macro_rules! integers {
    ($($method:ident($type:ty)),+ $(,)?) => {
        $(fn $method(self, number: $type) -> Result<Value, Error> {
            i64::try_from(number).map(Value::Integer).map_err(Error::custom)
        })+
    };
}

/// Everything that is more than one value, or none that the books know.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty),+ $(,)?) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, Error> {
            Err(Error::custom("a column holds an integer, a text, bytes or nothing"))
        })+
    };
}

type Never = Impossible<Value, Error>;

impl Serializer for One<'_> {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn is_human_readable(&self) -> bool {
        false
    }

    integers! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
    }

    fn serialize_str(self, text: &str) -> Result<Value, Error> {
        Ok(Value::Text(self.keep(text.as_bytes())))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        Ok(Value::Blob(self.keep(bytes)))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Value, Error> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Error> {
        self.serialize_unit_struct(name)
    }

    refuse! {
        serialize_f32(f32) -> Value,
        serialize_f64(f64) -> Value,
        serialize_char(char) -> Value,
        serialize_unit_struct(&'static str) -> Value,
        serialize_seq(Option<usize>) -> Never,
        serialize_tuple(usize) -> Never,
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_map(Option<usize>) -> Never,
        serialize_struct(&'static str, usize) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use serde::Serialize;

    use super::Rows;
    use crate::store::StoreError;
    use crate::store::hex::{Bytes, Hex};

    #[derive(Serialize, Default)]
    struct Row {
        text: &'static str,
        #[serde(flatten)]
        inner: Inner,
        nothing: Option<u8>,
        yes: bool,
    }

    #[derive(Serialize, Default)]
    struct Inner {
        number: i64,
        id: Option<Hex<2>>,
        bytes: Option<Bytes>,
        beside: u8,
    }

    /// What SQLite gets of rows, a text for each.
    fn given(
        columns: &'static [&'static str],
        rows: &[impl Serialize],
        text: &str,
    ) -> Result<Vec<String>, StoreError> {
        let connection = Connection::open_in_memory()?;
        let mut found = Vec::new();
        Rows::new(columns, rows)?.each(&mut connection.prepare(text)?, |statement| {
            let mut answer = statement.raw_query();
            while let Some(row) = answer.next()? {
                found.push(row.get(0)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn each_row_is_given_by_the_names_of_its_columns_and_what_it_leaves_out_is_null() {
        let columns = &["number", "id", "bytes", "text", "nothing", "yes", "missing"];
        let one = Row {
            text: "it's",
            inner: Inner { number: i64::MIN, id: Some(Hex([1, 255])), ..Inner::default() },
            yes: true,
            ..Row::default()
        };
        let other = Inner { bytes: Some(Bytes(vec![])), ..Inner::default() };
        let other = Row { inner: other, ..Row::default() };
        let text = "select concat_ws(' ', :n, quote(:text), quote(:number), quote(:id), \
                    quote(:bytes), quote(:nothing), quote(:yes), quote(:missing))";
        assert_eq!(
            given(columns, &[one, other], text).unwrap(),
            [
                "0 'it''s' -9223372036854775808 X'01FF' NULL NULL 1 NULL",
                "1 '' 0 NULL X'' NULL 0 NULL",
            ]
        );
    }

    #[test]
    fn a_parameter_that_is_no_column_is_an_error_and_not_null() {
        let rows = [Row::default()];
        assert!(given(&["text", "number"], &rows, "select quote(:number)").is_ok());
        let error = given(&["text", "number"], &rows, "select quote(:numbr)").unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        assert!(given(&["text"], &rows, "select :text || ?").is_err());
    }

    #[test]
    fn what_is_no_row_or_not_one_value_is_an_error() {
        #[derive(Serialize)]
        struct Wrong<T> {
            text: T,
        }
        fn refused(value: impl Serialize) {
            let error = Rows::new(&["text"], &[Wrong { text: value }]).unwrap_err();
            assert!(!error.to_string().is_empty());
        }
        refused([1, 2]);
        refused(0.5);
        refused('c');
        refused(u64::MAX);
        refused(Inner::default());
        refused(Ok::<_, ()>(1));
        assert!(Rows::new(&["text"], &[1]).is_err());
    }
}
