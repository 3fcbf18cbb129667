//! Ids: a prefix that says what it names, and a time-ordered UUID (version 7, RFC 9562).
//!
//! The text is the prefix and 32 hexadecimal digits, so that an auditor finds in the database
//! the very digits that an API answer shows. Ids rise with time, which keeps inserts at the end
//! of every index.

use std::fmt;

/// Declares an id with its prefix.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes, new or read from the database.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Reads the text form; `None` for anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix(concat!($prefix, "_"))?;
                let mut bytes = [0; 16];
                let read = base16ct::lower::decode(digits, &mut bytes).ok()?;
                (read.len() == 16).then_some(Self(bytes))
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(uuid: uuid::Uuid) -> Self {
                Self(uuid.into_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:x}"), base16ct::HexDisplay(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id! {
    /// A merchant's charge.
    PaymentId, "pay"
}
id! {
    /// Money of a payment that is given back.
    RefundId, "ref"
}
id! {
    /// Money that came back for a payer who could not have it.
    SuspenseId, "sus"
}
id! {
    /// Money paid in by a payer.
    TopUpId, "top"
}
id! {
    /// Money from one payer to another.
    PayerTransferId, "ptr"
}
id! {
    /// Money that a payer takes out.
    WithdrawalId, "wdr"
}
id! {
    /// A red envelope.
    EnvelopeId, "env"
}
id! {
    /// A claimed share of a red envelope.
    ClaimId, "clm"
}
id! {
    /// Money that a merchant has paid out to its bank account.
    PayoutId, "po"
}
id! {
    /// Payouts that the bank is told of together.
    PayoutBatchId, "pob"
}
id! {
    /// A merchant.
    MerchantId, "mer"
}
id! {
    /// A payer.
    PayerId, "payer"
}
id! {
    /// A ledger account.
    AccountId, "acc"
}
id! {
    /// Entries that sum to zero.
    TransferId, "tr"
}
id! {
    /// What was committed together.
    BatchId, "bat"
}
id! {
    /// A merchant's API key.
    ApiKeyId, "key"
}
id! {
    /// What a merchant asks to be paid, once, by whoever scans its code.
    OrderId, "ord"
}
id! {
    /// A printed code that is paid many times.
    PlateId, "plt"
}
id! {
    /// Where a merchant wants to be told of events.
    WebhookEndpointId, "we"
}
id! {
    /// An invitation to enrol one device.
    InvitationId, "inv"
}

#[cfg(test)]
mod tests {
    use super::PaymentId;

    #[test]
    fn an_id_reads_back_from_its_text_and_from_no_other() {
        let id = PaymentId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), "pay_abababababababababababababababab");
        assert_eq!(PaymentId::parse(&id.to_string()), Some(id));
        for text in [
            "",
            "pay_",
            "pay_ab",
            "mer_abababababababababababababababab",
            "pay_ABABABABABABABABABABABABABABABAB",
            "pay_abababababababababababababababab0",
        ] {
            assert_eq!(PaymentId::parse(text), None, "{text}");
        }
    }
}
