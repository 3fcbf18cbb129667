//! Codes that are drawn read back, also from bad photographs.

mod photograph;

use photograph::{Flaws, photograph};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use wallet_core::qr::{Medium, Qr};
use wallet_core::scan::{Effort, PIXELS_MAX, SIDE_MAX, read_luma, read_picture};

/// An online payment code: 321 digits, 41 × 41 modules on a screen.
fn online_code(rng: &mut impl Rng) -> String {
    digits(321, rng)
}

fn digits(count: usize, rng: &mut impl Rng) -> String {
    (0..count).filter_map(|_| char::from_digit(rng.next_u32() % 10, 10)).collect()
}

fn screen(text: &str) -> Qr {
    Qr::new(text, Medium::Screen).unwrap()
}

#[test]
fn every_code_drawn_at_four_pixels_a_module_reads_back() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..25 {
        let text = online_code(&mut rng);
        assert_eq!(screen(&text).side(), 41);
        assert_eq!(read_picture(&screen(&text).to_png(4).unwrap()), Ok(vec![text]));
    }
}

#[test]
fn texts_of_every_mode_and_version_read_back() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut texts: Vec<String> = [1, 20, 437, 1_000].map(|count| digits(count, &mut rng)).into();
    texts.extend(
        [
            "HTTPS://EXAMPLE.COM/A1",
            "otpauth://totp/Wallet:anna?secret=JBSWY3DPEHPK3PXP&issuer=Wallet",
            "0002010102125204000053039785802DE5910Caf\u{e9} \u{20ac}5 \u{65e5}\u{672c}6304",
            "Gr\u{f6}\u{df}e, pr\u{ea}t \u{e0} porter",
        ]
        .map(str::to_owned),
    );
    for text in texts {
        for medium in [Medium::Screen, Medium::Print] {
            let picture = Qr::new(&text, medium).unwrap().to_png(4).unwrap();
            assert_eq!(read_picture(&picture).as_deref(), Ok(&[text.clone()][..]), "{text}");
        }
    }
}

/// All flaws at once, each as bad as a hurried photograph: `docs/pictures.md`.
const HURRIED: Flaws = Flaws {
    degrees_max: 20.0,
    perspective_max: 0.1,
    blur: 1.5,
    noise: 10.0,
    shade: 0.3,
    jpeg_quality: 75,
};

#[test]
fn of_bad_photographs_at_five_pixels_a_module_95_in_100_read() {
    const NONE: Flaws = Flaws::NONE;
    let kinds = [
        ("turned up to 20 degrees", 5.0, Flaws { degrees_max: 20.0, ..NONE }),
        ("10 % perspective", 5.0, Flaws { perspective_max: 0.1, ..NONE }),
        ("blurred", 5.0, Flaws { blur: 2.0, ..NONE }),
        ("noisy", 5.0, Flaws { noise: 30.0, ..NONE }),
        ("JPEG of quality 75", 5.0, Flaws { jpeg_quality: 75, ..NONE }),
        ("all at once", 5.0, HURRIED),
        ("all at once, more blurred", 5.0, Flaws { blur: 2.0, ..HURRIED }),
        ("all at once, 4 pixels a module", 4.0, Flaws { blur: 1.0, ..HURRIED }),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut read_count, mut picture_count) = (0, 0);
    for (name, pixels_per_module, flaws) in kinds {
        let of_kind = 12;
        let read_of_kind = (0..of_kind)
            .filter(|_| {
                let text = online_code(&mut rng);
                let picture = photograph(&screen(&text), pixels_per_module, &flaws, &mut rng);
                read_picture(&picture) == Ok(vec![text])
            })
            .count();
        println!("{name}: {read_of_kind} of {of_kind}");
        read_count += read_of_kind;
        picture_count += of_kind;
    }
    println!("together: {read_count} of {picture_count}");
    assert!(read_count * 100 >= picture_count * 95, "{read_count} of {picture_count} were read");
}

#[test]
fn several_codes_in_one_picture_are_all_read_and_each_text_once() {
    let (first, second) = (screen("11111"), screen("22222"));
    // Three symbols side by side; the quiet zones of neighbours touch.
    let symbols = [&first, &second, &first];
    let (width, pixels) = grey(87, 29, |x, y| {
        let column = (x % 29).checked_sub(4).zip(y.checked_sub(4));
        column.is_some_and(|(column, row)| symbols[x / 29].is_dark(column, row))
    });
    let mut texts = read_luma(width, &pixels, Effort::Quick).unwrap();
    texts.sort();
    assert_eq!(texts, ["11111", "22222"]);
}

#[test]
fn an_inverted_code_is_read_from_a_picture_but_not_from_a_frame() {
    let text = online_code(&mut ChaCha8Rng::seed_from_u64(4));
    let qr = screen(&text);
    let (width, pixels) = grey(49, 49, |x, y| {
        !x.checked_sub(4).zip(y.checked_sub(4)).is_some_and(|(x, y)| qr.is_dark(x, y))
    });
    assert_eq!(read_luma(width, &pixels, Effort::Thorough), Ok(vec![text]));
    let error = read_luma(width, &pixels, Effort::Quick).unwrap_err();
    assert_eq!(error.code(), "no_code_found");
}

/// A drawing at four pixels a module, `columns` × `rows` modules; its width and its pixels.
fn grey(columns: usize, rows: usize, dark: impl Fn(usize, usize) -> bool) -> (usize, Vec<u8>) {
    let pixel = |x, y| if dark(x / 4, y / 4) { 0 } else { 255 };
    let pixels = (0..4 * rows).flat_map(|y| (0..4 * columns).map(move |x| (x, y)));
    (4 * columns, pixels.map(|(x, y)| pixel(x, y)).collect())
}

#[test]
fn a_picture_without_a_code_says_so() {
    for side in [1_usize, 2, 39, 41, 300] {
        for level in [0, 128, 255] {
            let pixels = vec![level; side * side];
            for effort in [Effort::Quick, Effort::Thorough] {
                let error = read_luma(side, &pixels, effort).unwrap_err();
                assert_eq!(error.code(), "no_code_found", "{side} pixels of {level}");
            }
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut noise = vec![0; 200 * 150];
    rng.fill_bytes(&mut noise);
    assert_eq!(read_luma(200, &noise, Effort::Thorough).unwrap_err().code(), "no_code_found");
}

#[test]
fn what_is_no_whole_picture_is_refused() {
    let whole = screen("123").to_png(4).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let refused: [&[u8]; 8] = [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xFF\xD8\xFF",
        &whole[..whole.len() / 2],
        &whole[..20],
        &whole[1..],
        &flipped,
    ];
    for bytes in refused {
        assert_eq!(read_picture(bytes).unwrap_err().code(), "unreadable_picture");
    }
    for (width, length) in [(0, 0), (0, 8), (8, 0), (7, 8), (1, SIDE_MAX + 1)] {
        let error = read_luma(width, &vec![0; length], Effort::Quick).unwrap_err();
        assert_eq!(error.code(), "unreadable_picture", "{width} of {length}");
    }
}

#[test]
fn a_small_file_that_declares_a_huge_picture_is_refused_before_it_is_decoded() {
    let side_past_limit = u32::try_from(SIDE_MAX + 1).unwrap();
    let square_past_limit = u32::try_from(PIXELS_MAX.isqrt() + 1).unwrap();
    for (width, height) in [
        (u32::MAX >> 1, u32::MAX >> 1),
        (1, side_past_limit),
        (side_past_limit, 1),
        (square_past_limit, square_past_limit),
    ] {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_depth(png::BitDepth::One);
        let writer = encoder.write_header().unwrap();
        drop(writer);
        let error = read_picture(&file).unwrap_err();
        assert_eq!(error.code(), "unreadable_picture", "{width} × {height}");
    }
    // The sides of a JPEG are two big-endian bytes each, five bytes into its frame header.
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 75)
        .encode(&[255; 64], 8, 8, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    assert_eq!(read_picture(&jpeg).unwrap_err().code(), "no_code_found");
    jpeg[frame + 5..frame + 9].fill(0xFF);
    assert_eq!(read_picture(&jpeg).unwrap_err().code(), "unreadable_picture");
}
