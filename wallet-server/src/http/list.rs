//! Lists: a page, whether there is more, and where it goes on.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T: ToSchema> {
    data: Vec<T>,
    /// Whether there is another page. It may be empty where only some of what there is are listed.
    has_more: bool,
    /// The `after` of the next page.
    next: Option<String>,
}

impl<T: ToSchema> List<T> {
    /// A page of rows that were asked for with one more than fits, to see whether there is more.
    pub(super) fn page<Row>(
        mut rows: Vec<Row>,
        size: usize,
        cursor: impl Fn(&Row) -> String,
        body: impl Fn(Row) -> T,
    ) -> Self {
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| has_more).map(cursor);
        Self { data: rows.into_iter().map(body).collect(), has_more, next }
    }

    /// A page that goes on at a place that is known otherwise.
    pub(super) fn part(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, has_more: next.is_some(), next }
    }
}
