//! What top-ups name: their idempotency keys and external references, and their payers.

use serde::{Deserialize, Serialize};

use super::{PayerColumns, input, insert_payer};
use crate::domain::command::TopUp;
use crate::domain::snapshot::Snapshot;
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::rows::KeyRow;
use crate::store::settlement::answers::{Answers, KeptColumns, Subject};
use crate::store::sql::{Sql, sql};

const TOP_UPS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text,
        external_reference: text, payer: blob }
    "select i.n, k.request_hash, k.answer, k.subject, t.id as top_up, \
        p.mode as payer_mode, p.account, p.currency, \
        case when p.state = 'active' then 1 else 0 end as active, b.available \
     from input i \
     left join idempotency_keys k on k.caller_kind = i.caller_kind and k.caller = i.caller \
        and k.mode = i.mode and k.key = i.key \
     left join top_ups t on t.mode = i.mode and t.external_reference = i.external_reference \
     left join payers p on p.id = i.payer \
     left join balances b on b.account = p.account and b.shard = 0"
    => { n: int, request_hash: blob, answer: text, subject: blob, top_up: blob,
        payer_mode: text, account: blob, currency: int, active: int, available: int });

#[derive(Serialize)]
struct Names<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    external_reference: &'a str,
    payer: Hex<16>,
}

#[derive(Deserialize)]
pub(super) struct TopUpRow {
    n: usize,
    #[serde(flatten)]
    kept: KeptColumns,
    top_up: Option<Hex<16>>,
    #[serde(flatten)]
    payer: PayerColumns,
}

impl TopUpRow {
    /// The payments and top-ups that its answers are about.
    pub(super) fn named(&self) -> impl Iterator<Item = Subject> + use<> {
        let top_up = self.top_up.map(|id| Subject::TopUp(id.0));
        self.kept.subject().into_iter().chain(top_up)
    }
}

/// Reads a row for each top-up, and puts their payers into the snapshot.
pub(super) async fn read(
    transaction: &mut Transaction,
    top_ups: &[&TopUp],
    snapshot: &mut Snapshot,
) -> Result<Vec<TopUpRow>, StoreError> {
    let names: Vec<Names<'_>> = top_ups
        .iter()
        .map(|top_up| Names {
            key: KeyRow::new(&top_up.key),
            external_reference: &top_up.external_reference,
            payer: Hex(*top_up.payer.as_bytes()),
        })
        .collect();
    let rows: Vec<TopUpRow> = transaction.read(&TOP_UPS, &names).await?;
    for row in &rows {
        let id = input(top_ups, row.n)?.payer;
        // A payer who also pays in this batch has been read with what was spent today.
        if let Some(payer) = row.payer.payer()?
            && !snapshot.payers.contains_key(&id)
        {
            insert_payer(snapshot, id, payer, 0, 0);
        }
    }
    Ok(rows)
}

/// Puts what was answered before into the snapshot: by key, and by external reference.
pub(super) fn known(
    rows: Vec<TopUpRow>,
    top_ups: &[&TopUp],
    answers: &Answers,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        let top_up = input(top_ups, row.n)?;
        if let Some(kept) = answers.kept(&row.kept)? {
            snapshot.answers.insert(top_up.key.clone(), kept);
        }
        if let Some(id) = row.top_up {
            let reference = (top_up.key.mode, top_up.external_reference.clone());
            snapshot.top_ups.insert(reference, answers.top_up(id.0)?);
        }
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::TOP_UPS", &TOP_UPS)];
