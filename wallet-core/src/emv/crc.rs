//! The checksum of a payload.

use crc::{CRC_16_IBM_3740, Crc};

/// CRC-16/CCITT-FALSE, which the catalogue of checksums calls IBM-3740.
const CCITT_FALSE: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// The id and the length of the checksum object: the last characters that it covers.
pub(super) const CRC_HEADER: &str = "6304";

/// The checksum of what ends in [`CRC_HEADER`], as it is written.
pub(super) fn checksum(text: &str) -> String {
    format!("{:04X}", CCITT_FALSE.checksum(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_checksum_is_the_one_of_the_catalogue() {
        assert_eq!(checksum("123456789"), "29B1");
        assert_eq!(checksum(""), "FFFF");
    }
}
