//! Builders of requests about what was there before: payments, references, money in suspense.

use std::fmt::Debug;

use wallet_core::{Mode, Money, PositiveMoney};

use super::fixture::{DEVICES, Sale, device_id, id_bytes, merchant_id, payer_id};
use super::requests::digest;
use crate::domain::command::{
    Caller, CancelReference, Command, EndSuspense, KeyRef, ReferenceRef, Refund, Request, Resolve,
    Resolver, SuspenseEnd,
};
use crate::domain::ids::{ApiKeyId, OrderId, PaymentId, RefundId, SuspenseId, TransferId};

/// Whose device shows the code of a sale.
pub(super) fn payer_of(sale: &Sale) -> u32 {
    DEVICES.iter().find(|device| device.0 == sale.device).map_or(1, |it| it.1)
}

pub(super) fn request(caller: Caller, mode: Mode, key: u32, content: &impl Debug) -> Request {
    Request { key: KeyRef { caller, mode, key: format!("key {key}") }, hash: digest(content) }
}

/// A payment goes on or is called off: builds a [`Resolve`].
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// Tells the id of the transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    /// The payment's number, and whose it is said to be.
    pub(super) payment: u32,
    pub(super) mode: Mode,
    pub(super) payer: u32,
    pub(super) merchant: u32,
    pub(super) by: By,
}

/// Who decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// A device confirms.
    Confirm(u32),
    /// A device refuses.
    Refuse(u32),
    /// The merchant cancels with an API key.
    Cancel(u32),
    /// The merchant captures all or this much with an API key.
    Capture(u32, Option<Money>),
    Time,
    /// A test has the time be over.
    TimeOfTest,
}

impl Decision {
    /// What somebody decides about a sale.
    pub(super) fn of(number: u32, sale: &Sale, by: By) -> Self {
        let Sale { number: payment, mode, merchant, .. } = *sale;
        Self { number, key: number, payment, mode, payer: payer_of(sale), merchant, by }
    }
}

impl From<Decision> for Command {
    fn from(decision: Decision) -> Self {
        let (payer, merchant) = (payer_id(decision.payer), merchant_id(decision.merchant));
        let payment = PaymentId::from_bytes(id_bytes(decision.payment));
        let request = |caller| {
            // With whichever of its keys a merchant asks, it is the same request.
            let asked = match decision.by {
                By::Cancel(_) => By::Cancel(0),
                By::Capture(_, amount) => By::Capture(0, amount),
                by => by,
            };
            request(caller, decision.mode, decision.key, &(payment, asked))
        };
        let by_payer = |device, confirmed| Resolver::Payer {
            device: device_id(device),
            confirmed,
            request: request(Caller::Payer(payer)),
        };
        let by = match decision.by {
            By::Confirm(device) => by_payer(device, true),
            By::Refuse(device) => by_payer(device, false),
            By::Cancel(api_key) => Resolver::Merchant {
                api_key: ApiKeyId::from_bytes(id_bytes(api_key)),
                request: request(Caller::Merchant(merchant)),
            },
            By::Capture(api_key, amount) => Resolver::Capture {
                api_key: ApiKeyId::from_bytes(id_bytes(api_key)),
                amount: amount.map(|amount| PositiveMoney::new(amount).unwrap()),
                request: request(Caller::Merchant(merchant)),
            },
            By::Time => Resolver::Time,
            By::TimeOfTest => Resolver::TimeOfTest { request: request(Caller::Merchant(merchant)) },
        };
        let transfer = TransferId::from_bytes(id_bytes(decision.number));
        Self::Resolve(Resolve { payment, payer, merchant, transfer, by })
    }
}

/// A merchant undoes what stands under a reference: builds a [`CancelReference`].
#[derive(Clone, Debug)]
pub(super) struct Undo {
    /// Tells the id of the transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    pub(super) api_key: u32,
    pub(super) mode: Mode,
    pub(super) merchant: u32,
    pub(super) reference: u32,
    /// The payment that was found under the reference, and whose it is.
    pub(super) holder: Option<(u32, u32)>,
    /// The order that was found there.
    pub(super) order: Option<u32>,
}

impl Undo {
    /// Merchant 1 undoes what stands under a reference, where nothing was found.
    pub(super) fn reference(number: u32, reference: u32) -> Self {
        let (key, mode) = (number, Mode::Live);
        Self { number, key, api_key: 1, mode, merchant: 1, reference, holder: None, order: None }
    }

    /// The merchant of a sale undoes it.
    pub(super) fn of(number: u32, sale: &Sale) -> Self {
        let Sale { mode, merchant, reference, api_key, .. } = *sale;
        let holder = Some((sale.number, payer_of(sale)));
        Self { api_key, mode, merchant, holder, ..Self::reference(number, reference) }
    }
}

impl From<Undo> for Command {
    fn from(undo: Undo) -> Self {
        let merchant = merchant_id(undo.merchant);
        let reference = format!("order {}", undo.reference);
        let holder = undo
            .holder
            .map(|(payment, payer)| (PaymentId::from_bytes(id_bytes(payment)), payer_id(payer)));
        let caller = Caller::Merchant(merchant);
        Self::CancelReference(CancelReference {
            request: request(caller, undo.mode, undo.key, &("undo", &reference)),
            reference: ReferenceRef { merchant, mode: undo.mode, reference },
            holder,
            order: undo.order.map(|number| OrderId::from_bytes(id_bytes(number))),
            transfer: TransferId::from_bytes(id_bytes(undo.number)),
            api_key: ApiKeyId::from_bytes(id_bytes(undo.api_key)),
        })
    }
}

/// A merchant gives money of a payment back: builds a [`Refund`].
#[derive(Clone, Debug)]
pub(super) struct GiveBack {
    /// Tells the ids of refund and transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    pub(super) api_key: u32,
    pub(super) mode: Mode,
    /// The payment's number, and whose it is said to be.
    pub(super) payment: u32,
    pub(super) payer: u32,
    pub(super) merchant: u32,
    /// None for all that is left.
    pub(super) amount: Option<Money>,
}

impl GiveBack {
    /// The merchant of a sale gives some of it back, or all that is left.
    pub(super) fn of(number: u32, sale: &Sale, amount: Option<Money>) -> Self {
        let Sale { number: payment, mode, merchant, api_key, .. } = *sale;
        let payer = payer_of(sale);
        Self { number, key: number, api_key, mode, payment, payer, merchant, amount }
    }
}

impl From<GiveBack> for Command {
    fn from(back: GiveBack) -> Self {
        let (payer, merchant) = (payer_id(back.payer), merchant_id(back.merchant));
        let payment = PaymentId::from_bytes(id_bytes(back.payment));
        let content = ("refund", payment, back.amount);
        Self::Refund(Refund {
            id: RefundId::from_bytes(id_bytes(back.number)),
            payment,
            payer,
            merchant,
            amount: back.amount.map(|amount| PositiveMoney::new(amount).unwrap()),
            reason: Some("cold tea".to_owned()),
            metadata: None,
            transfer: TransferId::from_bytes(id_bytes(back.number)),
            api_key: ApiKeyId::from_bytes(id_bytes(back.api_key)),
            request: request(Caller::Merchant(merchant), back.mode, back.key, &content),
        })
    }
}

/// The operator decides about money in suspense: builds an [`EndSuspense`].
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// Tells the id of the transfer.
    pub(super) number: u32,
    pub(super) key: u32,
    pub(super) mode: Mode,
    /// The number of what gave it back, and whose it is said to be.
    pub(super) suspense: u32,
    pub(super) payer: u32,
    /// The number of the bank's reference, if it is paid out.
    pub(super) paid: Option<u32>,
}

impl Ending {
    /// Money that came back with a number for payer 1 is released.
    pub(super) fn of(number: u32, suspense: u32) -> Self {
        Self { number, key: number, mode: Mode::Live, suspense, payer: 1, paid: None }
    }
}

impl From<Ending> for Command {
    fn from(ending: Ending) -> Self {
        let id = SuspenseId::from_bytes(id_bytes(ending.suspense));
        let end = match ending.paid {
            None => SuspenseEnd::Released,
            Some(number) => SuspenseEnd::PaidOut { external_reference: format!("paid {number}") },
        };
        let content = ("suspense", id, ending.paid);
        Self::EndSuspense(EndSuspense {
            id,
            payer: payer_id(ending.payer),
            transfer: TransferId::from_bytes(id_bytes(ending.number)),
            request: request(Caller::Operator, ending.mode, ending.key, &content),
            end,
        })
    }
}
