//! `/v1/test/codes`: a code that comes to an outcome when it is charged.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Money;
use wallet_core::code::CodeLimit;

use super::TestMerchant;
use crate::domain::test_payer::{NoTestPayer, TestOutcome};
use crate::http::input;
use crate::http::list::List;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{ApiKeyScope, App, NoTestCode};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(outcomes))
}

/// A code to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTestCode)]
#[serde(deny_unknown_fields)]
struct NewTestCodeBody {
    #[schema(value_type = schema::TestOutcomeName)]
    outcome: String,
    /// The most that it allows.
    #[schema(value_type = Option<schema::PositiveAmount>)]
    limit: Option<String>,
}

/// A code that comes to an outcome when it is charged.
#[derive(Serialize, ToSchema)]
#[schema(as = TestCode)]
struct TestCodeBody {
    #[schema(schema_with = kind::test_code)]
    object: &'static str,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::TestOutcomeName)]
    outcome: &'static str,
    /// What a till scans.
    #[schema(pattern = "^[0-9]+$")]
    code: String,
    /// The most that it allows.
    #[schema(value_type = schema::Amount)]
    limit: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = schema::Time)]
    expires_at: String,
}

/// Make a code that comes to an outcome
///
/// `GET /v1/test/outcomes` lists the outcomes.
#[utoipa::path(
    post,
    path = "/v1/test/codes",
    operation_id = "create_test_code",
    tag = "Test mode",
    security(("api_key" = ["charge"])),
    request_body = NewTestCodeBody,
    responses((status = CREATED, description = "The code.", body = TestCodeBody)),
    extensions(("x-errors" = json!([
        "403 test_mode_only",
        "409 outcome_impossible",
        "503 overloaded",
    ]))),
)]
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

/// An outcome.
#[derive(Serialize, ToSchema)]
#[schema(as = TestOutcome)]
struct OutcomeBody {
    #[schema(value_type = schema::TestOutcomeName)]
    outcome: &'static str,
    description: &'static str,
}

/// List the outcomes that a code can have
#[utoipa::path(
    get,
    path = "/v1/test/outcomes",
    operation_id = "list_test_outcomes",
    tag = "Test mode",
    security(("api_key" = ["read"])),
    params(input::Page, ("after" = Option<schema::TestOutcomeName>, Query, description = "The `next` of the page before.")),
    responses((status = OK, description = "A page.", body = List<OutcomeBody>)),
    extensions(("x-errors" = json!(["403 test_mode_only"]))),
)]
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
