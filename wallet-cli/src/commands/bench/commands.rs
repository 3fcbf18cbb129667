//! Commands to the ledger as the server would make them of requests and codes.

use std::sync::Arc;

use wallet_core::code::{EVIDENCE_LENGTH, Mark};
use wallet_core::{Mode, Money, PositiveMoney, Step, Timestamp};
use wallet_server::domain::command::{
    AuthenticCode, Caller, Capture, Charge, CodeSource, Command, KeyRef, ReferenceRef, TopUp,
    Verdict,
};
use wallet_server::entropy::Entropy;

use super::codes::Signer;
use super::people::{People, digest};
use crate::failure::{Exit, Failure};

/// What encryption adds to the evidence: version 1, nonce 24, tag 16.
const HIDING_LENGTH: usize = 1 + 24 + 16;
/// What every payer has: a million yuan.
const TOP_UP_MINOR: i64 = 100_000_000;
/// The most that a code allows: 200.00.
pub(super) const CODE_LIMIT_MINOR: i64 = 20_000;
/// Amounts are 1.00 to 9.99, so that all are written with as many digits.
const AMOUNT_MINOR_MIN: i64 = 100;
const AMOUNTS: u16 = 900;

/// What one payment is about, chosen by its number.
pub(super) struct Purchase {
    /// Who is paid.
    pub(super) merchant: usize,
    /// How much.
    pub(super) minor: i64,
    /// The idempotency key: 32 random digits.
    pub(super) key: String,
    /// The merchant's reference.
    pub(super) reference: String,
}

/// Makes up purchases; no two runs and no two clients make the same.
#[derive(Clone, Debug)]
pub(super) struct Purchases {
    run: String,
    merchants: usize,
}

impl Purchases {
    /// `merchants` is 1 when one of them receives everything.
    pub(super) fn new(run: String, merchants: usize) -> Self {
        Self { run, merchants }
    }

    /// The `n`-th purchase of a client.
    pub(super) fn get(&self, client: usize, n: usize) -> Purchase {
        let reference = format!("{}-{client:04}-{n:07}", self.run);
        let random = digest(&[&reference], 0);
        let number = |at: usize| u16::from_be_bytes([random[at], random[at + 1]]);
        let wide = usize::from(number(16)) << 16 | usize::from(number(18));
        Purchase {
            merchant: wide % self.merchants,
            minor: AMOUNT_MINOR_MIN + i64::from(number(20) % AMOUNTS),
            key: base16ct::lower::encode_string(&random[..16]),
            reference,
        }
    }
}

/// Makes commands.
#[derive(Clone)]
pub(super) struct Commands {
    pub(super) people: Arc<People>,
    pub(super) purchases: Purchases,
    pub(super) entropy: Arc<Entropy>,
    /// Makes evidence that an audit accepts; without it, evidence is as long and means nothing.
    pub(super) signer: Option<Arc<Signer>>,
}

impl Commands {
    /// The `n`-th charge of a client: a purchase paid with a code of this device.
    pub(super) fn charge(
        &self,
        (client, n): (usize, usize),
        (device, mark): (usize, Mark),
        at: Timestamp,
    ) -> Result<Command, Failure> {
        let Purchase { merchant, minor, key, reference } = self.purchases.get(client, n);
        let people = &self.people;
        let id = people.merchant(merchant);
        let hash = digest(&[&reference, "request"], n);
        let payment = self.entropy.id(at);
        let evidence = match &self.signer {
            Some(signer) => signer
                .evidence(people, (device, mark.seq), payment, at)
                .map_err(|error| Failure::core(Exit::Unexpected, error))?,
            None => hash.into_iter().cycle().take(EVIDENCE_LENGTH + HIDING_LENGTH).collect(),
        };
        Ok(Command::Charge(Charge {
            id: payment,
            transfer: self.entropy.id(at),
            key: KeyRef { caller: Caller::Merchant(id), mode: Mode::Live, key },
            request_hash: hash.into(),
            api_key: people.api_key_id(merchant),
            reference: ReferenceRef { merchant: id, mode: Mode::Live, reference },
            fingerprint: digest(&["code"], n).into(),
            amount: positive(minor, people)?,
            capture: Capture::Automatic,
            code_source: CodeSource::Scan,
            terminal: None,
            description: None,
            metadata: None,
            verdict: Verdict::Authentic(AuthenticCode {
                device: people.device_key_id(device),
                payer: people.payer(device),
                mark,
                limit: Money::from_minor(CODE_LIMIT_MINOR, people.currency),
                evidence,
            }),
        }))
    }

    /// Gives a payer money.
    pub(super) fn top_up(&self, payer: usize, at: Timestamp) -> Result<Command, Failure> {
        let external_reference = format!("bank-transfer-{payer:08}");
        Ok(Command::TopUp(TopUp {
            id: self.entropy.id(at),
            transfer: self.entropy.id(at),
            key: KeyRef {
                caller: Caller::Operator,
                mode: Mode::Live,
                key: external_reference.clone(),
            },
            request_hash: digest(&[&external_reference], payer).into(),
            payer: self.people.payer(payer),
            amount: positive(TOP_UP_MINOR, &self.people)?,
            external_reference,
        }))
    }
}

fn positive(minor: i64, people: &People) -> Result<PositiveMoney, Failure> {
    PositiveMoney::new(Money::from_minor(minor, people.currency))
        .map_err(|error| Failure::core(Exit::Unexpected, error))
}

/// A mark of this step; the round is bounded by how many codes a device shows in a step.
pub(super) fn mark(step: Step, round: usize) -> Mark {
    Mark { step, seq: u8::try_from(round).unwrap_or(u8::MAX) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Purchases;

    #[test]
    fn purchases_differ_between_clients_and_go_to_every_merchant() {
        let purchases = Purchases::new("run".to_owned(), 3);
        let all: Vec<_> = (0..4)
            .flat_map(|client| (0..100).map(move |n| (client, n)))
            .map(|(client, n)| purchases.get(client, n))
            .collect();
        let keys: BTreeSet<_> = all.iter().map(|purchase| &purchase.key).collect();
        let merchants: BTreeSet<_> = all.iter().map(|purchase| purchase.merchant).collect();
        assert_eq!((keys.len(), merchants.len()), (400, 3));
        assert!(all.iter().all(|purchase| (100..1000).contains(&purchase.minor)));
        let again = purchases.get(2, 5);
        assert_eq!(again.reference, "run-0002-0000005");
        let hot = Purchases::new("run".to_owned(), 1);
        assert!((0..50).all(|n| hot.get(0, n).merchant == 0));
    }
}
