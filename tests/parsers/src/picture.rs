//! Files that are said to be pictures of a code.

use jpeg_encoder::{ColorType, Encoder};
use wallet_core::qr::{Medium, Qr};
use wallet_core::scan::{Effort, read_luma, read_picture};

/// A picture is read or refused by name; texts come once each.
pub fn check(bytes: &[u8]) {
    match read_picture(bytes) {
        Ok(texts) => {
            assert!(!texts.is_empty());
            let mut once = texts.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), texts.len());
        }
        Err(error) => {
            assert!(matches!(error.code(), "unreadable_picture" | "no_code_found"), "{error:?}");
        }
    }
}

/// A code as PNG and as JPEG, as small as they come.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let qr = Qr::new("70", Medium::Screen).unwrap();
    let png = qr.to_png(2).unwrap();
    let mut jpeg = Vec::new();
    let (side, pixels) = crate::frame::pixels(&qr, 2);
    let side = u16::try_from(side).unwrap();
    Encoder::new(&mut jpeg, 60).encode(&pixels, side, side, ColorType::Luma).unwrap();
    assert!(read_luma(usize::from(side), &pixels, Effort::Quick).is_ok());
    vec![png, jpeg]
}
