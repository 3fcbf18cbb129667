//! Bytes in JSON rows, as lower-case hexadecimal digits.

use serde::de::Error as _;
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
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("bytes of another length"))
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
    let mut digits = [0; 256];
    match base16ct::lower::encode_str(bytes, &mut digits) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.serialize_str(&base16ct::lower::encode_string(bytes)),
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base16ct::lower::decode_vec(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

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
