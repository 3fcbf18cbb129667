//! What is the same for every operation, added to all of them: who may call, the errors that
//! follow from an operation's form, the headers of answers.
//!
//! This works on the document as JSON. Handlers write down what is theirs and nothing else, so
//! the conventions stand here once.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::Audience;
use super::errors::{self, ErrorDoc};
use super::shape::{
    any_of_alternatives, collect_references, drop_what_is_not_used, no_null_in_requests,
    require_what_is_answered,
};

const ERRORS_FIELD: &str = "x-errors";
const PROBLEM: &str = "application/problem+json";

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Anyone,
    Merchant,
    Device,
    Operator,
}

/// Completes a document, and returns what in it cannot be right.
pub(super) fn complete(document: &mut Value, audience: Audience) -> Vec<String> {
    let (mut answered, mut faults) = (BTreeSet::new(), Vec::new());
    for (path, method, operation) in operations(document) {
        let at = format!("{method} {path}");
        let caller = caller(operation, &path, audience);
        let own = operation.remove(ERRORS_FIELD).unwrap_or_else(|| json!([]));
        let mut names = implied_errors(operation, caller, &method, &path);
        names.extend(own.as_array().into_iter().flatten().filter_map(Value::as_str));
        let errors = by_status(&names, |name| faults.push(format!("{at}: no error is {name}")));
        secure(operation, caller);
        no_null_in_requests(operation);
        let with_key = has_parameter(operation, "header", "Idempotency-Key");
        let Some(responses) = object(operation, "responses") else { continue };
        for (status, response) in responses.iter_mut() {
            collect_references(response, &mut answered);
            describe_headers(response, status, caller, with_key);
        }
        for (status, errors) in errors {
            let mut response = error_response(status, &errors, &path);
            describe_headers(&mut response, &status.to_string(), caller, with_key);
            if responses.insert(status.to_string(), response).is_some() {
                faults.push(format!("{at}: {status} is in x-errors and in responses"));
            }
        }
    }
    require_what_is_answered(document, answered);
    any_of_alternatives(document);
    drop_what_is_not_used(document);
    faults
}

/// Every operation: its path, its method, and what is written about it.
fn operations(
    document: &mut Value,
) -> impl Iterator<Item = (String, String, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    paths.into_iter().flatten().flat_map(|(path, item)| {
        let operations = item.as_object_mut().into_iter().flatten();
        operations.filter_map(|(method, operation)| {
            Some((path.clone(), method.to_uppercase(), operation.as_object_mut()?))
        })
    })
}

fn caller(operation: &Map<String, Value>, path: &str, audience: Audience) -> Caller {
    if operation.contains_key("security") {
        Caller::Merchant
    } else if path.starts_with("/v1/wallet/") {
        Caller::Device
    } else if audience == Audience::Operator && !matches!(path, "/livez" | "/readyz") {
        Caller::Operator
    } else {
        Caller::Anyone
    }
}

fn secure(operation: &mut Map<String, Value>, caller: Caller) {
    let requirement = match caller {
        Caller::Merchant => return,
        Caller::Anyone => json!([]),
        Caller::Device => json!([{ "device_signature": [] }]),
        Caller::Operator => json!([{ "operator_key": [] }]),
    };
    operation.insert("security".to_owned(), requirement);
}

/// The errors that follow from who calls an operation, and how.
fn implied_errors(
    operation: &Map<String, Value>,
    caller: Caller,
    method: &str,
    path: &str,
) -> Vec<&'static str> {
    let mut names = vec!["400 invalid_request", "500 internal", "504 timeout"];
    match caller {
        Caller::Anyone => {}
        Caller::Merchant => {
            names.extend(["401 unauthorized", "403 forbidden", "429 too_many_requests"]);
        }
        Caller::Device => {
            names.extend(["401 unauthorized", "a signature", "413 body_too_large"]);
            names.push("429 too_many_requests");
            if method != "GET" {
                names.push("401 signature_replayed");
            }
        }
        Caller::Operator => names.push("401 unauthorized"),
    }
    if operation.contains_key("requestBody") {
        names.push("413 body_too_large");
    }
    if path.contains('{') {
        names.push("404 not_found");
    }
    if has_parameter(operation, "header", "Idempotency-Key") {
        names.push("an idempotency key");
    }
    names
}

/// Errors by status, each once. What an operation says of one itself goes beyond what follows from
/// its form.
fn by_status(names: &[&str], mut unknown: impl FnMut(&str)) -> BTreeMap<u16, Vec<ErrorDoc>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorDoc>> = BTreeMap::new();
    for name in names {
        let found = errors::named(name);
        if found.is_empty() {
            unknown(name);
        }
        for error in found {
            let errors = by_status.entry(error.status).or_default();
            match errors.iter_mut().find(|known| known.code == error.code) {
                Some(known) if known.certainty.len() < error.certainty.len() => *known = error,
                Some(_) => {}
                None => errors.push(error),
            }
        }
    }
    by_status
}

fn error_response(status: u16, errors: &[ErrorDoc], path: &str) -> Value {
    let line = |error: &ErrorDoc| {
        let certainty: Vec<_> = error.certainty.iter().map(|name| format!("`{name}`")).collect();
        format!("- `{}` ({}): {}", error.code, certainty.join(" or "), error.when)
    };
    let description: Vec<_> = errors.iter().map(line).collect();
    let codes: Vec<_> = errors.iter().map(|error| error.code).collect();
    let certainties: BTreeSet<_> = errors.iter().flat_map(|error| error.certainty).collect();
    let examples: Map<_, _> = errors
        .iter()
        .map(|error| (error.code.to_owned(), json!({ "value": example(error, path) })))
        .collect();
    json!({
        "description": description.join("\n"),
        "content": { PROBLEM: {
            "schema": { "allOf": [{ "$ref": "#/components/schemas/Problem" }, { "properties": {
                "status": { "const": status },
                "code": { "enum": codes },
                "certainty": { "enum": certainties },
            } }] },
            "examples": examples,
        } },
    })
}

fn example(error: &ErrorDoc, path: &str) -> Value {
    let title = StatusCode::from_u16(error.status).ok();
    json!({
        "type": format!("urn:wallet:error:{}", error.code),
        "title": title.and_then(|status| status.canonical_reason()).unwrap_or("Error"),
        "status": error.status,
        "detail": error.when,
        "instance": path,
        "code": error.code,
        "certainty": error.certainty.first(),
        "request_id": "req_a07e7918dae0dcf63ce29a34",
    })
}

/// The headers of an answer.
fn describe_headers(response: &mut Value, status: &str, caller: Caller, with_key: bool) {
    let mut names = vec![("X-Request-Id", "RequestId")];
    let kept = status.starts_with('2') || matches!(status, "402" | "403" | "409" | "422");
    if with_key && kept {
        names.push(("Idempotent-Replayed", "Replayed"));
    }
    if matches!(status, "429" | "503") {
        names.push(("Retry-After", "RetryAfter"));
    }
    if status == "401" && caller != Caller::Device {
        names.push(("WWW-Authenticate", "Authenticate"));
    }
    let headers = response.as_object_mut().and_then(|response| object(response, "headers"));
    let Some(headers) = headers else { return };
    for (name, component) in names {
        let reference = json!({ "$ref": format!("#/components/headers/{component}") });
        headers.insert(name.to_owned(), reference);
    }
}

/// What [`describe_headers`] refers to.
pub(super) fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "The id of the request, as in the server's log.",
            "required": true,
            "schema": { "type": "string", "pattern": "^req_[0-9a-f]{24}$" },
        },
        "Replayed": {
            "description": "There, and `true`, if this was answered before, to the byte.",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "RetryAfter": {
            "description": "In how many seconds to try again.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "Authenticate": {
            "description": "How to say who calls.",
            "schema": { "type": "string", "enum": ["Bearer"] },
        },
    })
}

/// Whether an operation has a parameter.
fn has_parameter(operation: &Map<String, Value>, place: &str, name: &str) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let found = |parameter: &Value| parameter["in"] == place && parameter["name"] == name;
    parameters.is_some_and(|parameters| parameters.iter().any(found))
}

/// A field that is an object, made if it is not there.
fn object<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    fields.entry(name.to_owned()).or_insert_with(|| json!({})).as_object_mut()
}

/// The operations without a parameter in their query.
pub(super) fn without_query(document: &mut Value) -> BTreeSet<(String, String)> {
    operations(document)
        .filter(|(_, _, operation)| {
            let parameters = operation.get("parameters").and_then(Value::as_array);
            !parameters.into_iter().flatten().any(|parameter| parameter["in"] == "query")
        })
        .map(|(path, method, _)| (method, path))
        .collect()
}
