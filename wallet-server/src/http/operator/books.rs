//! What an auditor asks for: the trial balance, and the entries of one movement.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wallet_core::Money;

use crate::domain::ids::{
    ClaimId, EnvelopeId, PayerTransferId, PaymentId, PayoutId, RefundId, SuspenseId, TopUpId,
    WithdrawalId,
};
use crate::domain::ledger::AccountKind;
use crate::http::input;
use crate::http::openapi::schema;
use crate::http::problem::Problem;
use crate::http::time::rfc3339;
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(trial_balance)).routes(routes!(entries))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ModeQuery {
    /// `live` unless said otherwise.
    #[param(value_type = Option<schema::Mode>)]
    mode: Option<String>,
}

/// The sum of each kind of account.
#[derive(Serialize, ToSchema)]
#[schema(as = TrialBalance)]
struct TrialBalanceBody {
    #[schema(value_type = schema::Mode)]
    mode: &'static str,
    accounts: Vec<AccountBody>,
    totals: Vec<TotalBody>,
}

/// The sum of a kind of account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountSum)]
struct AccountBody {
    /// The kind.
    account: &'static str,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = schema::Amount)]
    debit: String,
    #[schema(value_type = schema::Amount)]
    credit: String,
}

/// The sum of a currency.
#[derive(Serialize, ToSchema)]
#[schema(as = TotalSum)]
struct TotalBody {
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = schema::Amount)]
    debit: String,
    #[schema(value_type = schema::Amount)]
    credit: String,
    /// Whether they are equal.
    balanced: bool,
}

/// A signed amount as a debit and a credit, of which one is nothing.
fn sides(amount: Money) -> (Money, Money) {
    let nothing = Money::zero(amount.currency());
    if amount.is_positive() {
        (nothing, amount)
    } else {
        (nothing.checked_sub(amount).unwrap_or(nothing), nothing)
    }
}

/// What a kind of account is called where all of its accounts are added up.
fn plural(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Payer => "payers",
        AccountKind::Merchant => "merchants",
        AccountKind::Fees => "fees",
        AccountKind::Suspense => "suspense",
        AccountKind::Bank => "bank",
    }
}

/// The trial balance
///
/// The sum of each kind of account, and whether debits equal credits.
#[utoipa::path(
    get,
    path = "/v1/operator/trial_balance",
    operation_id = "get_trial_balance",
    tag = "Books",
    params(ModeQuery),
    responses((status = OK, description = "It.", body = TrialBalanceBody)),
)]
async fn trial_balance(
    State(app): State<Arc<App>>,
    uri: Uri,
) -> Result<Json<TrialBalanceBody>, Problem> {
    let query: ModeQuery = input::query(&uri)?;
    let mode = input::mode(query.mode.as_deref())?;
    let kinds = app.store.trial_balance(mode).await?;
    let mut totals: BTreeMap<_, (Money, Money)> = BTreeMap::new();
    let mut accounts = Vec::with_capacity(kinds.len());
    for (kind, balance) in kinds {
        let (debit, credit) = sides(balance);
        let currency = balance.currency();
        let nothing = (Money::zero(currency), Money::zero(currency));
        let total = totals.entry(currency).or_insert(nothing);
        let overflow = |_| crate::store::StoreError::Corrupt("the trial balance overflows");
        total.0 = total.0.checked_add(debit).map_err(overflow)?;
        total.1 = total.1.checked_add(credit).map_err(overflow)?;
        accounts.push(AccountBody {
            account: plural(kind),
            currency: currency.code(),
            debit: debit.amount_text(),
            credit: credit.amount_text(),
        });
    }
    let totals = totals.into_iter().map(|(currency, (debit, credit))| TotalBody {
        currency: currency.code(),
        debit: debit.amount_text(),
        credit: credit.amount_text(),
        balanced: debit == credit,
    });
    Ok(Json(TrialBalanceBody { mode: mode.as_str(), accounts, totals: totals.collect() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EntriesQuery {
    /// The id of what moved money.
    #[param(pattern = "^(pay|ref|sus|top|ptr|wdr|env|clm|po)_[0-9a-f]{32}$")]
    subject: String,
}

/// The entries of one movement.
#[derive(Serialize, ToSchema)]
#[schema(as = Entries)]
struct EntriesBody {
    data: Vec<EntryBody>,
}

/// An entry of the ledger.
#[derive(Serialize, ToSchema)]
#[schema(as = Entry)]
struct EntryBody {
    #[schema(value_type = schema::TransferId)]
    transfer: String,
    /// The kind of account.
    account: &'static str,
    #[schema(value_type = schema::AccountId)]
    account_id: String,
    /// Which part of the account.
    bucket: String,
    #[schema(value_type = schema::Amount)]
    debit: String,
    #[schema(value_type = schema::Amount)]
    credit: String,
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    #[schema(value_type = schema::Time)]
    created_at: String,
}

/// The bytes of whatever id has entries.
fn subject(text: &str) -> Option<[u8; 16]> {
    PaymentId::parse(text)
        .map(|id| *id.as_bytes())
        .or_else(|| TopUpId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| PayerTransferId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| WithdrawalId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| EnvelopeId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| RefundId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| SuspenseId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| ClaimId::parse(text).map(|id| *id.as_bytes()))
        .or_else(|| PayoutId::parse(text).map(|id| *id.as_bytes()))
}

/// The entries of one movement
///
/// Of a payment, a top-up, a transfer between payers, a withdrawal, an envelope, a claim or a payout.
#[utoipa::path(
    get,
    path = "/v1/operator/entries",
    operation_id = "list_entries",
    tag = "Books",
    params(EntriesQuery),
    responses((status = OK, description = "All of them.", body = EntriesBody)),
    extensions(("x-errors" = json!(["404 not_found"]))),
)]
async fn entries(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<EntriesBody>, Problem> {
    let query: EntriesQuery = input::query(&uri)?;
    let subject = subject(&query.subject).ok_or_else(|| Problem::not_found("movement"))?;
    let lines = app.store.entries(subject).await?;
    let data = lines.into_iter().map(|line| {
        let (debit, credit) = sides(line.amount);
        EntryBody {
            transfer: line.transfer.to_string(),
            account: line.kind.as_str(),
            account_id: line.account.to_string(),
            bucket: line.bucket,
            debit: debit.amount_text(),
            credit: credit.amount_text(),
            currency: line.amount.currency().code(),
            created_at: rfc3339(line.committed_at),
        }
    });
    Ok(Json(EntriesBody { data: data.collect() }))
}
