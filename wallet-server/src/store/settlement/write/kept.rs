//! The answers that idempotency keys stand for from now on.

use serde::Serialize;

use crate::domain::limits::Day;
use crate::domain::plan::{AnswerRef, NewKeptAnswer, Plan};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::rows::KeyRow;
use crate::store::sql::{Sql, sql};

const KEPT_ANSWERS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text,
        request_hash: blob, answer: text, subject: blob, created_day: int }
    "insert into idempotency_keys (caller_kind, caller, mode, key, request_hash, answer, subject, \
        created_day) \
     select caller_kind, caller, mode, key, request_hash, answer, subject, created_day from input \
     order by caller_kind, caller, mode, key");

#[derive(Serialize)]
struct KeptAnswerRow<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    request_hash: Hex<32>,
    answer: &'static str,
    subject: Option<Hex<16>>,
    created_day: i32,
}

impl<'a> KeptAnswerRow<'a> {
    fn new(kept: &'a NewKeptAnswer, today: Day) -> Self {
        let (answer, subject) = match kept.answer {
            AnswerRef::Payment(id) => ("payment", Some(Hex(*id.as_bytes()))),
            AnswerRef::TopUp(id) => ("top_up", Some(Hex(*id.as_bytes()))),
            AnswerRef::Rejected(rejection) => (rejection.as_str(), None),
        };
        Self {
            key: KeyRow::new(&kept.key),
            request_hash: Hex(kept.request_hash),
            answer,
            subject,
            created_day: today.0,
        }
    }
}

pub(super) fn kept_answers(
    changes: &mut Changes,
    plan: &Plan,
    today: Day,
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        plan.kept_answers.iter().map(|kept| KeptAnswerRow::new(kept, today)).collect();
    changes.add(&KEPT_ANSWERS, &rows)
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("kept::KEPT_ANSWERS", &KEPT_ANSWERS)];
