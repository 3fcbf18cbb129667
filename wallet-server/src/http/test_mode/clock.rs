//! `/v1/test/clock`: the time of a server with which nothing but tests is done.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TestMerchant;
use crate::http::input;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{AHEAD_SECONDS_MAX, ApiKeyScope, App, NotAdvanced, TestTime};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(advance))
}

/// The clock of a server for tests.
#[derive(Serialize, ToSchema)]
#[schema(as = TestClock)]
struct TestClockBody {
    #[schema(schema_with = kind::test_clock)]
    object: &'static str,
    #[schema(value_type = schema::Time)]
    now: String,
    /// By how much it is ahead of the machine's clock.
    advanced_seconds: i64,
}

impl From<TestTime> for TestClockBody {
    fn from(time: TestTime) -> Self {
        Self { object: "test_clock", now: rfc3339(time.now), advanced_seconds: time.ahead_seconds }
    }
}

/// What time it is
#[utoipa::path(
    get,
    path = "/v1/test/clock",
    operation_id = "get_test_clock",
    tag = "Test mode",
    security(("api_key" = ["read"])),
    responses((status = OK, description = "The time.", body = TestClockBody)),
    extensions(("x-errors" = json!(["403 test_mode_only", "409 test_clock_off"]))),
)]
async fn show(
    TestMerchant(auth): TestMerchant,
    State(app): State<Arc<App>>,
) -> Result<Json<TestClockBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let time = app.test_time().map_err(not_advanced)?;
    Ok(Json(time.into()))
}

/// How far.
#[derive(Deserialize, ToSchema)]
#[schema(as = TestClockAdvance)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    #[schema(minimum = 1)]
    seconds: u32,
}

/// Let time pass
///
/// On a server that was started for it.
#[utoipa::path(
    post,
    path = "/v1/test/clock/advance",
    operation_id = "advance_test_clock",
    tag = "Test mode",
    security(("api_key" = ["charge"])),
    request_body = AdvanceBody,
    responses((status = OK, description = "The time.", body = TestClockBody)),
    extensions(("x-errors" = json!(["403 test_mode_only", "409 test_clock_off"]))),
)]
async fn advance(
    TestMerchant(auth): TestMerchant,
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<Json<TestClockBody>, Problem> {
    auth.allow(ApiKeyScope::Charge)?;
    let AdvanceBody { seconds } = input::json(&body)?;
    if seconds == 0 {
        return Err(Problem::field("/seconds", "1 or more"));
    }
    let time = app.advance_test_clock(seconds).await.map_err(not_advanced)?;
    Ok(Json(time.into()))
}

fn not_advanced(why: NotAdvanced) -> Problem {
    match why {
        NotAdvanced::Off => {
            let detail = "Nobody moves the clock of this server. One that is started with \
                          test_clock = true, on books of its own, lets you.";
            Problem::new(StatusCode::CONFLICT, "test_clock_off", Certainty::Final, detail)
        }
        NotAdvanced::TooFar(left) => {
            let detail = format!("at most {left} more, and {AHEAD_SECONDS_MAX} in all");
            Problem::field("/seconds", detail)
        }
        NotAdvanced::Store(error) => error.into(),
    }
}
