//! What is answered about money that was to move: the movement, or why there is none.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::{Certainty, OverLimitBody, Problem};
use super::refusal::refused;
use super::replay::mark;
use crate::domain::outcome::{Answer, MovementAnswer, NotMoved, Outcome, Refusal};
use crate::service::App;
use crate::store::StoreError;

/// What a caller hears of an outcome; `body` writes a movement. One that cannot be written has
/// happened all the same.
pub(super) fn movement<Body: Serialize>(
    app: &App,
    outcome: Outcome,
    status: StatusCode,
    body: impl FnOnce(&MovementAnswer) -> Result<Body, StoreError>,
) -> Result<Response, Problem> {
    let (answer, replayed) = match outcome {
        Outcome::Answered { answer, replayed } => (answer, replayed),
        Outcome::Refused(refusal) => return Err(refused(app, refusal)),
    };
    let response = match answer {
        Answer::Movement(answer) => {
            let body = body(&answer).map_err(Problem::done_but_unread)?;
            (status, Json(body)).into_response()
        }
        Answer::NotMoved(why) => not_moved(why).into_response(),
        // Whatever else a key stands for was another request.
        Answer::Payment(_)
        | Answer::Rejected(_)
        | Answer::TopUp(_)
        | Answer::Refund(_)
        | Answer::Order(_)
        | Answer::ReferenceCanceled => return Err(refused(app, Refusal::KeyReused)),
    };
    Ok(mark(response, replayed))
}

/// Why nothing moved. It is kept: a repeat hears the same to the byte.
pub(super) fn not_moved(why: NotMoved) -> Problem {
    let (status, detail) = match why {
        NotMoved::PayerUnavailable => (StatusCode::FORBIDDEN, "Your wallet is frozen or closed."),
        NotMoved::UnknownRecipient => {
            (StatusCode::UNPROCESSABLE_ENTITY, "There is nobody who can be paid like this.")
        }
        NotMoved::SamePayer => (StatusCode::UNPROCESSABLE_ENTITY, "This is your own wallet."),
        NotMoved::RecipientUnavailable => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The recipient cannot be paid at the moment.")
        }
        NotMoved::CurrencyMismatch => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "The wallets and accounts are not all in this currency.",
        ),
        NotMoved::OverLimit(_) => {
            (StatusCode::PAYMENT_REQUIRED, "This is more than you may spend.")
        }
        NotMoved::InsufficientFunds => {
            (StatusCode::PAYMENT_REQUIRED, "There is not enough money in your wallet.")
        }
        NotMoved::OwnEnvelope => {
            (StatusCode::FORBIDDEN, "You have sent this envelope. What nobody claims comes back.")
        }
        NotMoved::EnvelopeClaimed => (StatusCode::CONFLICT, "You have claimed a share already."),
        NotMoved::EnvelopeEmpty => (StatusCode::CONFLICT, "Every share has been claimed."),
        NotMoved::EnvelopeExpired => (StatusCode::CONFLICT, "It is too late to claim a share."),
        NotMoved::RefundTooLate => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The payment was made too long ago to be refunded.")
        }
        NotMoved::TooManyRefunds => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The payment has as many refunds as it may have.")
        }
        NotMoved::RefundExceedsPayment(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "This is more than is left of the payment to give back.",
        ),
        NotMoved::BalanceInsufficient => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The balance is less than that.")
        }
        NotMoved::PayoutDestinationMissing => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "The operator knows no account to which this merchant's money could be paid out.",
        ),
        NotMoved::PayoutTooSmall(least) => {
            let detail = format!("The least that can be paid out is {least}.");
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let problem = Problem::new(status, why.code(), Certainty::Final, detail);
            return Problem { kept: true, ..problem };
        }
        NotMoved::OrderPaid => (StatusCode::CONFLICT, "The order has been paid."),
        NotMoved::OrderCanceled => (StatusCode::CONFLICT, "The merchant has closed this order."),
        NotMoved::OrderExpired => (StatusCode::CONFLICT, "It is too late to pay this order."),
        NotMoved::PlateClosed => (StatusCode::CONFLICT, "This code is not in use any more."),
        NotMoved::MerchantUnavailable => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The merchant cannot be paid.")
        }
        NotMoved::SenderUnavailable => {
            (StatusCode::FORBIDDEN, "The sender's wallet is frozen. Nothing can be claimed now.")
        }
    };
    let over_limit = match why {
        NotMoved::OverLimit(over) => {
            let (limit, remaining) = (Some(over.limit.as_str()), over.left.amount_text());
            Some(Box::new(OverLimitBody { limit, remaining }))
        }
        NotMoved::RefundExceedsPayment(left) => {
            Some(Box::new(OverLimitBody { limit: None, remaining: left.amount_text() }))
        }
        _ => None,
    };
    let problem = Problem::new(status, why.code(), Certainty::Final, detail);
    Problem { over_limit, kept: true, ..problem }
}
