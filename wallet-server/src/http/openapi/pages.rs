//! `GET /openapi.json`, and `GET /docs/`, which shows it in a browser: Swagger UI, out of the
//! binary, so that it needs no other server.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing;
use utoipa_swagger_ui::Config;

use super::Document;
use crate::http::problem::Problem;

/// The files that the page needs; the others of Swagger UI's are not served.
const FILES: [&str; 8] = [
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "index.html",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// What the page may do: run its own scripts, and speak to this server. Swagger UI sets styles of
/// elements and draws pictures out of its own text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The routes of these pages, the only ones that the document does not have.
pub(in crate::http) fn pages<S: Clone + Send + Sync + 'static>(
    document: &Arc<Document>,
) -> Router<S> {
    let served = Arc::clone(document);
    Router::new()
        .route("/openapi.json", routing::get(async move || json(&served)))
        .route("/docs", routing::get(async || Redirect::permanent("/docs/")))
        .route("/docs/", routing::get(async || file("index.html")))
        .route("/docs/{file}", routing::get(async |Path(name): Path<String>| file(&name)))
}

fn json(document: &Document) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.json.clone()).into_response()
}

fn file(name: &str) -> Response {
    // Without a key that stays in the browser, and without the field for another server's document.
    let config = Config::from("/openapi.json").persist_authorization(false);
    let served = FILES.contains(&name).then(|| utoipa_swagger_ui::serve(name, Arc::new(config)));
    let Some(Ok(Some(file))) = served else {
        return Problem::not_found("page").into_response();
    };
    let mut response = file.bytes.into_owned().into_response();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(media_type) = HeaderValue::from_str(&file.content_type) {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
