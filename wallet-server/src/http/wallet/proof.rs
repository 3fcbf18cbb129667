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
        let refuse = |status, code, detail| Self::new(status, code, Certainty::Final, detail);
        let conflict = |code, detail| refuse(StatusCode::CONFLICT, code, detail);
        let forbidden = |code, detail| refuse(StatusCode::FORBIDDEN, code, detail);
        let useless = |code, detail| refuse(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
        match refused {
            ChangeRefused::Pin(refused) => refused.into(),
            ChangeRefused::Factor(refused) => refused.into(),
            ChangeRefused::Store(error) => error.into(),
            ChangeRefused::NotActive => Self::unauthorized(NOT_ENROLLED),
            ChangeRefused::UnknownDevice => Self::not_found("device"),
            ChangeRefused::UnknownPayer => Self::not_found("payer"),
            ChangeRefused::FactorNeeded => {
                let detail = "Send a one-time password as totp, or a recovery_code, as well.";
                let code = "second_factor_needed";
                Self { certainty: Certainty::Retry, ..forbidden(code, detail) }
            }
            ChangeRefused::DeviceTooNew => {
                let detail = "This device joined lately, and revokes none that was there before. \
                              Freeze the account, and ask the issuer to revoke the other one.";
                Self { certainty: Certainty::Retry, ..forbidden("device_too_new", detail) }
            }
            ChangeRefused::UnknownInvitation => {
                let detail = "There is no such invitation, or it has been used.";
                useless("unknown_invitation", detail)
            }
            ChangeRefused::InvitationExpired => {
                useless("invitation_expired", "The invitation is too old. Ask for another one.")
            }
            ChangeRefused::KeyEnrolled => {
                conflict("key_enrolled", "This key is enrolled already. Make a new one.")
            }
            ChangeRefused::DeviceRevoked => {
                let detail =
                    "This device was revoked. It has to be enrolled anew, with another key.";
                conflict("device_revoked", detail)
            }
            ChangeRefused::TooManyDevices => {
                let detail = "There are as many devices as a payer may have. Revoke one first.";
                conflict("too_many_devices", detail)
            }
            ChangeRefused::PayerUnavailable => {
                forbidden("payer_unavailable", "The account is frozen. Unfreeze it first.")
            }
            ChangeRefused::FirstPinWhileFrozen => {
                let detail = "The account is frozen, and no first PIN is set meanwhile. Ask the \
                              issuer to unfreeze it.";
                forbidden("payer_unavailable", detail)
            }
            ChangeRefused::FrozenByOperator => {
                let detail = "The issuer froze this account. Ask the issuer.";
                conflict("frozen_by_operator", detail)
            }
            ChangeRefused::AccountNotEmpty => {
                let detail =
                    "There is money in the account, or held for a payment. Take it out first.";
                conflict("account_not_empty", detail)
            }
            ChangeRefused::HandleTaken => {
                conflict("handle_taken", "Somebody else has this handle.")
            }
            ChangeRefused::TooManyHandles => {
                let detail = "As many handles as are kept for one payer were given up within 30 \
                              days. Keep this one, or take back one of those.";
                conflict("too_many_handles", detail)
            }
            ChangeRefused::RegistrationClosed => {
                forbidden("registration_closed", "A wallet takes an invitation of the issuer.")
            }
            ChangeRefused::PayerClosed => conflict("payer_closed", "This account is closed."),
            ChangeRefused::NothingToConfirm => {
                let detail = "Nothing waits to be confirmed. Ask for a secret first.";
                conflict("nothing_to_confirm", detail)
            }
            ChangeRefused::NoTotp => {
                let detail =
                    "One-time passwords are not in use, and recovery codes come with them.";
                conflict("totp_not_set", detail)
            }
        }
    }
}
