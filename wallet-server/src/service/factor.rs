//! The second factor: one-time passwords from an authenticator app, and recovery codes for when
//! that is gone.
//!
//! Wrong ones of either kind are counted together, in the transaction of what they were to allow;
//! five lock both for a quarter of an hour, and the payer's devices are told. A password's step and a recovery code are used up in
//! that transaction too: what they allowed happened and they are used, or neither.

use std::fmt;

use wallet_core::Timestamp;
use wallet_core::totp::OtpSecret;
use zeroize::Zeroizing;

use super::App;
use crate::domain::ids::PayerId;
use crate::entropy::Entropy;
use crate::issuer::{HashPurpose, Purpose};
use crate::store::{PayerChange, StoreError, TotpState};

/// How many wrong ones lock.
const FAILURES_MAX: u32 = 5;
/// For how long: with three passwords that are right at any time, a guesser who goes on for a year
/// has a chance of one in two.
const LOCKED_MILLIS: i64 = 15 * 60 * 1000;

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;
/// Letters and digits that are not mistaken for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Ten characters are 50 bits, of which five tries in a quarter of an hour find nothing.
const CODE_LENGTH: usize = 10;

/// What a payer proves to have.
pub enum SecondFactor {
    /// Six digits from an authenticator app.
    Totp(Zeroizing<String>),
    /// One of the codes that were shown once.
    RecoveryCode(Zeroizing<String>),
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor(secret)")
    }
}

/// Why a second factor was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorRefused {
    /// It is not the one-time password of this moment, or none is in use.
    WrongPassword,
    /// The one-time password has been used.
    UsedPassword,
    /// There is no such recovery code, or it has been used.
    WrongCode,
    /// There were too many wrong ones.
    Locked {
        /// When to come back.
        retry_after_seconds: u16,
    },
}

impl App {
    /// Checks a second factor and uses it up, in a change that is then committed: also when it is
    /// refused, because that is counted.
    pub(super) async fn check_factor(
        &self,
        change: &mut PayerChange,
        factor: &SecondFactor,
        now: Timestamp,
    ) -> Result<Result<(), FactorRefused>, StoreError> {
        let mut state = change.totp().await?;
        if let Some(refused) = locked(&state, now) {
            return Ok(Err(refused));
        }
        let outcome = match factor {
            SecondFactor::Totp(password) => {
                let secret = self.totp_secret(change.payer(), state.secret.as_deref())?;
                secret.map_or(Err(FactorRefused::WrongPassword), |secret| {
                    use_password(&mut state, &secret, password, now)
                })
            }
            SecondFactor::RecoveryCode(code) => {
                let hash = self.recovery_code_hash(change.payer(), code);
                let used = change.use_recovery_code(hash, now).await?;
                if used { Ok(()) } else { Err(FactorRefused::WrongCode) }
            }
        };
        match outcome {
            Ok(()) => (state.failures, state.locked_until) = (0, None),
            Err(_) => count_wrong_factor(change, &mut state, now),
        }
        change.keep_totp(&state).await?;
        Ok(outcome)
    }

    /// The secret of one-time passwords, decrypted.
    pub(super) fn totp_secret(
        &self,
        payer: PayerId,
        hidden: Option<&[u8]>,
    ) -> Result<Option<OtpSecret>, StoreError> {
        let Some(hidden) = hidden else { return Ok(None) };
        let secret = self.keys.reveal(Purpose::Secrets, payer.as_bytes(), hidden);
        let secret = secret.map(Zeroizing::new).and_then(|bytes| bytes.as_slice().try_into().ok());
        secret.map(OtpSecret::from_bytes).map(Some).ok_or(StoreError::Corrupt("totp_secret"))
    }

    /// Makes recovery codes, which are shown once, and puts them in the place of the old ones.
    pub(super) async fn new_recovery_codes(
        &self,
        change: &mut PayerChange,
        now: Timestamp,
    ) -> Result<Vec<Zeroizing<String>>, StoreError> {
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| recovery_code(&self.entropy)).collect();
        let payer = change.payer();
        let hashes: Vec<_> =
            codes.iter().map(|code| self.recovery_code_hash(payer, code)).collect();
        change.replace_recovery_codes(&hashes, now).await?;
        Ok(codes)
    }

    /// What is kept of a recovery code, however it was typed.
    fn recovery_code_hash(&self, payer: PayerId, code: &str) -> [u8; 32] {
        let mut text = Zeroizing::new(payer.as_bytes().to_vec());
        let typed = code.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        text.extend(typed.map(|byte| match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        }));
        self.keys.keyed_hash(HashPurpose::RecoveryCodes, &text)
    }
}

/// Whether nothing is looked at now. A clock that was set back keeps the lock for longer.
pub(super) fn locked(state: &TotpState, now: Timestamp) -> Option<FactorRefused> {
    let left = state.locked_until.filter(|until| *until > now)?.unix_millis() - now.unix_millis();
    let retry_after_seconds = u16::try_from(left / 1000 + 1).unwrap_or(u16::MAX);
    Some(FactorRefused::Locked { retry_after_seconds })
}

/// Checks a one-time password and uses its step up.
pub(super) fn use_password(
    state: &mut TotpState,
    secret: &OtpSecret,
    password: &str,
    now: Timestamp,
) -> Result<(), FactorRefused> {
    match secret.check(password, now, state.step) {
        Ok(step) => {
            state.step = Some(step);
            Ok(())
        }
        Err(error) if error.code() == "otp_used" => Err(FactorRefused::UsedPassword),
        Err(_) => Err(FactorRefused::WrongPassword),
    }
}

/// Counts a wrong one; if it was the last that was allowed, the payer's devices hear of it.
pub(super) fn count_wrong_factor(change: &mut PayerChange, state: &mut TotpState, now: Timestamp) {
    count_failure(state, now);
    if state.locked_until.is_some() {
        change.tell("totp.locked");
    }
}

/// Counts a wrong one, with which they are locked or not.
fn count_failure(state: &mut TotpState, now: Timestamp) {
    state.failures = state.failures.saturating_add(1);
    // A lock that was before is over: else nothing would have been looked at.
    state.locked_until = None;
    if state.failures >= FAILURES_MAX {
        (state.failures, state.locked_until) = (0, Some(now.plus_millis(LOCKED_MILLIS)));
    }
}

/// Two groups of five characters.
fn recovery_code(entropy: &Entropy) -> Zeroizing<String> {
    let random = Zeroizing::new(entropy.bytes::<CODE_LENGTH>());
    let mut code = Zeroizing::new(String::with_capacity(CODE_LENGTH + 1));
    for (position, byte) in random.iter().enumerate() {
        if position == CODE_LENGTH / 2 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;
    use wallet_core::totp::OtpSecret;

    use super::{FactorRefused, count_failure, locked, use_password};
    use crate::store::TotpState;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn a_password_is_used_once_and_setting_the_clock_back_gains_nothing() {
        let (secret, mut state) = (OtpSecret::from_bytes([1; 20]), TotpState::default());
        let password = secret.password(at(0));
        assert_eq!(use_password(&mut state, &secret, &password, at(0)), Ok(()));
        let again = use_password(&mut state, &secret, &password, at(10));
        assert_eq!(again, Err(FactorRefused::UsedPassword));
        let older = secret.password(at(-3000));
        let rolled_back = use_password(&mut state, &secret, &older, at(-3000));
        assert_eq!(rolled_back, Err(FactorRefused::UsedPassword));
    }

    #[test]
    fn five_wrong_ones_lock_for_a_quarter_of_an_hour() {
        let mut state = TotpState::default();
        for _ in 0..4 {
            count_failure(&mut state, at(0));
            assert_eq!(locked(&state, at(0)), None);
        }
        count_failure(&mut state, at(0));
        let refused = |seconds| Some(FactorRefused::Locked { retry_after_seconds: seconds });
        assert_eq!(locked(&state, at(0)), refused(901));
        assert_eq!(locked(&state, at(899)), refused(2));
        assert_eq!(locked(&state, at(900)), None);
        assert_eq!(locked(&state, at(-100)), refused(1001), "a clock set back");
    }
}
