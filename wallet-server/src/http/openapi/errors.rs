//! Every error of the API: what it is called, and what may be concluded from it.
//!
//! An operation names its own with `extensions(("x-errors" = json!(["409 payment_closed"])))`; those
//! that follow from its form, such as `401` from a signature, are added to it. A test holds this
//! list against `docs/http-api.md`.

/// An error: its status, its code, what may be concluded, and when it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorDoc {
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// The first one holds unless the operation says otherwise in its text.
    pub(super) certainty: &'static [&'static str],
    pub(super) when: &'static str,
}

const FINAL: &[&str] = &["final"];
const RETRY: &[&str] = &["retry"];
const UNKNOWN: &[&str] = &["unknown"];
const RETRY_OR_UNKNOWN: &[&str] = &["retry", "unknown"];

/// What an operation adds to an error's name if it may have done a part of what was asked before it
/// met the error.
const OR_UNKNOWN: &str = " or unknown";

type Row = (u16, &'static str, &'static [&'static str], &'static str);

/// By status, and in the order in which they are explained.
const ERRORS: &[Row] = &[
    (400, "invalid_request", RETRY, "The body or the query makes no sense; `errors` says where."),
    (400, "idempotency_key_missing", RETRY, "It is missing, too long, or sent twice."),
    (401, "unauthorized", RETRY, "No key, or one that is unknown or revoked."),
    (401, "signature_missing", RETRY, "The request is not signed."),
    (401, "signature_malformed", RETRY, "The signature's headers are not of the one form."),
    (401, "signature_incomplete", RETRY, "The signature does not cover what it must."),
    (401, "signature_invalid", RETRY, "The signature is another key's, or another request's."),
    (401, "digest_mismatch", RETRY, "`Content-Digest` is another body's."),
    (401, "signature_expired", RETRY, "It was made more than 60 s ago: look at `server_time`."),
    (401, "signature_from_future", RETRY, "The device's clock is ahead: look at `server_time`."),
    (401, "signature_replayed", RETRY, "This very request was made before: sign it anew."),
    (402, "device_revoked", FINAL, "Declined: the payer's device was revoked."),
    (402, "payer_unavailable", FINAL, "Declined: the payer is frozen or closed."),
    (402, "currency_mismatch", FINAL, "Declined: the code or the wallet is in another currency."),
    (402, "over_code_limit", FINAL, "Declined: more than the payer allowed with this code."),
    (402, "declined_by_limit", FINAL, "More than the payer may spend, at once or today."),
    (402, "insufficient_funds", FINAL, "More than the payer has."),
    (403, "own_envelope", FINAL, "The sender claims no share."),
    (403, "sender_unavailable", FINAL, "The sender of the envelope is frozen."),
    (403, "other_device", RETRY, "Only the device whose code was charged decides."),
    (403, "forbidden", RETRY, "The API key lacks the scope."),
    (403, "test_mode_only", RETRY, "This is for test keys."),
    (403, "pin_refused", RETRY, "The PIN is wrong, locked, or not set."),
    (403, "pin_required", RETRY, "The payment takes the PIN: send `Wallet-Pin`."),
    (403, "second_factor_needed", RETRY, "Send `totp` or `recovery_code` as well."),
    (403, "device_too_new", RETRY, "A device that is new revokes none that is not."),
    (403, "payer_unavailable", &["final", "retry"], "The payer is frozen."),
    (403, "registration_closed", FINAL, "A wallet takes an invitation."),
    (404, "not_found", &["final", "retry"], "There is none. A payment may be on its way: `retry`."),
    (405, "method_not_allowed", FINAL, "This path has no such method."),
    (409, "reference_conflict", RETRY, "The reference stands for something else."),
    (409, "withdrawal_closed", RETRY, "The withdrawal was paid or returned already."),
    (409, "envelope_claimed", FINAL, "This payer has a share."),
    (409, "envelope_empty", FINAL, "Every share is claimed."),
    (409, "envelope_expired", FINAL, "It is too late to claim."),
    (409, "order_paid", &["final", "retry"], "Somebody has paid the order."),
    (409, "order_canceled", FINAL, "The merchant has closed the order."),
    (409, "order_expired", FINAL, "It is too late to pay the order."),
    (409, "plate_closed", FINAL, "The merchant has closed the plate."),
    (409, "reference_canceled", FINAL, "The reference was called off."),
    (409, "payment_closed", RETRY, "The payment has been decided already."),
    (409, "payment_waiting", RETRY, "The payment still waits for its payer."),
    (409, "payment_not_refundable", RETRY, "Nothing of the payment is the merchant's."),
    (409, "hold_expired", FINAL, "It was not captured in time; what was held is free."),
    (409, "cancel_too_late", RETRY, "It was captured too long ago: refund it instead."),
    (409, "suspense_closed", RETRY, "It was released or paid out already."),
    (409, "payout_batched", RETRY, "The bank may know of it; only the operator returns it."),
    (409, "payout_closed", RETRY, "The payout was paid, returned or called off already."),
    (409, "no_open_payouts", FINAL, "No open payout waits for a batch."),
    (409, "statement_not_ready", RETRY, "The day is not over yet: `detail` says when it will be."),
    (409, "payer_decides", RETRY, "This payer was not made for a test, and decides alone."),
    (409, "too_many_webhook_endpoints", FINAL, "The merchant has as many as it may have."),
    (409, "webhook_endpoint_disabled", RETRY, "Nothing is sent to it: enable it first."),
    (409, "outcome_impossible", FINAL, "The issuer's limits leave no such amount."),
    (409, "test_clock_off", FINAL, "Nobody moves the clock of this server."),
    (409, "test_clock_on", FINAL, "Tests move the clock, so nothing live is made here."),
    (409, "confirmation_expired", FINAL, "Too late to confirm; what was held is free."),
    (409, "proof_not_ready", RETRY, "No checkpoint is about the receipt yet: some seconds."),
    (409, "clock_skew", RETRY, "The code is from the future: look at `server_time`."),
    (409, "key_enrolled", FINAL, "The device's key is enrolled already."),
    (409, "device_revoked", FINAL, "A revoked device is enrolled anew, with another key."),
    (409, "too_many_devices", FINAL, "The payer has as many devices as a payer may have."),
    (409, "too_many_handles", FINAL, "The payer gave up several handles within 30 days."),
    (409, "handle_taken", FINAL, "Another payer has the handle, or had it until lately."),
    (409, "nothing_to_confirm", FINAL, "No secret of one-time passwords waits."),
    (409, "totp_not_set", FINAL, "One-time passwords are not in use."),
    (409, "frozen_by_operator", FINAL, "The payer cannot unfreeze this."),
    (409, "account_not_empty", FINAL, "There is money in the account, or held."),
    (409, "payer_closed", FINAL, "The account is closed."),
    (409, "api_key_rotated", FINAL, "Another key took over already: `detail` says which."),
    (409, "api_key_revoked", FINAL, "This API key is revoked."),
    (409, "api_key_expired", FINAL, "The time of this API key is over."),
    (409, "no_room_for_key", FINAL, "All places for keys are taken."),
    (409, "key_file_differs", FINAL, "The key file is another issuer's, or an older copy."),
    (413, "body_too_large", RETRY, "A body has at most 64 KiB."),
    (421, "misdirected_request", FINAL, "The server does not answer to the name that was called."),
    (422, "idempotency_key_reused", RETRY, "The key was used with another request."),
    (422, "currency_not_accepted", FINAL, "The merchant is not paid in this currency."),
    (422, "merchant_code_malformed", RETRY, "This is no payment code of a merchant."),
    (422, "merchant_code_foreign", RETRY, "The code of another issuer, scheme or mode."),
    (422, "merchant_code_unsigned", RETRY, "It looks like ours and has no signature."),
    (422, "merchant_code_forged", RETRY, "It looks like ours, and its signature is not."),
    (422, "unknown_merchant_code", RETRY, "The code stands for nothing that can be paid."),
    (422, "merchant_unavailable", FINAL, "The merchant of the code cannot be paid."),
    (422, "wrong_amount", RETRY, "Another amount or currency than the code's."),
    (422, "amount_missing", RETRY, "The code leaves the amount to the payer."),
    (422, "unknown_terminal", RETRY, "The terminal is not one of the merchant's own."),
    (422, "invalid_code", FINAL, "Not an authentic code of this issuer, mode and terminal."),
    (422, "code_expired", FINAL, "Authentic, but too old: scan the one that is shown now."),
    (422, "code_used", FINAL, "Authentic, but presented before: scan the next one."),
    (422, "webhook_url_refused", FINAL, "Nothing is sent to this URL; `detail` says why."),
    (422, "unknown_invitation", FINAL, "There is no such invitation, or it has been used."),
    (422, "invitation_expired", FINAL, "The invitation is too old."),
    (422, "otp_wrong", RETRY, "Not the one-time password of this moment."),
    (422, "otp_used", RETRY, "The one-time password has been used."),
    (422, "recovery_code_wrong", RETRY, "No such recovery code, or it has been used."),
    (422, "limit_above_issuer", FINAL, "A limit is above the issuer's; `errors` says which."),
    (422, "unknown_recipient", FINAL, "Nobody can be paid like this."),
    (422, "recipient_unavailable", FINAL, "The recipient cannot be paid at the moment."),
    (422, "same_payer", FINAL, "This is the payer's own wallet."),
    (422, "currency_mismatch", FINAL, "Another currency than the wallets'."),
    (422, "unknown_envelope", FINAL, "No envelope that this payer may claim from."),
    (422, "unknown_payer", FINAL, "The payer has gone."),
    (422, "payer_unavailable", RETRY, "The payer is frozen or closed."),
    (422, "amount_too_large", &["final", "retry"], "The amount is too large."),
    (422, "refund_exceeds_payment", FINAL, "More than is left of the payment: `remaining`."),
    (422, "balance_insufficient", &["final", "retry"], "The merchant's balance is less."),
    (422, "payout_destination_missing", FINAL, "The operator knows no account to pay out to."),
    (422, "payout_too_small", FINAL, "Less than the least payout: `detail` says how much that is."),
    (422, "too_many_refunds", FINAL, "The payment has as many refunds as it may have."),
    (422, "refund_too_late", FINAL, "The payment was made too long ago."),
    (429, "too_many_requests", RETRY, "Too many at the moment; nothing was tried."),
    (429, "otp_locked", RETRY, "There were too many wrong second factors."),
    (500, "internal", &["unknown", "retry", "final"], "The server failed."),
    (503, "overloaded", RETRY, "Too many requests wait; this one did nothing."),
    (503, "not_ready", RETRY, "Payments cannot be settled at the moment."),
    (504, "timeout", UNKNOWN, "There was no answer in time."),
];

/// Errors that come together, under a name that an operation can use for all of them.
const GROUPS: &[(&str, &[&str])] = &[
    ("a PIN", &["403 pin_refused", "429 too_many_requests"]),
    (
        "a second factor",
        &[
            "403 second_factor_needed",
            "422 otp_wrong",
            "422 otp_used",
            "422 recovery_code_wrong",
            "429 otp_locked",
        ],
    ),
    (
        "a payer's money",
        &[
            "402 declined_by_limit",
            "402 insufficient_funds",
            "403 payer_unavailable",
            "422 currency_mismatch",
        ],
    ),
    (
        "a merchant's code",
        &[
            "422 merchant_code_malformed",
            "422 merchant_code_foreign",
            "422 merchant_code_unsigned",
            "422 merchant_code_forged",
            "422 unknown_merchant_code",
        ],
    ),
    ("a recipient", &["422 unknown_recipient", "422 recipient_unavailable", "422 same_payer"]),
    (
        "a signature",
        &[
            "401 signature_missing",
            "401 signature_malformed",
            "401 signature_incomplete",
            "401 signature_invalid",
            "401 digest_mismatch",
            "401 signature_expired",
            "401 signature_from_future",
            "421 misdirected_request",
            "503 overloaded",
        ],
    ),
    (
        "an idempotency key",
        &["400 idempotency_key_missing", "422 idempotency_key_reused", "503 overloaded"],
    ),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = ErrorDoc> {
    ERRORS.iter().map(|&(status, code, certainty, when)| ErrorDoc { status, code, certainty, when })
}

/// Those that a name stands for: a status and a code, or a group of them. None if there is none.
pub(super) fn named(name: &str) -> Vec<ErrorDoc> {
    if let Some((_, names)) = GROUPS.iter().find(|(group, _)| *group == name) {
        return names.iter().flat_map(|name| named(name)).collect();
    }
    if let Some(name) = name.strip_suffix(OR_UNKNOWN) {
        let retried = named(name).into_iter().filter(|error| error.certainty == RETRY);
        return retried.map(|error| ErrorDoc { certainty: RETRY_OR_UNKNOWN, ..error }).collect();
    }
    all().filter(|error| name == format!("{} {}", error.status, error.code)).collect()
}
