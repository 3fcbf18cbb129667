//! The answers that idempotency keys stand for from now on.

use std::borrow::Cow;

use serde::Serialize;

use crate::domain::ids::BatchId;
use crate::domain::limits::Day;
use crate::domain::plan::{AnswerRef, NewKeptAnswer, Plan};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::{Bytes, Hex};
use crate::store::rows::KeyRow;
use crate::store::settlement::answers::{ENDED_ORDER, ENDED_PAYMENT};
use crate::store::sql::{Sql, sql};

const KEPT_ANSWERS: Sql = sql!(each "insert into idempotency_keys (caller_kind, caller, mode, key, request_hash, answer, \
        subject, batch, event, shown, created_day) \
        values (:caller_kind, :caller, :mode, :key, :request_hash, :answer, :subject, :batch, \
        :event, :shown, :created_day)"
    input { caller_kind: text, caller: blob, mode: text, key: text,
        request_hash: blob, answer: text, subject: blob, batch: blob, event: int, shown: blob,
        created_day: int }
    "insert into idempotency_keys (caller_kind, caller, mode, key, request_hash, answer, subject, \
        batch, event, shown, created_day) \
     select caller_kind, caller, mode, key, request_hash, answer, subject, batch, event, shown, \
        created_day from input \
     order by caller_kind, caller, mode, key");

#[derive(Serialize)]
struct KeptAnswerRow<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    request_hash: Hex<16>,
    answer: Cow<'static, str>,
    subject: Option<Hex<16>>,
    /// The place of the record that answered, if it is not the subject's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Hex<16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<Bytes>,
    created_day: i32,
}

impl<'a> KeptAnswerRow<'a> {
    fn new(kept: &'a NewKeptAnswer, batch: BatchId, today: Day) -> Self {
        let (answer, subject, event) = match &kept.answer {
            AnswerRef::Payment(id) => ("payment".into(), Some(*id.as_bytes()), None),
            AnswerRef::PaymentAt(id, event) => {
                ("payment".into(), Some(*id.as_bytes()), Some(*event))
            }
            AnswerRef::EndedPayment(id) => (ENDED_PAYMENT.into(), Some(*id.as_bytes()), None),
            AnswerRef::TopUp(id) => ("top_up".into(), Some(*id.as_bytes()), None),
            AnswerRef::Refund(id) => ("refund".into(), Some(*id.as_bytes()), None),
            AnswerRef::ReferenceCanceled => ("reference_canceled".into(), None, None),
            AnswerRef::Rejected(rejection) => (rejection.as_str().into(), None, None),
            AnswerRef::Movement { kind, subject, event, .. } => {
                (kind.as_str().into(), Some(*subject), Some(*event))
            }
            AnswerRef::NotMoved(not_moved) => (not_moved.to_text().into(), None, None),
            AnswerRef::Order(id) => ("order".into(), Some(*id.as_bytes()), None),
            AnswerRef::EndedOrder(id) => (ENDED_ORDER.into(), Some(*id.as_bytes()), None),
        };
        let shown = match &kept.answer {
            AnswerRef::Movement { shown, .. } => Some(Bytes(shown.clone())),
            _ => None,
        };
        Self {
            key: KeyRow::new(&kept.key),
            request_hash: Hex(*kept.request_hash.as_bytes()),
            answer,
            subject: subject.map(Hex),
            batch: event.map(|_| Hex(*batch.as_bytes())),
            event,
            shown,
            created_day: today.0,
        }
    }
}

pub(super) fn kept_answers(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
    today: Day,
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        plan.kept_answers.iter().map(|kept| KeptAnswerRow::new(kept, batch, today)).collect();
    changes.add(&KEPT_ANSWERS, &rows)
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("kept::KEPT_ANSWERS", &KEPT_ANSWERS)];
