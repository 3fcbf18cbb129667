//! The issuer's side: from scanned digits to a verified claim, and the receipt that a till checks.
//!
//! ```sh
//! cargo run -p wallet-core --example verify_code
//! ```
//!
//! What is missing here is the transaction: a server decides about a verified code where it moves
//! the money, and there refuses marks that it has seen (`docs/payment-code.md`, "Settling").

use std::collections::HashMap;

use getrandom::SysRng;
use rand_core::UnwrapErr;
use wallet_core::code::{
    CodeLimit, CodePrefix, CodeTerms, Freshness, IssuerProfile, PayerDevice, SealedCode,
    VerifiedCode,
};
use wallet_core::receipt::{PaymentState, Receipt, Record, RecordKind};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, DevicePublicKey, Error, IssuerId, Mode, Money, SealingKeys,
    SigningKey, SigningPublicKey, TerminalId, Timestamp,
};

const MODE: Mode = Mode::Test;
const MERCHANT: [u8; 16] = [2; 16];
const TERMINAL: TerminalId = TerminalId::from_bytes([7; 16]);

/// What an issuer keeps.
struct Issuer {
    id: IssuerId,
    signing: SigningKey,
    sealing: SealingKeys,
    devices: HashMap<DeviceKeyId, DevicePublicKey>,
}

fn main() -> Result<(), Error> {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let mut issuer = new_issuer(now);
    let phone = enrol(&mut issuer, now)?;
    let amount = Money::parse("12.50", Currency::from_code("CNY")?)?;

    // The phone has scanned the till's terminal id, so the code works nowhere else.
    let terms = CodeTerms {
        terminal: Some(TERMINAL),
        ..CodeTerms::up_to(CodeLimit::new(Money::parse("200", amount.currency())?)?)
    };
    let code = phone.make_code(now, 0, &terms, &mut UnwrapErr(SysRng))?;

    for (place, terminal) in
        [("at another till", TerminalId::from_bytes([8; 16])), ("here", TERMINAL)]
    {
        match verify(&issuer, code.digits(), terminal, now) {
            Ok(code) => println!("{place}: verified, up to {}", code.claims().limit.money()),
            Err(reason) => println!("{place}: the till hears invalid_code; the log says {reason}"),
        }
    }

    let record = Record {
        mode: MODE,
        kind: RecordKind::Payment,
        state: PaymentState::Succeeded,
        subject: [1; 16],
        merchant: MERCHANT,
        decided_at: now,
        asked: amount,
        settled: amount,
        reference_hash: Record::reference_hash("order-1"),
        books_hash: [0; 32],
    };
    let receipt = Receipt::sign(&record, &issuer.id, &issuer.signing).to_string();
    println!("receipt: {receipt}");
    let paid = till_accepts(&receipt, &issuer.id, issuer.signing.public_key(), amount)?;
    println!("the till hands out the goods: {paid}");
    Ok(())
}

fn new_issuer(now: Timestamp) -> Issuer {
    let mut rng = UnwrapErr(SysRng);
    let signing = SigningKey::generate(&mut rng);
    Issuer {
        id: signing.public_key().root_issuer_id(),
        signing,
        sealing: SealingKeys::generate(now, &mut rng),
        devices: HashMap::new(),
    }
}

/// Makes a device key and enrols its public half. `DevicePublicKey::from_bytes` is the check
/// that keeps hostile keys out.
fn enrol(issuer: &mut Issuer, now: Timestamp) -> Result<PayerDevice, Error> {
    let key = DeviceKey::generate(&mut UnwrapErr(SysRng));
    let sent = *key.public_key().as_bytes();
    let key_id = DeviceKeyId::from_bytes([1; 8]); // a server draws it at random
    issuer.devices.insert(key_id, DevicePublicKey::from_bytes(&sent)?);
    let sealing = issuer.sealing.current(now).unwrap_or(&issuer.sealing.keys()[0]);
    let profile = IssuerProfile {
        id: issuer.id,
        mode: MODE,
        prefix: CodePrefix::DEFAULT,
        slot: sealing.slot(),
        sealing_key: sealing.public_key(),
        sealing_key_retires_at: sealing.retires_at(),
    };
    Ok(PayerDevice::new(key, key_id, profile))
}

/// Everything that can be decided about a code without the books. The error is for the log.
fn verify(
    issuer: &Issuer,
    digits: &str,
    terminal: TerminalId,
    now: Timestamp,
) -> Result<VerifiedCode, &'static str> {
    let code = |error: Error| error.code();
    let sealed = SealedCode::parse(digits, CodePrefix::DEFAULT).map_err(code)?;
    let opened = sealed.open(&issuer.sealing, &issuer.id, MODE, now).map_err(code)?;
    let key = issuer.devices.get(&opened.claimed_device()).ok_or("code_unknown_device")?;
    let verified = opened.verify(key, &issuer.id, MODE, Some(&terminal)).map_err(code)?;
    match Freshness::of(verified.claims().mark.step, now) {
        Freshness::Current => Ok(verified),
        Freshness::Expired => Err("code_expired"),
        Freshness::Ahead => Err("clock_skew"),
    }
}

/// What a till does with a receipt, offline: verify it, then compare it with this very sale.
fn till_accepts(
    text: &str,
    issuer: &IssuerId,
    trusted: SigningPublicKey,
    asked: Money,
) -> Result<bool, Error> {
    let receipt = Receipt::parse(text)?.verify(issuer, &[trusted])?;
    let record = receipt.record();
    Ok(record.mode == MODE
        && record.kind == RecordKind::Payment
        && record.state == PaymentState::Succeeded
        && record.merchant == MERCHANT
        && record.asked == asked
        && record.settled == asked
        && record.reference_hash == Record::reference_hash("order-1"))
}
