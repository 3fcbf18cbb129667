//! Receipts: believed only after their signature and every expected field have been checked.

use wallet_core::Money;
use wallet_core::issuer::IssuerDocument;
use wallet_core::receipt::{PaymentState, Receipt, Record};

use crate::client::models::Payment;
use crate::failure::{Exit, Failure};

/// Verifies a payment's receipt offline and that it says what the answer says.
///
/// The answer came over the network and is the word of whoever answered; the receipt is the
/// issuer's.
pub(crate) fn verify(payment: &Payment, issuer: &IssuerDocument) -> Result<Receipt, Failure> {
    let receipt =
        Receipt::parse(&payment.receipt).and_then(|receipt| receipt.verify_by(issuer)).map_err(
            |error| Failure::core(Exit::Unexpected, error).hint("do not hand out the goods"),
        )?;
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

/// What a payer's answer says, to be found in its receipt again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// With its prefix, as `ptr_…`.
    pub(crate) id: &'a str,
    pub(crate) state: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) receipt: &'a str,
}

/// Verifies the receipt that a payer got, as [`verify`] does for a merchant.
pub(crate) fn verify_own(said: Said<'_>, issuer: &IssuerDocument) -> Result<Receipt, Failure> {
    let receipt = Receipt::parse(said.receipt)
        .and_then(|receipt| receipt.verify_by(issuer))
        .map_err(|error| Failure::core(Exit::Unexpected, error))?;
    let record = receipt.record();
    let subject = base16ct::lower::encode_string(&record.subject);
    let agrees = said.id.rsplit_once('_').map(|(_, id)| id) == Some(subject.as_str())
        && Some(record.state) == PaymentState::from_name(said.state)
        && record.asked.amount_text() == said.amount
        && record.asked.currency().code() == said.currency;
    if agrees {
        return Ok(receipt);
    }
    Err(Failure::new(
        Exit::Unexpected,
        "receipt_differs",
        "the receipt is the issuer's, but for something else than the answer says",
    ))
}

fn agrees(record: &Record, payment: &Payment, asked: Money) -> bool {
    let subject = base16ct::lower::encode_string(&record.subject);
    payment.id.strip_prefix("pay_") == Some(subject.as_str())
        && Some(record.state) == PaymentState::from_name(&payment.state)
        && record.asked == asked
        && record.settled.amount_text() == payment.amount_settled
        && record.reference_hash == Record::reference_hash(&payment.reference)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wallet_core::code::CodePrefix;
    use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSigningKey};
    use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
    use wallet_core::{Currency, Mode, Money, SigningKey, Timestamp};

    use super::{Said, verify, verify_own};
    use crate::client::models::Payment;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    fn issuer() -> IssuerDocument {
        let epoch = Timestamp::from_unix_millis(0);
        let statement = IssuerStatement {
            issued_at: epoch,
            prefix: CodePrefix::DEFAULT,
            sealing_keys: Vec::new(),
            signing_keys: vec![StatedSigningKey { key: key().public_key(), effective_at: epoch }],
        };
        IssuerDocument::sign(statement, &key())
    }

    /// A payment of 12.50 with its receipt.
    fn payment(signer: &SigningKey) -> Payment {
        let price = Money::from_minor(1250, Currency::from_code("CNY").unwrap());
        let record = Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state: PaymentState::Succeeded,
            subject: [7; 16],
            merchant: [2; 16],
            decided_at: Timestamp::from_unix_millis(0),
            asked: price,
            settled: price,
            reference_hash: Record::reference_hash("order-1"),
            books_hash: [3; 32],
        };
        let receipt = Receipt::sign(&record, &key().public_key().root_issuer_id(), signer);
        serde_json::from_value(json!({
            "id": format!("pay_{}", "07".repeat(16)), "state": "succeeded", "amount": "12.50",
            "currency": "CNY", "amount_settled": "12.50", "fee": "0.08", "net": "12.42",
            "reference": "order-1", "decline_code": null, "created_at": "",
            "receipt": receipt.to_string(),
        }))
        .unwrap()
    }

    #[test]
    fn a_receipt_is_believed_when_the_issuer_signed_it_for_this_payment() {
        verify(&payment(&key()), &issuer()).unwrap();
        let forger = SigningKey::from_seed(&[2; 32]);
        let error = verify(&payment(&forger), &issuer()).unwrap_err();
        assert_eq!(error.code(), "receipt_unknown_key");
    }

    #[test]
    fn a_receipt_of_a_key_that_was_replaced_long_before_is_not_believed() {
        let next = SigningKey::from_seed(&[2; 32]);
        let keys = [(key(), i64::MIN), (next, -2 * 24 * 60 * 60 * 1000)];
        let signing_keys = keys.map(|(key, millis)| StatedSigningKey {
            key: key.public_key(),
            effective_at: Timestamp::from_unix_millis(millis),
        });
        let statement =
            IssuerStatement { signing_keys: signing_keys.to_vec(), ..issuer().statement().clone() };
        let issuer = IssuerDocument::sign(statement, &key());
        let error = verify(&payment(&key()), &issuer).unwrap_err();
        assert_eq!(error.code(), "receipt_key_not_in_effect");
    }

    #[test]
    fn a_receipt_for_anything_else_than_the_answer_says_is_refused() {
        let honest = payment(&key());
        for lie in [
            Payment { id: format!("pay_{}", "08".repeat(16)), ..honest.clone() },
            Payment { state: "declined".to_owned(), ..honest.clone() },
            Payment { amount: "12.51".to_owned(), ..honest.clone() },
            Payment { currency: "EUR".to_owned(), ..honest.clone() },
            Payment { amount_settled: "12.51".to_owned(), ..honest.clone() },
            Payment { reference: "order-2".to_owned(), ..honest.clone() },
        ] {
            assert_eq!(verify(&lie, &issuer()).unwrap_err().code(), "receipt_differs", "{lie:?}");
        }
    }

    #[test]
    fn a_payers_receipt_must_say_what_the_answer_says() {
        let payment = payment(&key());
        let said = Said {
            id: &payment.id,
            state: "succeeded",
            amount: "12.50",
            currency: "CNY",
            receipt: &payment.receipt,
        };
        verify_own(said, &issuer()).unwrap();
        for lie in [
            Said { id: "pay_08", ..said },
            Said { state: "declined", ..said },
            Said { amount: "12.51", ..said },
            Said { currency: "EUR", ..said },
        ] {
            assert_eq!(verify_own(lie, &issuer()).unwrap_err().code(), "receipt_differs");
        }
        assert!(verify_own(Said { receipt: "", ..said }, &issuer()).is_err());
    }
}
