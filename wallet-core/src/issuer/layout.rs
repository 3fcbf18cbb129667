//! The bytes of an issuer document; the table stands at [`IssuerDocument`].

use super::{
    DOCUMENT_SIGNING_KEYS_MAX, INVALID, IssuerDocument, IssuerStatement, StatedSealingKey,
    StatedSigningKey,
};
use crate::code::CodePrefix;
use crate::keys::{SealingPublicKey, SigningPublicKey, Slot};
use crate::{Error, Timestamp};

const DOMAIN: &[u8; 25] = b"wallet-issuer-document/1\0";
const SIGNATURE_LENGTH: usize = 64;
const SEALING_KEY_LENGTH: usize = 1 + 32 + 8 + 8 + 1;
const SIGNING_KEY_LENGTH: usize = 32 + 8;
const SEALING_KEYS_MAX: usize = Slot::COUNT as usize;
const LENGTH_MAX: usize = DOMAIN.len()
    + 32
    + 32
    + 8
    + 2
    + 1
    + SEALING_KEYS_MAX * SEALING_KEY_LENGTH
    + 1
    + DOCUMENT_SIGNING_KEYS_MAX * SIGNING_KEY_LENGTH
    + SIGNATURE_LENGTH;

/// The longest text that is decoded.
pub(super) const TEXT_LENGTH_MAX: usize = LENGTH_MAX.div_ceil(3) * 4;

/// Everything but the signature; it begins with a domain that no other message has.
pub(super) fn signed_bytes(root: &SigningPublicKey, statement: &IssuerStatement) -> Vec<u8> {
    let IssuerStatement { issued_at, prefix, sealing_keys, signing_keys } = statement;
    let mut bytes = Vec::with_capacity(LENGTH_MAX);
    bytes.extend_from_slice(DOMAIN);
    bytes.extend_from_slice(root.root_issuer_id().as_bytes());
    bytes.extend_from_slice(root.as_bytes());
    write_time(&mut bytes, *issued_at);
    bytes.extend_from_slice(prefix.to_string().as_bytes());
    bytes.push(count(sealing_keys));
    for stated in sealing_keys {
        bytes.push(stated.slot.number());
        bytes.extend_from_slice(stated.key.as_bytes());
        write_time(&mut bytes, stated.created_at);
        write_time(&mut bytes, stated.retires_at);
        bytes.push(u8::from(stated.current));
    }
    bytes.push(count(signing_keys));
    for stated in signing_keys {
        bytes.extend_from_slice(stated.key.as_bytes());
        write_time(&mut bytes, stated.effective_at);
    }
    bytes
}

/// How many keys there are: 32 at the most, or else the document would not read back.
fn count<T>(keys: &[T]) -> u8 {
    u8::try_from(keys.len()).unwrap_or(u8::MAX)
}

fn write_time(bytes: &mut Vec<u8>, time: Timestamp) {
    bytes.extend_from_slice(&time.unix_millis().to_be_bytes());
}

/// Reads what [`signed_bytes`] wrote, and the signature behind it.
pub(super) fn read(bytes: &[u8]) -> Result<IssuerDocument, Error> {
    let mut reader = Reader(bytes);
    if reader.take(DOMAIN.len())? != DOMAIN {
        return Err(INVALID);
    }
    let id = reader.array::<32>()?;
    let root = reader.signing_key()?;
    if root.root_issuer_id().as_bytes() != &id {
        return Err(INVALID);
    }
    let statement = IssuerStatement {
        issued_at: reader.time()?,
        prefix: reader.prefix()?,
        sealing_keys: reader.list(SEALING_KEYS_MAX, Reader::stated_sealing_key)?,
        signing_keys: reader.list(DOCUMENT_SIGNING_KEYS_MAX, Reader::stated_signing_key)?,
    };
    let signature = reader.array()?;
    if !reader.0.is_empty() || !is_consistent(&statement) {
        return Err(INVALID);
    }
    Ok(IssuerDocument { root, statement, signature })
}

/// Whether no slot and no signing key stands there twice, and at most one sealing key is current.
fn is_consistent(statement: &IssuerStatement) -> bool {
    let IssuerStatement { sealing_keys, signing_keys, .. } = statement;
    let same_slot = |a: &StatedSealingKey, b: &StatedSealingKey| a.slot == b.slot;
    let same_key = |a: &StatedSigningKey, b: &StatedSigningKey| a.key == b.key;
    !has_pair(sealing_keys, same_slot)
        && !has_pair(signing_keys, same_key)
        && !has_pair(sealing_keys, |a, b| a.current && b.current)
}

fn has_pair<T>(items: &[T], alike: impl Fn(&T, &T) -> bool) -> bool {
    let rest = |index: usize| items.iter().skip(index + 1);
    items.iter().enumerate().any(|(index, item)| rest(index).any(|other| alike(item, other)))
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(INVALID)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| INVALID)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    fn time(&mut self) -> Result<Timestamp, Error> {
        self.array().map(i64::from_be_bytes).map(Timestamp::from_unix_millis)
    }

    fn prefix(&mut self) -> Result<CodePrefix, Error> {
        let text = core::str::from_utf8(self.take(2)?).map_err(|_| INVALID)?;
        CodePrefix::parse(text).map_err(|_| INVALID)
    }

    fn signing_key(&mut self) -> Result<SigningPublicKey, Error> {
        SigningPublicKey::from_bytes(&self.array()?).map_err(|_| INVALID)
    }

    fn list<T>(
        &mut self,
        count_max: usize,
        item: fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = usize::from(self.byte()?);
        if count > count_max {
            return Err(INVALID);
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn stated_sealing_key(&mut self) -> Result<StatedSealingKey, Error> {
        Ok(StatedSealingKey {
            slot: Slot::from_number(self.byte()?).map_err(|_| INVALID)?,
            key: SealingPublicKey::from_bytes(self.array()?),
            created_at: self.time()?,
            retires_at: self.time()?,
            current: match self.byte()? {
                0 => false,
                1 => true,
                _ => return Err(INVALID),
            },
        })
    }

    fn stated_signing_key(&mut self) -> Result<StatedSigningKey, Error> {
        Ok(StatedSigningKey { key: self.signing_key()?, effective_at: self.time()? })
    }
}
