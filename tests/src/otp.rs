//! An authenticator app.

use wallet_core::totp::OtpSecret;

/// Reads the secret from what an app scans.
#[must_use]
pub fn otp_secret(uri: &str) -> OtpSecret {
    let (_, rest) = uri.split_once("secret=").unwrap();
    let text = rest.split('&').next().unwrap();
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(digit).unwrap();
        buffer = buffer << 5 | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap());
        }
    }
    OtpSecret::from_bytes(bytes.try_into().unwrap())
}
