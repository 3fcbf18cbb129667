//! Builders of requests that bring something new: charges and top-ups.

use std::fmt::Debug;

use sha2::{Digest, Sha256};
use wallet_core::code::Mark;
use wallet_core::{Mode, Money, PositiveMoney, Step, TerminalId};

use super::fixture::{DEVICES, at, device_id, id_bytes, merchant_id, payer_id, yuan};
use crate::domain::command::{
    AuthenticCode, Caller, Capture, Charge, CodeSource, Command, KeyRef, ReferenceRef, TopUp,
    Verdict,
};
use crate::domain::ids::{ApiKeyId, PaymentId, TopUpId, TransferId};
use crate::domain::request_hash::RequestHash;

pub(super) fn digest(content: &impl Debug) -> RequestHash {
    <[u8; 32]>::from(Sha256::digest(format!("{content:?}"))).into()
}

/// A merchant charges a code: builds a [`Charge`] with the hashes that its content has.
#[derive(Clone, Debug)]
pub(super) struct Sale {
    /// Tells the ids of payment and transfer.
    pub(super) number: u32,
    pub(super) mode: Mode,
    pub(super) merchant: u32,
    pub(super) api_key: u32,
    pub(super) key: u32,
    pub(super) reference: u32,
    pub(super) amount: Money,
    /// Whether the code opens and its signature holds.
    pub(super) genuine: bool,
    pub(super) device: u32,
    /// The code's step, counted from the step of `at(0)`.
    pub(super) step: i64,
    pub(super) seq: u8,
    pub(super) limit: Money,
    pub(super) description: Option<&'static str>,
    pub(super) typed: bool,
    /// Whether the merchant captures it later.
    pub(super) manual: bool,
    pub(super) terminal: Option<u8>,
}

/// A sale of 10 yuan by merchant 1 to device 1; of two, the one with the higher number shows the
/// newer code.
pub(super) fn sale(number: u32) -> Sale {
    Sale {
        number,
        mode: Mode::Live,
        merchant: 1,
        api_key: 1,
        key: number,
        reference: number,
        amount: yuan(10),
        genuine: true,
        device: 1,
        step: 0,
        seq: u8::try_from(number).unwrap(),
        limit: yuan(150),
        description: Some("tea"),
        typed: false,
        manual: false,
        terminal: None,
    }
}

impl From<Sale> for Command {
    fn from(sale: Sale) -> Self {
        let first_step = i64::from(at(0).step().number());
        let step = Step::from_number(u32::try_from(first_step + sale.step).unwrap());
        let mark = Mark { step, seq: sale.seq };
        let code = (sale.genuine, sale.device, mark, sale.limit);
        let payer = DEVICES.iter().find(|device| device.0 == sale.device).map_or(1, |it| it.1);
        let authentic = AuthenticCode {
            device: device_id(sale.device),
            payer: payer_id(payer),
            mark,
            limit: sale.limit,
            evidence: digest(&code).as_bytes().to_vec(),
        };
        let merchant = merchant_id(sale.merchant);
        let reference = format!("order {}", sale.reference);
        Self::Charge(Charge {
            id: PaymentId::from_bytes(id_bytes(sale.number)),
            transfer: TransferId::from_bytes(id_bytes(sale.number)),
            key: KeyRef {
                caller: Caller::Merchant(merchant),
                mode: sale.mode,
                key: format!("key {}", sale.key),
            },
            request_hash: digest(&(
                (code, sale.amount, &reference),
                (sale.description, sale.typed, sale.manual),
            )),
            api_key: ApiKeyId::from_bytes(id_bytes(sale.api_key)),
            reference: ReferenceRef { merchant, mode: sale.mode, reference },
            fingerprint: digest(&(code, sale.amount)),
            amount: PositiveMoney::new(sale.amount).unwrap(),
            capture: if sale.manual { Capture::Manual } else { Capture::Automatic },
            code_source: if sale.typed { CodeSource::Typed } else { CodeSource::Scan },
            terminal: sale.terminal.map(|number| TerminalId::from_bytes([number; 16])),
            description: sale.description.map(str::to_owned),
            metadata: Some(r#"{"table":7}"#.to_owned()),
            verdict: if sale.genuine { Verdict::Authentic(authentic) } else { Verdict::Invalid },
        })
    }
}

/// Money that a payer paid in: builds a [`TopUp`].
#[derive(Clone, Debug)]
pub(super) struct Deposit {
    /// Tells the ids of top-up and transfer.
    pub(super) number: u32,
    pub(super) mode: Mode,
    pub(super) key: u32,
    pub(super) payer: u32,
    pub(super) amount: Money,
    pub(super) reference: u32,
}

pub(super) fn deposit(number: u32, payer: u32, amount: Money) -> Deposit {
    Deposit { number, mode: Mode::Live, key: number, payer, amount, reference: number }
}

impl From<Deposit> for Command {
    fn from(deposit: Deposit) -> Self {
        let payer = payer_id(deposit.payer);
        let external_reference = format!("bank {}", deposit.reference);
        Self::TopUp(TopUp {
            id: TopUpId::from_bytes(id_bytes(deposit.number)),
            transfer: TransferId::from_bytes(id_bytes(deposit.number)),
            key: KeyRef {
                caller: Caller::Operator,
                mode: deposit.mode,
                key: format!("key {}", deposit.key),
            },
            request_hash: digest(&(payer, deposit.amount, &external_reference)),
            payer,
            amount: PositiveMoney::new(deposit.amount).unwrap(),
            external_reference,
        })
    }
}
