//! Data objects: an id, and a text or more objects.

use core::fmt;

use super::{VALUE_LENGTH_MAX, read::Cursor};

/// The id of a data object, 00 to 99.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(u8);

impl ObjectId {
    /// The id with this number; `None` above 99.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 99 { Some(Self(number)) } else { None }
    }

    /// An id that the code names.
    pub(crate) const fn known(number: u8) -> Self {
        assert!(number <= 99, "an id has two digits");
        Self(number)
    }

    /// Reads two ASCII digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        two_digits(text).map(Self)
    }

    /// The number, 0 to 99.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The number that exactly two ASCII digits say.
pub(super) fn two_digits(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A data object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataObject {
    id: ObjectId,
    value: Value,
    /// Characters before its id.
    offset: usize,
}

/// What a data object holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Characters.
    Text(String),
    /// More objects.
    Template(Vec<DataObject>),
}

impl DataObject {
    /// An object to be written.
    #[must_use]
    pub fn text(id: ObjectId, value: impl Into<String>) -> Self {
        Self { id, value: Value::Text(value.into()), offset: 0 }
    }

    /// A template to be written.
    #[must_use]
    pub fn template(id: ObjectId, objects: Vec<Self>) -> Self {
        Self { id, value: Value::Template(objects), offset: 0 }
    }

    pub(super) fn read(id: ObjectId, value: Value, offset: usize) -> Self {
        Self { id, value, offset }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// What it holds.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// How many characters of the payload stand before it; 0 for one that was not read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The text; `None` for a template.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Template(_) => None,
        }
    }

    /// The objects within; none for a text.
    #[must_use]
    pub fn objects(&self) -> &[Self] {
        match &self.value {
            Value::Text(_) => &[],
            Value::Template(objects) => objects,
        }
    }

    /// The globally unique identifier of a template: the text of its object 00.
    #[must_use]
    pub fn guid(&self) -> Option<&str> {
        find(self.objects(), 0).and_then(Self::as_text)
    }

    /// The value as it is written, without id and length.
    #[must_use]
    pub fn encoded_value(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Template(objects) => encode(objects),
        }
    }

    /// Whether the length of the value, and of all within, can be written.
    pub(super) fn is_writable(&self) -> bool {
        self.objects().iter().all(Self::is_writable)
            && Cursor::length_of(&self.encoded_value()) <= VALUE_LENGTH_MAX
    }
}

/// Objects as they are written: ids, lengths in characters, values.
impl fmt::Display for DataObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.encoded_value();
        write!(f, "{}{:02}{value}", self.id, Cursor::length_of(&value))
    }
}

/// Objects one after the other.
pub(super) fn encode(objects: &[DataObject]) -> String {
    objects.iter().map(DataObject::to_string).collect()
}

/// The object with this number.
pub(super) fn find(objects: &[DataObject], number: u8) -> Option<&DataObject> {
    objects.iter().find(|object| object.id.number() == number)
}
