//! Files for small secrets.

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wallet_core::keyfile::{self, Cost, LANES_MAX, PASSES_MAX, Passphrase};

const KIND: &str = "device";
const SECRET: &[u8] = b"a secret of a device, 32 bytes!!";
/// Version, cost, salt and nonce.
const HEADER_BYTES: usize = 41;
/// What may be asked for in a check without slowing it down.
const MEMORY_KIB_CHEAP: u32 = 64;

/// An encrypted file and one that is not.
static KNOWN: LazyLock<[String; 2]> = LazyLock::new(|| {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let passphrase = passphrase();
    let sealed = keyfile::seal(&passphrase, SECRET, KIND, Cost::CHEAP_FOR_TESTS, rng).unwrap();
    [sealed, keyfile::seal_plain(SECRET, KIND).unwrap().to_string()]
});

fn passphrase() -> Passphrase {
    Passphrase::new(b"correct horse".to_vec()).unwrap()
}

/// A file has one text but for its line ends, opens as one kind, and only what was sealed opens.
///
/// The bytes are taken as a file, and as what stands inside of an encrypted one.
pub fn check(bytes: &[u8]) {
    let is_encrypted = keyfile::is_encrypted(bytes);
    if let Ok(secret) = keyfile::open_plain(bytes, KIND) {
        assert_eq!(is_encrypted, Ok(false));
        let mut text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        if !text.ends_with('\n') {
            text.push('\n');
        }
        assert_eq!(*keyfile::seal_plain(&secret, KIND).unwrap(), text);
        assert!(keyfile::open_plain(bytes, "issuer").is_err());
    }
    check_inside(bytes);
}

fn check_inside(inside: &[u8]) {
    let body = Base64::encode_string(inside);
    let mut file = "-----BEGIN ENCRYPTED WALLET DEVICE SECRET-----\n".to_owned();
    for line in body.as_bytes().chunks(64) {
        file.push_str(std::str::from_utf8(line).unwrap());
        file.push('\n');
    }
    file.push_str("-----END ENCRYPTED WALLET DEVICE SECRET-----\n");
    let number = |at: usize| {
        let bytes = inside.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().unwrap()))
    };
    let costs = number(1).zip(number(5)).zip(number(9));
    // A file may ask for some seconds of work; a check has no time for that.
    let dear = costs.is_some_and(|((memory_kib, passes), lanes)| {
        (MEMORY_KIB_CHEAP..=keyfile::MEMORY_KIB_MAX).contains(&memory_kib)
            && passes <= PASSES_MAX
            && lanes <= LANES_MAX
    });
    if dear {
        return;
    }
    match keyfile::open(&passphrase(), file.as_bytes(), KIND) {
        Ok(secret) => assert!(file == KNOWN[0] && *secret == SECRET),
        Err(error) => assert!(
            inside.len() > HEADER_BYTES || error.code() != "keyfile_wrong_passphrase",
            "{error:?}"
        ),
    }
}

/// Both files, and what stands inside of the encrypted one.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let body: String = KNOWN[0].lines().filter(|line| !line.starts_with('-')).collect();
    let inside = Base64::decode_vec(&body).unwrap();
    let files = KNOWN.iter().map(|file| file.clone().into_bytes());
    files.chain([inside]).collect()
}
