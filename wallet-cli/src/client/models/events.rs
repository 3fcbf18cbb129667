//! What happened to a payer's codes, money and account.

use core::fmt;

use serde::Deserialize;
use wallet_core::Step;
use wallet_core::code::Mark;

/// What happened to a payer's codes and money since a cursor, oldest first.
#[derive(Debug, Deserialize)]
pub(crate) struct PayerEvents<T = PayerEvent> {
    pub(crate) data: Vec<T>,
    pub(crate) next: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PayerEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) amount: Option<String>,
    currency: Option<String>,
    merchant_name: Option<String>,
    decline_code: Option<String>,
    /// Which limit declined it, and what is left of it.
    limit: Option<String>,
    remaining: Option<String>,
    pub(crate) code: Option<CodeMark>,
}

/// Which code an event is about.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct CodeMark {
    pub(crate) step: u32,
    pub(crate) seq: u8,
}

impl From<CodeMark> for Mark {
    fn from(CodeMark { step, seq }: CodeMark) -> Self {
        Self { step: Step::from_number(step), seq }
    }
}

impl PayerEvent {
    /// Whether the payer should look: money that did not move, or somebody at the account.
    pub(crate) fn is_warning(&self) -> bool {
        self.kind.ends_with(".declined")
            || matches!(
                self.kind.as_str(),
                "device.added" | "device.pending" | "pin.locked" | "totp.locked"
            )
    }

    /// What happened to the account, where no money is concerned.
    fn notice(&self) -> Option<&'static str> {
        Some(match self.kind.as_str() {
            "device.added" => "a device was added to your account",
            "device.pending" => "a device asks to be added: `wallet payer device list`",
            "device.revoked" => "a device was revoked",
            "pin.changed" => "the PIN was changed",
            "pin.locked" => "the PIN is locked after too many wrong ones",
            "totp.locked" => {
                "one-time passwords and recovery codes are locked for a quarter of an hour \
                              after too many wrong ones"
            }
            "totp.changed" => "the one-time passwords come from a new secret",
            "account.frozen" => "the account is frozen",
            "account.reset" => {
                "the PIN, the one-time passwords and the recovery codes are forgotten"
            }
            "account.unfrozen" => "the account is no longer frozen",
            _ => return None,
        })
    }

    fn write_decline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.decline_code.as_deref().unwrap_or("declined"))?;
        let currency = self.currency.as_deref().unwrap_or_default();
        match (&self.limit, &self.remaining) {
            (Some(limit), Some(left)) => {
                write!(f, ": the limit is {limit}, {left} {currency} left")
            }
            (Some(limit), None) => write!(f, ": the limit is {limit}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for PayerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notice) = self.notice() {
            return f.write_str(notice);
        }
        let (Some(amount), Some(currency)) = (&self.amount, &self.currency) else {
            return f.write_str(&self.kind);
        };
        let merchant = self.merchant_name.as_deref().unwrap_or("a merchant");
        match self.kind.as_str() {
            "payment.succeeded" => write!(f, "paid {amount} {currency} at {merchant}"),
            "payment.requires_confirmation" => {
                write!(f, "{merchant} waits for your PIN: {amount} {currency}")
            }
            "payment.canceled" => write!(f, "called off: {amount} {currency} at {merchant}"),
            "payment.expired" => write!(f, "too late: {amount} {currency} at {merchant}"),
            "payment.declined" => {
                write!(f, "not paid: {amount} {currency} at {merchant} (")?;
                self.write_decline(f)?;
                f.write_str(")")
            }
            "top_up.succeeded" => write!(f, "{amount} {currency} paid in"),
            other => write!(f, "{other}: {amount} {currency}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::PayerEvent;

    fn text(event: Value) -> String {
        serde_json::from_value::<PayerEvent>(event).unwrap().to_string()
    }

    #[test]
    fn an_event_is_told_in_words_with_or_without_money() {
        let paid = json!({"type": "payment.succeeded", "amount": "12.50", "currency": "CNY",
            "merchant_name": "Tea House", "decline_code": null, "code": {"step": 1, "seq": 0}});
        assert_eq!(text(paid), "paid 12.50 CNY at Tea House");
        let limited = json!({"type": "payment.declined", "amount": "90.00", "currency": "CNY",
            "merchant_name": "Tea House", "decline_code": "declined_by_limit", "limit": "day",
            "remaining": "7.50", "code": null});
        assert_eq!(
            text(limited),
            "not paid: 90.00 CNY at Tea House (declined_by_limit: the limit is day, 7.50 CNY left)"
        );
        let notice = json!({"type": "device.added", "amount": null, "currency": null});
        assert_eq!(text(notice), "a device was added to your account");
        assert_eq!(text(json!({"type": "something.new"})), "something.new");
    }

    #[test]
    fn what_others_do_to_the_account_is_a_warning() {
        let event = |kind: &str| {
            let event = json!({"type": kind, "amount": null, "currency": null});
            serde_json::from_value::<PayerEvent>(event).unwrap()
        };
        for kind in ["device.added", "device.pending", "pin.locked", "totp.locked"] {
            assert!(event(kind).is_warning(), "{kind}");
            assert!(!event(kind).to_string().contains('.'), "{kind} has no words");
        }
        assert!(!event("pin.changed").is_warning());
    }
}
