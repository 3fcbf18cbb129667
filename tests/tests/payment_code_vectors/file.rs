//! The shape of `tests/vectors/payment-code.json`.

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) prefix: String,
    pub(crate) issuer: Issuer,
    pub(crate) sealing_keys: Vec<SealingRow>,
    pub(crate) devices: Vec<DeviceRow>,
    pub(crate) positive: Vec<Positive>,
    pub(crate) negative: Vec<Negative>,
    pub(crate) enrolment: Vec<HostileKey>,
    pub(crate) sealing: Vec<HostileKey>,
    pub(crate) freshness: Vec<FreshnessRow>,
    pub(crate) settlement: Vec<Scenario>,
}

#[derive(Deserialize)]
pub(crate) struct Issuer {
    pub(crate) root_seed: String,
    pub(crate) root_public_key: String,
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct SealingRow {
    pub(crate) slot: u8,
    pub(crate) created_at_ms: i64,
    pub(crate) secret: String,
    pub(crate) public_key: String,
}

#[derive(Deserialize)]
pub(crate) struct DeviceRow {
    pub(crate) name: String,
    pub(crate) key_id: String,
    pub(crate) seed: String,
    pub(crate) public_key: String,
    pub(crate) enrolled: bool,
}

#[derive(Deserialize)]
pub(crate) struct Positive {
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) prefix: String,
    pub(crate) now_ms: i64,
    pub(crate) slot: u8,
    pub(crate) device: String,
    pub(crate) step: u32,
    pub(crate) seq: u8,
    pub(crate) limit_minor: i64,
    pub(crate) currency_numeric: u16,
    pub(crate) payer_verified: bool,
    pub(crate) terminal: Option<String>,
    pub(crate) ikm_e: String,
    pub(crate) encapsulated_key: String,
    pub(crate) signed_message: String,
    pub(crate) signature: String,
    pub(crate) ciphertext: String,
    pub(crate) tag: String,
    pub(crate) code: String,
    pub(crate) digits: String,
    pub(crate) evidence: String,
}

#[derive(Deserialize)]
pub(crate) struct Negative {
    pub(crate) name: String,
    pub(crate) stage: String,
    pub(crate) error: String,
    pub(crate) merchant_sees: String,
    pub(crate) mode: String,
    pub(crate) at: Option<String>,
    pub(crate) now_ms: i64,
    pub(crate) digits: String,
}

#[derive(Deserialize)]
pub(crate) struct HostileKey {
    pub(crate) name: String,
    pub(crate) public_key: String,
    pub(crate) error: String,
}

#[derive(Deserialize)]
pub(crate) struct FreshnessRow {
    pub(crate) now_ms: i64,
    pub(crate) step: u32,
    pub(crate) is: String,
}

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) steps: Vec<String>,
    pub(crate) expected: Expected,
}

#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) code: String,
    pub(crate) payment: String,
    pub(crate) mark_moves: bool,
}

pub(crate) fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../vectors/payment-code.json")).unwrap()
}
