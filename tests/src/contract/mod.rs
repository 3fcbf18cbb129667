//! The API's own description, against which every answer of every test is held: its status, its
//! error code, its headers and its body stand there, or the test fails.

mod example;
mod schema;

use std::sync::LazyLock;

use serde_json::Value;

use crate::Answer;
pub use example::example;

static PUBLIC: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&wallet_server::http::public_document()).unwrap());
static OPERATOR: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&wallet_server::http::operator_document()).unwrap());

/// An operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The document.
    pub document: &'a Value,
    /// The path, with its parameters in braces.
    pub path: &'a str,
    /// The method, in lower case.
    pub method: &'a str,
    /// What is written about it.
    pub body: &'a Value,
}

impl Operation<'_> {
    /// The names of its parameters that are sent in some place: `path`, `query` or `header`.
    #[must_use]
    pub fn parameters(&self, place: &str) -> Vec<&str> {
        let parameters = self.body["parameters"].as_array().into_iter().flatten();
        let there = parameters.filter(|parameter| parameter["in"] == place);
        there.filter_map(|parameter| parameter["name"].as_str()).collect()
    }

    /// The security scheme that it asks for, if any.
    #[must_use]
    pub fn security(&self) -> Option<&str> {
        let requirement = self.body["security"].get(0)?.as_object()?;
        requirement.keys().next().map(String::as_str)
    }
}

/// Every operation of a document.
pub fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    document["paths"].as_object().unwrap().iter().flat_map(move |(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, body)| Operation { document, path, method, body })
    })
}

/// What is wrong with an answer, if anything is.
pub(crate) fn fault(path: &str, answer: &Answer) -> Option<String> {
    let of_operator = path.starts_with("/v1/operator/") || path == "/metrics";
    let document = if of_operator { &OPERATOR } else { &PUBLIC };
    // A response does not know the method of its request: any of the path's may be meant.
    let here: Vec<_> =
        operations(document).filter(|operation| matches(operation.path, path)).collect();
    let exact = here.iter().any(|operation| operation.path == path);
    let here = here.into_iter().filter(|operation| !exact || operation.path == path);
    let status = answer.status.as_str();
    let responses: Vec<_> = here.map(|operation| &operation.body["responses"][status]).collect();
    let page = path == "/openapi.json" || path.starts_with("/docs");
    if page || status == "405" || answer.text("/detail") == "There is no such path." {
        return None;
    }
    if responses.is_empty() {
        return Some("there is no such operation".to_owned());
    }
    let mut faults = Vec::new();
    for response in responses.into_iter().filter(|response| !response.is_null()) {
        faults.push(response_fault(document, response, answer)?);
    }
    Some(faults.pop().unwrap_or_else(|| "no such status is described".to_owned()))
}

/// Whether a path is one of those that a path with parameters stands for.
fn matches(described: &str, path: &str) -> bool {
    let (mut left, mut right) = (described.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || name.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn response_fault(document: &Value, response: &Value, answer: &Answer) -> Option<String> {
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let header = schema::resolve(document, header);
        match answer.headers.get(name) {
            Some(value) => {
                let text = value.to_str().unwrap_or_default();
                let value = match text.parse::<i64>() {
                    Ok(number) if header["schema"]["type"] == "integer" => Value::from(number),
                    _ => Value::from(text),
                };
                if let Some(fault) = schema::fault(document, &header["schema"], &value, name) {
                    return Some(fault);
                }
            }
            None if header["required"] == true => return Some(format!("no header {name}")),
            None => {}
        }
    }
    let Some(content) = response["content"].as_object() else {
        return (!answer.text.is_empty()).then(|| "no body is described".to_owned());
    };
    let media_type = answer.media_type.split(';').next().unwrap_or_default();
    let Some(content) = content.get(media_type) else {
        return Some(format!("the media type {media_type} is not described"));
    };
    let text = Value::from(answer.text.as_str());
    let value = if media_type.ends_with("json") { &answer.json } else { &text };
    schema::fault(document, &content["schema"], value, "")
}
