//! Statements as they are read: a page of rows is in memory, and nothing else.

use axum::body::Bytes;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::body::{CsvBody, End, Head, TotalsBody};
use super::csv;
use crate::http::transactions::TransactionBody;
use crate::service::Statement;
use crate::store::StoreError;

/// The rows of a statement, which leave their CSV's digest behind.
pub(super) struct Rows {
    statement: Statement,
    digest: Sha256,
    written: u64,
    bytes: u64,
}

/// Some rows.
pub(super) struct Page {
    rows: Vec<TransactionBody>,
    csv: String,
}

impl Rows {
    pub(super) fn new(statement: Statement) -> Self {
        let mut rows = Self { statement, digest: Sha256::new(), written: 0, bytes: 0 };
        rows.count(csv::HEADING);
        rows
    }

    fn count(&mut self, csv: &str) {
        self.digest.update(csv);
        // A length is no more than 64 bits.
        self.bytes = self.bytes.saturating_add(u64::try_from(csv.len()).unwrap_or(u64::MAX));
    }

    /// The next rows; none when all have been read.
    pub(super) async fn page(&mut self) -> Result<Option<Page>, StoreError> {
        let Some(transactions) = self.statement.page().await? else { return Ok(None) };
        let rows = transactions.into_iter().map(TransactionBody::new);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut csv = String::new();
        for row in &rows {
            csv::write(&mut csv, row);
            self.written = self.written.saturating_add(1);
        }
        self.count(&csv);
        Ok(Some(Page { rows, csv }))
    }

    /// What is behind the rows, once all have been read.
    pub(super) fn end(self) -> End {
        let totals = self.statement.totals().iter().map(TotalsBody::from).collect();
        let sha256 = base16ct::lower::encode_string(&self.digest.finalize());
        End { totals, csv: CsvBody { rows: self.written, bytes: self.bytes, sha256 } }
    }
}

/// The CSV.
pub(super) fn csv_stream(
    statement: Statement,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
    let heading = Some(Bytes::from_static(csv::HEADING.as_bytes()));
    stream::try_unfold((heading, Rows::new(statement)), async |(heading, mut rows)| {
        if let Some(heading) = heading {
            return Ok(Some((heading, (None, rows))));
        }
        let page = rows.page().await.inspect_err(broken)?;
        Ok(page.map(|page| (Bytes::from(page.csv), (None, rows))))
    })
}

/// What of the JSON comes next.
enum Next {
    Head(Head, Statement),
    Rows(Rows, bool),
    Nothing,
}

/// The JSON, with its fields in the order of [`StatementBody`](super::StatementBody).
pub(super) fn json_stream(
    head: Head,
    statement: Statement,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
    stream::try_unfold(Next::Head(head, statement), async |next| match next {
        Next::Head(head, statement) => {
            let mut text = open(&Beginning { object: "statement", head })?;
            text.push_str(",\"rows\":[");
            Ok(Some((Bytes::from(text), Next::Rows(Rows::new(statement), true))))
        }
        Next::Rows(mut rows, first) => {
            let Some(page) = rows.page().await.inspect_err(broken)? else {
                let text = format!("],{}", &serde_json::to_string(&rows.end())?[1..]);
                return Ok(Some((Bytes::from(text), Next::Nothing)));
            };
            let list = serde_json::to_string(&page.rows)?;
            let items = list.trim_start_matches('[').trim_end_matches(']');
            let text = format!("{}{items}", if first { "" } else { "," });
            Ok(Some((Bytes::from(text), Next::Rows(rows, false))))
        }
        Next::Nothing => Ok(None),
    })
}

#[derive(Serialize)]
struct Beginning {
    object: &'static str,
    #[serde(flatten)]
    head: Head,
}

/// An object that is not closed yet.
fn open(object: &impl Serialize) -> Result<String, StoreError> {
    let mut text = serde_json::to_string(object)?;
    text.truncate(text.len().saturating_sub(1));
    Ok(text)
}

/// The status has been sent: all that is left is to end the connection, which a client notices.
fn broken(error: &StoreError) {
    tracing::error!(%error, "a statement breaks off");
}
