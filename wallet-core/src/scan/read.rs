//! The passes over one picture, in stages of rising cost.

use core::cmp::Reverse;

use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::common::{BitMatrix, DetectorRXingResult as _, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{Binarizer as _, Luma8Source};

use super::Effort;
use super::luma::Luma;

/// The most pixels that stage 2 enlarges: a code with modules too small to read takes up little
/// of a larger picture, and doubling quadruples the work.
const ENLARGED_PIXELS_MAX: usize = 4_000_000;

/// Reducing stops here: the smallest symbol has 21 modules and needs about 4 pixels for each.
const REDUCED_SIDE_MIN: usize = 100;

/// About how many finder patterns one pass looks for: each is compared with all before it.
const PATTERNS_FOUND_MAX: u64 = 20_000;

/// The most finder patterns that one pass combines, the largest first: those of 80 codes.
const PATTERNS_MAX: usize = 256;

/// The most combinations of finder patterns that one pass tries to decode.
const ATTEMPTS_MAX: usize = 1_000;

/// The texts of all codes that the first successful stage finds; none if no stage finds any.
pub(super) fn read(picture: &Luma, effort: Effort) -> Vec<String> {
    let stages: &[fn(&Luma, &mut Texts)] = match effort {
        Effort::Quick => &[as_it_is],
        Effort::Thorough => &[as_it_is, enlarged, inverted],
    };
    let mut texts = Texts::default();
    for stage in stages {
        stage(picture, &mut texts);
        if !texts.0.is_empty() {
            break;
        }
    }
    texts.0
}

fn as_it_is(picture: &Luma, texts: &mut Texts) {
    texts.add_pass(picture);
    texts.add_pass(&picture.smoothed());
    let mut reduced = picture.halved();
    while reduced.width().min(reduced.height()) >= REDUCED_SIDE_MIN {
        texts.add_pass(&reduced);
        reduced = reduced.halved();
    }
}

fn enlarged(picture: &Luma, texts: &mut Texts) {
    if picture.pixels().len() > ENLARGED_PIXELS_MAX {
        return;
    }
    let doubled = picture.doubled();
    texts.add_pass(&doubled);
    texts.add_pass(&doubled.smoothed());
    texts.add_pass(&picture.sharpened().doubled());
}

fn inverted(picture: &Luma, texts: &mut Texts) {
    as_it_is(&picture.inverted(), texts);
}

/// What was read so far, each text once, in the order found.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn add_pass(&mut self, picture: &Luma) {
        for text in pass(picture) {
            if !self.0.contains(&text) {
                self.0.push(text);
            }
        }
    }
}

/// One run of the reader, with a threshold for each block of the picture.
fn pass(picture: &Luma) -> Vec<String> {
    let sides = (u32::try_from(picture.width()), u32::try_from(picture.height()));
    let (Ok(width), Ok(height)) = sides else { return Vec::new() };
    let Ok(source) = Luma8Source::new_with_slice(picture.pixels(), width, height) else {
        return Vec::new();
    };
    let binarizer = HybridBinarizer::new(source);
    binarizer.get_black_matrix().map(read_symbols).unwrap_or_default()
}

/// Decodes what three finder patterns may be the corners of, most plausible first.
///
/// The reader's own loop tries every combination: a picture papered with finder patterns would
/// keep it busy for minutes.
fn read_symbols(dark: &BitMatrix) -> Vec<String> {
    let try_harder = true;
    let mut patterns = FindFinderPatterns(dark, try_harder, module_side_min(dark));
    patterns.sort_by_key(|pattern| Reverse(pattern.size));
    patterns.truncate(PATTERNS_MAX);
    let mut used: Vec<ConcentricPattern> = Vec::new();
    let mut texts = Vec::new();
    let mut attempts = 0;
    for corners in GenerateFinderPatternSets(&mut patterns) {
        let of_symbol = [corners.bl, corners.tl, corners.tr];
        if of_symbol.iter().any(|pattern| used.contains(pattern)) {
            continue;
        }
        attempts += 1;
        if attempts > ATTEMPTS_MAX {
            break;
        }
        let Ok(sampled) = SampleQR(dark, &corners) else { continue };
        let Ok(symbol) = Decode(sampled.getBits()) else { continue };
        if symbol.isValid() {
            used.extend(of_symbol);
            texts.push(symbol.text());
        }
    }
    texts
}

/// The smallest module to look for, in pixels: 1 up to 1.6 megapixels, 3 at 12 megapixels.
///
/// A finder pattern with its frame is nine modules wide, so this bounds how many a picture holds.
/// Smaller modules in larger pictures hardly ever read.
fn module_side_min(dark: &BitMatrix) -> u32 {
    let area_of_one = u64::from(dark.width()) * u64::from(dark.height()) / PATTERNS_FOUND_MAX;
    let side_of_one = u32::try_from(area_of_one.isqrt()).unwrap_or(u32::MAX);
    side_of_one.div_ceil(9).max(1)
}
