//! Makes photographs of QR codes that a camera in a hurry would take, from a seeded generator.
//!
//! The code lies on a flat ground, is seen from an angle, out of focus, in uneven light, by a
//! noisy sensor, and is stored as JPEG. Every step can be switched off.

use rand_core::Rng;
use wallet_core::qr::{QUIET_ZONE, Qr};

/// What goes wrong between the code and the stored picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flaws {
    /// Turn around the line of sight, in degrees, to either side: a bound, drawn uniformly.
    pub(crate) degrees_max: f64,
    /// How much shorter the far edge appears than the near one, as a share: a bound.
    pub(crate) perspective_max: f64,
    /// Standard deviation of a Gaussian blur, in pixels.
    pub(crate) blur: f64,
    /// Standard deviation of Gaussian noise, in grey levels of 255.
    pub(crate) noise: f64,
    /// How much darker the darkest edge of the picture is lit, as a share.
    pub(crate) shade: f64,
    /// Quality of the JPEG, 1 to 100.
    pub(crate) jpeg_quality: u8,
}

impl Flaws {
    /// A straight and sharp picture; the JPEG is all but lossless.
    pub(crate) const NONE: Self = Self {
        degrees_max: 0.0,
        perspective_max: 0.0,
        blur: 0.0,
        noise: 0.0,
        shade: 0.0,
        jpeg_quality: 100,
    };
}

/// A grey picture with its rows from the top.
struct Picture {
    width: u16,
    height: u16,
    pixels: Vec<u8>,
}

/// Photographs `qr` at about `pixels_per_module`; returns the JPEG file.
pub(crate) fn photograph(
    qr: &Qr,
    pixels_per_module: f64,
    flaws: &Flaws,
    rng: &mut impl Rng,
) -> Vec<u8> {
    let mut picture = pose(qr, pixels_per_module, flaws, rng);
    if flaws.blur > 0.0 {
        blur(&mut picture, flaws.blur);
    }
    light(&mut picture, flaws, rng);
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, flaws.jpeg_quality)
        .encode(&picture.pixels, picture.width, picture.height, jpeg_encoder::ColorType::Luma)
        .unwrap();
    file
}

/// Lays the code on a ground and looks at it from an angle.
fn pose(qr: &Qr, pixels_per_module: f64, flaws: &Flaws, rng: &mut impl Rng) -> Picture {
    let drawn = f64::from(u16::try_from(qr.side() + 2 * QUIET_ZONE).unwrap());
    let turn = between(rng, -flaws.degrees_max, flaws.degrees_max).to_radians();
    let tilt = between(rng, 0.0, flaws.perspective_max) / drawn;
    let tilt_direction = between(rng, 0.0, core::f64::consts::TAU);
    let (shift_x, shift_y) = (between(rng, -1.0, 1.0), between(rng, -1.0, 1.0));
    let (dark, light) = (between(rng, 10.0, 50.0), between(rng, 200.0, 245.0));
    let ground = between(rng, 60.0, 230.0);

    let side = whole(drawn * pixels_per_module * 1.4);
    let middle = f64::from(side) / 2.0;
    let grey_at = |pixel_x: f64, pixel_y: f64| {
        let x = (pixel_x - middle) / pixels_per_module;
        let y = (pixel_y - middle) / pixels_per_module;
        // The inverse of s ↦ s / (1 + tilt · s): the camera's projection of a tilted plane.
        let depth = 1.0 - tilt * (x * tilt_direction.cos() + y * tilt_direction.sin());
        let (x, y) = (x / depth + shift_x, y / depth + shift_y);
        let column = (x * turn.cos() - y * turn.sin() + drawn / 2.0).floor();
        let row = (x * turn.sin() + y * turn.cos() + drawn / 2.0).floor();
        if column < 0.0 || row < 0.0 || column >= drawn || row >= drawn {
            return ground;
        }
        let quiet = QUIET_ZONE;
        match (usize::from(whole(column)), usize::from(whole(row))) {
            (x, y) if x >= quiet && y >= quiet && qr.is_dark(x - quiet, y - quiet) => dark,
            _ => light,
        }
    };
    // Four samples a pixel: a sensor averages over its area.
    let average = |x: f64, y: f64| {
        let samples = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
        samples.iter().map(|(dx, dy)| grey_at(x + dx, y + dy)).sum::<f64>() / 4.0
    };
    let pixels = (0..side)
        .flat_map(|y| (0..side).map(move |x| (f64::from(x), f64::from(y))))
        .map(|(x, y)| grey(average(x, y)))
        .collect();
    Picture { width: side, height: side, pixels }
}

/// Blurs along the rows and then along the columns, which together is the round Gaussian.
fn blur(picture: &mut Picture, deviation: f64) {
    let radius = whole((2.5 * deviation).ceil());
    let weights: Vec<f64> = (0..=2 * radius)
        .map(|at| f64::from(at) - f64::from(radius))
        .map(|distance| (-distance * distance / (2.0 * deviation * deviation)).exp())
        .collect();
    let (width, height) = (usize::from(picture.width), usize::from(picture.height));
    blur_lines(&mut picture.pixels, &weights, (height, width), (width, 1));
    blur_lines(&mut picture.pixels, &weights, (width, height), (1, width));
}

/// `lines` of `length` pixels; steps from line to line and from pixel to pixel.
fn blur_lines(
    pixels: &mut [u8],
    weights: &[f64],
    (lines, length): (usize, usize),
    (line_step, pixel_step): (usize, usize),
) {
    let total: f64 = weights.iter().sum();
    let radius = weights.len() / 2;
    for line in 0..lines {
        let start = line * line_step;
        let before: Vec<f64> =
            (0..length).map(|at| f64::from(pixels[start + at * pixel_step])).collect();
        for at in 0..length {
            let sum: f64 = weights
                .iter()
                .enumerate()
                .map(|(offset, weight)| {
                    weight * before[(at + offset).saturating_sub(radius).min(length - 1)]
                })
                .sum();
            pixels[start + at * pixel_step] = grey(sum / total);
        }
    }
}

/// Light that falls off to one side, and the sensor's noise.
fn light(picture: &mut Picture, flaws: &Flaws, rng: &mut impl Rng) {
    let direction = between(rng, 0.0, core::f64::consts::TAU);
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let mut pixels = picture.pixels.iter_mut();
    for y in 0..picture.height {
        for x in 0..picture.width {
            let (across, down) = (f64::from(x) / width - 0.5, f64::from(y) / height - 0.5);
            let away = 0.5 + (across * direction.cos() + down * direction.sin()) / 1.5;
            let pixel = pixels.next().unwrap();
            let lit = f64::from(*pixel) * (1.0 - flaws.shade * away);
            *pixel = grey(lit + if flaws.noise > 0.0 { flaws.noise * normal(rng) } else { 0.0 });
        }
    }
}

/// Uniform in `low..high`.
fn between(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0)
}

/// Close to a standard normal: four uniform numbers of 16 bits have a variance of a third.
fn normal(rng: &mut impl Rng) -> f64 {
    let bytes = rng.next_u64().to_le_bytes();
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(u16::from_le_bytes([pair[0], pair[1]]))).sum();
    (f64::from(sum) / f64::from(u16::MAX) - 2.0) * 3.0_f64.sqrt()
}

fn grey(level: f64) -> u8 {
    u8::try_from(whole(level.clamp(0.0, 255.0))).unwrap()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of u16; there is no checked conversion from a float"
)]
fn whole(number: f64) -> u16 {
    number.clamp(0.0, f64::from(u16::MAX)) as u16
}
