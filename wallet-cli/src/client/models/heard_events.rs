//! What happened to a merchant.

use core::fmt;

use serde::Deserialize;
use serde_json::Value;

/// Events, oldest first, as the server wrote them: new kinds have fields that this release does not
/// know.
#[derive(Debug, Deserialize)]
pub(crate) struct HeardEvents {
    pub(crate) data: Vec<Value>,
    /// Where to go on.
    pub(crate) next: String,
}

/// An event as people see it: one line.
pub(crate) struct HeardEvent<'a>(pub(crate) &'a Value);

impl fmt::Display for HeardEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |pointer: &str| self.0.pointer(pointer).and_then(Value::as_str);
        let or_dash = |pointer: &str| text(pointer).unwrap_or("-");
        let (at, what) = (or_dash("/created_at"), or_dash("/type"));
        write!(f, "{at}  {what:<28}  {}", or_dash("/data/id"))?;
        if let Some((amount, currency)) = text("/data/amount").zip(text("/data/currency")) {
            write!(f, "  {amount} {currency}")?;
        }
        match text("/data/reference") {
            Some(reference) => write!(f, "  {reference}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::HeardEvent;

    #[test]
    fn an_event_is_a_line_whatever_it_is_about() {
        let event = json!({ "created_at": "2027-01-15T08:00:07.000Z", "type": "payment.succeeded",
            "data": { "id": "pay_1", "amount": "12.50", "currency": "CNY", "reference": "order-1" } });
        assert_eq!(
            HeardEvent(&event).to_string(),
            "2027-01-15T08:00:07.000Z  payment.succeeded             pay_1  12.50 CNY  order-1"
        );
        let other = json!({ "type": "eclipse.began" });
        assert_eq!(HeardEvent(&other).to_string(), "-  eclipse.began                 -");
    }
}
