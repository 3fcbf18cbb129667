//! `POST /v1/wallet/recipients`: who is behind a handle or a receive code;
//! `/v1/wallet/receive_code`: what a payer shows to be paid by others.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::qr::{Medium, Qr};

use crate::domain::outcome::NotMoved;
use crate::http::auth::SignedRequest;
use crate::http::input;
use crate::http::not_moved::not_moved;
use crate::http::openapi::schema::{self, kind};
use crate::http::problem::{Certainty, Problem};
use crate::service::{App, Person, RecipientName};
use crate::store::{Device, RECEIVE_TOKEN_LENGTH, StoreError};

/// The longest handle.
const HANDLE_LENGTH_MAX: usize = 30;
/// What a receive code begins with.
const RECEIVE_PREFIX: &str = "wallet:receive:";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(find)).routes(routes!(show, renew))
}

pub(super) type HandleText = schema::Text<HANDLE_LENGTH_MAX>;

/// How a body names another payer: in one of these ways.
#[derive(Deserialize, ToSchema)]
#[schema(as = Recipient)]
#[serde(deny_unknown_fields)]
struct RecipientBody {
    #[schema(value_type = Option<HandleText>)]
    handle: Option<String>,
    #[schema(value_type = Option<schema::ReceiveCode>)]
    receive_code: Option<String>,
}

/// The other payer whom a body names, in one way and not in two.
pub(super) fn recipient(
    handle: Option<String>,
    receive_code: Option<&str>,
) -> Result<RecipientName, Problem> {
    match (handle, receive_code) {
        (Some(handle), None) => {
            input::text("/handle", &handle, HANDLE_LENGTH_MAX)?;
            Ok(RecipientName::Handle(handle))
        }
        (None, Some(code)) => {
            let token = token(RECEIVE_PREFIX, code);
            let wrong = || Problem::field("/receive_code", "what the QR code of a payer says");
            token.map(RecipientName::ReceiveCode).ok_or_else(wrong)
        }
        _ => Err(Problem::field("", "a handle or a receive_code, one of them")),
    }
}

/// The bytes behind a prefix.
pub(super) fn token<const N: usize>(prefix: &str, text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let read = base16ct::lower::decode(text.strip_prefix(prefix)?, &mut bytes).ok()?;
    (read.len() == N).then_some(bytes)
}

/// Counts a request that says whether a handle is somebody's.
pub(super) fn count_lookup(app: &App, device: &Device) -> Result<(), Problem> {
    app.count_lookup(device.key_id).map_err(|seconds| {
        let detail = "This device has tried too many names of payers. Wait.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Problem::new(status, "too_many_requests", Certainty::Retry, detail)
            .with_retry_after(seconds)
    })
}

/// Whom one would pay
///
/// Nothing is moved by looking, so nothing is kept of it.
#[utoipa::path(
    post,
    path = "/v1/wallet/recipients",
    operation_id = "find_recipient",
    tag = "Between payers",
    request_body = RecipientBody,
    responses((status = OK, description = "The other payer, the name masked.", body = Person)),
    extensions(("x-errors" = json!([
        "422 unknown_recipient",
        "422 recipient_unavailable",
        "429 too_many_requests",
    ]))),
)]
async fn find(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<Person>, Problem> {
    let device = request.actor(&app).await?;
    let body: RecipientBody = input::json(&request.body)?;
    let name = recipient(body.handle, body.receive_code.as_deref())?;
    count_lookup(&app, &device)?;
    let found = app.find_recipient(device.mode, &name).await?;
    let refused = |why| Problem { kept: false, ..not_moved(why) };
    let found = found.ok_or_else(|| refused(NotMoved::UnknownRecipient))?;
    if !found.active {
        return Err(refused(NotMoved::RecipientUnavailable));
    }
    Ok(Json(app.person(&found.person)))
}

/// What others scan to pay this payer.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownReceiveCode)]
struct ReceiveCodeBody {
    #[schema(schema_with = kind::receive_code)]
    object: &'static str,
    #[schema(value_type = schema::ReceiveCode)]
    receive_code: String,
    #[schema(value_type = schema::Svg)]
    qr_svg: String,
}

impl ReceiveCodeBody {
    fn new(token: [u8; RECEIVE_TOKEN_LENGTH]) -> Result<Json<Self>, Problem> {
        let receive_code = format!("{RECEIVE_PREFIX}{:x}", base16ct::HexDisplay(&token));
        let qr_svg = qr_svg(&receive_code)?;
        Ok(Json(Self { object: "receive_code", receive_code, qr_svg }))
    }
}

/// A text as a QR code. Ours fit into one.
pub(super) fn qr_svg(text: &str) -> Result<String, StoreError> {
    let qr = Qr::new(text, Medium::Screen).map_err(|_| StoreError::Corrupt("a QR code's text"))?;
    Ok(qr.to_svg())
}

/// What others scan to pay this payer
///
/// Made when it is first asked for.
#[utoipa::path(
    get,
    path = "/v1/wallet/receive_code",
    operation_id = "get_receive_code",
    tag = "Between payers",
    responses((status = OK, description = "The code.", body = ReceiveCodeBody)),
)]
async fn show(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<ReceiveCodeBody>, Problem> {
    let device = request.device(&app).await?;
    ReceiveCodeBody::new(app.receive_token(device.payer, false).await?)
}

/// Make another code to be paid by
///
/// The one before is worth nothing from now on.
#[utoipa::path(
    post,
    path = "/v1/wallet/receive_code",
    operation_id = "renew_receive_code",
    tag = "Between payers",
    request_body = Option<input::Nothing>,
    responses((status = CREATED, description = "The new code.", body = ReceiveCodeBody)),
)]
async fn renew(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<(StatusCode, Json<ReceiveCodeBody>), Problem> {
    let device = request.actor(&app).await?;
    input::nothing(&request.body)?;
    let body = ReceiveCodeBody::new(app.receive_token(device.payer, true).await?)?;
    Ok((StatusCode::CREATED, body))
}
