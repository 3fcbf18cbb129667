//! Builders of requests about orders and plates.

use wallet_core::{Mode, Money, PositiveMoney};

use super::super::database::Database;
use super::super::fixture::{at, device_id, id_bytes, merchant_id, payer_id, yuan};
use super::super::requests::digest;
use crate::domain::command::{
    Caller, Command, EndOrder, KeyRef, MakeOrder, MerchantCodeId, OrderEnd, PayMerchantCode,
    PayerRequest, ReferenceRef, Request,
};
use crate::domain::ids::{ApiKeyId, OrderId, PaymentId, PlateId, TransferId};
use crate::domain::snapshot::KnownPlate;

/// What is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Order(u32),
    Plate(u32),
}

impl From<Code> for MerchantCodeId {
    fn from(code: Code) -> Self {
        match code {
            Code::Order(number) => Self::Order(OrderId::from_bytes(id_bytes(number))),
            Code::Plate(number) => Self::Plate(PlateId::from_bytes(id_bytes(number))),
        }
    }
}

/// Puts a plate of merchant 1 into the database.
pub(super) fn plate(database: &mut Database, number: u32, amount: Option<Money>) {
    let plate = KnownPlate {
        merchant: merchant_id(1),
        mode: Mode::Live,
        currency: yuan(1).currency(),
        amount: amount.map(|amount| PositiveMoney::new(amount).unwrap()),
        active: true,
    };
    database.plates.insert(PlateId::from_bytes(id_bytes(number)), plate);
}

/// A merchant makes an order: builds a [`MakeOrder`].
#[derive(Clone, Debug)]
pub(super) struct Making {
    pub(super) number: u32,
    pub(super) merchant: u32,
    pub(super) reference: u32,
    pub(super) amount: Money,
    /// Until when it can be paid, in seconds after the start.
    pub(super) until: i64,
}

/// Merchant 1 makes an order of 10 yuan, open until a minute after the start.
pub(super) fn make(number: u32) -> Making {
    Making { number, merchant: 1, reference: number, amount: yuan(10), until: 60 }
}

impl Making {
    pub(super) fn under(self, reference: u32) -> Self {
        Self { reference, ..self }
    }

    pub(super) fn of(self, merchant: u32) -> Self {
        Self { merchant, ..self }
    }

    pub(super) fn amount(self, amount: Money) -> Self {
        Self { amount, ..self }
    }

    pub(super) fn until(self, until: i64) -> Self {
        Self { until, ..self }
    }
}

impl From<Making> for Command {
    fn from(making: Making) -> Self {
        let merchant = merchant_id(making.merchant);
        let key = KeyRef {
            caller: Caller::Merchant(merchant),
            mode: Mode::Live,
            key: format!("order key {}", making.number),
        };
        let reference = format!("order {}", making.reference);
        Self::MakeOrder(MakeOrder {
            id: OrderId::from_bytes(id_bytes(making.number)),
            amount: PositiveMoney::new(making.amount).unwrap(),
            description: Some("tea".to_owned()),
            metadata: None,
            payload: format!("payload {}", making.number),
            expires_at: at(making.until),
            api_key: ApiKeyId::from_bytes(id_bytes(1)),
            request: Request { key, hash: digest(&making) },
            reference: ReferenceRef { merchant, mode: Mode::Live, reference },
        })
    }
}

/// Somebody ends an order: builds an [`EndOrder`].
#[derive(Clone, Debug)]
pub(super) struct Close {
    pub(super) number: u32,
    pub(super) order: u32,
    pub(super) merchant: u32,
    pub(super) mode: Mode,
    pub(super) by_time: bool,
}

/// Merchant 1 closes an order.
pub(super) fn close(number: u32, order: u32) -> Close {
    Close { number, order, merchant: 1, mode: Mode::Live, by_time: false }
}

impl Close {
    pub(super) fn of(self, merchant: u32) -> Self {
        Self { merchant, ..self }
    }

    pub(super) fn in_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn by_time(self) -> Self {
        Self { by_time: true, ..self }
    }
}

impl From<Close> for Command {
    fn from(close: Close) -> Self {
        let merchant = merchant_id(close.merchant);
        let key = KeyRef {
            caller: Caller::Merchant(merchant),
            mode: close.mode,
            key: format!("close key {}", close.number),
        };
        let request = Request { key, hash: digest(&("close", close.order)) };
        let api_key = ApiKeyId::from_bytes(id_bytes(1));
        let by =
            if close.by_time { OrderEnd::Time } else { OrderEnd::Merchant { api_key, request } };
        Self::EndOrder(EndOrder { order: OrderId::from_bytes(id_bytes(close.order)), merchant, by })
    }
}

/// A payer pays a code: builds a [`PayMerchantCode`].
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Tells the ids of payment and transfer.
    pub(super) number: u32,
    pub(super) mode: Mode,
    pub(super) payer: u32,
    pub(super) device: u32,
    pub(super) code: Code,
    pub(super) merchant: u32,
    pub(super) amount: Option<Money>,
    pub(super) with_pin: bool,
}

/// Payer 1 pays a code of merchant 1 with device 1.
pub(super) fn scan(number: u32, code: Code) -> Scan {
    let (mode, amount, with_pin) = (Mode::Live, None, false);
    Scan { number, mode, payer: 1, device: 1, code, merchant: 1, amount, with_pin }
}

impl Scan {
    pub(super) fn by(self, payer: u32, device: u32) -> Self {
        Self { payer, device, ..self }
    }

    pub(super) fn of(self, merchant: u32) -> Self {
        Self { merchant, ..self }
    }

    pub(super) fn in_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn amount(self, amount: Money) -> Self {
        Self { amount: Some(amount), ..self }
    }

    pub(super) fn with_pin(self) -> Self {
        Self { with_pin: true, ..self }
    }
}

impl From<Scan> for Command {
    fn from(scan: Scan) -> Self {
        let payer = payer_id(scan.payer);
        let key = KeyRef {
            caller: Caller::Payer(payer),
            mode: scan.mode,
            key: format!("scan key {}", scan.number),
        };
        // Not whether there was a PIN.
        let hash = digest(&(scan.code, scan.merchant, scan.amount));
        Self::PayMerchantCode(PayMerchantCode {
            by: PayerRequest {
                payer,
                device: device_id(scan.device),
                request: Request { key, hash },
                shown: Vec::new(),
            },
            id: PaymentId::from_bytes(id_bytes(scan.number)),
            transfer: TransferId::from_bytes(id_bytes(scan.number)),
            code: scan.code.into(),
            merchant: merchant_id(scan.merchant),
            amount: scan.amount.map(|amount| PositiveMoney::new(amount).unwrap()),
            with_pin: scan.with_pin,
            evidence: hash.as_bytes().to_vec(),
        })
    }
}
