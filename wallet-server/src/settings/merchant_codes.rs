//! `[merchant_codes]`.

use serde::Deserialize;
use wallet_core::Error;
use wallet_core::merchant_code::{City, Country, MerchantCategory};

use super::SettingsError;
use crate::service::MerchantCodeDefaults;

/// `[merchant_codes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct MerchantCodeSettings {
    pub category: String,
    pub country: String,
    pub city: String,
}

impl MerchantCodeSettings {
    pub(super) fn defaults(&self) -> Result<MerchantCodeDefaults, SettingsError> {
        let wrong = |name| move |error: Error| SettingsError::value(name, error);
        Ok(MerchantCodeDefaults {
            category: MerchantCategory::parse(&self.category)
                .map_err(wrong("merchant_codes.category"))?,
            country: Country::parse(&self.country).map_err(wrong("merchant_codes.country"))?,
            city: City::parse(&self.city).map_err(wrong("merchant_codes.city"))?,
        })
    }
}
