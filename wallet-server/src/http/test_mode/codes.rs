//! `/v1/test/codes`: a code that comes to an outcome when it is charged.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::Money;
use wallet_core::code::CodeLimit;

use super::TestMerchant;
use crate::domain::test_payer::{NoTestPayer, TestOutcome};
use crate::http::input;
use crate::http::list::List;
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{ApiKeyScope, App, NoTestCode};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/test/codes", routing::post(create))
        .route("/v1/test/outcomes", routing::get(outcomes))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTestCodeBody {
    outcome: String,
    limit: Option<String>,
}

#[derive(Serialize)]
struct TestCodeBody {
    object: &'static str,
    mode: &'static str,
    outcome: &'static str,
    /// What a till scans.
    code: String,
    /// The most that it allows.
    limit: String,
    currency: &'static str,
    expires_at: String,
}

/// `POST /v1/test/codes`.
async fn create(
    TestMerchant(auth): TestMerchant,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<TestCodeBody>), Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let body: NewTestCodeBody = input::json(&body)?;
    let outcome = TestOutcome::from_name(&body.outcome).ok_or_else(unknown_outcome)?;
    let limit = body.limit.map(|text| limit(&app, &text)).transpose()?;
    let made = app.make_test_code(&auth.0, outcome, limit).await.map_err(not_made)?;
    let body = TestCodeBody {
        object: "test_code",
        mode: auth.0.mode.as_str(),
        outcome: outcome.as_str(),
        code: made.digits,
        limit: made.limit.amount_text(),
        currency: made.limit.currency().code(),
        expires_at: rfc3339(made.expires_at),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn unknown_outcome() -> Problem {
    let known: Vec<&str> = TestOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    Problem::field("/outcome", format!("one of {}", known.join(", ")))
}

fn limit(app: &App, text: &str) -> Result<Money, Problem> {
    Money::parse(text, app.currency)
        .and_then(CodeLimit::new)
        .map(CodeLimit::money)
        .map_err(|error| Problem::field("/limit", error.to_string()))
}

fn not_made(refused: NoTestCode) -> Problem {
    match refused {
        NoTestCode::NoPayer(NoTestPayer::AboveMost(most)) => {
            let detail = format!("at most {} comes to this outcome", most.amount_text());
            Problem::field("/limit", detail)
        }
        NoTestCode::NoPayer(NoTestPayer::Impossible) => {
            let detail = "The issuer's limits leave no amount that comes to this outcome.";
            Problem::new(StatusCode::CONFLICT, "outcome_impossible", Certainty::Final, detail)
        }
        NoTestCode::Store(error) => error.into(),
        NoTestCode::Unsettled(unsettled) => unsettled.into(),
        NoTestCode::Code(error) => {
            tracing::error!(%error, "a test code was not made");
            Problem::internal()
        }
    }
}

#[derive(Serialize)]
struct OutcomeBody {
    outcome: &'static str,
    description: &'static str,
}

/// `GET /v1/test/outcomes`.
async fn outcomes(
    TestMerchant(auth): TestMerchant,
    uri: Uri,
) -> Result<Json<List<OutcomeBody>>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let page: input::Page = input::query(&uri)?;
    let size = page.size()?;
    let after = input::cursor(page.after.as_deref(), TestOutcome::from_name)?;
    let all = TestOutcome::ALL.iter().copied();
    let seen = after.map_or(0, |after| all.clone().take_while(|it| *it != after).count() + 1);
    Ok(Json(List::page(
        all.skip(seen).collect(),
        size,
        |outcome| outcome.as_str().to_owned(),
        |outcome| OutcomeBody { outcome: outcome.as_str(), description: outcome.description() },
    )))
}
