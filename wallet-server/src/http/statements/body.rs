//! Statements in answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::statement::{Sum, Totals};
use crate::http::openapi::schema::{self, kind};
use crate::http::transactions::TransactionBody;

/// Whose day it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatementHead)]
pub(super) struct Head {
    #[schema(value_type = schema::Date)]
    pub(super) date: String,
    #[schema(value_type = schema::Mode)]
    pub(super) mode: &'static str,
    /// In which days begin and end.
    #[schema(examples("Asia/Shanghai"))]
    pub(super) time_zone: String,
}

/// What moved on a day. It is written as it is read, in the order of these fields.
#[derive(Serialize, ToSchema)]
#[schema(as = Statement)]
pub(super) struct StatementBody {
    #[schema(schema_with = kind::statement)]
    pub(super) object: &'static str,
    #[serde(flatten)]
    pub(super) head: Head,
    /// Oldest first.
    pub(super) rows: Vec<TransactionBody>,
    #[serde(flatten)]
    pub(super) end: End,
}

/// The totals of a statement.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementTotals)]
pub(super) struct StatementTotalsBody {
    #[schema(schema_with = kind::statement_totals)]
    pub(super) object: &'static str,
    #[serde(flatten)]
    pub(super) head: Head,
    #[serde(flatten)]
    pub(super) end: End,
}

/// What comes behind the rows.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatementEnd)]
pub(super) struct End {
    /// In each currency of the merchant.
    pub(super) totals: Vec<TotalsBody>,
    pub(super) csv: CsvBody,
}

/// The totals in one currency: the closing balance is the opening one and the net.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CurrencyTotals)]
pub(super) struct TotalsBody {
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// Before the day.
    #[schema(value_type = schema::SignedAmount)]
    opening_balance: String,
    #[serde(flatten)]
    all: SumBody,
    /// After the day.
    #[schema(value_type = schema::SignedAmount)]
    closing_balance: String,
    /// The same by what happened.
    types: Vec<TypeBody>,
}

/// Movements of one type, added up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TypeTotals)]
struct TypeBody {
    #[schema(value_type = schema::EventType)]
    r#type: String,
    #[serde(flatten)]
    sum: SumBody,
}

/// Movements added up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MovementTotals)]
struct SumBody {
    /// How many.
    count: u64,
    #[schema(value_type = schema::SignedAmount)]
    gross: String,
    #[schema(value_type = schema::SignedAmount)]
    fee: String,
    #[schema(value_type = schema::SignedAmount)]
    net: String,
}

/// The statement as CSV.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatementCsv)]
pub(super) struct CsvBody {
    /// How many, without the heading.
    pub(super) rows: u64,
    /// How long it is.
    pub(super) bytes: u64,
    /// Over all of its bytes, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) sha256: String,
}

impl From<&Totals> for TotalsBody {
    fn from(totals: &Totals) -> Self {
        let types = totals
            .by_type
            .iter()
            .map(|(name, sum)| TypeBody { r#type: name.clone(), sum: SumBody::from(*sum) });
        Self {
            currency: totals.opening.currency().code(),
            opening_balance: totals.opening.amount_text(),
            all: SumBody::from(totals.all),
            closing_balance: totals.closing.amount_text(),
            types: types.collect(),
        }
    }
}

impl From<Sum> for SumBody {
    fn from(Sum { count, gross, fee, net }: Sum) -> Self {
        Self { count, gross: gross.amount_text(), fee: fee.amount_text(), net: net.amount_text() }
    }
}
