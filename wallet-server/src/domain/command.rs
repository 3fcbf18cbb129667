//! What callers want decided: everything settlement needs to know, ids included.
//!
//! Ids are made before a command is queued, so that running a command again after a lost
//! connection writes the same rows.

mod envelopes;
mod merchant_codes;
mod merchants;
mod payouts;
mod people;

use wallet_core::code::Mark;
use wallet_core::{DeviceKeyId, Mode, Money, PositiveMoney, TerminalId};

use super::ids::{ApiKeyId, MerchantId, OrderId, PayerId, PaymentId, TopUpId, TransferId};
use crate::domain::named::named;
use crate::domain::request_hash::RequestHash;

pub use envelopes::{ClaimShare, EndEnvelope, EnvelopeFor, MakeEnvelope};
pub use merchant_codes::{EndOrder, MakeOrder, MerchantCodeId, OrderEnd, PayMerchantCode};
pub use merchants::{CancelReference, EndSuspense, Refund, SuspenseEnd};
pub use payouts::{FinishPayout, PayoutAsker, PayoutEnd, RequestPayout};
pub use people::{FinishWithdrawal, PayerRequest, PayerTransfer, Withdraw, WithdrawalEnd};

/// One request to the ledger.
#[derive(Clone, Debug)]
pub enum Command {
    /// A merchant charges a shown code.
    Charge(Charge),
    /// A payment goes on, or is called off.
    Resolve(Resolve),
    /// A merchant undoes whatever stands under a reference, or ever will.
    CancelReference(CancelReference),
    /// A merchant gives money of a payment back.
    Refund(Refund),
    /// The operator decides about money whose owner could not have it.
    EndSuspense(EndSuspense),
    /// The operator credits money that a payer paid in.
    TopUp(TopUp),
    /// A payer gives money to another one.
    Transfer(PayerTransfer),
    /// A payer takes money out.
    Withdraw(Withdraw),
    /// The operator has paid it out, or cannot.
    FinishWithdrawal(FinishWithdrawal),
    /// A payer sets money aside for others to claim.
    MakeEnvelope(MakeEnvelope),
    /// A payer claims a share of it.
    ClaimShare(ClaimShare),
    /// Its time is over.
    EndEnvelope(EndEnvelope),
    /// A merchant asks to be paid an amount, once.
    MakeOrder(MakeOrder),
    /// Nobody is to pay it any more.
    EndOrder(EndOrder),
    /// A payer pays a code that a merchant shows.
    PayMerchantCode(PayMerchantCode),
    /// A merchant has money paid out.
    RequestPayout(RequestPayout),
    /// A payout goes on, or back.
    FinishPayout(FinishPayout),
}

impl Command {
    /// The idempotency key under which the answer is kept; none if it is the server's own doing.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        match self {
            Self::Charge(charge) => Some(&charge.key),
            Self::Resolve(resolve) => resolve.request().map(|request| &request.key),
            Self::CancelReference(cancel) => Some(&cancel.request.key),
            Self::Refund(refund) => Some(&refund.request.key),
            Self::EndSuspense(end) => Some(&end.request.key),
            Self::TopUp(top_up) => Some(&top_up.key),
            Self::Transfer(transfer) => Some(&transfer.by.request.key),
            Self::Withdraw(withdraw) => Some(&withdraw.by.request.key),
            Self::FinishWithdrawal(finish) => Some(&finish.request.key),
            Self::MakeEnvelope(make) => Some(&make.by.request.key),
            Self::ClaimShare(claim) => Some(&claim.by.request.key),
            Self::EndEnvelope(_) => None,
            Self::MakeOrder(make) => Some(&make.request.key),
            Self::EndOrder(end) => end.request().map(|request| &request.key),
            Self::PayMerchantCode(pay) => Some(&pay.by.request.key),
            Self::RequestPayout(ask) => Some(&ask.request.key),
            Self::FinishPayout(finish) => Some(&finish.request.key),
        }
    }

    /// The payers whose money it may move; none if the code is not one of ours.
    pub fn payers(&self) -> impl Iterator<Item = PayerId> {
        let payers = match self {
            Self::Charge(Charge { verdict: Verdict::Authentic(code), .. }) => {
                [Some(code.payer), None]
            }
            Self::Charge(Charge { verdict: Verdict::Invalid, .. })
            | Self::MakeOrder(_)
            | Self::EndOrder(_)
            | Self::RequestPayout(_)
            | Self::FinishPayout(_) => [None, None],
            Self::Resolve(resolve) => [Some(resolve.payer), None],
            Self::CancelReference(cancel) => [cancel.holder.map(|holder| holder.1), None],
            Self::Refund(refund) => [Some(refund.payer), None],
            Self::EndSuspense(end) => [Some(end.payer), None],
            Self::TopUp(top_up) => [Some(top_up.payer), None],
            Self::Transfer(transfer) => [Some(transfer.by.payer), transfer.payee],
            Self::Withdraw(withdraw) => [Some(withdraw.by.payer), None],
            Self::FinishWithdrawal(finish) => [Some(finish.payer), None],
            Self::MakeEnvelope(make) => [Some(make.by.payer), make.to.payee()],
            Self::ClaimShare(claim) => [Some(claim.by.payer), Some(claim.sender)],
            Self::EndEnvelope(end) => [Some(end.payer), None],
            Self::PayMerchantCode(pay) => [Some(pay.by.payer), None],
        };
        payers.into_iter().flatten()
    }

    /// The device that acts for its payer, if one does so without a code.
    #[must_use]
    pub fn device(&self) -> Option<DeviceKeyId> {
        match self {
            Self::Resolve(Resolve { by: Resolver::Payer { device, .. }, .. }) => Some(*device),
            Self::Transfer(transfer) => Some(transfer.by.device),
            Self::Withdraw(withdraw) => Some(withdraw.by.device),
            Self::MakeEnvelope(make) => Some(make.by.device),
            Self::ClaimShare(claim) => Some(claim.by.device),
            Self::PayMerchantCode(pay) => Some(pay.by.device),
            Self::Charge(_)
            | Self::Resolve(_)
            | Self::CancelReference(_)
            | Self::Refund(_)
            | Self::EndSuspense(_)
            | Self::TopUp(_)
            | Self::FinishWithdrawal(_)
            | Self::EndEnvelope(_)
            | Self::MakeOrder(_)
            | Self::EndOrder(_)
            | Self::RequestPayout(_)
            | Self::FinishPayout(_) => None,
        }
    }

    /// The payment that it is about, if it was made before.
    #[must_use]
    pub fn payment(&self) -> Option<PaymentId> {
        match self {
            Self::Resolve(resolve) => Some(resolve.payment),
            Self::CancelReference(cancel) => cancel.holder.map(|holder| holder.0),
            Self::Refund(refund) => Some(refund.payment),
            Self::Charge(_)
            | Self::EndSuspense(_)
            | Self::TopUp(_)
            | Self::Transfer(_)
            | Self::Withdraw(_)
            | Self::FinishWithdrawal(_)
            | Self::MakeEnvelope(_)
            | Self::ClaimShare(_)
            | Self::EndEnvelope(_)
            | Self::MakeOrder(_)
            | Self::EndOrder(_)
            | Self::PayMerchantCode(_)
            | Self::RequestPayout(_)
            | Self::FinishPayout(_) => None,
        }
    }

    /// The merchant that may have to give money back for it, or of whose payout it decides.
    #[must_use]
    pub fn debtor(&self) -> Option<MerchantId> {
        match self {
            Self::Resolve(Resolve { merchant, by: Resolver::Merchant { .. }, .. }) => {
                Some(*merchant)
            }
            Self::CancelReference(cancel) => cancel.holder.map(|_| cancel.reference.merchant),
            Self::Refund(refund) => Some(refund.merchant),
            Self::RequestPayout(ask) => Some(ask.merchant),
            Self::FinishPayout(finish) => Some(finish.merchant),
            Self::Charge(_)
            | Self::Resolve(_)
            | Self::EndSuspense(_)
            | Self::TopUp(_)
            | Self::Transfer(_)
            | Self::Withdraw(_)
            | Self::FinishWithdrawal(_)
            | Self::MakeEnvelope(_)
            | Self::ClaimShare(_)
            | Self::EndEnvelope(_)
            | Self::MakeOrder(_)
            | Self::EndOrder(_)
            | Self::PayMerchantCode(_) => None,
        }
    }

    /// The merchant whose money it may move, and the API key that is used for it.
    #[must_use]
    pub fn merchant(&self) -> Option<(MerchantId, Option<ApiKeyId>)> {
        match self {
            Self::Charge(charge) => Some((charge.reference.merchant, Some(charge.api_key))),
            Self::Resolve(resolve) => match resolve.by {
                Resolver::Merchant { api_key, .. } | Resolver::Capture { api_key, .. } => {
                    Some((resolve.merchant, Some(api_key)))
                }
                Resolver::Payer { .. } | Resolver::Time | Resolver::TimeOfTest { .. } => {
                    Some((resolve.merchant, None))
                }
            },
            Self::CancelReference(cancel) => {
                Some((cancel.reference.merchant, Some(cancel.api_key)))
            }
            Self::Refund(refund) => Some((refund.merchant, Some(refund.api_key))),
            Self::MakeOrder(make) => Some((make.reference.merchant, Some(make.api_key))),
            Self::EndOrder(end) => Some((end.merchant, end.api_key())),
            Self::PayMerchantCode(pay) => Some((pay.merchant, None)),
            Self::RequestPayout(ask) => Some((ask.merchant, ask.api_key())),
            Self::FinishPayout(finish) => Some((finish.merchant, finish.api_key())),
            Self::EndSuspense(_)
            | Self::TopUp(_)
            | Self::Transfer(_)
            | Self::Withdraw(_)
            | Self::FinishWithdrawal(_)
            | Self::MakeEnvelope(_)
            | Self::ClaimShare(_)
            | Self::EndEnvelope(_) => None,
        }
    }

    /// The order that it is about, if it was made before.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::PayMerchantCode(pay) => pay.code.order(),
            Self::EndOrder(end) => Some(end.order),
            Self::CancelReference(cancel) => cancel.order,
            Self::Charge(_)
            | Self::Resolve(_)
            | Self::Refund(_)
            | Self::EndSuspense(_)
            | Self::TopUp(_)
            | Self::Transfer(_)
            | Self::Withdraw(_)
            | Self::FinishWithdrawal(_)
            | Self::MakeEnvelope(_)
            | Self::ClaimShare(_)
            | Self::EndEnvelope(_)
            | Self::MakeOrder(_)
            | Self::RequestPayout(_)
            | Self::FinishPayout(_) => None,
        }
    }
}

/// Who sent a request: the owner of an idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Caller {
    /// A merchant, with whichever of its API keys.
    Merchant(MerchantId),
    /// A payer, with whichever device.
    Payer(PayerId),
    /// The operator.
    Operator,
}

/// An idempotency key in its scope: (kind of caller, caller, mode).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyRef {
    /// Whose key it is.
    pub caller: Caller,
    /// Live and test keys are apart.
    pub mode: Mode,
    /// The text that the caller chose.
    pub key: String,
}

/// A request under an idempotency key.
#[derive(Clone, Debug)]
pub struct Request {
    /// The key.
    pub key: KeyRef,
    /// A hash of the whole request, by which a reused key is told from a repeat.
    pub hash: RequestHash,
}

/// A merchant's reference in its scope: unique for ever.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ReferenceRef {
    /// Whose reference it is.
    pub merchant: MerchantId,
    /// Live and test references are apart.
    pub mode: Mode,
    /// The text that the merchant chose.
    pub reference: String,
}

/// A charge of a shown code.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The id of the payment, if there will be one.
    pub id: PaymentId,
    /// The id of its transfer, if money moves.
    pub transfer: TransferId,
    /// The idempotency key.
    pub key: KeyRef,
    /// A hash of the whole request, by which a reused key is told from a repeat.
    pub request_hash: RequestHash,
    /// The API key that was used.
    pub api_key: ApiKeyId,
    /// The merchant's reference.
    pub reference: ReferenceRef,
    /// A hash of code, amount and currency: what makes two requests under one reference the same.
    pub fingerprint: RequestHash,
    /// What the merchant asks for.
    pub amount: PositiveMoney,
    /// When the merchant gets the money.
    pub capture: Capture,
    /// How the code reached the till.
    pub code_source: CodeSource,
    /// Where it was scanned.
    pub terminal: Option<TerminalId>,
    /// For the payer to read.
    pub description: Option<String>,
    /// The merchant's own data: a JSON object, kept as it is.
    pub metadata: Option<String>,
    /// What became of the code before the queue.
    pub verdict: Verdict,
}

/// When a merchant gets the money of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capture {
    /// At once.
    Automatic,
    /// When the merchant says so; until then it is held.
    Manual,
}

named!(Capture {
    Automatic => "automatic",
    Manual => "manual",
});

/// How a code reached the till.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeSource {
    /// Read by a scanner.
    Scan,
    /// Keyed in by hand.
    Typed,
    /// It did not: the payer scanned the code of an order.
    Order,
    /// It did not: the payer scanned the code of a plate.
    Plate,
}

named!(CodeSource {
    Scan => "scan",
    Typed => "typed",
    Order => "order",
    Plate => "plate",
});

/// What verification found, before the queue.
///
/// It travels in the command and refuses nothing by itself: a till that repeats a payment that
/// succeeded must hear of the success, not that its code has expired since.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Not one of our codes, or not signed by the device it names.
    Invalid,
    /// Signed by an enrolled device.
    Authentic(AuthenticCode),
}

/// A verified code, as settlement needs it.
#[derive(Clone, Debug)]
pub struct AuthenticCode {
    /// The device that signed.
    pub device: DeviceKeyId,
    /// The payer whose device it is.
    pub payer: PayerId,
    /// The position in the device's sequence.
    pub mark: Mark,
    /// The most that the payer allows.
    pub limit: Money,
    /// The opened code, encrypted under the evidence key.
    pub evidence: Vec<u8>,
}

/// Money that a payer paid into the bank account.
#[derive(Clone, Debug)]
pub struct TopUp {
    /// Its id.
    pub id: TopUpId,
    /// The id of its transfer.
    pub transfer: TransferId,
    /// The idempotency key.
    pub key: KeyRef,
    /// A hash of the whole request.
    pub request_hash: RequestHash,
    /// Whose wallet to credit.
    pub payer: PayerId,
    /// How much.
    pub amount: PositiveMoney,
    /// The bank's reference: credited once, under whatever idempotency key.
    pub external_reference: String,
}

/// A payment goes on, or is called off.
#[derive(Clone, Debug)]
pub struct Resolve {
    /// The payment.
    pub payment: PaymentId,
    /// Who pays.
    pub payer: PayerId,
    /// Who is paid.
    pub merchant: MerchantId,
    /// The id of the transfer, if money moves.
    pub transfer: TransferId,
    /// Who decides.
    pub by: Resolver,
}

/// Who decides about a payment.
#[derive(Clone, Debug)]
pub enum Resolver {
    /// The payer, on the phone.
    Payer {
        /// The device.
        device: DeviceKeyId,
        /// Confirmed with the PIN, which was right; refused otherwise.
        confirmed: bool,
        /// The request.
        request: Request,
    },
    /// The merchant calls it off.
    Merchant {
        /// The API key that was used.
        api_key: ApiKeyId,
        /// The request.
        request: Request,
    },
    /// The merchant takes what is held.
    Capture {
        /// The API key that was used.
        api_key: ApiKeyId,
        /// How much of it; none for all.
        amount: Option<PositiveMoney>,
        /// The request.
        request: Request,
    },
    /// Nobody did in time.
    Time,
    /// A test has the time be over. It never is for live payments.
    TimeOfTest {
        /// The request.
        request: Request,
    },
}

impl Resolve {
    /// The request that asks for it, unless it is the time.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.by {
            Resolver::Payer { request, .. }
            | Resolver::Merchant { request, .. }
            | Resolver::Capture { request, .. }
            | Resolver::TimeOfTest { request } => Some(request),
            Resolver::Time => None,
        }
    }

    /// The API key that was used for it.
    #[must_use]
    pub fn api_key(&self) -> Option<ApiKeyId> {
        match self.by {
            Resolver::Merchant { api_key, .. } | Resolver::Capture { api_key, .. } => Some(api_key),
            Resolver::Payer { .. } | Resolver::Time | Resolver::TimeOfTest { .. } => None,
        }
    }
}
