//! The rules of these worlds: so low that random amounts often meet them, exactly or by a cent.

/// A day's worth of everything: in minor units, milliseconds or pieces.
pub(super) const PAYMENT: i64 = yuan(60);
pub(super) const DAY: i64 = yuan(130);
pub(super) const MONTH: i64 = yuan(400);
/// More needs the PIN.
pub(super) const WITHOUT_PIN: i64 = yuan(30);
pub(super) const WITHOUT_PIN_COUNT: usize = 4;
pub(super) const DAY_STATIC: i64 = yuan(50);
pub(super) const DAY_CODE: i64 = yuan(80);
pub(super) const DAY_PIN: i64 = yuan(140);
pub(super) const WAIT: i64 = 60_000;
pub(super) const SAME_AMOUNT: i64 = 45_000;
pub(super) const SUSPECTED: i64 = 300_000;
pub(super) const HOLD: i64 = HOUR;
pub(super) const CANCEL: i64 = 2 * HOUR;
pub(super) const REFUND: i64 = 2 * 24 * HOUR;
pub(super) const REFUNDS: usize = 3;
pub(super) const LEAST_PAYOUT: i64 = yuan(1);
pub(super) const ENVELOPE: i64 = HOUR;
pub(super) const HOUR: i64 = 3_600_000;

/// What each merchant begins with: basis points and a fixed part.
pub(super) const FEES: [(i64, i64); 3] = [(60, 5), (0, 0), (250, 1)];
/// The operator knows no account of the others.
pub(super) const WITH_ACCOUNT: [bool; 3] = [true, true, false];

/// In minor units.
pub(super) const fn yuan(yuan: i64) -> i64 {
    yuan * 100
}

/// The same for the server.
pub(super) fn settings() -> Vec<(&'static str, String)> {
    let seconds = |millis: i64| (millis / 1000).to_string();
    let hours = |millis: i64| (millis / HOUR).to_string();
    vec![
        ("limits.new_payers.payment", text(PAYMENT)),
        ("limits.new_payers.day", text(DAY)),
        ("limits.new_payers.month", text(MONTH)),
        ("limits.new_payers.without_pin", text(WITHOUT_PIN)),
        ("limits.new_payers.without_pin_count", WITHOUT_PIN_COUNT.to_string()),
        ("limits.proof.static", text(DAY_STATIC)),
        ("limits.proof.code", text(DAY_CODE)),
        ("limits.proof.pin", text(DAY_PIN)),
        ("confirmation.wait_seconds", seconds(WAIT)),
        ("confirmation.same_amount_seconds", seconds(SAME_AMOUNT)),
        ("confirmation.suspected_seconds", seconds(SUSPECTED)),
        ("payments.hold_hours", hours(HOLD)),
        ("payments.cancel_hours", hours(CANCEL)),
        ("refunds.days", (REFUND / (24 * HOUR)).to_string()),
        ("refunds.count", REFUNDS.to_string()),
        ("payouts.least", text(LEAST_PAYOUT)),
        ("envelopes.life_hours", hours(ENVELOPE)),
        ("journal.checkpoint_seconds", "1".to_owned()),
    ]
}

/// An amount as answers have it.
pub(super) fn text(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
