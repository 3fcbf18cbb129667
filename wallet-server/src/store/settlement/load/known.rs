//! What was answered before: by idempotency key, by reference, by a top-up's external reference.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::domain::command::{Charge, Command, KeyRef, ReferenceRef, TopUp};
use crate::domain::outcome::{Answer, PaymentAnswer, Rejection, TopUpAnswer};
use crate::domain::snapshot::{KeptAnswer, Snapshot, TakenReference};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::rows::{KeyRow, ReferenceRow};
use crate::store::settlement::answers::{self, Id};
use crate::store::sql::{Sql, sql};

const ANSWERS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text }
    "select i.n, k.request_hash, k.answer, k.subject from input i \
     join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key"
    => { n: int, request_hash: blob, answer: text, subject: blob });

#[derive(Deserialize)]
struct AnswerRow {
    n: usize,
    request_hash: Hex<32>,
    answer: String,
    subject: Option<Hex<16>>,
}

const REFERENCES: Sql = sql!(input { merchant: blob, mode: text, reference: text }
    "select i.n, r.fingerprint, r.payment from input i \
     join payment_references r on r.merchant = i.merchant and r.mode = i.mode \
        and r.reference = i.reference"
    => { n: int, fingerprint: blob, payment: blob });

#[derive(Deserialize)]
struct TakenRow {
    n: usize,
    fingerprint: Option<Hex<32>>,
    payment: Option<Hex<16>>,
}

const TOP_UP_REFERENCES: Sql = sql!(input { mode: text, external_reference: text }
    "select i.n, t.id from input i \
     join top_ups t on t.mode = i.mode and t.external_reference = i.external_reference"
    => { n: int, id: blob });

#[derive(Serialize)]
struct TopUpReference<'a> {
    mode: &'a str,
    external_reference: &'a str,
}

#[derive(Deserialize)]
struct TopUpKnown {
    n: usize,
    id: Hex<16>,
}

/// What was answered before: by key, by reference, by external reference.
pub(super) async fn known(
    transaction: &mut Transaction,
    commands: &[Command],
    charges: &[&Charge],
    top_ups: &[&TopUp],
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let keys: Vec<&KeyRef> = commands.iter().map(Command::key).collect();
    let key_rows: Vec<KeyRow<'_>> = keys.iter().map(|key| KeyRow::new(key)).collect();
    let kept: Vec<AnswerRow> = transaction.read(&ANSWERS, &key_rows).await?;

    let references: Vec<&ReferenceRef> = charges.iter().map(|charge| &charge.reference).collect();
    let reference_rows: Vec<_> = references.iter().map(|r| ReferenceRow::new(r)).collect();
    let taken: Vec<TakenRow> = transaction.read(&REFERENCES, &reference_rows).await?;

    let external: Vec<TopUpReference<'_>> = top_ups
        .iter()
        .map(|top_up| TopUpReference {
            mode: top_up.key.mode.as_str(),
            external_reference: &top_up.external_reference,
        })
        .collect();
    let credited: Vec<TopUpKnown> = transaction.read(&TOP_UP_REFERENCES, &external).await?;

    let of_kind = |kind: &'static str| {
        kept.iter().filter(move |row| row.answer == kind).filter_map(|row| row.subject)
    };
    let payments = ids(of_kind("payment").chain(taken.iter().filter_map(|row| row.payment)));
    let payments: HashMap<[u8; 16], PaymentAnswer> = answers::payments(transaction, &payments)
        .await?
        .into_iter()
        .map(|payment| (*payment.id.as_bytes(), payment))
        .collect();
    let credits = ids(of_kind("top_up").chain(credited.iter().map(|row| row.id)));
    let credits: HashMap<[u8; 16], TopUpAnswer> = answers::top_ups(transaction, &credits)
        .await?
        .into_iter()
        .map(|top_up| (*top_up.id.as_bytes(), top_up))
        .collect();

    for row in kept {
        let answer = answer(&row, &payments, &credits)?;
        let kept = KeptAnswer { request_hash: row.request_hash.0, answer };
        snapshot.answers.insert(named(&keys, row.n)?.clone(), kept);
    }
    for row in taken {
        let taken = match (row.fingerprint, row.payment) {
            (Some(fingerprint), Some(payment)) => {
                let payment = payments.get(&payment.0).ok_or(StoreError::Corrupt("reference"))?;
                TakenReference::Payment(fingerprint.0, Box::new(payment.clone()))
            }
            _ => TakenReference::Tombstone,
        };
        snapshot.references.insert(named(&references, row.n)?.clone(), taken);
    }
    for row in credited {
        let top_up = named(top_ups, row.n)?;
        let known = credits.get(&row.id.0).ok_or(StoreError::Corrupt("top-up"))?;
        let reference = (top_up.key.mode, top_up.external_reference.clone());
        snapshot.top_ups.insert(reference, known.clone());
    }
    Ok(())
}

/// The input row that an answer is about.
fn named<'a, T>(input: &[&'a T], n: usize) -> Result<&'a T, StoreError> {
    input.get(n).copied().ok_or(StoreError::Corrupt("row number"))
}

fn ids(found: impl Iterator<Item = Hex<16>>) -> Vec<Id> {
    let unique: BTreeSet<[u8; 16]> = found.map(|id| id.0).collect();
    unique.into_iter().map(|id| Id { id: Hex(id) }).collect()
}

fn answer(
    row: &AnswerRow,
    payments: &HashMap<[u8; 16], PaymentAnswer>,
    credits: &HashMap<[u8; 16], TopUpAnswer>,
) -> Result<Answer, StoreError> {
    const LOST: StoreError = StoreError::Corrupt("the subject of a kept answer");
    let subject = row.subject.map(|id| id.0).unwrap_or_default();
    match row.answer.as_str() {
        "payment" => payments.get(&subject).cloned().map(Box::new).map(Answer::Payment).ok_or(LOST),
        "top_up" => credits.get(&subject).cloned().map(Box::new).map(Answer::TopUp).ok_or(LOST),
        other => {
            Rejection::from_name(other).map(Answer::Rejected).ok_or(StoreError::Corrupt("answer"))
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("known::ANSWERS", &ANSWERS),
    ("known::REFERENCES", &REFERENCES),
    ("known::TOP_UP_REFERENCES", &TOP_UP_REFERENCES),
];
