//! What the issuer recorded about one decision: 128 bytes with a fixed layout.

use sha2::{Digest, Sha256};

use crate::{Currency, Error, Mode, Money, Timestamp};

/// How many bytes a record has.
pub const RECORD_LENGTH: usize = 128;

const VERSION: u8 = 1;
const REFERENCE_DOMAIN: &[u8] = b"wallet-reference/1\0";
const MALFORMED: Error =
    Error::new("invalid_record", "these are not the bytes of a version 1 record");

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RecordKind {
    /// A merchant's charge.
    Payment,
    /// Money that a payer paid in.
    TopUp,
    /// Money from one payer to another.
    PayerTransfer,
    /// Money that a payer takes out.
    Withdrawal,
    /// A red envelope.
    Envelope,
    /// A share of a red envelope.
    EnvelopeClaim,
    /// Nothing moved: something that a payer should know.
    Notice,
    /// Money of a payment that its merchant gives back.
    Refund,
    /// Money that came back for a payer who could not have it, and what became of it.
    Suspense,
    /// What a merchant asked to be paid, and nobody has.
    Order,
    /// Money that a merchant has paid out to its bank account.
    Payout,
}

impl RecordKind {
    const ALL: [(Self, u8, &'static str); 11] = [
        (Self::Payment, 1, "payment"),
        (Self::TopUp, 2, "top_up"),
        (Self::PayerTransfer, 3, "payer_transfer"),
        (Self::Withdrawal, 4, "withdrawal"),
        (Self::Envelope, 5, "envelope"),
        (Self::EnvelopeClaim, 6, "envelope_claim"),
        (Self::Notice, 7, "notice"),
        (Self::Refund, 8, "refund"),
        (Self::Suspense, 9, "suspense"),
        (Self::Payout, 10, "payout"),
        (Self::Order, 11, "order"),
    ];

    /// The name, in `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }

    fn number(self) -> u8 {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.1)
    }

    fn from_number(number: u8) -> Result<Self, Error> {
        Self::ALL.iter().find(|entry| entry.1 == number).map(|entry| entry.0).ok_or(MALFORMED)
    }
}

/// The state that a decision left its subject in.
///
/// A payment goes through these. A top-up, a transfer between payers, a claimed share and a refund
/// are `Succeeded` from the start, and so is what the operator does with money in suspense. A withdrawal and a red envelope are `Authorized` while their money
/// is held; a withdrawal ends as `Succeeded` or `Canceled`, an envelope as `Succeeded` when every
/// share is claimed, or `Expired`. An order that nobody has paid is `Canceled` or `Expired`. A payout is like a withdrawal, but one that had `Succeeded` is
/// `Canceled` if the bank sends the money back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PaymentState {
    /// The payer must confirm on the phone; the money is held.
    RequiresConfirmation,
    /// The money is held for the merchant to capture.
    Authorized,
    /// The money is the merchant's.
    Succeeded,
    /// Refused; nothing moved and nothing will.
    Declined,
    /// The merchant called it off; nothing moved, or all of it moved back.
    Canceled,
    /// Nobody acted in time; nothing moved.
    Expired,
    /// Some of it was given back.
    PartiallyRefunded,
    /// All of it was given back.
    Refunded,
}

impl PaymentState {
    /// Every state with its number in a record and its name everywhere else.
    pub(super) const ALL: [(Self, u8, &'static str); 8] = [
        (Self::RequiresConfirmation, 1, "requires_confirmation"),
        (Self::Authorized, 2, "authorized"),
        (Self::Succeeded, 3, "succeeded"),
        (Self::Declined, 4, "declined"),
        (Self::Canceled, 5, "canceled"),
        (Self::Expired, 6, "expired"),
        (Self::PartiallyRefunded, 7, "partially_refunded"),
        (Self::Refunded, 8, "refunded"),
    ];

    /// The name, in `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.2 == name).map(|entry| entry.0)
    }

    fn number(self) -> u8 {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.1)
    }

    fn from_number(number: u8) -> Result<Self, Error> {
        Self::ALL.iter().find(|entry| entry.1 == number).map(|entry| entry.0).ok_or(MALFORMED)
    }
}

/// One decision of the issuer: what a receipt shows and what the journal commits to.
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 1 | mode: 0 live, 1 test |
/// | 2 | 1 | kind: 1 payment, 2 top-up, 3 transfer between payers, 4 withdrawal, 5 red envelope, 6 claim of a share, 7 notice, 8 refund, 9 suspense, 10 payout, 11 order |
/// | 3 | 1 | state: 1 requires confirmation, 2 authorized, 3 succeeded, 4 declined, 5 canceled, 6 expired, 7 partially refunded, 8 refunded |
/// | 4 | 16 | id of the subject (UUIDv7) |
/// | 20 | 16 | id of the merchant (UUIDv7), or zeros |
/// | 36 | 8 | when it was decided, Unix milliseconds |
/// | 44 | 2 | currency asked, ISO 4217 numeric |
/// | 46 | 8 | amount asked, minor units |
/// | 54 | 2 | currency settled |
/// | 56 | 8 | amount settled, minor units; 0 while nothing is the merchant's |
/// | 64 | 32 | hash of the merchant's reference, or zeros |
/// | 96 | 32 | hash of the ledger entries and of the payer's signed evidence |
///
/// Integers are big-endian; amounts are not negative. Nothing in it is personal data or stable across a payer's payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Live or test.
    pub mode: Mode,
    /// What it is about.
    pub kind: RecordKind,
    /// The state that the decision left.
    pub state: PaymentState,
    /// What it is about: a payment, a top-up, a refund.
    pub subject: [u8; 16],
    /// The merchant, or zeros where there is none.
    pub merchant: [u8; 16],
    /// When it was decided, by the issuer's clock.
    pub decided_at: Timestamp,
    /// What was asked for.
    pub asked: Money,
    /// What the merchant got, before fees.
    pub settled: Money,
    /// [`reference_hash`](Self::reference_hash) of the merchant's reference, or zeros.
    pub reference_hash: [u8; 32],
    /// Ties the record to the ledger entries and the evidence of this decision.
    pub books_hash: [u8; 32],
}

impl Record {
    /// How a record names a merchant's reference: SHA-256(`wallet-reference/1` ‖ NUL ‖ text).
    #[must_use]
    pub fn reference_hash(reference: &str) -> [u8; 32] {
        Sha256::new().chain_update(REFERENCE_DOMAIN).chain_update(reference).finalize().into()
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; RECORD_LENGTH] {
        let mut bytes = [0; RECORD_LENGTH];
        bytes[0] = VERSION;
        bytes[1] = match self.mode {
            Mode::Live => 0,
            Mode::Test => 1,
        };
        bytes[2] = self.kind.number();
        bytes[3] = self.state.number();
        bytes[4..20].copy_from_slice(&self.subject);
        bytes[20..36].copy_from_slice(&self.merchant);
        bytes[36..44].copy_from_slice(&self.decided_at.unix_millis().to_be_bytes());
        write_money(&mut bytes[44..54], self.asked);
        write_money(&mut bytes[54..64], self.settled);
        bytes[64..96].copy_from_slice(&self.reference_hash);
        bytes[96..].copy_from_slice(&self.books_hash);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; every record has exactly one form.
    ///
    /// # Errors
    /// `invalid_record`, or `unknown_currency`.
    pub fn from_bytes(bytes: &[u8; RECORD_LENGTH]) -> Result<Self, Error> {
        if bytes[0] != VERSION {
            return Err(MALFORMED);
        }
        let mode = match bytes[1] {
            0 => Mode::Live,
            1 => Mode::Test,
            _ => return Err(MALFORMED),
        };
        Ok(Self {
            mode,
            kind: RecordKind::from_number(bytes[2])?,
            state: PaymentState::from_number(bytes[3])?,
            subject: array(&bytes[4..20])?,
            merchant: array(&bytes[20..36])?,
            decided_at: Timestamp::from_unix_millis(i64::from_be_bytes(array(&bytes[36..44])?)),
            asked: read_money(&bytes[44..54])?,
            settled: read_money(&bytes[54..64])?,
            reference_hash: array(&bytes[64..96])?,
            books_hash: array(&bytes[96..])?,
        })
    }
}

fn write_money(field: &mut [u8], money: Money) {
    field[..2].copy_from_slice(&money.currency().numeric().to_be_bytes());
    field[2..].copy_from_slice(&money.minor().to_be_bytes());
}

fn read_money(field: &[u8]) -> Result<Money, Error> {
    let currency = Currency::from_numeric(u16::from_be_bytes(array(&field[..2])?))?;
    let minor = i64::from_be_bytes(array(&field[2..])?);
    if minor < 0 {
        return Err(MALFORMED);
    }
    Ok(Money::from_minor(minor, currency))
}

/// A slice as an array of its own length.
pub(super) fn array<const N: usize>(slice: &[u8]) -> Result<[u8; N], Error> {
    slice.try_into().map_err(|_| MALFORMED)
}
