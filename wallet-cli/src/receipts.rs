//! Receipts: believed only after their signature and every expected field have been checked.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Receipt, Record};

use crate::client::models::{Issuer, Payment};
use crate::failure::{Exit, Failure};

/// Verifies a payment's receipt offline and that it says what the answer says.
///
/// The answer came over the network and is the word of whoever answered; the receipt is the
/// issuer's.
pub(crate) fn verify(payment: &Payment, issuer: &Issuer) -> Result<Receipt, Failure> {
    let receipt = Receipt::parse(&payment.receipt)
        .and_then(|receipt| {
            let keys = issuer.receipt_keys().unwrap_or_default();
            let id = wallet_core::IssuerId::from_hex(&issuer.id)?;
            receipt.verify(&id, &keys)
        })
        .map_err(|error| {
            Failure::core(Exit::Unexpected, error).hint("do not hand out the goods")
        })?;
    if agrees(receipt.record(), payment, payment.asked()?) {
        Ok(receipt)
    } else {
        Err(Failure::new(
            Exit::Unexpected,
            "receipt_differs",
            "the receipt is the issuer's, but for something else than the answer says",
        )
        .hint("do not hand out the goods"))
    }
}

fn agrees(record: &Record, payment: &Payment, asked: Money) -> bool {
    let subject = base16ct::lower::encode_string(&record.subject);
    payment.id.strip_prefix("pay_") == Some(subject.as_str())
        && Some(record.state) == PaymentState::from_name(&payment.state)
        && record.asked == asked
        && record.settled.amount_text() == payment.amount_settled
        && record.reference_hash == Record::reference_hash(&payment.reference)
}
