//! What a payer sees of the account itself: state, devices, limits, secrets that are shown once.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};
use crate::output::table;

/// Who a payer is, and what protects the account.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    payer: String,
    mode: String,
    state: String,
    /// By whom, if it is frozen.
    frozen_by: Option<String>,
    name: String,
    handle: Option<String>,
    pub(crate) pin_set: bool,
    pub(crate) totp_set: bool,
    recovery_codes_left: u32,
    device: Option<Device>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payer, mode, state, name, .. } = self;
        let whether = |set| if set { "set" } else { "not set" };
        let by = self.frozen_by.as_ref().map(|by| format!(" by the {by}")).unwrap_or_default();
        writeln!(f, "{name}: {payer} ({mode}, {state}{by})")?;
        writeln!(f, "  handle             {}", or_dash(self.handle.as_deref()))?;
        writeln!(f, "  PIN                {}", whether(self.pin_set))?;
        writeln!(f, "  one-time password  {}", whether(self.totp_set))?;
        write!(f, "  recovery codes     {} left", self.recovery_codes_left)?;
        self.device.iter().try_for_each(|device| write!(f, "\n  this device        {device}"))
    }
}

/// A device of the payer.
#[derive(Debug, Deserialize)]
pub(crate) struct Device {
    pub(crate) key_id: String,
    name: String,
    state: String,
    #[serde(default)]
    current: bool,
    created_at: String,
    /// Until then its limits are lower.
    new_until: Option<String>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_id, name, state, .. } = self;
        write!(f, "{key_id}, {name} ({state})")?;
        self.new_until.iter().try_for_each(|until| write!(f, ", lower limits until {until}"))
    }
}

impl Row for Device {
    const COLUMNS: &'static [&'static str] =
        &["device", "state", "since", "lower limits until", "name", ""];

    fn row(&self) -> Vec<String> {
        let Self { key_id, name, state, created_at, new_until, current } = self;
        vec![
            key_id.clone(),
            state.clone(),
            created_at.clone(),
            or_dash(new_until.as_deref()),
            name.clone(),
            if *current { "this one".to_owned() } else { String::new() },
        ]
    }
}

/// An invitation that one more device of the payer enrols with.
#[derive(Debug, Deserialize)]
pub(crate) struct DeviceInvitation {
    pub(crate) invitation: String,
    expires_at: String,
}

impl fmt::Display for DeviceInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invitation, expires_at } = self;
        write!(f, "for one more device until {expires_at}, shown this once:\n{invitation}")
    }
}

/// A secret that an authenticator app is to learn; not in use until its first password came.
#[derive(Debug, Deserialize)]
pub(crate) struct TotpSecret {
    pub(crate) otpauth_uri: String,
}

impl fmt::Display for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.otpauth_uri)
    }
}

/// What replaces a one-time password when the authenticator is lost: each works once.
#[derive(Debug, Deserialize)]
pub(crate) struct RecoveryCodes {
    pub(crate) recovery_codes: Vec<String>,
}

impl fmt::Display for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "recovery codes, each for one use, shown this once; keep them on paper:")?;
        let lines: Vec<_> = self.recovery_codes.iter().map(|code| format!("  {code}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// What a payer may spend: by the payer's own limits, by the issuer's, and what is left.
#[derive(Debug, Deserialize)]
pub(crate) struct SpendingLimits {
    currency: String,
    own: LimitValues,
    issuer: LimitValues,
    left: LimitValues,
}

/// A value for each limit; none where that limit has none of the kind.
#[derive(Debug, Default, Deserialize)]
struct LimitValues {
    payment: Option<String>,
    day: Option<String>,
    month: Option<String>,
    without_pin: Option<String>,
    without_pin_count: Option<i64>,
}

impl LimitValues {
    fn cells(&self) -> [String; 5] {
        let count = self.without_pin_count.map(|count| count.to_string());
        let Self { payment, day, month, without_pin, .. } = self;
        [payment, day, month, without_pin, &count].map(|value| or_dash(value.as_deref()))
    }
}

impl fmt::Display for SpendingLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, own, issuer, left } = self;
        let names = ["a payment", "a day", "a month", "without PIN", "times a day without PIN"];
        let head = [currency.as_str(), "yours", "left", "at most"].map(str::to_owned).to_vec();
        let columns = [own.cells(), left.cells(), issuer.cells()];
        let rows = names.into_iter().enumerate().map(|(index, name)| {
            let cells = columns.iter().map(|column| column[index].clone());
            std::iter::once(name.to_owned()).chain(cells).collect()
        });
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        f.write_str(&table(&rows, &[1, 2, 3]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Account, SpendingLimits};

    #[test]
    fn an_account_says_what_protects_it() {
        let account: Account = serde_json::from_value(json!({
            "object": "account", "payer": "payer_1", "mode": "live", "state": "active",
            "name": "Li", "handle": null, "receive_code": "wallet:receive:00", "pin_set": true,
            "totp_set": false, "recovery_codes_left": 0, "server_time": "",
            "device": {"key_id": "0102030405060708", "name": "phone", "state": "active",
                "current": true, "created_at": "", "new_until": null},
        }))
        .unwrap();
        assert_eq!(
            account.to_string(),
            "Li: payer_1 (live, active)\n  handle             -\n  PIN                set\n  \
             one-time password  not set\n  recovery codes     0 left\n  \
             this device        0102030405060708, phone (active)"
        );
    }

    #[test]
    fn limits_stand_beside_what_is_left_and_what_the_issuer_allows() {
        let limits: SpendingLimits = serde_json::from_value(json!({
            "object": "limits", "currency": "CNY",
            "own": {"payment": "200.00", "day": "1000.00", "month": "9000.00",
                "without_pin": "50.00", "without_pin_count": 5},
            "issuer": {"payment": "500.00", "day": "5000.00", "month": "50000.00",
                "without_pin": "100.00", "without_pin_count": 10},
            "left": {"day": "987.50", "month": "8987.50", "without_pin_count": 4},
        }))
        .unwrap();
        let text = limits.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "CNY                        yours     left   at most");
        assert_eq!(lines[1], "a payment                 200.00        -    500.00");
        assert_eq!(lines[5], "times a day without PIN        5        4        10");
    }
}
