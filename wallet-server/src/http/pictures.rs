//! QR codes as pictures.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use wallet_core::Error;
use wallet_core::qr::{Medium, Qr};

use super::problem::Problem;
use crate::store::StoreError;

/// How large a module is: a code of 500 characters fills a page, and a screen shrinks it.
const PIXELS_PER_MODULE: u8 = 8;

/// A text as an SVG picture.
pub(super) fn svg(text: &str, medium: Medium) -> Result<Response, Problem> {
    let qr = Qr::new(text, medium).map_err(undrawable)?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], qr.to_svg()).into_response())
}

/// A text as a PNG picture.
pub(super) fn png(text: &str, medium: Medium) -> Result<Response, Problem> {
    let qr = Qr::new(text, medium).map_err(undrawable)?;
    let picture = qr.to_png(PIXELS_PER_MODULE).map_err(undrawable)?;
    Ok(([(header::CONTENT_TYPE, "image/png")], picture).into_response())
}

/// What we made ourselves fits.
fn undrawable(error: Error) -> Problem {
    tracing::error!(%error, "a code cannot be drawn");
    StoreError::Corrupt("a code that cannot be drawn").into()
}
