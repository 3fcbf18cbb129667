//! What events are about, as text.

use crate::store::StoreError;

/// The prefixes of the ids of what merchants' events are about, by the kind that the event's type
/// begins with.
const PREFIXES: [(&str, &str); 4] =
    [("payment", "pay"), ("refund", "ref"), ("order", "ord"), ("payout", "po")];

/// The id of what an event is about, from the event's type.
///
/// # Errors
/// When this kind is about no merchant: then the books say something that they never may.
pub(super) fn id(event_type: &str, subject: [u8; 16]) -> Result<String, StoreError> {
    let kind = event_type.split_once('.').map(|(kind, _)| kind);
    let prefix = PREFIXES.iter().find(|(name, _)| Some(*name) == kind);
    let (_, prefix) = prefix.ok_or(StoreError::Corrupt("the type of an event"))?;
    Ok(format!("{prefix}_{:x}", base16ct::HexDisplay(&subject)))
}

#[cfg(test)]
mod tests {
    use super::id;
    use crate::domain::ids::{PaymentId, RefundId};

    #[test]
    fn ids_are_written_as_everywhere_else() {
        let payment = id("payment.succeeded", [7; 16]).unwrap();
        assert_eq!(payment, PaymentId::from_bytes([7; 16]).to_string());
        let refund = id("refund.succeeded", [7; 16]).unwrap();
        assert_eq!(refund, RefundId::from_bytes([7; 16]).to_string());
        assert!(id("top_up.succeeded", [7; 16]).is_err());
    }
}
