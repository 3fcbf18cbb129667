//! Who sends a request: a merchant with an API key, a device with a signature, the operator.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use wallet_core::requests::{RequestParts, SignedEvidence, UnverifiedSignature, parse_signed};
use wallet_core::{DeviceKeyId, DevicePublicKey, Timestamp};

use super::problem::{Certainty, Problem};
use super::{BODY_LENGTH_MAX, key_use};
use crate::service::{ApiKeyScope, App, KeyRefused};
use crate::store::{ApiKey, Device};

/// What a merchant hears whose key does not work.
pub(super) const KEY_REFUSED: &str = "This API key is not known, was revoked, or is over.";

/// What a device hears that may not act.
pub(super) const NOT_ENROLLED: &str = "This device is not enrolled, or revoked.";

/// The token of an `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

/// A merchant, by its API key.
pub(super) struct MerchantAuth(pub(super) ApiKey);

impl MerchantAuth {
    /// Refuses a key without this scope.
    pub(super) fn allow(&self, scope: ApiKeyScope) -> Result<(), Problem> {
        if scope.granted(&self.0) {
            return Ok(());
        }
        let detail = format!("This API key has no scope {}.", scope.as_str());
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", Certainty::Retry, detail))
    }
}

/// Looks at an API key again after a request was kept open: what happened meanwhile is not for one
/// that was revoked meanwhile, or whose time has come.
pub(super) async fn still_let_in(app: &App, auth: &MerchantAuth) -> Result<(), Problem> {
    if app.is_still_let_in(&auth.0).await? { Ok(()) } else { Err(refused_key()) }
}

impl FromRequestParts<Arc<App>> for MerchantAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = app.api_key(secret(parts)?).await;
        let_in(parts, shown)
    }
}

/// A merchant whose request settlement decides, and whose key it checks again.
pub(super) struct SettlingMerchant(pub(super) MerchantAuth);

impl FromRequestParts<Arc<App>> for SettlingMerchant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = app.api_key_to_settle(secret(parts)?).await;
        let_in(parts, shown).map(Self)
    }
}

fn secret(parts: &Parts) -> Result<&str, Problem> {
    let missing = || Problem::unauthorized("Send Authorization: Bearer with your API key.");
    bearer(&parts.headers).ok_or_else(missing)
}

/// Lets a merchant in. Which key was shown is noted also when it is refused.
fn let_in(parts: &Parts, shown: Result<ApiKey, KeyRefused>) -> Result<MerchantAuth, Problem> {
    match shown {
        Ok(key) => {
            key_use::note(&parts.extensions, key.id);
            Ok(MerchantAuth(key))
        }
        Err(KeyRefused::Unknown) => Err(refused_key()),
        Err(KeyRefused::Ended(api_key)) => {
            key_use::note(&parts.extensions, api_key);
            Err(refused_key())
        }
        Err(KeyRefused::TooMany { api_key, retry_after_seconds }) => {
            key_use::note(&parts.extensions, api_key);
            let detail = "Too many requests come with this API key. This one did nothing. \
                          Repeat it as it is when the time in Retry-After has passed.";
            Err(too_many(detail, retry_after_seconds))
        }
        Err(KeyRefused::Store(error)) => Err(error.into()),
    }
}

fn refused_key() -> Problem {
    Problem::unauthorized(KEY_REFUSED)
}

fn device_too_often(retry_after_seconds: u16) -> Problem {
    let detail = "Too many requests come from this device. This one did nothing. Sign it anew when \
                  the time in Retry-After has passed.";
    too_many(detail, retry_after_seconds)
}

fn too_many(detail: &str, retry_after_seconds: u16) -> Problem {
    let status = StatusCode::TOO_MANY_REQUESTS;
    Problem::new(status, "too_many_requests", Certainty::Retry, detail)
        .with_retry_after(retry_after_seconds)
}

/// A request with a signature that was read, not verified, and its body.
pub(super) struct SignedRequest {
    pub(super) body: Bytes,
    parts: Parts,
    signature: UnverifiedSignature,
}

impl FromRequest<Arc<App>> for SignedRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let request = request_parts(&parts)?;
        addressed(&request.authority, &app.public_authorities)?;
        let signature = parse_signed(&request).map_err(refused)?;
        let body = to_bytes(body, BODY_LENGTH_MAX).await.map_err(|_| super::too_large())?;
        Ok(Self { body, parts, signature })
    }
}

impl SignedRequest {
    /// The header fields.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The query string, read into a type.
    pub(super) fn query<T: serde::de::DeserializeOwned>(&self) -> Result<T, Problem> {
        super::input::query(&self.parts.uri)
    }

    /// The enrolled device that signed. It is read anew, so that a revoked one is out at once.
    pub(super) async fn device(&self, app: &Arc<App>) -> Result<Device, Problem> {
        let unknown = || Problem::unauthorized(NOT_ENROLLED);
        let key_id = DeviceKeyId::from_hex(self.signature.keyid()).map_err(|_| unknown())?;
        // Who has come too often already is sent away before anything is looked up or computed.
        app.would_admit_device(key_id).map_err(device_too_often)?;
        let device = app.store.devices(&[key_id]).await?.into_iter().next().ok_or_else(unknown)?;
        self.verify(app, &device.public_key).await?;
        if device.revoked {
            return Err(unknown());
        }
        // Only now is it known whose request this is: strangers lock nobody out by an id.
        app.admit_device(device.key_id).map_err(device_too_often)?;
        Ok(device)
    }

    /// The same for a request that changes something: it counts once, so its nonce is used up.
    pub(super) async fn actor(&self, app: &Arc<App>) -> Result<Device, Problem> {
        let device = self.device(app).await?;
        self.use_nonce(app, &device).await?;
        Ok(device)
    }

    /// The same for a request with a PIN: who tries too often is sent away before the nonce is
    /// written.
    pub(super) async fn pin_actor(&self, app: &Arc<App>) -> Result<Device, Problem> {
        let device = self.device(app).await?;
        app.may_try_pin(&device)?;
        self.use_nonce(app, &device).await?;
        Ok(device)
    }

    async fn use_nonce(&self, app: &Arc<App>, device: &Device) -> Result<(), Problem> {
        let created = i64::try_from(self.signature.created()).unwrap_or(i64::MAX / 1000);
        let signed_at = Timestamp::from_unix_seconds(created);
        if app.use_nonce(device.key_id, self.signature.nonce(), signed_at).await? {
            return Ok(());
        }
        let detail = "This very request has been made before. Sign it anew to make it again.";
        let status = StatusCode::UNAUTHORIZED;
        Err(Problem::new(status, "signature_replayed", Certainty::Retry, detail))
    }

    /// What is to be kept of it, once it is verified; none if it is too long to be kept.
    pub(super) fn evidence(&self) -> Option<SignedEvidence> {
        self.signature.evidence(&self.body)
    }

    /// Checks that the holder of this key signed the request, on a thread for computing.
    pub(super) async fn verify(
        &self,
        app: &Arc<App>,
        key: &DevicePublicKey,
    ) -> Result<(), Problem> {
        let now = u64::try_from(app.now().unix_seconds()).unwrap_or(0);
        let (signature, body, key) = (self.signature.clone(), self.body.clone(), *key.as_bytes());
        let verify = move || signature.verify(&key, &body, now).map(drop);
        let verified = app.compute(app.deadline(), verify).await?;
        verified.map_err(|error| refused(error).with_server_time(app.now()))
    }
}

/// Looks at a device again after a request was kept open: what happened meanwhile is not for one
/// that was revoked meanwhile.
pub(super) async fn still_enrolled(app: &App, device: &Device) -> Result<(), Problem> {
    let found = app.store.devices(&[device.key_id]).await?;
    if found.first().is_some_and(|device| !device.revoked) {
        return Ok(());
    }
    Err(Problem::unauthorized(NOT_ENROLLED))
}

/// Refuses what was signed for another server: whoever runs that one could send it here.
fn addressed(authority: &str, ours: &[String]) -> Result<(), Problem> {
    if ours.is_empty() || ours.iter().any(|name| name.eq_ignore_ascii_case(authority)) {
        return Ok(());
    }
    let detail = "This server does not answer to the name that was called.";
    let status = StatusCode::MISDIRECTED_REQUEST;
    Err(Problem::new(status, "misdirected_request", Certainty::Final, detail))
}

/// Each way in which a signature can be wrong has its own code, so that a phone whose clock is
/// off knows what to do.
fn refused(error: wallet_core::Error) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, error.code(), Certainty::Retry, error.to_string())
}

fn request_parts(parts: &Parts) -> Result<RequestParts, Problem> {
    let not_text = || Problem::field("", "a header holds what is not ASCII text");
    let headers = parts.headers.iter().map(|(name, value)| {
        Ok((name.as_str().to_owned(), value.to_str().map_err(|_| not_text())?.to_owned()))
    });
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(axum::http::uri::Authority::as_str).or(host);
    Ok(RequestParts {
        method: parts.method.as_str().to_owned(),
        // Not among the signed components; a proxy may have ended TLS.
        scheme: "https".to_owned(),
        authority: authority.unwrap_or_default().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: headers.collect::<Result<_, Problem>>()?,
    })
}
