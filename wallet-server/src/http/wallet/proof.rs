//! What a payer proves with, read from bodies, and what is answered when it is not accepted.

use axum::http::StatusCode;
use zeroize::Zeroizing;

use crate::http::auth::NOT_ENROLLED;
use crate::http::problem::{Certainty, Problem};
use crate::service::{ChangeRefused, FactorRefused, Pin, PinRefused, SecondFactor};

/// The longest recovery code: with room for blanks that somebody typed.
const RECOVERY_CODE_LENGTH_MAX: usize = 40;

/// A PIN.
pub(in crate::http) fn pin(pointer: &str, text: &str) -> Result<Pin, Problem> {
    Pin::parse(text).ok_or_else(|| Problem::field(pointer, "six digits"))
}

/// A second factor, if there is one, and not both.
pub(super) fn factor(
    totp: Option<String>,
    recovery_code: Option<String>,
) -> Result<Option<SecondFactor>, Problem> {
    match (totp.map(Zeroizing::new), recovery_code.map(Zeroizing::new)) {
        (None, None) => Ok(None),
        (Some(totp), None) => {
            one_time_password(&totp)?;
            Ok(Some(SecondFactor::Totp(totp)))
        }
        (None, Some(code)) if (1..=RECOVERY_CODE_LENGTH_MAX).contains(&code.len()) => {
            Ok(Some(SecondFactor::RecoveryCode(code)))
        }
        (None, Some(_)) => Err(Problem::field("/recovery_code", "ten letters and digits")),
        (Some(_), Some(_)) => {
            Err(Problem::field("/recovery_code", "totp or recovery_code, not both"))
        }
    }
}

/// Whether a text can be what an authenticator app shows.
pub(super) fn one_time_password(text: &str) -> Result<(), Problem> {
    // It looks like a PIN.
    Pin::parse(text).map(drop).ok_or_else(|| Problem::field("/totp", "six digits"))
}

impl From<PinRefused> for Problem {
    fn from(refused: PinRefused) -> Self {
        match refused {
            PinRefused::Refused => {
                let detail = "The PIN was not accepted.";
                Self::new(StatusCode::FORBIDDEN, "pin_refused", Certainty::Retry, detail)
            }
            PinRefused::TooMany { retry_after_seconds } => {
                let detail = "There are too many tries at the moment. Nothing was tried.";
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Self::new(status, "too_many_requests", Certainty::Retry, detail);
                problem.with_retry_after(retry_after_seconds)
            }
            // Whatever became of the count: what the PIN was for has not begun.
            PinRefused::Store(error) => Self { certainty: Certainty::Retry, ..error.into() },
        }
    }
}

impl From<FactorRefused> for Problem {
    fn from(refused: FactorRefused) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let refuse = |code, detail| Self::new(status, code, Certainty::Retry, detail);
        match refused {
            FactorRefused::WrongPassword => {
                refuse("otp_wrong", "This is not the one-time password of this moment.")
            }
            FactorRefused::UsedPassword => {
                refuse("otp_used", "This one-time password has been used. Wait for the next.")
            }
            FactorRefused::WrongCode => {
                let detail = "There is no such recovery code, or it has been used.";
                refuse("recovery_code_wrong", detail)
            }
            FactorRefused::Locked { retry_after_seconds } => {
                let problem = Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    ..refuse("otp_locked", "There were too many wrong ones. Wait.")
                };
                problem.with_retry_after(retry_after_seconds)
            }
        }
    }
}

impl From<ChangeRefused> for Problem {
    fn from(refused: ChangeRefused) -> Self {
        let (status, code, certainty, detail) = match refused {
            ChangeRefused::Pin(refused) => return refused.into(),
            ChangeRefused::Factor(refused) => return refused.into(),
            ChangeRefused::Store(error) => return error.into(),
            ChangeRefused::NotActive => return Self::unauthorized(NOT_ENROLLED),
            ChangeRefused::FactorNeeded => (
                StatusCode::FORBIDDEN,
                "second_factor_needed",
                Certainty::Retry,
                "Send a one-time password as totp, or a recovery_code, as well.",
            ),
            ChangeRefused::UnknownInvitation => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_invitation",
                Certainty::Final,
                "There is no such invitation, or it has been used.",
            ),
            ChangeRefused::InvitationExpired => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invitation_expired",
                Certainty::Final,
                "The invitation is too old. Ask for another one.",
            ),
            ChangeRefused::KeyEnrolled => (
                StatusCode::CONFLICT,
                "key_enrolled",
                Certainty::Final,
                "This key is enrolled already. Make a new one.",
            ),
            ChangeRefused::UnknownDevice => return Self::not_found("device"),
            ChangeRefused::DeviceRevoked => (
                StatusCode::CONFLICT,
                "device_revoked",
                Certainty::Final,
                "This device was revoked. It has to be enrolled anew, with another key.",
            ),
            ChangeRefused::PayerUnavailable => (
                StatusCode::FORBIDDEN,
                "payer_unavailable",
                Certainty::Final,
                "The account is frozen. Unfreeze it first.",
            ),
            ChangeRefused::FrozenByOperator => (
                StatusCode::CONFLICT,
                "frozen_by_operator",
                Certainty::Final,
                "The issuer froze this account. Ask the issuer.",
            ),
            ChangeRefused::AccountNotEmpty => (
                StatusCode::CONFLICT,
                "account_not_empty",
                Certainty::Final,
                "There is money in the account, or held for a payment. Take it out first.",
            ),
            ChangeRefused::HandleTaken => (
                StatusCode::CONFLICT,
                "handle_taken",
                Certainty::Final,
                "Somebody else has this handle.",
            ),
            ChangeRefused::RegistrationClosed => (
                StatusCode::FORBIDDEN,
                "registration_closed",
                Certainty::Final,
                "A wallet takes an invitation of the issuer.",
            ),
            ChangeRefused::UnknownPayer => return Self::not_found("payer"),
            ChangeRefused::PayerClosed => {
                (StatusCode::CONFLICT, "payer_closed", Certainty::Final, "This account is closed.")
            }
            ChangeRefused::NothingToConfirm => (
                StatusCode::CONFLICT,
                "nothing_to_confirm",
                Certainty::Final,
                "Nothing waits to be confirmed. Ask for a secret first.",
            ),
            ChangeRefused::NoTotp => (
                StatusCode::CONFLICT,
                "totp_not_set",
                Certainty::Final,
                "One-time passwords are not in use, and recovery codes come with them.",
            ),
        };
        Self::new(status, code, certainty, detail)
    }
}
