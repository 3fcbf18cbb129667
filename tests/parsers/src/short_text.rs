//! Short texts: amounts, currencies, ids, one-time passwords.

use wallet_core::code::CodePrefix;
use wallet_core::receipt::PaymentState;
use wallet_core::totp::OtpSecret;
use wallet_core::{
    Currency, DeviceKeyId, IssuerId, Mode, Money, PositiveMoney, SigningKeyId, TerminalId,
};

use crate::world::NOW;

/// The secret of RFC 6238, appendix B.
const OTP_SECRET: [u8; 20] = *b"12345678901234567890";

/// What is read is written again as it was; an amount keeps its value.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check_money(text);
    check_ids(text);
    if let Ok(currency) = Currency::from_code(text) {
        assert_eq!(currency.code(), text);
        assert_eq!(Currency::from_numeric(currency.numeric()), Ok(currency));
    }
    if let Some(mode) = Mode::from_name(text) {
        assert_eq!(mode.as_str(), text);
    }
    if let Some(state) = PaymentState::from_name(text) {
        assert_eq!(state.as_str(), text);
    }
    if let Ok(prefix) = CodePrefix::parse(text) {
        assert_eq!(prefix.to_string(), text);
    }
    let secret = OtpSecret::from_bytes(OTP_SECRET);
    if let Ok(step) = secret.check(text, NOW, None) {
        assert_eq!(secret.password(step.starts_at()), text);
        assert!(secret.check(text, NOW, Some(step)).is_err());
    }
}

fn check_money(text: &str) {
    for code in ["CNY", "JPY", "KWD"] {
        let currency = Currency::from_code(code).unwrap();
        let Ok(money) = Money::parse(text, currency) else { continue };
        assert!(money.minor() >= 0);
        let written = money.amount_text();
        assert_eq!(Money::parse(&written, currency), Ok(money));
        assert_eq!(digits_of(&written, currency), digits_of(text, currency));
        assert_eq!(PositiveMoney::new(money).is_ok(), money.minor() > 0);
        let twice = money.checked_add(money);
        assert_eq!(twice.is_ok(), money.minor() <= i64::MAX / 2);
        assert_eq!(money.checked_sub(money), Ok(Money::zero(currency)));
    }
}

/// An amount's minor units as digits, computed by moving the point.
fn digits_of(text: &str, currency: Currency) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let exponent = currency.exponent() as usize;
    let digits = format!("{whole}{fraction:0<exponent$}");
    digits.trim_start_matches('0').to_owned()
}

fn check_ids(text: &str) {
    let read = [
        DeviceKeyId::from_hex(text).map(|id| id.to_string()),
        TerminalId::from_hex(text).map(|id| id.to_string()),
        IssuerId::from_hex(text).map(|id| id.to_string()),
        SigningKeyId::from_hex(text).map(|id| id.to_string()),
    ];
    for written in read.into_iter().flatten() {
        assert_eq!(written, text);
    }
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let password = OtpSecret::from_bytes(OTP_SECRET).password(NOW);
    let texts = [
        "12.50",
        "0.001",
        "92233720368547758.07",
        "9223372036854775807",
        "CNY",
        "live",
        "partially_refunded",
        "70",
        "0707070707070707",
        "09090909090909090909090909090909",
        &"0a".repeat(32),
        &password,
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
