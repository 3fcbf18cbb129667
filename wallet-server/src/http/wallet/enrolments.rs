//! `POST /v1/wallet/enrolments`: a device joins.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::DevicePublicKey;

use crate::domain::limits::Limits;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::issuer::IssuerBody;
use crate::http::problem::{Certainty, Problem};
use crate::http::time::rfc3339;
use crate::service::{App, EnrolError};
use crate::store::EnrolRefusal;

const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/enrolments", routing::post(enrol))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolmentBody {
    invitation: String,
    public_key: String,
    device_name: String,
}

#[derive(Serialize)]
struct EnrolledBody {
    object: &'static str,
    device_key_id: String,
    payer: String,
    mode: &'static str,
    currency: &'static str,
    issuer: IssuerBody,
    limits: LimitsBody,
    server_time: String,
}

/// What a payer may spend.
#[derive(Serialize)]
pub(super) struct LimitsBody {
    pub(super) payment: String,
    pub(super) day: String,
}

impl LimitsBody {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { payment: limits.payment.amount_text(), day: limits.day.amount_text() }
    }
}

/// The signature is made with the very key that is to be enrolled: that proves possession of it.
async fn enrol(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<EnrolledBody>), Problem> {
    let body: EnrolmentBody = input::json(&request.body)?;
    input::text("/device_name", &body.device_name, NAME_LENGTH_MAX)?;
    let mut bytes = [0; 32];
    let read = base16ct::lower::decode(&body.public_key, &mut bytes).map(<[u8]>::len);
    if read != Ok(bytes.len()) {
        return Err(Problem::field("/public_key", "64 lower-case hexadecimal digits"));
    }
    let public_key = DevicePublicKey::from_bytes(&bytes)
        .map_err(|error| Problem::field("/public_key", error.to_string()))?;
    request.verify(&app, &public_key).await?;
    let device =
        app.enrol(&body.invitation, public_key, &body.device_name).await.map_err(refused)?;
    let (limits, _) = app.limits(device.payer).await?;
    let body = EnrolledBody {
        object: "device",
        device_key_id: device.key_id.to_string(),
        payer: device.payer.to_string(),
        mode: device.mode.as_str(),
        currency: device.currency.code(),
        issuer: IssuerBody::new(&app),
        limits: LimitsBody::new(&limits),
        server_time: rfc3339(app.now()),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn refused(error: EnrolError) -> Problem {
    let (status, code, detail) = match error {
        EnrolError::Store(error) => return error.into(),
        EnrolError::Refused(EnrolRefusal::UnknownInvitation) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_invitation",
            "There is no such invitation, or it has been used.",
        ),
        EnrolError::Refused(EnrolRefusal::InvitationExpired) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "invitation_expired",
            "The invitation is too old. Ask for another one.",
        ),
        EnrolError::Refused(EnrolRefusal::KeyEnrolled) => {
            (StatusCode::CONFLICT, "key_enrolled", "This key is enrolled already. Make a new one.")
        }
    };
    Problem::new(status, code, Certainty::Final, detail)
}
