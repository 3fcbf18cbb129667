//! `/v1/journal`: checkpoints of the issuer's journal, and proofs from it. No key is needed: what is
//! shown says nothing about anybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input;
use super::problem::{Certainty, Problem};
use crate::service::{App, NotProved, ProvedReceipt};

/// How long whoever comes too early should wait: about as long as checkpoints are apart.
const RETRY_AFTER_SECONDS: u16 = 5;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(checkpoint)).routes(routes!(proof)).routes(routes!(growth))
}

/// The newest checkpoint of the journal
///
/// A signed note (C2SP tlog-checkpoint): how many batches the journal has, and the root of the
/// Merkle tree (RFC 6962) over them. Keep it, and nothing before it can be changed unseen.
#[utoipa::path(
    get,
    path = "/v1/journal/checkpoint",
    operation_id = "get_journal_checkpoint",
    tag = "Everyone",
    responses((
        status = OK,
        description = "The signed note.",
        body = String,
        content_type = "text/plain",
    )),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
async fn checkpoint(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let kept = app.store.latest_checkpoint().await?;
    let kept = kept.ok_or_else(|| Problem::not_found("checkpoint yet"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], kept.note))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OfReceipt {
    /// A receipt of this issuer, with or without a proof.
    #[param(max_length = 20000, pattern = "^[0-9A-Za-z_-]+$")]
    receipt: String,
}

/// Where a receipt stands in the journal.
#[derive(Serialize, ToSchema)]
#[schema(as = JournalProof)]
struct ProofBody {
    /// The receipt with the proof in it: verified without asking anybody.
    receipt: String,
    /// The position of its batch, from 1.
    position: u64,
    /// How many batches the checkpoint is about.
    size: u64,
    /// The signed note, which stands in the proof as well.
    checkpoint: String,
}

/// Prove that a receipt stands in the journal
///
/// The answer's receipt is the same one with the path from its record to the newest checkpoint.
#[utoipa::path(
    get,
    path = "/v1/journal/proof",
    operation_id = "get_journal_proof",
    tag = "Everyone",
    params(OfReceipt),
    responses((status = OK, description = "The proof.", body = ProofBody)),
    extensions(("x-errors" = json!(["404 not_found", "409 proof_not_ready"]))),
)]
async fn proof(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<ProofBody>, Problem> {
    let OfReceipt { receipt } = input::query(&uri)?;
    let proved = app.prove_receipt(&receipt).await.map_err(|error| match error {
        NotProved::NotOurs(error) => Problem::field("/receipt", error.to_string()),
        NotProved::Unknown => Problem::not_found("receipt in the journal"),
        NotProved::NotYet => {
            let detail = "No checkpoint is about this receipt yet. Ask again in some seconds.";
            Problem::new(StatusCode::CONFLICT, "proof_not_ready", Certainty::Retry, detail)
                .with_retry_after(RETRY_AFTER_SECONDS)
        }
        NotProved::Store(error) => error.into(),
    })?;
    let ProvedReceipt { receipt, position, checkpoint } = proved;
    Ok(Json(ProofBody {
        receipt: receipt.to_string(),
        position,
        size: checkpoint.size,
        checkpoint: checkpoint.note,
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Sizes {
    /// The size of a checkpoint that you kept.
    #[param(minimum = 1)]
    from: u64,
    /// The size of a newer one, at most the newest one's.
    #[param(minimum = 1)]
    to: u64,
}

/// That the journal of one size is the one of another, grown.
#[derive(Serialize, ToSchema)]
#[schema(as = JournalGrowth)]
struct GrowthBody {
    from: u64,
    to: u64,
    /// The consistency proof of RFC 6962, section 2.1.2: hashes of 32 bytes.
    #[schema(value_type = Vec<crate::http::openapi::schema::TreeHash>)]
    hashes: Vec<String>,
}

/// Prove that the journal only grew
///
/// Between two checkpoints. Whoever kept the older one sees that nothing in it was changed.
#[utoipa::path(
    get,
    path = "/v1/journal/consistency",
    operation_id = "get_journal_consistency",
    tag = "Everyone",
    params(Sizes),
    responses((status = OK, description = "The proof.", body = GrowthBody)),
)]
async fn growth(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<GrowthBody>, Problem> {
    let Sizes { from, to } = input::query(&uri)?;
    let size = app.store.latest_checkpoint().await?.map_or(0, |kept| kept.size);
    if from == 0 || from > to {
        return Err(Problem::field("/from", "from is at least 1 and at most to"));
    }
    if to > size {
        return Err(Problem::field("/to", format!("the newest checkpoint is of size {size}")));
    }
    let hashes = app.prove_growth(from, to).await?;
    let hashes = hashes.iter().map(|hash| base16ct::lower::encode_string(hash)).collect();
    Ok(Json(GrowthBody { from, to, hashes }))
}
