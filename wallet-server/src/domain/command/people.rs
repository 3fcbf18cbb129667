//! What payers ask for that concerns no merchant.

use wallet_core::{DeviceKeyId, Mode, PositiveMoney};

use super::Request;
use crate::domain::ids::{PayerId, PayerTransferId, TransferId, WithdrawalId};

/// A payer asks for something, on a device. Where that takes the PIN, it was right.
#[derive(Clone, Debug)]
pub struct PayerRequest {
    /// The payer.
    pub payer: PayerId,
    /// The device.
    pub device: DeviceKeyId,
    /// The request.
    pub request: Request,
    /// What the answer shows beside its record, encrypted. It is kept with the answer, so that a
    /// repeat shows the same, whatever people are called by then.
    pub shown: Vec<u8>,
}

impl PayerRequest {
    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.request.key.mode
    }
}

/// Money from one payer to another.
#[derive(Clone, Debug)]
pub struct PayerTransfer {
    /// Who gives.
    pub by: PayerRequest,
    /// Its id.
    pub id: PayerTransferId,
    /// The id of the movement.
    pub transfer: TransferId,
    /// Who gets it; none if nobody was found.
    pub payee: Option<PayerId>,
    /// How much.
    pub amount: PositiveMoney,
    /// For the payee to read, encrypted.
    pub note: Option<Vec<u8>>,
}

/// Money that a payer takes out.
#[derive(Clone, Debug)]
pub struct Withdraw {
    /// Who asks.
    pub by: PayerRequest,
    /// Its id.
    pub id: WithdrawalId,
    /// The id of the movement that sets it aside.
    pub transfer: TransferId,
    /// How much.
    pub amount: PositiveMoney,
    /// Where to, for the operator to read, encrypted.
    pub destination: Vec<u8>,
}

/// A withdrawal comes to its end.
#[derive(Clone, Debug)]
pub struct FinishWithdrawal {
    /// The withdrawal.
    pub id: WithdrawalId,
    /// Whose money is set aside.
    pub payer: PayerId,
    /// The id of the movement of what was set aside.
    pub transfer: TransferId,
    /// The operator's request.
    pub request: Request,
    /// What the answer shows beside its record, encrypted.
    pub shown: Vec<u8>,
    /// How it ends.
    pub end: WithdrawalEnd,
}

/// How a withdrawal ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WithdrawalEnd {
    /// The bank has paid it.
    Paid {
        /// The bank's reference: each for one withdrawal.
        external_reference: String,
    },
    /// It cannot be paid; the payer has the money again.
    Returned,
}
