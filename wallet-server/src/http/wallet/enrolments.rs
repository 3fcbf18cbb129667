//! `POST /v1/wallet/enrolments`: a device joins.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::DevicePublicKey;

use super::proof;
use crate::domain::limits::Limits;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::issuer::IssuerBody;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::{App, Enrolled, Joining};
use crate::store::DeviceState;

/// The longest name of a device.
pub(super) const NAME_LENGTH_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(enrol))
}

pub(super) type DeviceName = schema::Text<NAME_LENGTH_MAX>;

/// A device that wants to join.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewEnrolment)]
#[serde(deny_unknown_fields)]
struct EnrolmentBody {
    /// For one device: from the operator, or from another device of the payer.
    invitation: String,
    #[schema(value_type = schema::PublicKey)]
    public_key: String,
    #[schema(value_type = DeviceName)]
    device_name: String,
    /// Where the payer uses one-time passwords: approves this device.
    #[schema(value_type = Option<schema::SixDigits>)]
    totp: Option<String>,
    #[schema(value_type = Option<schema::RecoveryCode>)]
    recovery_code: Option<String>,
}

/// A device that joined.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrolledDevice)]
pub(super) struct EnrolledBody {
    #[schema(schema_with = kind::device)]
    object: &'static str,
    #[schema(value_type = schema::DeviceKeyId)]
    device_key_id: String,
    #[schema(value_type = schema::DeviceState)]
    state: &'static str,
    #[schema(value_type = schema::PayerId)]
    payer: String,
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    issuer: IssuerBody,
    limits: LimitsBody,
    #[schema(value_type = schema::Time)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = SpendingLimits)]
pub(super) struct LimitsBody {
    #[schema(value_type = schema::Amount)]
    pub(super) payment: String,
    #[schema(value_type = schema::Amount)]
    pub(super) day: String,
}

impl LimitsBody {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { payment: limits.payment.amount_text(), day: limits.day.amount_text() }
    }
}

/// A device joins
///
/// Signed with the very key that is to be enrolled, with its hexadecimal text as `keyid`: that proves
/// possession of it. The same invitation with the same key again gets the same device and its state
/// of now, so a lost answer does no harm.
#[utoipa::path(
    post,
    path = "/v1/wallet/enrolments",
    operation_id = "create_enrolment",
    tag = "Joining",
    request_body = EnrolmentBody,
    responses(
        (status = CREATED, description = "The device, active.", body = EnrolledBody),
        (status = ACCEPTED, description = "The device, which waits to be approved.", body = EnrolledBody),
    ),
    extensions(("x-errors" = json!([
        "404 not_found",
        "409 key_enrolled",
        "409 too_many_devices",
        "422 unknown_invitation",
        "422 invitation_expired",
        "422 otp_wrong",
        "422 otp_used",
        "422 recovery_code_wrong",
        "429 otp_locked",
    ]))),
)]
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
