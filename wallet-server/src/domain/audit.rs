//! What an auditor finds out from the rows of one batch: pure, and sharing as little as possible with
//! what wrote them.
//!
//! Records are what the journal commits to. So the leaf must be the root over the records, each
//! record must be tied to its movement of money, each movement to a record, and a payment's row
//! must say what its records say. With the evidence key, the payer's own signature must be there.

mod payment;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wallet_core::proof::TreeHash;
use wallet_core::receipt::{RECORD_LENGTH, Record, RecordKind};
use wallet_core::{Mode, Timestamp};

use super::ids::{AccountId, BatchId, TransferId};
use super::journal::{books_hash, movement_hash};
use super::ledger::{AccountKind, Entry};
use super::tree;

pub use payment::{AskedBy, AuditedPayment, Enrolled, Evidence, PayRequest, PaymentEnd, SignedBy};

/// What is checked batch by batch, by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Check {
    /// Positions follow one another, and every batch is closed.
    Positions,
    /// The journal's leaf is the root over the batch's records.
    Leaves,
    /// Every event says what its record says.
    Events,
    /// Every transfer sums to zero in each currency, and touches accounts that exist.
    Transfers,
    /// Every record is tied to its movement of money, and every movement to a record.
    Records,
    /// Every payment's row says what its records say.
    Payments,
    /// The payer's device signed for every payment, in time and for enough.
    Evidence,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Positions,
        Self::Leaves,
        Self::Events,
        Self::Transfers,
        Self::Records,
        Self::Payments,
        Self::Evidence,
    ];

    /// The name, in `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positions => "journal_positions",
            Self::Leaves => "journal_leaves",
            Self::Events => "journal_events",
            Self::Transfers => "journal_transfers",
            Self::Records => "journal_records",
            Self::Payments => "payment_rows",
            Self::Evidence => "payer_signatures",
        }
    }
}

/// A row that is not as it must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What was checked.
    pub check: Check,
    /// Which row: an id, and its place in the journal.
    pub row: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Everything that one batch committed to the journal.
#[derive(Clone, Debug)]
pub struct AuditedBatch {
    /// Its position, from 1.
    pub position: u64,
    /// Its id.
    pub id: BatchId,
    /// What the journal says is the root over its records.
    pub leaf: TreeHash,
    /// When it was closed; none if it was not.
    pub committed_at: Option<Timestamp>,
    /// Its events, in order.
    pub events: Vec<AuditedEvent>,
    /// Its entries, in order.
    pub entries: Vec<AuditedEntry>,
}

/// An event, with what there is about its payment.
#[derive(Clone, Debug)]
pub struct AuditedEvent {
    /// Its number in the batch.
    pub n: i64,
    /// The mode's name.
    pub mode: String,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What it is about.
    pub subject: [u8; 16],
    /// The merchant.
    pub merchant: Option<[u8; 16]>,
    /// The record as it is kept.
    pub record: [u8; RECORD_LENGTH],
    /// The payment that it made, if it made one.
    pub payment: Option<Box<AuditedPayment>>,
    /// The payment that it was the last word about, if it was.
    pub end: Option<PaymentEnd>,
    /// Whether there is a payment with the subject's id.
    pub payment_known: bool,
}

/// An entry, and what its account is; none if there is no such account.
#[derive(Clone, Copy, Debug)]
pub struct AuditedEntry {
    /// The transfer.
    pub transfer: TransferId,
    /// The entry.
    pub entry: Entry,
    /// Its account.
    pub account: Option<AccountOf>,
}

/// What an account is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AccountOf {
    /// Whether it holds real money.
    pub mode: Mode,
    /// Whose it is.
    pub kind: AccountKind,
}

/// The name of a notice that is about a code which was not charged: its evidence is not kept.
const CODE_REUSED: &str = "code.reused";
/// What a payment moved that moved nothing.
static NO_ENTRIES: Vec<Entry> = Vec::new();

impl AuditedBatch {
    /// The root over the records as they are there now.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let leaves: Vec<_> =
            self.events.iter().map(|event| tree::leaf_hash(&event.record)).collect();
        tree::root(&leaves)
    }

    /// The entries of each transfer.
    #[must_use]
    pub fn transfers(&self) -> BTreeMap<TransferId, Vec<Entry>> {
        let mut transfers: BTreeMap<TransferId, Vec<Entry>> = BTreeMap::new();
        for entry in &self.entries {
            transfers.entry(entry.transfer).or_default().push(entry.entry);
        }
        transfers
    }

    /// Which event each transfer belongs to, by the hash in its record; the last one if there are
    /// several, because a refund's own record comes after what it made of its payment.
    #[must_use]
    pub fn causes(&self) -> BTreeMap<TransferId, &AuditedEvent> {
        let tied = self.ties();
        let mut causes = BTreeMap::new();
        for (event, tie) in self.events.iter().zip(tied) {
            if let Tie::Moved(transfer) = tie {
                causes.insert(transfer, event);
            }
        }
        causes
    }

    /// Checks everything but evidence.
    pub fn check(&self, mut fault: impl FnMut(Fault)) {
        let mut tell = |check, row: String, problem| {
            fault(Fault { check, row: format!("{row}, position {}", self.position), problem });
        };
        if self.committed_at.is_none() {
            tell(Check::Positions, self.id.to_string(), "the batch is not closed");
        }
        if self.events.is_empty() {
            tell(Check::Leaves, self.id.to_string(), "the batch has no records");
        } else if self.root() != self.leaf {
            let problem = "the journal's leaf is not the root over the batch's records";
            tell(Check::Leaves, self.id.to_string(), problem);
        }
        for (event, n) in self.events.iter().zip(0..) {
            if let Some(problem) = event.fault(n) {
                tell(Check::Events, event.name(), problem);
            }
        }
        self.check_transfers(&mut tell);
        self.check_ties(&mut tell);
        for event in &self.events {
            for problem in event.payment_faults(&self.entries) {
                tell(Check::Payments, event.name(), problem);
            }
        }
    }

    fn check_transfers(&self, tell: &mut impl FnMut(Check, String, &'static str)) {
        for (id, entries) in self.transfers() {
            let mut sums: BTreeMap<u16, i128> = BTreeMap::new();
            for entry in &entries {
                *sums.entry(entry.amount.currency().numeric()).or_default() +=
                    i128::from(entry.amount.minor());
            }
            if sums.values().any(|sum| *sum != 0) {
                tell(Check::Transfers, id.to_string(), "the transfer does not sum to zero");
            }
        }
        let mut modes: BTreeMap<TransferId, Mode> = BTreeMap::new();
        for entry in &self.entries {
            let Some(AccountOf { mode, .. }) = entry.account else { continue };
            if *modes.entry(entry.transfer).or_insert(mode) != mode {
                let problem = "the transfer moves money between live and test mode";
                tell(Check::Transfers, entry.transfer.to_string(), problem);
            }
        }
        let unknown: BTreeSet<AccountId> = self
            .entries
            .iter()
            .filter(|entry| entry.account.is_none())
            .map(|entry| entry.entry.account)
            .collect();
        for account in unknown {
            tell(Check::Transfers, account.to_string(), "there is no such account");
        }
    }

    fn check_ties(&self, tell: &mut impl FnMut(Check, String, &'static str)) {
        let ties = self.ties();
        for (event, tie) in self.events.iter().zip(&ties) {
            if *tie == Tie::Broken {
                let problem = "the record is not the one of these entries and this evidence";
                tell(Check::Records, event.name(), problem);
            }
        }
        let tied: BTreeSet<TransferId> = ties.iter().filter_map(Tie::transfer).collect();
        for transfer in self.transfers().into_keys().filter(|id| !tied.contains(id)) {
            tell(Check::Records, transfer.to_string(), "money moved without a record of it");
        }
    }

    /// What each event's record is tied to.
    fn ties(&self) -> Vec<Tie> {
        let transfers = self.transfers();
        let mut by_hash = self.moved_by_hash(&transfers);
        let nothing = books_hash(&[], &[]);
        let mut ties = Vec::with_capacity(self.events.len());
        for (place, event) in self.events.iter().enumerate() {
            let tie = if let Some(payment) = &event.payment {
                event.tie_of(payment, &transfers)
            } else if let Some(record) = event.record() {
                let hash = record.books_hash;
                match by_hash.get_mut(&hash) {
                    // The refund comes next, and is about the same movement.
                    Some(moved) if self.is_refund(place + 1, &hash) => moved.first(),
                    Some(moved) => moved.next(),
                    None if hash == nothing || event.event_type == CODE_REUSED => Tie::Nothing,
                    None => Tie::Broken,
                }
            } else {
                Tie::Broken
            };
            ties.push(tie);
        }
        ties
    }

    /// The transfers by what ties a record to them, but for those that the row of a payment names.
    /// Releases before 0014 of the schema left the transfer's id out.
    fn moved_by_hash(
        &self,
        transfers: &BTreeMap<TransferId, Vec<Entry>>,
    ) -> BTreeMap<[u8; 32], Alike> {
        let rows = self.events.iter().filter_map(|event| event.payment.as_deref());
        let named: BTreeSet<TransferId> = rows.filter_map(|payment| payment.transfer).collect();
        let mut by_hash: BTreeMap<[u8; 32], Alike> = BTreeMap::new();
        for (id, entries) in transfers.iter().filter(|(id, _)| !named.contains(id)) {
            for hash in [movement_hash(*id, entries), books_hash(entries, &[])] {
                by_hash.entry(hash).or_default().0.push_back(*id);
            }
        }
        by_hash
    }

    /// Whether the event at a place is a refund with this hash.
    fn is_refund(&self, place: usize, hash: &[u8; 32]) -> bool {
        let record = self.events.get(place).and_then(AuditedEvent::record);
        record.is_some_and(|it| it.kind == RecordKind::Refund && it.books_hash == *hash)
    }
}

/// Transfers with the same hash. In old books one batch may have several, as when somebody sent
/// the same amount twice. Each is another event's.
#[derive(Default)]
struct Alike(VecDeque<TransferId>);

impl Alike {
    fn first(&self) -> Tie {
        self.0.front().map_or(Tie::Broken, |id| Tie::Moved(*id))
    }

    /// The first, which nobody else gets if there are others.
    fn next(&mut self) -> Tie {
        let first = self.first();
        if self.0.len() > 1 {
            self.0.pop_front();
        }
        first
    }
}

/// What a record is tied to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tie {
    /// Nothing moved.
    Nothing,
    /// This movement.
    Moved(TransferId),
    /// Neither.
    Broken,
}

impl Tie {
    fn transfer(&self) -> Option<TransferId> {
        match self {
            Self::Moved(transfer) => Some(*transfer),
            Self::Nothing | Self::Broken => None,
        }
    }
}

impl AuditedEvent {
    /// What the record of a payment is tied to: what its row names, and its evidence.
    fn tie_of(
        &self,
        payment: &AuditedPayment,
        transfers: &BTreeMap<TransferId, Vec<Entry>>,
    ) -> Tie {
        let entries = payment.transfer.map(|id| transfers.get(&id));
        let (Some(record), Some(entries)) = (self.record(), entries.unwrap_or(Some(&NO_ENTRIES)))
        else {
            return Tie::Broken;
        };
        let evidence = payment.evidence.as_deref().unwrap_or_default();
        if record.books_hash != books_hash(entries, evidence) {
            return Tie::Broken;
        }
        payment.transfer.map_or(Tie::Nothing, Tie::Moved)
    }

    /// The record, if its bytes are one.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        Record::from_bytes(&self.record).ok()
    }

    /// How people find it: its type, and the digits of what it is about.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {:x}", self.event_type, base16ct::HexDisplay(&self.subject))
    }

    /// Where the event says something else than its record.
    fn fault(&self, n: i64) -> Option<&'static str> {
        let Some(record) = self.record() else { return Some("the record cannot be read") };
        let (kind, state) = (record.kind.as_str(), record.state.as_str());
        let named =
            record.kind == RecordKind::Notice || self.event_type == format!("{kind}.{state}");
        let merchant = self.merchant.unwrap_or_default();
        if self.n != n {
            return Some("an event before it is missing");
        }
        if self.mode != record.mode.as_str() {
            return Some("the event is of another mode than its record");
        }
        if !named {
            return Some("the event's type is not what its record says");
        }
        if self.subject != record.subject {
            return Some("the event is about something else than its record");
        }
        (merchant != record.merchant).then_some("the event names another merchant than its record")
    }
}

#[cfg(test)]
mod tests;
