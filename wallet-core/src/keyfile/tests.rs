use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

const SECRET: &[u8] = b"thirty-two bytes of a secret key";

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec()).unwrap()
}

fn sealed_with(seed: u8) -> String {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    seal(&passphrase("open sesame"), SECRET, "device", Cost::CHEAP_FOR_TESTS, &mut rng).unwrap()
}

fn open_code(file: &[u8]) -> &'static str {
    open(&passphrase("open sesame"), file, "device").map_or_else(|error| error.code(), |_| "ok")
}

/// An encrypted file with one part of its bytes replaced, in good form.
fn with_bytes(offset: usize, replacement: &[u8]) -> String {
    let envelope = Envelope::read(sealed_with(1).as_bytes()).unwrap();
    let mut body = envelope.body.to_vec();
    body[offset..offset + replacement.len()].copy_from_slice(replacement);
    envelope::write(&envelope.label, &body).unwrap()
}

#[test]
fn a_file_opens_with_its_passphrase_and_with_no_other() {
    let file = sealed_with(1);
    assert_eq!(*open(&passphrase("open sesame"), file.as_bytes(), "device").unwrap(), SECRET);
    for wrong in ["open sesam", "Open sesame", "open sesame ", "x"] {
        let error = open(&passphrase(wrong), file.as_bytes(), "device").unwrap_err();
        assert_eq!(error.code(), "keyfile_wrong_passphrase");
    }
}

#[test]
fn secrets_of_every_length_up_to_the_longest_come_back() {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    let cost = Cost::CHEAP_FOR_TESTS;
    for length in [0, 1, 31, 32, 33, 47, 48, 49, 64, SECRET_BYTES_MAX] {
        let secret = vec![0xa5; length];
        let file = seal(&passphrase("p"), &secret, "a", cost, &mut rng).unwrap();
        assert_eq!(*open(&passphrase("p"), file.as_bytes(), "a").unwrap(), secret);
        let plain = seal_plain(&secret, "a").unwrap();
        assert_eq!(*open_plain(plain.as_bytes(), "a").unwrap(), secret);
    }
    let long = vec![0; SECRET_BYTES_MAX + 1];
    assert!(seal(&passphrase("p"), &long, "a", cost, &mut rng).is_err());
    assert!(seal_plain(&long, "a").is_err());
}

#[test]
fn two_files_of_one_secret_have_nothing_in_common() {
    let (first, second) = (sealed_with(1), sealed_with(2));
    let body = |file: &str| Envelope::read(file.as_bytes()).unwrap().body[13..].to_vec();
    assert!(body(&first).iter().zip(body(&second)).filter(|(a, b)| **a == *b).count() < 8);
}

#[test]
fn no_changed_byte_of_a_file_opens() {
    let encrypted = sealed_with(1);
    let plain = seal_plain(SECRET, "device").unwrap();
    for position in 0..encrypted.len() {
        for replacement in *b"\n\r A=-z\0\xff" {
            let mut file = encrypted.clone().into_bytes();
            if std::mem::replace(&mut file[position], replacement) != replacement {
                assert_ne!(open_code(&file), "ok", "byte {position} to {replacement}");
            }
        }
    }
    for position in 0..plain.len() {
        for replacement in *b"\n\r A=-z\0\xff" {
            let mut file = plain.as_bytes().to_vec();
            if std::mem::replace(&mut file[position], replacement) != replacement {
                assert!(open_plain(&file, "device").is_err(), "byte {position} to {replacement}");
            }
        }
    }
}

#[test]
fn no_flipped_bit_of_the_sealed_bytes_opens() {
    let body = Envelope::read(sealed_with(1).as_bytes()).unwrap().body;
    for (offset, byte) in body.iter().enumerate() {
        for bit in 0..8 {
            let code = open_code(with_bytes(offset, &[byte ^ (1 << bit)]).as_bytes());
            let expected: &[_] = match offset {
                0 => &["keyfile_unsupported"],
                1..13 => &["keyfile_unsupported", "keyfile_wrong_passphrase"],
                _ => &["keyfile_wrong_passphrase"],
            };
            assert!(expected.contains(&code), "{code} for bit {bit} of byte {offset}");
        }
    }
}

#[test]
fn a_file_of_one_kind_or_protection_does_not_pass_for_another() {
    let encrypted = sealed_with(1);
    let plain = seal_plain(SECRET, "device").unwrap();
    let relabelled = encrypted.replace("DEVICE", "ISSUER");
    let key = passphrase("open sesame");
    let code = |result: Result<Zeroizing<Vec<u8>>, Error>| result.unwrap_err().code();
    assert_eq!(code(open(&key, encrypted.as_bytes(), "issuer")), "keyfile_wrong_kind");
    assert_eq!(code(open_plain(plain.as_bytes(), "issuer")), "keyfile_wrong_kind");
    assert_eq!(code(open(&key, relabelled.as_bytes(), "issuer")), "keyfile_wrong_passphrase");
    let relabelled = plain.replace("DEVICE", "ISSUER");
    assert_eq!(code(open_plain(relabelled.as_bytes(), "issuer")), "keyfile_malformed");
    assert_eq!(code(open(&key, plain.as_bytes(), "device")), "keyfile_wrong_protection");
    assert_eq!(code(open_plain(encrypted.as_bytes(), "device")), "keyfile_wrong_protection");
    let unwrapped = encrypted.replace("ENCRYPTED ", "");
    assert_eq!(code(open_plain(unwrapped.as_bytes(), "device")), "keyfile_malformed");
    for kind in ["", "Device", "de vice", "gerät", "abcdefghijklmnopq"] {
        assert_eq!(seal_plain(SECRET, kind).unwrap_err().code(), "keyfile_wrong_kind");
    }
}

#[test]
fn a_hostile_cost_is_refused_before_any_work() {
    for (memory_kib, passes, lanes) in [
        (MEMORY_KIB_MAX + 1, 1, 1),
        (u32::MAX, 1, 1),
        (8, PASSES_MAX + 1, 1),
        (8, u32::MAX, 1),
        (u32::MAX, u32::MAX, u32::MAX),
        (1024, 1, LANES_MAX + 1),
        (8, 0, 1),
        (8, 1, 0),
        (7, 1, 1),
        (0, 1, 1),
        (15, 1, 2),
    ] {
        let cost = Cost { memory_kib, passes, lanes };
        let bytes = [memory_kib, passes, lanes].map(u32::to_be_bytes).concat();
        assert_eq!(open_code(with_bytes(1, &bytes).as_bytes()), "keyfile_unsupported", "{cost:?}");
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let sealed = seal(&passphrase("p"), SECRET, "device", cost, &mut rng);
        assert_eq!(sealed.unwrap_err().code(), "keyfile_unsupported", "{cost:?}");
    }
}

#[test]
fn line_ends_may_change_and_nothing_else() {
    let file = sealed_with(1);
    assert_eq!(open_code(file.replace('\n', "\r\n").as_bytes()), "ok");
    assert_eq!(open_code(file.trim_end().as_bytes()), "ok");
    for changed in [
        String::new(),
        "-----BEGIN".to_owned(),
        file.replace('\n', "\r"),
        format!("{file}\n"),
        format!("{file}{file}"),
        format!(" {file}"),
        format!("note\n{file}"),
        file.replace("-----BEGIN", "----BEGIN"),
        file.replace("WALLET", "WALLETS"),
        file.replace("DEVICE", "device"),
        file.replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
        envelope::write("ENCRYPTED WALLET DEVICE SECRET", &[VERSION]).unwrap(),
        envelope::write("ENCRYPTED WALLET DEVICE SECRET", b"").unwrap(),
    ] {
        assert_eq!(open_code(changed.as_bytes()), "keyfile_malformed", "{changed}");
        assert!(open_plain(changed.as_bytes(), "device").is_err());
    }
    assert_eq!(open_code(&[0xff; 100]), "keyfile_malformed");

    let long_body = vec![VERSION; FILE_BYTES_MAX];
    let long = envelope::write("WALLET DEVICE SECRET", &long_body).unwrap();
    assert_eq!(is_encrypted(long.as_bytes()).unwrap_err().code(), "keyfile_malformed");
}

#[test]
fn a_truncated_ciphertext_is_malformed_and_a_shortened_one_is_refused() {
    let envelope = Envelope::read(sealed_with(1).as_bytes()).unwrap();
    for length in 0..envelope.body.len() {
        let file = envelope::write(&envelope.label, &envelope.body[..length]).unwrap();
        let expected = if length < HEADER_BYTES + TAG_BYTES {
            "keyfile_malformed"
        } else {
            "keyfile_wrong_passphrase"
        };
        assert_eq!(open_code(file.as_bytes()), expected, "{length}");
    }
}

#[test]
fn an_empty_or_endless_passphrase_is_refused() {
    for length in [0, 1025] {
        let error = Passphrase::new(vec![b'p'; length]).err().unwrap();
        assert_eq!(error.code(), "keyfile_bad_passphrase");
    }
    assert!(Passphrase::new(vec![b'p'; 1024]).is_ok());
}

/// Written by version 1 and also opened with another implementation (argon2-cffi and
/// cryptography, in Python) when the format was made.
const CHEAP_FILE: &str = "\
-----BEGIN ENCRYPTED WALLET DEVICE SECRET-----
AQAAAAgAAAABAAAAAQI/NyA6JHbEJWamHMVcPKh127TMQcDet4n4579ESs8WYMFD
XX25FgHxahs9Gaoqyb7RJDJ00bU89yDW3HLGZWxuSkKfMlIVUnRmBZ0=
-----END ENCRYPTED WALLET DEVICE SECRET-----
";
const DEFAULT_FILE: &str = "\
-----BEGIN ENCRYPTED WALLET DEVICE SECRET-----
AQABAAAAAAADAAAABDhVU6ojoksU2LvC3/YGJ39ETgSXl65+BATjqbqOtp96pROH
2lF5A+G2Gva4QGF1nDnsC7T1VmEx5EzOKxbgM4se0yS3fM9w/5ohupc=
-----END ENCRYPTED WALLET DEVICE SECRET-----
";
const PLAIN_FILE: &str = "\
-----BEGIN WALLET DEVICE SECRET-----
AeLqljgZTHaEuPBTRDpA22VEi3mggYGP9A4APFa2U1ntdGhpcnR5LXR3byBieXRl
cyBvZiBhIHNlY3JldCBrZXk=
-----END WALLET DEVICE SECRET-----
";

#[test]
fn files_of_version_one_open_for_ever_and_are_still_written_alike() {
    assert_eq!(open_code(CHEAP_FILE.as_bytes()), "ok");
    assert_eq!(open_code(DEFAULT_FILE.as_bytes()), "ok");
    assert_eq!(*open_plain(PLAIN_FILE.as_bytes(), "device").unwrap(), SECRET);
    assert_eq!(sealed_with(1), CHEAP_FILE);
    assert_eq!(*seal_plain(SECRET, "device").unwrap(), PLAIN_FILE);
    assert_eq!(
        Header::read(&Envelope::read(DEFAULT_FILE.as_bytes()).unwrap().body).unwrap().cost,
        Cost::default()
    );
}

#[test]
fn a_passphrase_does_not_show_in_logs() {
    assert!(!format!("{:?}", passphrase("open sesame")).contains("open"));
}
