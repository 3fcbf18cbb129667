//! `/v1/test/clock`: the time of a server with which nothing but tests is done.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use super::TestMerchant;
use crate::http::input;
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{AHEAD_SECONDS_MAX, ApiKeyScope, App, NotAdvanced, TestTime};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/test/clock", routing::get(show))
        .route("/v1/test/clock/advance", routing::post(advance))
}

#[derive(Serialize)]
struct TestClockBody {
    object: &'static str,
    now: String,
    /// By how much it is ahead of the machine's clock.
    advanced_seconds: i64,
}

impl From<TestTime> for TestClockBody {
    fn from(time: TestTime) -> Self {
        Self { object: "test_clock", now: rfc3339(time.now), advanced_seconds: time.ahead_seconds }
    }
}

/// `GET /v1/test/clock`.
async fn show(
    TestMerchant(auth): TestMerchant,
    State(app): State<Arc<App>>,
) -> Result<Json<TestClockBody>, Problem> {
    auth.allow(ApiKeyScope::Read)?;
    let time = app.test_time().map_err(not_advanced)?;
    Ok(Json(time.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    seconds: u32,
}

/// `POST /v1/test/clock/advance`.
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
