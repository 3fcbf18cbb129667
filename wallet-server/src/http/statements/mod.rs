//! `/v1/statements/{date}`: what moved on a day, as CSV for bookkeeping or as JSON with its totals.
//!
//! The rows come from a part of the journal that is recorded when the day is over, so the bytes are
//! the same whenever a statement is asked for. They are written as they are read, a page at a time.

mod body;
mod csv;
mod stream;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::MerchantAuth;
use super::openapi::schema;
use super::problem::{Certainty, Problem};
use super::time::rfc3339;
use crate::domain::limits::Day;
use crate::service::{ApiKeyScope, App, Statement, StatementOf};
use body::{Head, StatementBody, StatementTotalsBody};
use stream::{Rows, csv_stream, json_stream};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(statement)).routes(routes!(totals))
}

/// A day's statement
///
/// The days are those of the issuer's time zone. With `Accept: text/csv` the rows alone, as CSV (RFC
/// 4180) with a heading; otherwise JSON, with the totals and the SHA-256 of the CSV behind the rows.
/// It is the same whenever it is asked for. A day's statement can be read a minute after its end.
#[utoipa::path(
    get,
    path = "/v1/statements/{date}",
    operation_id = "get_statement",
    tag = "Statements",
    security(("api_key" = ["read"])),
    params(("date" = schema::Date, Path)),
    responses((
        status = OK,
        description = "The statement.",
        content((StatementBody = "application/json"), (schema::Csv = "text/csv")),
    )),
    extensions(("x-errors" = json!(["409 statement_not_ready"]))),
)]
async fn statement(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(date): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (head, statement) = open(&auth, &app, &date).await?;
    if !wants_csv(&headers) {
        let body = Body::from_stream(json_stream(head, statement));
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    }
    let name = format!("attachment; filename=\"statement-{}.csv\"", head.date);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(csv_stream(statement))).into_response())
}

/// The totals of a day's statement
///
/// What the JSON statement has behind its rows: the totals, and the SHA-256 of the CSV.
#[utoipa::path(
    get,
    path = "/v1/statements/{date}/totals",
    operation_id = "get_statement_totals",
    tag = "Statements",
    security(("api_key" = ["read"])),
    params(("date" = schema::Date, Path)),
    responses((status = OK, description = "The totals.", body = StatementTotalsBody)),
    extensions(("x-errors" = json!(["409 statement_not_ready"]))),
)]
async fn totals(
    auth: MerchantAuth,
    State(app): State<Arc<App>>,
    Path(date): Path<String>,
) -> Result<Json<StatementTotalsBody>, Problem> {
    let (head, statement) = open(&auth, &app, &date).await?;
    let mut rows = Rows::new(statement);
    while rows.page().await?.is_some() {}
    Ok(Json(StatementTotalsBody { object: "statement_totals", head, end: rows.end() }))
}

/// The statement that a request asks for, if its day is over.
async fn open(auth: &MerchantAuth, app: &App, date: &str) -> Result<(Head, Statement), Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let day = Day::from_date(date).ok_or_else(not_a_date)?;
    let statement = match app.statement(auth.0.merchant, day).await? {
        StatementOf::Ready(statement) => statement,
        StatementOf::NotReady(from) => return Err(not_ready(date, &rfc3339(from))),
    };
    let time_zone = app.rules.calendar.time_zone().to_owned();
    let head = Head { date: date.to_owned(), mode: auth.0.mode.as_str(), time_zone };
    Ok((head, statement))
}

fn not_a_date() -> Problem {
    Problem::field("/date", "a day such as 2026-11-22")
}

fn not_ready(date: &str, from: &str) -> Problem {
    let detail = format!("The day {date} is not over. Its statement can be read from {from} on.");
    Problem::new(StatusCode::CONFLICT, "statement_not_ready", Certainty::Retry, detail)
}

/// Whether a client would rather have CSV: it says so, JSON is what others get.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/csv"))
}
