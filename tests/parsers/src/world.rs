//! An issuer and a device that are always the same.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice};
use wallet_core::{
    Currency, DeviceKey, DeviceKeyId, IssuerId, Mode, Money, SealingKeys, SigningKey, TerminalId,
    Timestamp,
};

/// 2027-01-15T08:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Where a code may be bound to.
pub(crate) const TERMINAL: TerminalId = TerminalId::from_bytes([9; 16]);

/// An issuer and a device that it has enrolled.
pub(crate) struct World {
    pub(crate) root: SigningKey,
    pub(crate) issuer: IssuerId,
    pub(crate) sealing: SealingKeys,
    pub(crate) device: PayerDevice,
}

impl World {
    pub(crate) fn new() -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let root = SigningKey::generate(rng);
        let issuer = root.public_key().root_issuer_id();
        let sealing = SealingKeys::generate(NOW, rng);
        let key = sealing.keys().first().unwrap();
        let profile = IssuerProfile {
            id: issuer,
            mode: Mode::Live,
            prefix: CodePrefix::DEFAULT,
            slot: key.slot(),
            sealing_key: key.public_key(),
            sealing_key_retires_at: key.retires_at(),
        };
        let device = DeviceKey::generate(rng);
        let device = PayerDevice::new(device, DeviceKeyId::from_bytes([7; 8]), profile);
        Self { root, issuer, sealing, device }
    }

    /// Codes as the device makes them, without and with a terminal.
    pub(crate) fn codes(&self) -> [String; 2] {
        let yuan = Currency::from_code("CNY").unwrap();
        let limit = CodeLimit::new(Money::from_minor(20_000, yuan)).unwrap();
        let bound =
            CodeTerms { terminal: Some(TERMINAL), payer_verified: true, ..CodeTerms::up_to(limit) };
        [CodeTerms::up_to(limit), bound].map(|terms| {
            let rng = &mut ChaCha20Rng::seed_from_u64(2);
            self.device.make_code(NOW, 3, &terms, rng).unwrap().digits().to_owned()
        })
    }
}
