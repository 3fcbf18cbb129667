//! Refusals of settlement as errors: one list for all calls.

use axum::http::StatusCode;

use super::auth::KEY_REFUSED;
use super::payout_body::unknown_payout;
use super::problem::{Certainty, Problem};
use crate::domain::outcome::Refusal;
use crate::service::App;

/// The error that a client gets. The request that was refused did nothing.
#[expect(clippy::too_many_lines, reason = "a list, with a line or a few for each refusal")]
pub(super) fn refused(app: &App, refusal: Refusal) -> Problem {
    let (status, certainty, detail) = match refusal {
        Refusal::KeyRevoked => {
            return Problem::unauthorized(KEY_REFUSED);
        }
        Refusal::DeviceRevoked => {
            return Problem::unauthorized("This device is not enrolled, or revoked.");
        }
        // What stands under the same key or reference may have moved money.
        Refusal::KeyReused => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "This idempotency key was used with another request. This one did nothing.",
        ),
        Refusal::ReferenceConflict => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "This reference stands for something else. This request did nothing.",
        ),
        Refusal::ReferenceCanceled => {
            (StatusCode::CONFLICT, Certainty::Final, "This reference was canceled.")
        }
        Refusal::MerchantUnavailable => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Final,
            "You are not set up to be paid in this currency.",
        ),
        Refusal::InvalidCode => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Final,
            "This is not a payment code that works here.",
        ),
        Refusal::ClockSkew => {
            let detail = "The code is from the future: the payer's clock is ahead.";
            let (status, code) = (StatusCode::CONFLICT, refusal.as_str());
            let problem = Problem::new(status, code, Certainty::Retry, detail);
            return problem.with_server_time(app.now());
        }
        Refusal::UnknownPayer => {
            (StatusCode::UNPROCESSABLE_ENTITY, Certainty::Final, "There is no such payer.")
        }
        // Not `final`: nothing is kept of it, and once the payer is active the same request counts.
        Refusal::PayerUnavailable => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "The payer is frozen or closed. This request did nothing.",
        ),
        Refusal::WrongCurrency => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Final,
            "The payer's wallet is in another currency.",
        ),
        Refusal::TooLarge => {
            (StatusCode::UNPROCESSABLE_ENTITY, Certainty::Final, "The amount is too large.")
        }
        // Not `final`: a payment that is not there now may be on its way.
        Refusal::UnknownPayment => {
            return Problem { certainty: Certainty::Retry, ..Problem::not_found("payment") };
        }
        Refusal::UnknownEnvelope => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Final,
            "There is no red envelope that you may claim from with this token.",
        ),
        Refusal::UnknownOrder => return Problem::not_found("order"),
        Refusal::OrderPaid => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The order has been paid: refund its payment, or call it off. This request did nothing.",
        ),
        Refusal::OrderEnded => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The order has come to its end already. This request did nothing.",
        ),
        Refusal::UnknownMerchantCode => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "This code stands for nothing that you can pay here.",
        ),
        Refusal::WrongAmount => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "The code is for another amount, or another currency. This request did nothing.",
        ),
        Refusal::AmountMissing => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "This code leaves the amount to you: say how much. This request did nothing.",
        ),
        Refusal::PinRequired => (
            StatusCode::FORBIDDEN,
            Certainty::Retry,
            "This payment takes the PIN: send it in the header Wallet-Pin. This request did nothing.",
        ),
        Refusal::UnknownMerchant => return Problem::not_found("merchant"),
        Refusal::UnknownPayout => return unknown_payout(),
        Refusal::PayoutBatched => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The bank may have been told of this payout already. This request did nothing.",
        ),
        Refusal::PayoutClosed => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "It has been paid, returned or called off already. This request did nothing.",
        ),
        Refusal::UnknownWithdrawal => return Problem::not_found("withdrawal"),
        Refusal::WithdrawalClosed => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The withdrawal has been paid or returned already. This request did nothing.",
        ),
        Refusal::OtherDevice => (
            StatusCode::FORBIDDEN,
            Certainty::Retry,
            "Only the device whose code was charged decides. This request did nothing.",
        ),
        Refusal::ConfirmationExpired => (
            StatusCode::CONFLICT,
            Certainty::Final,
            "It is too late. The money that was held is free again.",
        ),
        Refusal::PaymentWaiting => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The payment still waits for its payer. This request did nothing.",
        ),
        Refusal::HoldExpired => (
            StatusCode::CONFLICT,
            Certainty::Final,
            "The payment was not captured in time. The money that was held is free again.",
        ),
        Refusal::NotRefundable => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "There is nothing of this payment to give back. This request did nothing.",
        ),
        Refusal::CancelTooLate => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The payment was captured too long ago to be called off. Refund it instead.",
        ),
        Refusal::CaptureTooLarge => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "This is more than is held for the payment. This request did nothing.",
        ),
        Refusal::BalanceInsufficient => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Certainty::Retry,
            "Your balance is less than you would give back. This request did nothing.",
        ),
        // The service looks again before it gives up.
        Refusal::ReferenceMoved => return crate::worker::Unsettled::Overloaded.into(),
        Refusal::UnknownSuspense => return Problem::not_found("money in suspense"),
        Refusal::SuspenseClosed => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "It has been released or paid out already. This request did nothing.",
        ),
        Refusal::PaymentClosed => (
            StatusCode::CONFLICT,
            Certainty::Retry,
            "The payment has been decided already. This request did nothing.",
        ),
    };
    Problem::new(status, refusal.as_str(), certainty, detail)
}
