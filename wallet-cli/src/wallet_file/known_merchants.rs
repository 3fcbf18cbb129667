//! Whom this wallet paid where: the content of `merchants.json`.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wallet_core::merchant_code::{KnownMerchant, KnownMerchants};

use super::durable;
use crate::merchant_codes::{merchant_id, merchant_id_bytes};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// The latest last.
    merchants: Vec<StoredMerchant>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMerchant {
    merchant: String,
    name: String,
    place: Option<String>,
}

impl From<&KnownMerchant> for StoredMerchant {
    fn from(known: &KnownMerchant) -> Self {
        let KnownMerchant { merchant, name, place } = known;
        Self { merchant: merchant_id(merchant), name: name.clone(), place: place.clone() }
    }
}

impl TryFrom<StoredMerchant> for KnownMerchant {
    type Error = io::Error;

    fn try_from(stored: StoredMerchant) -> io::Result<Self> {
        let StoredMerchant { merchant, name, place } = stored;
        let merchant = merchant_id_bytes(&merchant)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a merchant's id"))?;
        Ok(Self { merchant, name, place })
    }
}

/// What was remembered; nobody, if there is no file. A file that can't be read is an error: a
/// wallet that forgot without a word would warn of nothing.
pub(super) fn load(path: &Path) -> io::Result<KnownMerchants> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(KnownMerchants::default());
        }
        read => read?,
    };
    let Stored { merchants } = serde_json::from_slice(&text)?;
    let list: io::Result<Vec<_>> = merchants.into_iter().map(KnownMerchant::try_from).collect();
    list.map(KnownMerchants::from_list)
}

/// Adds a merchant. Two commands at once don't forget each other's.
pub(super) fn remember(path: &Path, lock: &Path, paid: KnownMerchant) -> io::Result<()> {
    let lock = durable::open_private(lock)?;
    // Closing the file, at the end of this function at the latest, unlocks it.
    lock.lock()?;
    let mut known = load(path)?;
    known.remember(paid);
    let merchants = known.list().iter().map(StoredMerchant::from).collect();
    let mut text = serde_json::to_vec_pretty(&Stored { merchants })?;
    text.push(b'\n');
    durable::replace(path, &text)
}

#[cfg(test)]
mod tests {
    use wallet_core::merchant_code::{Familiarity, KnownMerchant};

    use super::{load, remember};

    fn merchant(number: u8, name: &str) -> KnownMerchant {
        KnownMerchant {
            merchant: [number; 16],
            name: name.to_owned(),
            place: Some("stall 7".to_owned()),
        }
    }

    #[test]
    fn who_was_paid_is_remembered_in_the_file_and_another_there_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, lock) = (folder.path().join("merchants.json"), folder.path().join("lock"));
        assert_eq!(load(&path).unwrap().compare(&merchant(1, "Tea House")), Familiarity::NewHere);
        remember(&path, &lock, merchant(1, "Tea House")).unwrap();
        let known = load(&path).unwrap();
        assert_eq!(known.compare(&merchant(1, "Tea House")), Familiarity::SameAsBefore);
        let before = "Tea House".to_owned();
        assert_eq!(known.compare(&merchant(2, "Fish")), Familiarity::OtherMerchantHere { before });
        remember(&path, &lock, merchant(2, "Fish")).unwrap();
        assert_eq!(load(&path).unwrap().list(), [merchant(1, "Tea House"), merchant(2, "Fish")]);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_an_empty_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (path, lock) = (folder.path().join("merchants.json"), folder.path().join("lock"));
        for text in [
            "",
            "{}",
            r#"{"merchants": [{"merchant": "mer_1", "name": "", "place": null}]}"#,
            r#"{"merchants": [], "more": 1}"#,
        ] {
            std::fs::write(&path, text).unwrap();
            load(&path).unwrap_err();
            remember(&path, &lock, merchant(1, "Tea House")).unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
