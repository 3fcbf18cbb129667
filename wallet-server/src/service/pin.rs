//! The PIN: six digits that the payer knows and the server checks.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::App;
use crate::store::{Device, KeptPin, StoreError};
use crate::worker::{PinUnanswered, Trier};

/// Six digits. Wiped from memory when dropped; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<[u8; 6]>);

impl Pin {
    /// Reads six digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 6] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then(|| Self(Zeroizing::new(digits)))
    }

    /// Whether it is among the first that anybody would try: one digit repeated, or digits that
    /// follow one another up or down.
    #[must_use]
    pub fn is_too_simple(&self) -> bool {
        let steps = |step: i16| {
            self.0.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == step)
        };
        [-1, 0, 1].into_iter().any(steps)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(secret)")
    }
}

/// Why a PIN was not accepted.
#[derive(Debug)]
pub enum PinRefused {
    /// It is wrong, or locked, or none is set: which of them is not said.
    Refused,
    /// Nothing was tried.
    TooMany {
        /// When to come back.
        retry_after_seconds: u16,
    },
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for PinRefused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PinUnanswered> for PinRefused {
    fn from(unanswered: PinUnanswered) -> Self {
        match unanswered {
            PinUnanswered::TooMany { retry_after_seconds } => Self::TooMany { retry_after_seconds },
            PinUnanswered::Store(error) => Self::Store(error),
        }
    }
}

impl App {
    /// Checks the PIN of a device's payer. A try is counted before it is looked at; five wrong
    /// ones lock the PIN.
    ///
    /// That the device may still act was looked at too, but before the answer: whatever is done
    /// with it looks again, in its own transaction.
    ///
    /// # Errors
    /// [`PinRefused`].
    pub async fn check_pin(self: &Arc<Self>, device: &Device, pin: &Pin) -> Result<(), PinRefused> {
        self.right_pin(device, pin).await.map(drop)
    }

    /// Whether a device's payer may try a PIN at all now: a flood of tries must not write anything.
    ///
    /// # Errors
    /// [`PinRefused::TooMany`].
    pub(crate) fn may_try_pin(&self, device: &Device) -> Result<(), PinRefused> {
        Ok(self.own.pins.may_ask(device.payer)?)
    }

    /// Checks a PIN; the answer is the salt of the PIN that was right.
    pub(super) async fn right_pin(
        &self,
        device: &Device,
        pin: &Pin,
    ) -> Result<[u8; 16], PinRefused> {
        let salt = self.own.pins.check(Trier::of(device), pin.0.clone()).await?;
        salt.ok_or(PinRefused::Refused)
    }

    /// Hashes a PIN that is to be set.
    pub(super) async fn make_pin(&self, device: &Device, pin: &Pin) -> Result<KeptPin, PinRefused> {
        Ok(self.own.pins.make(Trier::of(device), pin.0.clone()).await?)
    }
}

impl Trier {
    /// The device and its payer.
    fn of(device: &Device) -> Self {
        Self { device: device.key_id, payer: device.payer }
    }
}

#[cfg(test)]
mod tests {
    use super::Pin;

    #[test]
    fn a_pin_is_six_digits() {
        for text in ["135790", "000001"] {
            assert!(Pin::parse(text).is_some());
        }
        for text in
            ["", "12345", "1234567", "12345a", "１２３４５６", " 12345", "12345\n", "-12345"]
        {
            assert!(Pin::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_everybody_tries_first_is_too_simple() {
        let simple = |text: &str| Pin::parse(text).unwrap().is_too_simple();
        for text in ["000000", "777777", "123456", "654321", "456789", "987654"] {
            assert!(simple(text), "{text}");
        }
        for text in ["112233", "135790", "123457", "890123", "121212"] {
            assert!(!simple(text), "{text}");
        }
    }

    #[test]
    fn debug_output_never_shows_a_pin() {
        assert_eq!(format!("{:?}", Pin::parse("135790")), "Some(Pin(secret))");
    }
}
