//! Reading requests: strict, and with an error that names the field.

use std::error::Error;
use std::time::Duration;

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};
use wallet_core::{Currency, Mode, Money, PositiveMoney, Timestamp};

use super::object::Object;
use super::problem::{Certainty, Problem};
use axum::http::StatusCode;

/// The longest idempotency key; the draft standard asks for no more than this.
pub(super) const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;
/// The most rows on a page, and how many there are when nobody says.
const PAGE_SIZE_MAX: usize = 100;
const PAGE_SIZE_DEFAULT: usize = 20;

/// Reads a JSON body, which is an object. Unknown fields are refused by the types.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::field(&pointer, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| Problem::field("", error.to_string()))?;
    Ok(value)
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Reads the query string.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::try_from_uri(uri).map(|Query(value)| value).map_err(|rejection| {
        // Somewhere in what axum wraps is the error that knows which parameter is meant.
        let mut error = rejection.source();
        while let Some(wrapping) = error.filter(|error| !error.is::<AtPath>()) {
            error = wrapping.source();
        }
        let error = error.and_then(|error| error.downcast_ref::<AtPath>());
        error.map_or_else(
            || Problem::field("", rejection.body_text()),
            |error| Problem::field(&pointer(error.path()), error.inner().to_string()),
        )
    })
}

/// What is wrong with a query string, and where.
type AtPath = serde_path_to_error::Error<serde::de::value::Error>;

/// The idempotency key that every request that moves money must bring.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || {
        let detail = "Send an Idempotency-Key header: 1 to 255 visible ASCII characters, \
                      the same when you repeat the request, another one for every new request.";
        Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_missing", Certainty::Retry, detail)
    };
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        (Some(key), None)
            if (1..=IDEMPOTENCY_KEY_LENGTH_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(key.to_owned())
        }
        _ => Err(missing()),
    }
}

/// Nothing: an empty object.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// A body that has nothing to say: none, or an empty object.
pub(super) fn nothing(body: &[u8]) -> Result<(), Problem> {
    if body.is_empty() { Ok(()) } else { json::<Nothing>(body).map(drop) }
}

/// The longest wait: shorter than what proxies cut off, which is 30 s and more.
const WAIT_SECONDS_MAX: u64 = 25;

/// How long a request may be kept open until something happens.
pub(super) fn wait(seconds: Option<u64>) -> Result<Duration, Problem> {
    let seconds = seconds.unwrap_or(0);
    if seconds > WAIT_SECONDS_MAX {
        return Err(Problem::field("/wait", format!("wait is at most {WAIT_SECONDS_MAX} seconds")));
    }
    Ok(Duration::from_secs(seconds))
}

/// An amount and its currency; more than zero.
pub(super) fn amount(amount: &str, currency: &str) -> Result<PositiveMoney, Problem> {
    let currency = Currency::from_code(currency)
        .map_err(|error| Problem::field("/currency", error.to_string()))?;
    Money::parse(amount, currency)
        .and_then(PositiveMoney::new)
        .map_err(|error| Problem::field("/amount", error.to_string()))
}

/// An amount that may be left out, together with its currency.
pub(super) fn optional_amount(
    amount: Option<&str>,
    currency: Option<&str>,
) -> Result<Option<PositiveMoney>, Problem> {
    match (amount, currency) {
        (None, None) => Ok(None),
        (Some(text), Some(code)) => self::amount(text, code).map(Some),
        (None, Some(_)) => Err(Problem::field("/amount", "amount and currency go together")),
        (Some(_), None) => Err(Problem::field("/currency", "amount and currency go together")),
    }
}

/// A moment in a query: RFC 3339.
pub(super) fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = |text: &str| {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp::from_unix_millis(instant.as_millisecond()))
    };
    let wrong = || Problem::field(&format!("/{name}"), "a time such as 2026-11-22T12:00:00Z");
    text.map(|text| read(text).ok_or_else(wrong)).transpose()
}

/// A text of some characters, none of which is a control character.
pub(super) fn text(pointer: &str, text: &str, length_max: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if length == 0 || length > length_max || text.chars().any(char::is_control) {
        let detail = format!("1 to {length_max} characters, no control characters");
        return Err(Problem::field(pointer, detail));
    }
    Ok(())
}

/// The type of an event in a query, as `payment.succeeded`; there may be none of it.
pub(super) fn event_type(name: Option<&str>) -> Result<(), Problem> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_type = |name: &str| {
        name.split_once('.').is_some_and(|(kind, state)| is_word(kind) && is_word(state))
    };
    let wrong = || Problem::field("/type", "the type of an event, such as payment.succeeded");
    if name.is_none_or(is_type) { Ok(()) } else { Err(wrong()) }
}

/// A mode; live when nothing is said.
pub(super) fn mode(name: Option<&str>) -> Result<Mode, Problem> {
    name.map_or(Some(Mode::Live), Mode::from_name)
        .ok_or_else(|| Problem::field("/mode", "live or test"))
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// How many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// What it looks like is said by each list.
    #[param(ignore)]
    pub(super) after: Option<String>,
}

impl Page {
    /// How many rows.
    pub(super) fn size(&self) -> Result<usize, Problem> {
        page_size(self.limit)
    }
}

/// How many rows on a page.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    let size = limit.unwrap_or(PAGE_SIZE_DEFAULT);
    if (1..=PAGE_SIZE_MAX).contains(&size) {
        Ok(size)
    } else {
        Err(Problem::field("/limit", format!("limit is 1 to {PAGE_SIZE_MAX}")))
    }
}

/// A cursor that this server wrote before.
pub(super) fn cursor<T>(
    after: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    after
        .map(|after| {
            read(after)
                .ok_or_else(|| Problem::field("/after", "after is not a cursor of this list"))
        })
        .transpose()
}
