//! `POST /v1/wallet/enrolments`: a device joins.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use wallet_core::DevicePublicKey;

use super::proof;
use crate::domain::limits::Limits;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::issuer::IssuerBody;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Enrolled, Joining};
use crate::store::DeviceState;

/// The longest name of a device.
pub(super) const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/wallet/enrolments", routing::post(enrol))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolmentBody {
    invitation: String,
    public_key: String,
    device_name: String,
    totp: Option<String>,
    recovery_code: Option<String>,
}

/// A device that joined.
#[derive(Serialize)]
pub(super) struct EnrolledBody {
    object: &'static str,
    device_key_id: String,
    state: &'static str,
    payer: String,
    mode: &'static str,
    currency: &'static str,
    issuer: IssuerBody,
    limits: LimitsBody,
    server_time: String,
}

impl EnrolledBody {
    /// The answer: a device that waits to be approved is accepted, and not there yet.
    pub(super) async fn answer(
        app: &App,
        enrolled: Enrolled,
    ) -> Result<(StatusCode, Json<Self>), Problem> {
        let payer = app.store.payer(enrolled.payer).await?;
        let payer = payer.ok_or_else(|| Problem::not_found("payer"))?;
        let (limits, _) = app.limits(enrolled.payer).await?;
        let status = match enrolled.state {
            DeviceState::Pending => StatusCode::ACCEPTED,
            DeviceState::Active | DeviceState::Revoked => StatusCode::CREATED,
        };
        let body = Self {
            object: "device",
            device_key_id: enrolled.key_id.to_string(),
            state: enrolled.state.as_str(),
            payer: payer.id.to_string(),
            mode: payer.mode.as_str(),
            currency: payer.currency.code(),
            issuer: IssuerBody::new(app),
            limits: LimitsBody::new(&limits),
            server_time: rfc3339(app.now()),
        };
        Ok((status, Json(body)))
    }
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

/// `POST /v1/wallet/enrolments`. The signature is made with the very key that is to be enrolled:
/// that proves possession of it.
async fn enrol(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<EnrolledBody>), Problem> {
    let body: EnrolmentBody = input::json(&request.body)?;
    input::text("/device_name", &body.device_name, NAME_LENGTH_MAX)?;
    let public_key = public_key(&body.public_key)?;
    let factor = proof::factor(body.totp, body.recovery_code)?;
    request.verify(&app, &public_key).await?;
    let joining = Joining {
        invitation: &body.invitation,
        public_key,
        name: &body.device_name,
        factor: factor.as_ref(),
    };
    let enrolled = app.enrol(joining).await?;
    EnrolledBody::answer(&app, enrolled).await
}

/// A device's public key, from its field.
pub(super) fn public_key(text: &str) -> Result<DevicePublicKey, Problem> {
    let mut bytes = [0; 32];
    let read = base16ct::lower::decode(text, &mut bytes).map(<[u8]>::len);
    if read != Ok(bytes.len()) {
        return Err(Problem::field("/public_key", "64 lower-case hexadecimal digits"));
    }
    DevicePublicKey::from_bytes(&bytes)
        .map_err(|error| Problem::field("/public_key", error.to_string()))
}
