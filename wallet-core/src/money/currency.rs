//! Currencies of ISO 4217.

use core::fmt;

use crate::Error;

const UNKNOWN: Error =
    Error::new("unknown_currency", "not the code of an ISO 4217 currency with minor units");

/// A currency of ISO 4217 that has minor units, for example CNY with an exponent of 2.
///
/// Units of account without an exponent (gold, special drawing rights) are refused, because no
/// amount in them has minor units.
///
/// ```
/// use wallet_core::Currency;
/// let yuan = Currency::from_code("CNY")?;
/// assert_eq!((yuan.numeric(), yuan.exponent()), (156, 2));
/// # Ok::<(), wallet_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    // The table is looked up once; a currency travels with every amount, so it stays four bytes.
    numeric: u16,
    exponent: u8,
}

impl Currency {
    /// The currency with this alphabetic code, in capitals.
    ///
    /// # Errors
    /// `unknown_currency` when the table has no such code or it has no minor units.
    pub fn from_code(code: &str) -> Result<Self, Error> {
        iso_currency::Currency::from_code(code).ok_or(UNKNOWN).and_then(Self::from_table)
    }

    /// The currency with this numeric code, 0 to 999.
    ///
    /// # Errors
    /// `unknown_currency` when the table has no such code or it has no minor units.
    pub fn from_numeric(numeric: u16) -> Result<Self, Error> {
        iso_currency::Currency::from_numeric(numeric).ok_or(UNKNOWN).and_then(Self::from_table)
    }

    fn from_table(entry: iso_currency::Currency) -> Result<Self, Error> {
        let exponent = entry.exponent().and_then(|e| u8::try_from(e).ok()).ok_or(UNKNOWN)?;
        Ok(Self { numeric: entry.numeric(), exponent })
    }

    /// The alphabetic code, for example `CNY`.
    #[must_use]
    pub fn code(self) -> &'static str {
        // Only `from_table` makes a value, so the table knows this number.
        iso_currency::Currency::from_numeric(self.numeric).map_or("XXX", |entry| entry.code())
    }

    /// The numeric code, 0 to 999.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.numeric
    }

    /// How many digits follow the decimal point: 2 for CNY, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        u32::from(self.exponent)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Currency;

    #[test]
    fn exponents_come_from_the_iso_table() {
        for (code, numeric, exponent) in
            [("CNY", 156, 2), ("JPY", 392, 0), ("KWD", 414, 3), ("EUR", 978, 2)]
        {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!((currency.numeric(), currency.exponent()), (numeric, exponent));
            assert_eq!(currency.code(), code);
            assert_eq!(Currency::from_numeric(numeric).unwrap(), currency);
        }
    }

    #[test]
    fn codes_outside_the_table_and_units_without_an_exponent_are_refused() {
        for code in ["", "cny", "CN", "CNYX", "BTC", "XAU", "XDR", "人民币"] {
            assert_eq!(Currency::from_code(code).unwrap_err().code(), "unknown_currency", "{code}");
        }
        assert!(Currency::from_numeric(0).is_err());
        assert!(Currency::from_numeric(1023).is_err());
    }
}
