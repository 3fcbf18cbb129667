//! Bytes in rows: as they are, or in JSON as lower-case hexadecimal digits.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An array of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut array = [0; N];
        deserializer.deserialize_any(Into(&mut array))?;
        Ok(Self(array))
    }
}

/// Reads bytes to a place that has just their length.
struct Into<'a>(&'a mut [u8]);

impl Visitor<'_> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }

    fn visit_str<E: Error>(self, digits: &str) -> Result<(), E> {
        let length = self.0.len();
        let decoded = base16ct::lower::decode(digits, self.0).map_err(E::custom)?;
        if decoded.len() == length { Ok(()) } else { Err(E::custom("bytes of another length")) }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        if bytes.len() != self.0.len() {
            return Err(E::custom("bytes of another length"));
        }
        self.0.copy_from_slice(bytes);
        Ok(())
    }
}

/// Any number of bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

/// A payment has some thirty of these: the usual ones are written without the formatter, and without
/// memory of their own.
fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return serializer.serialize_bytes(bytes);
    }
    let mut digits = [0; 256];
    match base16ct::lower::encode_str(bytes, &mut digits) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.serialize_str(&base16ct::lower::encode_string(bytes)),
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyLength).map(Self)
    }
}

/// Reads bytes of any length.
struct AnyLength;

impl Visitor<'_> for AnyLength {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_str<E: Error>(self, digits: &str) -> Result<Vec<u8>, E> {
        base16ct::lower::decode_vec(digits).map_err(E::custom)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Hex};

    #[test]
    fn bytes_of_another_length_or_in_other_digits_are_refused() {
        assert_eq!(serde_json::from_str::<Hex<2>>("\"01ff\"").unwrap(), Hex([1, 255]));
        for text in ["\"01\"", "\"01ff02\"", "\"01FF\"", "\"01f\"", "null", "1", "[1,255]"] {
            assert!(serde_json::from_str::<Hex<2>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_of_any_length_come_back_as_they_were() {
        for length in [0, 1, 16, 127, 128, 129, 1000] {
            let bytes =
                Bytes((0..length).map(|place| u8::try_from(place % 251).unwrap()).collect());
            let text = serde_json::to_string(&bytes).unwrap();
            assert_eq!(text.len(), 2 * length + 2);
            assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), bytes);
        }
    }
}
