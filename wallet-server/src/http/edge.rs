//! The outermost layer: a request id, a time limit, one log line, the text of every error, and the
//! count of what an API key was used for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::input;
use super::key_use::Watched;
use super::openapi::Document;
use super::problem::{Certainty, Problem};
use crate::service::App;

/// Longer than the longest long poll.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(40);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the layer needs.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) app: Arc<App>,
    pub(super) document: Arc<Document>,
}

/// Wraps every request. Neither bodies nor query strings nor credentials are logged.
pub(super) async fn edge(
    State(Edge { app, document }): State<Edge>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = app.now();
    let id = format!("req_{:x}", base16ct::HexDisplay(&app.entropy.bytes::<12>()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unknown".to_owned(), |matched| matched.as_str().to_owned());

    let watched = Watched::begin(&app, &mut request, method_label(&method), &route);
    let response = match no_query(&document, &request, &route) {
        Ok(()) => {
            let answered = tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await;
            answered.unwrap_or_else(|_| too_slow().into_response())
        }
        Err(problem) => problem.into_response(),
    };
    let mut response = describe(response, &path, &id);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if let Some(watched) = watched {
        watched.answered(response.status());
    }
    let status = response.status().as_u16();
    app.metrics.answered(method_label(&method), &route, status);
    let millis = app.now().unix_millis() - started.unix_millis();
    tracing::info!(%method, route, status, millis, request_id = id, "answered");
    response
}

/// Refuses a query where the document has none, as every other unknown field is refused.
fn no_query(document: &Document, request: &Request, route: &str) -> Result<(), Problem> {
    if request.uri().query().is_some() && document.takes_no_query(request.method().as_str(), route)
    {
        let input::Nothing {} = input::query(request.uri())?;
    }
    Ok(())
}

/// A method as a label: clients can make methods up, and every label is kept for ever.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Writes the error that a handler left, and replaces the plain text of those that axum makes.
fn describe(mut response: Response, path: &str, id: &str) -> Response {
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>();
    let is_error = status.is_client_error() || status.is_server_error();
    let problem = match problem {
        Some(problem) => problem,
        None if is_error => foreign(status),
        None => return response,
    };
    let mut described = problem.write(path, id);
    // Headers that a handler added to its error, such as the mark of a replay.
    for (name, value) in response.headers() {
        if !described.headers().contains_key(name) && name != "content-length" {
            described.headers_mut().insert(name.clone(), value.clone());
        }
    }
    described
}

/// An error that none of our handlers made.
fn foreign(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => super::too_large(),
        _ => Problem::new(status, "invalid_request", Certainty::Retry, "The request is not valid."),
    }
}

fn too_slow() -> Problem {
    let detail = "The server did not answer in time. Ask again with the same key.";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", Certainty::Unknown, detail)
}
