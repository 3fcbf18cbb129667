//! Rows that several statements read or write.

use serde::Serialize;

use super::hex::Hex;
use crate::domain::command::{Caller, KeyRef, ReferenceRef};

/// An idempotency key in its scope.
#[derive(Serialize)]
pub(super) struct KeyRow<'a> {
    caller_kind: &'static str,
    caller: Hex<16>,
    mode: &'static str,
    key: &'a str,
}

impl<'a> KeyRow<'a> {
    pub(super) fn new(key: &'a KeyRef) -> Self {
        let (caller_kind, caller) = match key.caller {
            Caller::Merchant(id) => ("merchant", *id.as_bytes()),
            Caller::Payer(id) => ("payer", *id.as_bytes()),
            // There is one operator.
            Caller::Operator => ("operator", [0; 16]),
        };
        Self { caller_kind, caller: Hex(caller), mode: key.mode.as_str(), key: &key.key }
    }
}

/// A merchant's reference in its scope.
#[derive(Serialize)]
pub(super) struct ReferenceRow<'a> {
    pub(super) merchant: Hex<16>,
    mode: &'static str,
    pub(super) reference: &'a str,
}

impl<'a> ReferenceRow<'a> {
    pub(super) fn new(reference: &'a ReferenceRef) -> Self {
        Self {
            merchant: Hex(*reference.merchant.as_bytes()),
            mode: reference.mode.as_str(),
            reference: &reference.reference,
        }
    }
}
