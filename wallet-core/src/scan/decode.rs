//! From a PNG or JPEG file to grey pixels, with the size checked before any pixel is decoded.

use std::io::Cursor;

use png::{ColorType, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::luma::{Luma, within_limits};
use super::{PIXELS_MAX, SIDE_MAX, UNREADABLE};
use crate::Error;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_SIGNATURE: &[u8] = b"\xFF\xD8\xFF";

/// A camera writes about ten scans; each costs a pass over all pixels.
const JPEG_SCANS_MAX: usize = 64;

pub(super) fn decode(bytes: &[u8]) -> Result<Luma, Error> {
    let decoded = if bytes.starts_with(PNG_SIGNATURE) {
        decode_png(bytes)
    } else if bytes.starts_with(JPEG_SIGNATURE) {
        decode_jpeg(bytes)
    } else {
        None
    };
    decoded.ok_or(UNREADABLE)
}

/// The first frame of a PNG file; nothing if it is damaged or too large.
fn decode_png(bytes: &[u8]) -> Option<Luma> {
    // The rows of one interlaced frame with 16 bits in four channels are the largest buffer.
    let limits = Limits { bytes: 8 * PIXELS_MAX };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().ok()?.size();
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    if !within_limits(width, height) {
        return None;
    }
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut pixels).ok()?;
    let grey = match reader.output_color_type().0 {
        ColorType::Grayscale => pixels,
        ColorType::GrayscaleAlpha => to_grey(&pixels, |[grey, alpha]| over_white(grey, alpha)),
        ColorType::Rgb => to_grey(&pixels, brightness),
        ColorType::Rgba => {
            to_grey(&pixels, |[r, g, b, alpha]| over_white(brightness([r, g, b]), alpha))
        }
        // The transformation above has replaced the palette by its colours.
        ColorType::Indexed => return None,
    };
    Luma::new(width, grey)
}

/// A JPEG file; nothing if it is damaged or too large.
fn decode_jpeg(bytes: &[u8]) -> Option<Luma> {
    let options = DecoderOptions::new_safe()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_max_scans(JPEG_SCANS_MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let info = decoder.info()?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if !within_limits(width, height) {
        return None;
    }
    // Most pictures hold brightness as a channel of its own: then the colours stay undecoded.
    let has_luma = matches!(decoder.input_colorspace()?, ColorSpace::YCbCr | ColorSpace::Luma);
    let wanted = if has_luma { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().ok()?;
    let grey = if has_luma { pixels } else { to_grey(&pixels, brightness) };
    Luma::new(width, grey)
}

fn to_grey<const CHANNELS: usize>(pixels: &[u8], grey: fn([u8; CHANNELS]) -> u8) -> Vec<u8> {
    pixels.as_chunks().0.iter().map(|pixel| grey(*pixel)).collect()
}

/// Luma of ITU-R BT.601 in 256ths.
fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue);
    u8::try_from(sum / 256).unwrap_or(u8::MAX)
}

fn over_white(grey: u8, alpha: u8) -> u8 {
    let (grey, alpha) = (u32::from(grey), u32::from(alpha));
    u8::try_from((grey * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}
