//! The keys of the file in memory.

use wallet_core::code::CodePrefix;
use wallet_core::issuer::{IssuerStatement, StatedSealingKey, StatedSigningKey};
use wallet_core::{SealingKey, SealingKeys, SigningKey, Timestamp};

use crate::entropy::Entropy;
use crate::issuer::aws_lc::Signer;
use crate::issuer::derived::Derived;
use crate::issuer::vault::Vault;
use crate::issuer::{PublicKeys, PublicSealingKey, Purpose};

/// All keys of an issuer.
#[derive(Clone)]
pub(super) struct State {
    pub(super) sealing: SealingKeys,
    /// The first signing key, which names the issuer.
    pub(super) root: SigningKey,
    /// The signing keys after it, oldest first.
    pub(super) later: Vec<EffectiveKey>,
    pub(super) evidence: Vault,
    pub(super) names: Vault,
    /// From the names key.
    pub(super) derived: Derived,
}

/// A signing key, and since when it signs.
#[derive(Clone)]
pub(super) struct EffectiveKey {
    pub(super) effective_at: Timestamp,
    pub(super) key: SigningKey,
}

/// The newest of some keys, oldest first, that was in effect at a moment; none: the first key of all.
/// So signing again what was decided then gives the same bytes, whatever has been rotated since.
fn newest_in_effect<K>(
    keys: &[K],
    effective_at: impl Fn(&K) -> Timestamp,
    moment: Timestamp,
) -> Option<&K> {
    keys.iter().rev().find(|key| effective_at(key) <= moment)
}

/// The signing keys, ready to sign receipts.
pub(super) struct Signers {
    root: Signer,
    later: Vec<(Timestamp, Signer)>,
}

impl Signers {
    pub(super) fn new(state: &State) -> Self {
        let later = state.later.iter().map(|later| (later.effective_at, Signer::new(&later.key)));
        Self { root: Signer::new(&state.root), later: later.collect() }
    }

    /// What signs records of this moment.
    pub(super) fn at(&self, decided_at: Timestamp) -> &Signer {
        let in_effect = newest_in_effect(&self.later, |later| later.0, decided_at);
        in_effect.map_or(&self.root, |later| &later.1)
    }
}

impl State {
    pub(super) fn generate(now: Timestamp, entropy: &Entropy) -> Self {
        let names = Vault::new(entropy.bytes());
        Self {
            sealing: entropy.with(|rng| SealingKeys::generate(now, rng)),
            root: entropy.with(SigningKey::generate),
            later: Vec::new(),
            evidence: Vault::new(entropy.bytes()),
            derived: Derived::new(names.key()),
            names,
        }
    }

    /// The key that signs at this moment.
    pub(super) fn signing_key_at(&self, moment: Timestamp) -> &SigningKey {
        let in_effect = newest_in_effect(&self.later, |later| later.effective_at, moment);
        in_effect.map_or(&self.root, |later| &later.key)
    }

    /// What the issuer says about its keys.
    pub(super) fn statement(&self, prefix: CodePrefix, now: Timestamp) -> IssuerStatement {
        let current = self.sealing.current(now).map(SealingKey::slot);
        let sealing_keys = self.sealing.keys().iter().map(|key| StatedSealingKey {
            slot: key.slot(),
            key: key.public_key(),
            created_at: key.created_at(),
            retires_at: key.retires_at(),
            current: Some(key.slot()) == current,
        });
        let root = (Timestamp::from_unix_millis(0), &self.root);
        let later = self.later.iter().map(|later| (later.effective_at, &later.key));
        let signing_keys = std::iter::once(root)
            .chain(later)
            .map(|(effective_at, key)| StatedSigningKey { key: key.public_key(), effective_at });
        IssuerStatement {
            issued_at: now,
            prefix,
            sealing_keys: sealing_keys.collect(),
            signing_keys: signing_keys.collect(),
        }
    }

    pub(super) fn vault(&self, purpose: Purpose) -> &Vault {
        match purpose {
            Purpose::Evidence => &self.evidence,
            Purpose::Names => &self.names,
            Purpose::Secrets => &self.derived.secrets,
        }
    }

    /// The public halves.
    pub(super) fn public(&self) -> PublicKeys {
        let sealing = self.sealing.keys().iter().map(|key| PublicSealingKey {
            slot: key.slot(),
            key: key.public_key(),
            created_at: key.created_at(),
            retires_at: key.retires_at(),
        });
        PublicKeys {
            issuer_id: self.root.public_key().root_issuer_id(),
            sealing: sealing.collect(),
            signing: std::iter::once(&self.root)
                .chain(self.later.iter().map(|later| &later.key))
                .map(SigningKey::public_key)
                .collect(),
        }
    }

    /// Whether another state is one issuer's with this one: what names the issuer, and what never
    /// rotates, is the same.
    pub(super) fn is_one_issuers_with(&self, other: &Self) -> bool {
        self.root.public_key() == other.root.public_key()
            && self.evidence.key() == other.evidence.key()
            && self.names.key() == other.names.key()
    }

    /// Whether all is here that another state signs with, or opens codes with at `now`. A key that
    /// has retired may be gone: another process, whose clock is a little ahead, destroys it first.
    pub(super) fn has_all_of(&self, other: &Self, now: Timestamp) -> bool {
        let signs = |wanted: &EffectiveKey| {
            self.later.iter().any(|later| {
                later.effective_at == wanted.effective_at
                    && later.key.public_key() == wanted.key.public_key()
            })
        };
        let opens = |wanted: &SealingKey| {
            now >= wanted.retires_at()
                || self.sealing.keys().iter().any(|key| {
                    key.slot() == wanted.slot()
                        && key.created_at() == wanted.created_at()
                        && key.public_key() == wanted.public_key()
                })
        };
        other.later.iter().all(signs) && other.sealing.keys().iter().all(opens)
    }

    /// Whether a sealing key has rested for long enough to be destroyed.
    pub(super) fn has_rested_keys(&self, now: Timestamp) -> bool {
        self.sealing.clone().forget_rested(now) > 0
    }
}
