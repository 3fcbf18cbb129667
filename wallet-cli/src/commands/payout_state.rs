//! How far a payout is, on the command line.

use clap::ValueEnum;

/// How far a payout is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PayoutState {
    /// The money is held and waits for the bank
    Authorized,
    /// The bank has paid it
    Succeeded,
    /// The merchant has the money again
    Canceled,
}

impl PayoutState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}
