//! An event as merchants see it: in the list, and in what is sent to them.

use serde::Serialize;
use utoipa::ToSchema;
use wallet_core::receipt::Record;

use super::cursor;
use super::openapi::schema::{self, kind};
use super::orders::OrderBody;
use super::payment_body::PaymentBody;
use super::payout_body::PayoutFields;
use super::refund_body::RefundBody;
use super::time::rfc3339;
use crate::issuer::IssuerKeys;
use crate::store::{MerchantEvent, MerchantSubject};

/// Something that happened to a merchant.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantEvent)]
pub(super) struct MerchantEventBody {
    /// Its place in the journal, by which the list goes on.
    #[schema(value_type = schema::EventId)]
    id: String,
    #[schema(schema_with = kind::event)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    /// For programs, such as `payment.succeeded`: `docs/http-api.md` lists them.
    #[schema(value_type = schema::EventType)]
    r#type: String,
    #[schema(value_type = schema::Time)]
    created_at: String,
    data: SubjectBody,
}

/// What an event is about, as the event left it.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSubject)]
#[serde(untagged)]
enum SubjectBody {
    /// Of `payment.…`.
    Payment(Box<PaymentBody>),
    /// Of `refund.…`.
    Refund(Box<RefundBody>),
    /// Of `order.…`.
    Order(Box<OrderBody>),
    /// Of `payout.…`: without its destination.
    Payout(Box<PayoutFields>),
}

impl SubjectBody {
    fn new(keys: &dyn IssuerKeys, subject: MerchantSubject, record: &Record) -> Self {
        match subject {
            MerchantSubject::Payment(payment) => {
                Self::Payment(Box::new(PaymentBody::signed(keys, *payment)))
            }
            MerchantSubject::Refund(refund) => {
                Self::Refund(Box::new(RefundBody::signed(keys, *refund)))
            }
            MerchantSubject::Order(order) => Self::Order(Box::new(OrderBody::from(*order))),
            MerchantSubject::Payout(payout) => {
                Self::Payout(Box::new(PayoutFields::at(keys, &payout, record)))
            }
        }
    }
}

impl MerchantEventBody {
    pub(super) fn new(keys: &dyn IssuerKeys, event: MerchantEvent) -> Self {
        Self {
            id: cursor::write(event.cursor),
            object: "event",
            mode: event.record.mode.as_str(),
            created_at: rfc3339(event.created_at()),
            r#type: event.event_type,
            data: SubjectBody::new(keys, event.subject, &event.record),
        }
    }
}

/// What is sent to a merchant about an event, after the Standard Webhooks specification.
#[derive(Serialize)]
struct SentBody {
    r#type: String,
    timestamp: String,
    data: SubjectBody,
}

/// The name of an event: `evt_` and its place in the journal. It never changes, and no two events
/// share it.
#[must_use]
pub fn merchant_event_id(event: &MerchantEvent) -> String {
    cursor::write(event.cursor)
}

/// What is sent to a merchant about an event: JSON with its type, its time and what it is about.
/// However often it is written, the bytes are the same.
///
/// # Panics
/// Never: only maps with other keys than texts are no JSON, and there is none.
#[must_use]
pub fn merchant_event_text(keys: &dyn IssuerKeys, event: MerchantEvent) -> String {
    let body = SentBody {
        timestamp: rfc3339(event.created_at()),
        r#type: event.event_type,
        data: SubjectBody::new(keys, event.subject, &event.record),
    };
    serde_json::to_string(&body).expect("an event is JSON")
}
