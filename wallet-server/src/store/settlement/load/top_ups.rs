//! Top-ups by their external references.

use serde::{Deserialize, Serialize};

use super::input;
use crate::domain::command::TopUp;
use crate::domain::snapshot::Snapshot;
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::settlement::answers::{Answers, Subject};
use crate::store::sql::{Sql, sql};

const TOP_UPS: Sql = sql!(input { mode: text, external_reference: text }
    "select i.n, t.id from input i \
     join top_ups t on t.mode = i.mode and t.external_reference = i.external_reference"
    => { n: int, id: blob });

#[derive(Serialize)]
struct Name<'a> {
    mode: &'static str,
    external_reference: &'a str,
}

#[derive(Deserialize)]
pub(super) struct TopUpRow {
    n: usize,
    id: Hex<16>,
}

impl TopUpRow {
    /// The top-up.
    pub(super) fn named(&self) -> Subject {
        Subject::TopUp(self.id.0)
    }
}

/// Finds the top-ups that were made before under the same references.
pub(super) async fn read(
    transaction: &mut Transaction,
    top_ups: &[&TopUp],
) -> Result<Vec<TopUpRow>, StoreError> {
    let names: Vec<Name<'_>> = top_ups
        .iter()
        .map(|top_up| Name {
            mode: top_up.key.mode.as_str(),
            external_reference: &top_up.external_reference,
        })
        .collect();
    transaction.read(&TOP_UPS, &names).await
}

/// Puts them into the snapshot.
pub(super) fn known(
    rows: Vec<TopUpRow>,
    top_ups: &[&TopUp],
    answers: &Answers,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    for row in rows {
        let top_up = input(top_ups, row.n)?;
        let reference = (top_up.key.mode, top_up.external_reference.clone());
        snapshot.top_ups.insert(reference, answers.top_up(row.id.0)?);
    }
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("load::TOP_UPS", &TOP_UPS)];
