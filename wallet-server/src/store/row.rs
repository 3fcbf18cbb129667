//! Rows on their way to the database and back, in the order of the statement's columns.
//!
//! A row's fields are put into their places by name, so their order in the structure does not matter,
//! and one structure serves statements of which one takes less than another. In JSON a row is an
//! array: an object would repeat its names in every row, and to find one column the database would
//! have to pass all names before it: a payment has forty.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStruct, Serializer};
use serde_json::Error;

/// Where the fields of a row go.
pub(super) trait Places {
    /// Takes the value of a column.
    fn put(&mut self, column: usize, value: &(impl Serialize + ?Sized)) -> Result<(), Error>;
}

/// Puts the fields of a row into the places of the statement's columns. A field that is none of the
/// columns is left out.
///
/// # Errors
/// When the row is no structure with named fields.
pub(super) fn put_fields(
    columns: &[&str],
    row: &impl Serialize,
    places: &mut impl Places,
) -> Result<(), Error> {
    row.serialize(&mut Row { columns, next: 0, places })
}

/// The row that is being written.
struct Row<'a, P> {
    columns: &'a [&'a str],
    /// The column after the last one: fields mostly come in order.
    next: usize,
    places: &'a mut P,
}

impl<P: Places> Row<'_, P> {
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let column = match self.columns.get(self.next) {
            Some(next) if *next == name => self.next,
            _ => match self.columns.iter().position(|column| *column == name) {
                Some(column) => column,
                None => return Ok(()),
            },
        };
        self.places.put(column, value)?;
        self.next = column + 1;
        Ok(())
    }
}

/// Writes the rows as one JSON array of arrays. A column that a row leaves out is null.
///
/// # Errors
/// When a row is no structure with named fields.
pub(super) fn rows_to_json(columns: &[&str], rows: &[impl Serialize]) -> Result<String, Error> {
    let mut json = Vec::with_capacity(rows.len() * columns.len() * 16 + 2);
    let mut row = JsonRow::default();
    json.push(b'[');
    for (number, fields) in rows.iter().enumerate() {
        if number > 0 {
            json.push(b',');
        }
        row.values.clear();
        row.places.clear();
        row.places.resize(columns.len(), None);
        put_fields(columns, fields, &mut row)?;
        row.write(&mut json);
    }
    json.push(b']');
    String::from_utf8(json).map_err(Error::custom)
}

/// A row as JSON.
#[derive(Default)]
struct JsonRow {
    /// The fields, one after the other as they come.
    values: Vec<u8>,
    /// Where in `values` each column begins and ends.
    places: Vec<Option<(usize, usize)>>,
}

impl Places for JsonRow {
    fn put(&mut self, column: usize, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let from = self.values.len();
        serde_json::to_writer(&mut self.values, value)?;
        if let Some(place) = self.places.get_mut(column) {
            *place = Some((from, self.values.len()));
        }
        Ok(())
    }
}

impl JsonRow {
    fn write(&self, json: &mut Vec<u8>) {
        json.push(b'[');
        for (column, place) in self.places.iter().enumerate() {
            if column > 0 {
                json.push(b',');
            }
            let value = place.and_then(|(from, to)| self.values.get(from..to));
            json.extend_from_slice(value.unwrap_or(b"null"));
        }
        json.push(b']');
    }
}

impl<P: Places> SerializeStruct for &mut Row<'_, P> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.put(name, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// A structure into which another one is flattened comes as a map.
struct Fields<'a, 'b, P> {
    row: &'a mut Row<'b, P>,
    name: String,
}

impl<P: Places> SerializeMap for Fields<'_, '_, P> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.name.clear();
        write!(self.name, "{}", Name(name)).map_err(Error::custom)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.row.put(&self.name, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// The text of a map's key.
struct Name<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> fmt::Display for Name<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

/// Everything that is no row.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty),+ $(,)?) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, Error> {
            Err(Error::custom("a row is a structure with named fields"))
        })+
    };
}

type Never = Impossible<(), Error>;

impl<'a, 'b, P: Places> Serializer for &'a mut Row<'b, P> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Fields<'a, 'b, P>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'a, 'b, P>, Error> {
        Ok(Fields { row: self, name: String::new() })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    refuse! {
        serialize_bool(bool) -> (),
        serialize_i8(i8) -> (),
        serialize_i16(i16) -> (),
        serialize_i32(i32) -> (),
        serialize_i64(i64) -> (),
        serialize_u8(u8) -> (),
        serialize_u16(u16) -> (),
        serialize_u32(u32) -> (),
        serialize_u64(u64) -> (),
        serialize_f32(f32) -> (),
        serialize_f64(f64) -> (),
        serialize_char(char) -> (),
        serialize_str(&str) -> (),
        serialize_bytes(&[u8]) -> (),
        serialize_none() -> (),
        serialize_unit() -> (),
        serialize_unit_struct(&'static str) -> (),
        serialize_unit_variant(&'static str, u32, &'static str) -> (),
        serialize_seq(Option<usize>) -> Never,
        serialize_tuple(usize) -> Never,
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never,
    }
}

/// Reads the rows of an answer, a JSON array of arrays.
///
/// # Errors
/// When it is something else, or a row does not have what the structure wants.
pub(super) fn rows_from_json<Row: DeserializeOwned>(
    columns: &'static [&'static str],
    json: &str,
) -> Result<Vec<Row>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let rows = Answer { columns, row: PhantomData }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(rows)
}

/// All rows of an answer.
struct Answer<Row> {
    columns: &'static [&'static str],
    row: PhantomData<Row>,
}

impl<'de, Row: DeserializeOwned> DeserializeSeed<'de> for Answer<Row> {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Row>, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, Row: DeserializeOwned> Visitor<'de> for Answer<Row> {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Vec<Row>, A::Error> {
        let mut rows = Vec::new();
        let one = || One { columns: self.columns, row: PhantomData };
        while let Some(row) = json.next_element_seed(one())? {
            rows.push(row);
        }
        Ok(rows)
    }
}

/// One row of an answer.
struct One<Row> {
    columns: &'static [&'static str],
    row: PhantomData<Row>,
}

impl<'de, Row: DeserializeOwned> DeserializeSeed<'de> for One<Row> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Row, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, Row: DeserializeOwned> Visitor<'de> for One<Row> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} columns", self.columns.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Row, A::Error> {
        Row::deserialize(MapAccessDeserializer::new(Named { columns: self.columns.iter(), values }))
    }
}

/// The values of a row, each under the name of its column.
struct Named<A> {
    columns: std::slice::Iter<'static, &'static str>,
    values: A,
}

impl<'de, A: SeqAccess<'de>> MapAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let name = self.columns.next();
        name.map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let value = self.values.next_element_seed(seed)?;
        value.ok_or_else(|| serde::de::Error::custom("a row ends before its last column"))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::{rows_from_json, rows_to_json};

    #[derive(Serialize)]
    struct Inner {
        b: &'static str,
    }

    #[derive(Serialize)]
    struct Outer {
        c: Option<u8>,
        #[serde(flatten)]
        inner: Inner,
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<i64>,
    }

    #[test]
    fn fields_stand_in_the_order_of_the_columns_whatever_their_own() {
        let rows = [
            Outer { c: Some(3), inner: Inner { b: "x\"" }, a: Some(-1) },
            Outer { c: None, inner: Inner { b: "" }, a: None },
        ];
        let json = rows_to_json(&["a", "b", "c", "d"], &rows).unwrap();
        assert_eq!(json, r#"[[-1,"x\"",3,null],[null,"",null,null]]"#);
        assert_eq!(rows_to_json(&["a"], &[] as &[Outer]).unwrap(), "[]");
    }

    #[test]
    fn what_the_statement_does_not_take_is_left_out() {
        let rows = [Outer { c: Some(3), inner: Inner { b: "x" }, a: Some(1) }];
        assert_eq!(rows_to_json(&["c"], &rows).unwrap(), "[[3]]");
    }

    #[test]
    fn what_is_no_row_is_an_error() {
        assert!(rows_to_json(&["a"], &[1]).is_err());
        assert!(rows_to_json(&["a"], &[["x"]]).is_err());
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Found {
        b: Option<String>,
        #[serde(flatten)]
        inner: FoundInner,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct FoundInner {
        a: i64,
    }

    #[test]
    fn an_answer_is_read_by_the_names_of_its_columns() {
        let json = r#"[[1,"x",null],[2,null,7]]"#;
        let rows: Vec<Found> = rows_from_json(&["a", "b", "c"], json).unwrap();
        let found = |a, b: Option<&str>| Found { b: b.map(str::to_owned), inner: FoundInner { a } };
        assert_eq!(rows, [found(1, Some("x")), found(2, None)]);
        assert_eq!(rows_from_json::<Found>(&["a"], "[]").unwrap(), []);
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error() {
        for json in
            ["", "{}", "[1]", r#"[{"a":1,"b":"x"}]"#, r#"[["x","x"]]"#, "[[1]]", "[[1,null,2]]"]
        {
            assert!(rows_from_json::<Found>(&["a", "b"], json).is_err(), "{json}");
        }
    }
}
