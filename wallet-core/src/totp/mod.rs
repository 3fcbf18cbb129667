//! One-time passwords for a second factor (TOTP, RFC 6238): six digits, HMAC-SHA-1, 30 seconds,
//! because that is what every authenticator app does.
//!
//! ```
//! use wallet_core::Timestamp;
//! use wallet_core::totp::OtpSecret;
//! # use rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let secret = OtpSecret::generate(&mut rng); // at enrolment
//! let now = Timestamp::from_unix_seconds(1_800_000_000);
//! let typed = secret.password(now); // what the app shows
//! let used = secret.check(&typed, now, None)?;
//! // Keep `used` with the secret: the same password never works again.
//! assert_eq!(secret.check(&typed, now, Some(used)).unwrap_err().code(), "otp_used");
//! # Ok::<(), wallet_core::Error>(())
//! ```

use core::fmt;

use rand_core::CryptoRng;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::{Error, Step, Timestamp};

/// The length that RFC 4226, section 4, recommends: 160 bits.
const SECRET_LENGTH: usize = 20;

const WRONG: Error = Error::new("otp_wrong", "this is not the one-time password of this moment");
const USED: Error =
    Error::new("otp_used", "this one-time password has been used; wait for the next");
const NOT_SHOWN: Error =
    Error::new("otp_label_invalid", "an account name or an issuer is not empty and has no colon");

/// A secret that a server and an authenticator app share. Wiped from memory when dropped; never
/// printed.
pub struct OtpSecret(Zeroizing<[u8; SECRET_LENGTH]>);

impl OtpSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_LENGTH]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SECRET_LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be kept encrypted.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<[u8; SECRET_LENGTH]> {
        self.0.clone()
    }

    /// The `otpauth:` URI that an authenticator app reads, best from a QR code.
    ///
    /// # Errors
    /// `otp_label_invalid`, when a name is empty or has a colon.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<Zeroizing<String>, Error> {
        if issuer.is_empty() || issuer.contains(':') {
            return Err(NOT_SHOWN);
        }
        let totp = self.builder().with_issuer(Some(issuer)).with_account_name(account);
        let totp = totp.build().map_err(|_| NOT_SHOWN)?;
        totp.to_url().map(Zeroizing::new).map_err(|_| NOT_SHOWN)
    }

    /// The six digits of a moment, as an authenticator app shows them.
    #[must_use]
    pub fn password(&self, now: Timestamp) -> String {
        self.totp().generate(seconds(now)).to_string()
    }

    /// Checks six digits against the present step and its two neighbours, and returns the step
    /// that they belong to.
    ///
    /// `last_used` is what the last successful check returned. A password of that step or an
    /// earlier one is refused, so each works once, and turning the clock back gains nothing.
    ///
    /// # Errors
    /// `otp_wrong`, `otp_used`. Count them: six digits need a limit on tries.
    pub fn check(
        &self,
        password: &str,
        now: Timestamp,
        last_used: Option<Step>,
    ) -> Result<Step, Error> {
        let step = self.totp().check(password, seconds(now)).ok_or(WRONG)?;
        let step = u32::try_from(step).map(Step::from_number).map_err(|_| WRONG)?;
        if Some(step) > last_used { Ok(step) } else { Err(USED) }
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(self.0.to_vec())
    }

    fn totp(&self) -> Totp {
        // The defaults are those of RFC 6238 and the secret has the recommended length, so there
        // is nothing to be non-compliant with.
        self.builder().build_noncompliant()
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.unix_seconds()).unwrap_or(0)
}

impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSecret(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::OtpSecret;
    use crate::{Step, Timestamp};

    /// The secret of RFC 6238, appendix B.
    fn secret() -> OtpSecret {
        OtpSecret::from_bytes(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn passwords_are_those_of_rfc_6238() {
        // The RFC's table has eight digits; these are the last six.
        for (seconds, password) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().password(at(seconds)), password, "{seconds}");
        }
    }

    #[test]
    fn a_password_works_in_its_step_and_the_two_beside_it() {
        let password = secret().password(at(3000));
        for (seconds, works) in
            [(2969, false), (2970, true), (3000, true), (3059, true), (3060, false)]
        {
            assert_eq!(secret().check(&password, at(seconds), None).is_ok(), works, "{seconds}");
        }
    }

    #[test]
    fn a_password_works_once_and_turning_the_clock_back_gains_nothing() {
        let password = secret().password(at(3000));
        let used = secret().check(&password, at(3000), None).unwrap();
        assert_eq!(used, Step::from_number(100));
        let error = secret().check(&password, at(3010), Some(used)).unwrap_err();
        assert_eq!(error.code(), "otp_used");
        let older = secret().password(at(2970));
        assert_eq!(secret().check(&older, at(2970), Some(used)).unwrap_err().code(), "otp_used");
        let next = secret().password(at(3030));
        secret().check(&next, at(3030), Some(used)).unwrap();
    }

    #[test]
    fn texts_that_are_no_password_are_refused() {
        for text in ["", "1", "12345", "1234567", "abcdef", "２８７０８２", "-12345"] {
            assert_eq!(secret().check(text, at(3000), None).unwrap_err().code(), "otp_wrong");
        }
    }

    #[test]
    fn the_uri_is_what_authenticator_apps_read() {
        let uri = secret().uri("Tea Wallet", "wei@example.com").unwrap();
        assert!(uri.starts_with("otpauth://totp/Tea%20Wallet:wei%40example.com?"), "{}", *uri);
        assert!(uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{}", *uri);
        assert!(uri.contains("issuer=Tea%20Wallet"), "{}", *uri);
        for (issuer, account) in [("", "a"), ("a:b", "a"), ("a", ""), ("a", "b:c")] {
            assert_eq!(secret().uri(issuer, account).unwrap_err().code(), "otp_label_invalid");
        }
    }

    #[test]
    fn debug_output_never_shows_the_secret() {
        assert_eq!(format!("{:?}", secret()), "OtpSecret(secret)");
    }
}
