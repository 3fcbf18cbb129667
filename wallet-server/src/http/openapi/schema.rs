//! The texts of the API as JSON Schema: what the server writes, and takes.
//!
//! These types exist for the document alone. A field whose Rust type is a text names the one that
//! says what kind of text it is: `#[schema(value_type = schema::Amount)]`.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::outcome::{ConfirmationReason as Reason, DeclineCode};
use crate::domain::test_payer::TestOutcome;
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
    /// The id of a merchant.
    MerchantId, "mer";
    /// The id of an API key.
    ApiKeyId, "key";
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
    /// A currency, by its ISO 4217 code.
    Currency, "^[A-Z]{3}$", "CNY";
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
    /// What a code of a test comes to.
    TestOutcomeName, TestOutcome::ALL.iter().map(|outcome| outcome.as_str());
    /// The state of money in suspense: it waits for the operator, its owner has it, or the bank has
    /// paid it out.
    SuspenseState, ["open", "released", "paid_out"];
    /// The state of a red envelope: shares are left, all are claimed, or time ran out.
    EnvelopeState, ["authorized", "succeeded", "expired"];
    /// When the money becomes the merchant's.
    Capture, ["automatic", "manual"];
    /// How a code came to the till.
    CodeSource, ["scan", "typed"];
    /// Why a payment was declined.
    DeclineReason, DeclineCode::ALL.iter().map(|code| code.as_str());
    /// Why a payment waits for its payer: `docs/http-api.md` says what each means.
    ConfirmationReason, Reason::ALL.iter().map(|reason| reason.as_str());
    /// What a key of the issuer's does: open codes, or sign receipts.
    KeyKind, ["sealing", "signing"];
    /// What an API key may be used for.
    Scope, ApiKeyScope::ALL.iter().map(|scope| scope.as_str());
    /// The state of a payer's account.
    PayerState, ["active", "frozen", "closed"];
    /// The state of an API key: it works, it works for a while yet, or it does not any more.
    ApiKeyStateName, ["active", "expiring", "expired", "revoked"];
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
        account api_key api_key_event api_key_use balance cancellation confirmation device envelope envelope_claim export invitation
        limits merchant payer payer_transfer payment receive_code recovery_codes refund suspense
        terminal test_clock test_code top_up
        totp_secret wallet withdrawal
    }
}
