//! The texts of the API as JSON Schema: what the server writes, and takes.
//!
//! These types exist for the document alone. A field whose Rust type is a text names the one that
//! says what kind of text it is: `#[schema(value_type = schema::Amount)]`.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::command::CodeSource as CodeSourceName;
use crate::domain::outcome::{
    ConfirmationReason as Reason, DeclineCode, OrderState as OrderStateName,
};
use crate::domain::test_payer::TestOutcome;
use crate::domain::webhooks::{AttemptError, DeliveryState, DisabledBecause};
use crate::http::payments::{
    METADATA_KEY_LENGTH_MAX, METADATA_KEYS_MAX, METADATA_VALUE_LENGTH_MAX,
};
use crate::service::ApiKeyScope;

/// A schema and its name in a document.
type Named = (String, RefOr<Schema>);

/// All that have a name. Those that only parameters refer to come from here; of the others,
/// bodies bring their own.
pub(super) fn all() -> impl Iterator<Item = Named> {
    ids().into_iter().chain(texts()).chain(names())
}

/// Declares texts that fit a pattern: a name, the pattern, an example.
macro_rules! texts {
    ($all:ident: $($(#[doc = $doc:literal])+ $name:ident, $pattern:expr, $example:expr;)+) => {
        fn $all() -> Vec<Named> {
            vec![$(($name::name().into_owned(), $name::schema())),+]
        }
    $(
        $(#[doc = $doc])+
        pub(in crate::http) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text(concat!($($doc),+)).pattern(Some($pattern)).examples([$example]).build().into()
            }
        }

        impl ToSchema for $name {}
    )+ };
}

/// Declares texts of which there are only some: a name, the texts.
macro_rules! names {
    ($all:ident: $($(#[doc = $doc:literal])+ $name:ident, $names:expr;)+) => {
        fn $all() -> Vec<Named> {
            vec![$(($name::name().into_owned(), $name::schema())),+]
        }
    $(
        $(#[doc = $doc])+
        pub(in crate::http) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text(concat!($($doc),+)).enum_values(Some($names)).build().into()
            }
        }

        impl ToSchema for $name {}
    )+ };
}

/// The 32 digits of an id that the examples have.
macro_rules! id_digits {
    () => {
        "01a2036666e37502ab6a225e520bffad"
    };
}

/// Declares ids: a name, the prefix.
macro_rules! ids {
    ($all:ident: $($(#[doc = $doc:literal])+ $name:ident, $prefix:literal;)+) => {
        texts! { $all: $(
            $(#[doc = $doc])+
            $name, concat!("^", $prefix, "_[0-9a-f]{32}$"), concat!($prefix, "_", id_digits!());
        )+ }
    };
}

ids! {
    ids:
    /// The id of a payment.
    PaymentId, "pay";
    /// The id of a refund.
    RefundId, "ref";
    /// The id of money in suspense.
    SuspenseId, "sus";
    /// The id of an order.
    OrderId, "ord";
    /// The id of a plate.
    PlateId, "plt";
    /// The id of a merchant.
    MerchantId, "mer";
    /// The id of an API key.
    ApiKeyId, "key";
    /// The id of a webhook endpoint.
    WebhookEndpointId, "we";
    /// The id of a payer.
    PayerId, "payer";
    /// The id of an invitation.
    InvitationId, "inv";
    /// The id of a top-up.
    TopUpId, "top";
    /// The id of a transfer between payers.
    PayerTransferId, "ptr";
    /// The id of a withdrawal.
    WithdrawalId, "wdr";
    /// The id of a payout.
    PayoutId, "po";
    /// The id of a batch of payouts.
    PayoutBatchId, "pob";
    /// The id of a red envelope.
    EnvelopeId, "env";
    /// The id of a claimed share of a red envelope.
    ClaimId, "clm";
    /// The id of a transfer in the ledger.
    TransferId, "tr";
    /// The id of an account in the ledger.
    AccountId, "acc";
}

texts! {
    texts:
    /// An amount of money in major units: digits, and after a point at most as many as the
    /// currency has.
    Amount, "^[0-9]+([.][0-9]+)?$", "12.50";
    /// An amount of money above zero, in major units: digits, and after a point at most as many
    /// as the currency has.
    PositiveAmount, "^([0-9]*[1-9][0-9]*([.][0-9]+)?|[0-9]+[.][0-9]*[1-9][0-9]*)$", "12.50";
    /// An amount of money in major units, with a minus in front if it goes the other way.
    SignedAmount, "^-?[0-9]+([.][0-9]+)?$", "-3.33";
    /// A currency, by its ISO 4217 code.
    Currency, "^[A-Z]{3}$", "CNY";
    /// The id of an event: its place in the journal.
    EventId, "^evt_[0-9]+_[0-9]+_[0-9]+$", "evt_7_0_1795353372388";
    /// What happened: a kind of object and the state that it is in.
    EventType, "^[a-z_]+[.][a-z_]+$", "payment.succeeded";
    /// A day in the issuer's time zone.
    Date, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-11-22";
    /// A day's movements as CSV (RFC 4180): `docs/http-api.md` lists the columns.
    Csv, "^time,type,event,", "time,type,event,subject,payment,reference,currency,gross,fee,net,balance";
    /// The id of a terminal: 16 bytes in hexadecimal.
    TerminalId, "^[0-9a-f]{32}$", "a07e7918dae0dcf63ce29a34df229a04";
    /// A place in the list of what was done to an API key.
    ApiKeyEventCursor, "^[0-9]{1,13}_[a-z_.]+$", "1795353372388_created";
    /// A place in the list of what an API key was used for.
    ApiKeyUseCursor, "^([0-9a-f]{2})+$", "3439383730382073756363656564656420474554";
    /// A place in the list of terminals.
    TerminalCursor, "^[0-9]{1,13}_[0-9a-f]{32}$",
        "1795353372388_a07e7918dae0dcf63ce29a34df229a04";
    /// A place in a payer's history.
    ActivityCursor, "^bat_[0-9a-f]{32}_[0-9]{1,9}$", concat!("bat_", id_digits!(), "_0");
    /// The id of a device's key: 8 bytes in hexadecimal.
    DeviceKeyId, "^[0-9a-f]{16}$", "9f627a6f4e85940c";
    /// A public key: 32 bytes in hexadecimal.
    PublicKey,
        "^[0-9a-f]{64}$", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    /// A hash in a Merkle tree: 32 bytes in hexadecimal.
    TreeHash,
        "^[0-9a-f]{64}$", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    /// A receipt, signed by the issuer: `docs/receipts.md` says how to check it offline.
    Receipt, "^[A-Za-z0-9_-]+$", "AQEAAQMBogNmZuN1";
    /// A QR code as an SVG picture.
    Svg, "^<[?]?(xml|svg)", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>";
    /// The text of a code that a merchant shows: an EMV merchant-presented payload.
    MerchantCodePayload, "^000201.{1,506}$", "00020101021126...";
    /// What a merchant sells: ISO 18245.
    MerchantCategory, "^[0-9]{4}$", "5999";
    /// A city, in 1 to 15 printable ASCII characters without blanks at its ends.
    City, "^[!-~]([ -~]{0,13}[!-~])?$", "Shanghai";
    /// A country: ISO 3166.
    Country, "^[A-Z]{2}$", "CN";
    /// A QR code as a PNG picture.
    Png, "^", "a picture";
    /// An account at a bank: capital letters and digits.
    BankAccount, "^[0-9A-Z]{6,34}$", "DE89370400440532013000";
    /// Where a webhook is sent: `https://` and an address of the internet.
    WebhookUrl, "^[hH][tT][tT][pP][sS]?://.{1,1990}$", "https://shop.example/hooks";
    /// The type of an event of a merchant's, or all of them.
    WebhookEventType, "^([*]|(payment|refund|payout|order)[.](requires_confirmation|authorized|succeeded|declined|canceled|expired|partially_refunded|refunded))$", "payment.succeeded";
    /// Six digits.
    SixDigits, "^[0-9]{6}$", "135790";
    /// A recovery code: ten letters and digits, with or without blanks.
    RecoveryCode, "^[A-Za-z0-9 -]{1,40}$", "K7M2P-9XQ4T";
    /// A handle, by which payers find one another: 3 to 30 of `a-z 0-9 . _`, a letter first.
    Handle, "^[a-z][a-z0-9._]{2,29}$", "li.na";
    /// What the QR code of a payer says, for others to pay them.
    ReceiveCode, "^wallet:receive:[0-9a-f]{32}$",
        concat!("wallet:receive:", "a07e7918dae0dcf63ce29a34df229a04");
}

names! {
    names:
    /// Which of the two worlds this belongs to: money is real in one of them.
    Mode, ["live", "test"];
    /// The state of a payment. `docs/http-api.md` says what leads from one to another.
    PaymentState, ["requires_confirmation", "authorized", "succeeded", "declined", "canceled",
        "expired", "partially_refunded", "refunded"];
    /// The state of a withdrawal: held, paid by the operator, or returned to the payer.
    WithdrawalState, ["authorized", "succeeded", "canceled"];
    /// The state of a payout: held, paid by the bank, or the merchant's again.
    PayoutState, ["authorized", "succeeded", "canceled"];
    /// What a code of a test comes to.
    TestOutcomeName, TestOutcome::ALL.iter().map(|outcome| outcome.as_str());
    /// The state of money in suspense: it waits for the operator, its owner has it, or the bank has
    /// paid it out.
    SuspenseState, ["open", "released", "paid_out"];
    /// The state of a red envelope: shares are left, all are claimed, or time ran out.
    EnvelopeState, ["authorized", "succeeded", "expired"];
    /// When the money becomes the merchant's.
    Capture, ["automatic", "manual"];
    /// How a payer's code comes to the till.
    TillSource, ["scan", "typed"];
    /// How a payment came about: the till scanned the payer's code, or it was keyed in; or the payer
    /// scanned the code of an order or of a plate.
    CodeSource, CodeSourceName::ALL.iter().map(|source| source.as_str());
    /// The state of an order: whoever scans its code may pay it, somebody has, or nobody can any more.
    OrderState, OrderStateName::NAMES;
    /// The state of a plate: whoever scans its code may pay it, or nobody can any more.
    PlateState, ["active", "closed"];
    /// What the code of a merchant stands for.
    MerchantCodeKind, ["order", "plate"];
    /// Whether a payment takes the PIN.
    PinNeed, ["required", "not_required"];
    /// Why a payment was declined.
    DeclineReason, DeclineCode::ALL.iter().map(|code| code.as_str());
    /// Why a payment waits for its payer: `docs/http-api.md` says what each means.
    ConfirmationReason, Reason::ALL.iter().map(|reason| reason.as_str());
    /// What a key of the issuer's does: open codes, or sign receipts.
    KeyKind, ["sealing", "signing"];
    /// What an API key may be used for.
    Scope, ApiKeyScope::ALL.iter().map(|scope| scope.as_str());
    /// The state of a merchant: it is paid, or takes no payments any more.
    MerchantState, ["active", "closed"];
    /// The state of a payer's account.
    PayerState, ["active", "frozen", "closed"];
    /// The state of an API key: it works, it works for a while yet, or it does not any more.
    ApiKeyStateName, ["active", "expiring", "expired", "revoked"];
    /// Whether a webhook endpoint is told of events.
    WebhookEndpointState, ["enabled", "disabled"];
    /// Why a webhook endpoint is told of nothing: its merchant said so, it answered 410, or it failed
    /// for days.
    WebhookDisabledBecause, DisabledBecause::ALL.iter().map(|because| because.as_str());
    /// What has become of an event for a webhook endpoint.
    WebhookDeliveryState, DeliveryState::ALL.iter().map(|state| state.as_str());
    /// Which deliveries are listed.
    WebhookListedState, ["waiting", "failed"];
    /// Why an attempt to tell a webhook endpoint failed: `docs/http-api.md` says what each means.
    WebhookError, AttemptError::ALL.iter().map(|error| error.as_str());
    /// The state of a device.
    DeviceState, ["pending", "active", "revoked"];
    /// How a red envelope is split.
    Split, ["equal", "random"];
}

/// A moment: RFC 3339, UTC, milliseconds.
pub(in crate::http) struct Time;

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text("A moment: RFC 3339, UTC, milliseconds.")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-11-22T12:00:00.123Z"])
            .build()
            .into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Timestamp")
    }
}

/// A text of 1 to so many characters, none of which is a control character.
pub(in crate::http) struct Text<const LENGTH_MAX: usize>;

impl<const LENGTH_MAX: usize> Text<LENGTH_MAX> {
    fn object() -> Object {
        text("A text without control characters.")
            .min_length(Some(1))
            .max_length(Some(LENGTH_MAX))
            .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"))
            .examples(["tea"])
            .build()
    }
}

impl<const LENGTH_MAX: usize> PartialSchema for Text<LENGTH_MAX> {
    fn schema() -> RefOr<Schema> {
        Self::object().into()
    }
}

impl<const LENGTH_MAX: usize> ToSchema for Text<LENGTH_MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{LENGTH_MAX}"))
    }
}

/// The merchant's own data: texts by name.
pub(in crate::http) struct Metadata;

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(METADATA_VALUE_LENGTH_MAX));
        ObjectBuilder::new()
            .description(Some("The merchant's own data: texts by name."))
            .property_names(Some(Text::<METADATA_KEY_LENGTH_MAX>::object()))
            .additional_properties(Some(value))
            .max_properties(Some(METADATA_KEYS_MAX))
            .examples([json!({ "table": "4" })])
            .build()
            .into()
    }
}

impl ToSchema for Metadata {}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description.trim()))
}

/// What is always the same, such as the name of a kind of object.
fn constant(value: &str) -> Object {
    let values = Some([Value::from(value)]);
    ObjectBuilder::new().schema_type(Type::String).enum_values(values).build()
}

/// The kinds of objects, for `#[schema(schema_with = kind::payment)]`.
pub(in crate::http) mod kind {
    use utoipa::openapi::schema::Object;

    macro_rules! kinds {
        ($($name:ident)+) => { $(
            pub(in crate::http) fn $name() -> Object {
                super::constant(stringify!($name))
            }
        )+ };
    }

    kinds! {
        account api_key api_key_event api_key_use balance balance_transaction cancellation confirmation device envelope envelope_claim event export invitation
        limits merchant merchant_code order payer payer_transfer payment plate payout payout_batch payout_destination receive_code recovery_codes refund statement
        statement_totals suspense
        terminal test_clock test_code top_up
        totp_secret wallet webhook_delivery webhook_endpoint withdrawal
    }
}
