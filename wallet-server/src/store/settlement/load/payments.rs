//! Payments that were made before and may change, what holds the references that are called off,
//! and what merchants have that may have to give money back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, Money};

use crate::domain::command::{CancelReference, Command, MakeOrder, ReferenceRef};
use crate::domain::ids::{MerchantId, OrderId, PayerId};
use crate::domain::limits::{Day, Proof};
use crate::domain::request_hash::RequestHash;
use crate::domain::snapshot::{OpenPayment, Refunded, Snapshot, TakenReference};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::payments::{Payment, PaymentRow, payments_sql};
use crate::store::rows::ReferenceRow;
use crate::store::settlement::answers::{Answers, Place, Subject};
use crate::store::sql::{Sql, sql};

const PAYMENTS: Sql = payments_sql!(input { id: blob }
    "select p.*, e.record from input i join payments p on p.id = i.id \
     join events e on e.batch = p.last_batch and e.n = p.last_event"
    => { payer: blob, device: blob, proof: text, day: int, fee_returned: int, refunds: int });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct OpenRow {
    #[serde(flatten)]
    payment: PaymentRow,
    payer: Hex<16>,
    device: Hex<8>,
    proof: String,
    day: i32,
    fee_returned: i64,
    refunds: u32,
}

/// Puts the payments that may change into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    commands: &[Command],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let payments: BTreeSet<_> = commands.iter().filter_map(Command::payment).collect();
    let input: Vec<Id> =
        payments.into_iter().map(|payment| Id { id: Hex(*payment.as_bytes()) }).collect();
    let rows: Vec<OpenRow> = transaction.read(&PAYMENTS, &input).await?;
    for row in rows {
        let Payment { answer, refunded } = row.payment.payment()?;
        let fee = Money::from_minor(row.fee_returned, refunded.currency());
        let refunded = Refunded { amount: refunded, fee, count: row.refunds };
        let open = OpenPayment {
            payer: PayerId::from_bytes(row.payer.0),
            device: DeviceKeyId::from_bytes(row.device.0),
            proof: Proof::from_name(&row.proof).ok_or(StoreError::Corrupt("proof"))?,
            day: Day(row.day),
            answer,
            refunded,
        };
        snapshot.payments.insert(open.answer.id, open);
    }
    Ok(())
}

const BALANCES: Sql = sql!(input { id: blob }
    "select m.id, m.currency, \
        cast((select coalesce(sum(b.available), 0) from balances b where b.account = m.account) \
            as bigint) as available \
     from input i join merchants m on m.id = i.id"
    => { id: blob, currency: int, available: int });

#[derive(Deserialize)]
struct BalanceRow {
    id: Hex<16>,
    currency: u16,
    available: i64,
}

/// Puts into the snapshot what those merchants have, over all shards, that may have to give money
/// back.
pub(super) async fn merchant_balances(
    transaction: &mut Transaction,
    commands: &[Command],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let debtors: BTreeSet<MerchantId> = commands.iter().filter_map(Command::debtor).collect();
    let input: Vec<Id> = debtors.into_iter().map(|id| Id { id: Hex(*id.as_bytes()) }).collect();
    let rows: Vec<BalanceRow> = transaction.read(&BALANCES, &input).await?;
    for row in rows {
        let available = Money::from_minor(row.available, currency(row.currency)?);
        snapshot.merchant_balances.insert(MerchantId::from_bytes(row.id.0), available);
    }
    Ok(())
}

const REFERENCES: Sql = sql!(input { merchant: blob, mode: text, reference: text }
    "select i.n, substr(r.fingerprint, 1, 16) as fingerprint, r.payment, r.order_id, \
        case when p.state = 'canceled' then 1 else 0 end as canceled \
     from input i join payment_references r on r.merchant = i.merchant and r.mode = i.mode \
        and r.reference = i.reference \
     left join payments p on p.id = r.payment"
    => { n: int, fingerprint: blob, payment: blob, order_id: blob, canceled: int });

/// What holds a reference, as a statement reads it.
#[derive(Deserialize)]
pub(super) struct HolderColumns {
    fingerprint: Option<Hex<16>>,
    payment: Option<Hex<16>>,
    order_id: Option<Hex<16>>,
    canceled: u8,
}

impl HolderColumns {
    /// The payment, if it is one.
    pub(super) fn named(&self) -> Option<Subject> {
        Some(Subject::Payment(self.payment?.0, Place::First))
    }

    /// A payment, an order, or a tombstone.
    pub(super) fn taken(&self, answers: &Answers) -> Result<TakenReference, StoreError> {
        if let Some(id) = self.order_id {
            return Ok(TakenReference::Order(OrderId::from_bytes(id.0)));
        }
        let (Some(fingerprint), Some(payment)) = (self.fingerprint, self.payment) else {
            return Ok(TakenReference::Tombstone);
        };
        Ok(TakenReference::Payment {
            fingerprint: RequestHash::from_bytes(fingerprint.0),
            first: Box::new(answers.payment(payment.0, Place::First)?),
            canceled: self.canceled != 0,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct HolderRow {
    n: usize,
    #[serde(flatten)]
    holder: HolderColumns,
}

impl HolderRow {
    /// The payment, if it is one.
    pub(super) fn named(&self) -> Option<Subject> {
        self.holder.named()
    }
}

/// The references that are called off, and those that orders are to have.
pub(super) fn references(commands: &[Command]) -> Vec<&ReferenceRef> {
    commands.iter().filter_map(reference).collect()
}

fn reference(command: &Command) -> Option<&ReferenceRef> {
    match command {
        Command::CancelReference(CancelReference { reference, .. })
        | Command::MakeOrder(MakeOrder { reference, .. }) => Some(reference),
        _ => None,
    }
}

/// Reads what holds them.
pub(super) async fn holders(
    transaction: &mut Transaction,
    references: &[&ReferenceRef],
) -> Result<Vec<HolderRow>, StoreError> {
    let input: Vec<_> = references.iter().map(|reference| ReferenceRow::new(reference)).collect();
    transaction.read(&REFERENCES, &input).await
}

/// Puts it into the snapshot.
pub(super) fn known(
    rows: &[HolderRow],
    references: &[&ReferenceRef],
    answers: &Answers,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        let taken = row.holder.taken(answers)?;
        snapshot.references.insert((*super::input(references, row.n)?).clone(), taken);
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("load::PAYMENTS", &PAYMENTS),
    ("load::BALANCES", &BALANCES),
    ("load::REFERENCES", &REFERENCES),
];
