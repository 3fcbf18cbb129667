//! Money between people: transfers, withdrawals, red envelopes.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};

/// Another payer, as far as a payer may see.
#[derive(Debug, Deserialize)]
pub(crate) struct Person {
    handle: Option<String>,
    name: Option<String>,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.handle.as_deref(), self.name.as_deref()) {
            (Some(handle), Some(name)) => write!(f, "{name} ({handle})"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("somebody"),
        }
    }
}

/// What others pay to.
#[derive(Debug, Deserialize)]
pub(crate) struct ReceiveCode {
    pub(crate) receive_code: String,
}

impl fmt::Display for ReceiveCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.receive_code)
    }
}

/// Money that went to another payer.
#[derive(Debug, Deserialize)]
pub(crate) struct PayerTransfer {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    to: Person,
    pub(crate) receipt: String,
}

impl fmt::Display for PayerTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, to, .. } = self;
        write!(f, "{state}: {amount} {currency} to {to}, transfer {id}")
    }
}

/// Money on its way out of a wallet.
#[derive(Debug, Deserialize)]
pub(crate) struct Withdrawal {
    pub(crate) id: String,
    payer: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    destination: Option<String>,
    external_reference: Option<String>,
    created_at: String,
    pub(crate) receipt: String,
}

impl fmt::Display for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, .. } = self;
        write!(f, "{state}: {amount} {currency}, withdrawal {id}")?;
        self.destination.iter().try_for_each(|to| write!(f, ", to {to}"))?;
        self.external_reference.iter().try_for_each(|reference| write!(f, ", {reference}"))
    }
}

impl Row for Withdrawal {
    const COLUMNS: &'static [&'static str] =
        &["withdrawal", "created", "state", "amount", "", "payer", "to", "reference"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Self { id, state, amount, currency, created_at, .. } = self;
        vec![
            id.clone(),
            created_at.clone(),
            state.clone(),
            amount.clone(),
            currency.clone(),
            self.payer.clone(),
            or_dash(self.destination.as_deref()),
            or_dash(self.external_reference.as_deref()),
        ]
    }
}

/// A red envelope: all of it to its sender, to others their own share and how many are left.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) id: String,
    pub(crate) state: String,
    shares: u32,
    claimed: u32,
    expires_at: String,
    /// What only its sender sees.
    #[serde(flatten)]
    pub(crate) sent: Option<SentEnvelope>,
    #[serde(default)]
    claims: Vec<EnvelopeShare>,
}

/// A red envelope, for its sender.
#[derive(Debug, Deserialize)]
pub(crate) struct SentEnvelope {
    /// Whoever has it may claim.
    pub(crate) token: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    split: String,
    amount_claimed: String,
    to: Option<Person>,
    greeting: Option<String>,
    pub(crate) receipt: String,
}

/// A share that was claimed.
#[derive(Debug, Deserialize)]
struct EnvelopeShare {
    n: u32,
    amount: String,
    by: Person,
}

impl Envelope {
    /// Whether somebody may still claim.
    fn is_open(&self) -> bool {
        self.state == "authorized"
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, shares, claimed, sent, .. } = self;
        write!(f, "{state}: ")?;
        if let Some(SentEnvelope { amount, currency, split, to, .. }) = sent {
            write!(f, "{amount} {currency} in {shares} {split} shares")?;
            to.iter().try_for_each(|to| write!(f, " for {to}"))?;
            write!(f, ", ")?;
        }
        write!(f, "envelope {id}")?;
        if let Some(SentEnvelope { greeting: Some(greeting), .. }) = sent {
            write!(f, "\n  “{greeting}”")?;
        }
        write!(f, "\n  {claimed} of {shares} claimed")?;
        sent.iter()
            .try_for_each(|sent| write!(f, ", {} {}", sent.amount_claimed, sent.currency))?;
        for EnvelopeShare { n, amount, by } in &self.claims {
            write!(f, "\n  {n}. {amount}, {by}")?;
        }
        if self.is_open() && sent.is_some() {
            write!(f, "\n  what nobody claims until {} comes back", self.expires_at)?;
        }
        Ok(())
    }
}

impl Row for Envelope {
    const COLUMNS: &'static [&'static str] =
        &["envelope", "state", "amount", "", "shares", "claimed", "until"];
    const RIGHT_ALIGNED: &'static [usize] = &[2, 4, 5];

    fn row(&self) -> Vec<String> {
        let Self { id, state, shares, claimed, expires_at, sent, .. } = self;
        let sent = sent.as_ref().map(|sent| (sent.amount.clone(), sent.currency.clone()));
        let (amount, currency) = sent.unwrap_or_default();
        let (shares, claimed) = (shares.to_string(), claimed.to_string());
        vec![id.clone(), state.clone(), amount, currency, shares, claimed, expires_at.clone()]
    }
}

/// A share of somebody's envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct EnvelopeClaim {
    pub(crate) id: String,
    n: Option<u32>,
    pub(crate) amount: String,
    pub(crate) currency: String,
    from: Person,
    greeting: Option<String>,
    pub(crate) receipt: String,
}

impl fmt::Display for EnvelopeClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, n, amount, currency, from, greeting, .. } = self;
        greeting.iter().try_for_each(|greeting| writeln!(f, "“{greeting}”"))?;
        write!(f, "{amount} {currency} from {from}, ")?;
        n.iter().try_for_each(|n| write!(f, "share {n}, "))?;
        write!(f, "claim {id}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Envelope, EnvelopeClaim, PayerTransfer};

    #[test]
    fn an_envelope_shows_its_claims_in_order_and_when_the_rest_comes_back() {
        let envelope: Envelope = serde_json::from_value(json!({
            "object": "envelope", "id": "env_1", "token": "wallet:envelope:00", "qr_svg": "",
            "state": "authorized", "amount": "8.88", "currency": "CNY", "shares": 3,
            "split": "random", "claimed": 1, "amount_claimed": "5.01", "greeting": "恭喜发财",
            "to": null, "receipt": "", "expires_at": "2026-11-23T12:00:00.000Z",
            "claims": [{"n": 1, "amount": "5.01", "by": {"handle": "wei", "name": "W**"}}],
        }))
        .unwrap();
        assert_eq!(
            envelope.to_string(),
            "authorized: 8.88 CNY in 3 random shares, envelope env_1\n  “恭喜发财”\n  \
             1 of 3 claimed, 5.01 CNY\n  1. 5.01, W** (wei)\n  \
             what nobody claims until 2026-11-23T12:00:00.000Z comes back"
        );
    }

    #[test]
    fn who_claimed_a_share_sees_that_one_and_how_many_are_left() {
        let envelope: Envelope = serde_json::from_value(json!({
            "object": "envelope", "id": "env_1", "state": "authorized", "shares": 3, "claimed": 2,
            "expires_at": "",
            "claims": [{"n": 2, "amount": "1.23", "by": {"handle": null, "name": "M**"}}],
        }))
        .unwrap();
        assert_eq!(
            envelope.to_string(),
            "authorized: envelope env_1\n  2 of 3 claimed\n  2. 1.23, M**"
        );
    }

    #[test]
    fn transfers_and_claims_say_with_whom() {
        let transfer: PayerTransfer = serde_json::from_value(json!({
            "object": "payer_transfer", "id": "ptr_1", "state": "succeeded", "amount": "5.00",
            "currency": "CNY", "to": {"handle": "wei", "name": "W**"}, "created_at": "",
            "receipt": "",
        }))
        .unwrap();
        assert_eq!(transfer.to_string(), "succeeded: 5.00 CNY to W** (wei), transfer ptr_1");
        let claim: EnvelopeClaim = serde_json::from_value(json!({
            "object": "envelope_claim", "id": "clm_1", "envelope": "env_1", "n": 2,
            "amount": "1.23", "currency": "CNY", "from": {"handle": null, "name": "L*"},
            "greeting": null, "created_at": "", "receipt": "",
        }))
        .unwrap();
        assert_eq!(claim.to_string(), "1.23 CNY from L*, share 2, claim clm_1");
    }
}
