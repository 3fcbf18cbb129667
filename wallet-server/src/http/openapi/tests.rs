//! The documents are whole, and say what `docs/http-api.md` says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Audience, build, errors};
use crate::http::{operator_routes, public_routes, with_health};

/// Both documents.
fn documents() -> [Value; 2] {
    let public = with_health(public_routes()).into_openapi();
    let operator = with_health(operator_routes()).into_openapi();
    [(public, Audience::Public), (operator, Audience::Operator)].map(|(openapi, audience)| {
        let (document, faults) = build(openapi, audience);
        assert!(faults.is_empty(), "{faults:#?}");
        document
    })
}

/// Every operation of a document: its method and path, and what is written about it.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[test]
fn they_are_openapi_3_1_and_come_out_the_same_each_time() {
    let [public, operator] = documents();
    assert_eq!(
        documents().map(|document| document.to_string()),
        [public.to_string(), operator.to_string()]
    );
    for document in [public, operator] {
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn every_operation_is_explained() {
    let ids: Vec<Vec<String>> = documents()
        .iter()
        .map(|document| {
            let tags = document["tags"].as_array().unwrap();
            let tags: Vec<_> = tags.iter().map(|tag| &tag["name"]).collect();
            let mut ids = Vec::new();
            for (at, operation) in operations(document) {
                let summary = operation["summary"].as_str().unwrap_or_default();
                assert!(!summary.is_empty() && !summary.ends_with('.'), "{at}: {summary:?}");
                let tagged = operation["tags"].as_array().unwrap();
                assert!(tagged.len() == 1 && tags.contains(&&tagged[0]), "{at}: {tagged:?}");
                assert!(operation["security"].is_array(), "{at}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
                for (status, response) in responses {
                    let text = response["description"].as_str().unwrap_or_default();
                    assert!(!text.is_empty(), "{at}: {status}");
                }
                ids.push(operation["operationId"].as_str().unwrap().to_owned());
            }
            ids
        })
        .collect();
    for ids in ids {
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    for document in documents() {
        let mut names = BTreeSet::new();
        references(&document, &mut names);
        for name in &names {
            let pointer = name.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{name}");
        }
        for schema in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(names.contains(&format!("#/components/schemas/{schema}")), "{schema}");
        }
    }
}

fn references(value: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = value["$ref"].as_str() {
        names.insert(name.to_owned());
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| references(value, names)),
        Value::Object(fields) => fields.values().for_each(|value| references(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_body_that_is_read_refuses_unknown_fields() {
    for document in documents() {
        for (at, operation) in operations(&document) {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if operation["requestBody"].is_null() {
                continue;
            }
            let mut names = BTreeSet::new();
            references(schema, &mut names);
            assert_eq!(names.len(), 1, "{at}: {schema}");
            for name in names {
                let schema = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
                assert_eq!(schema["additionalProperties"], false, "{at}: {name}");
            }
        }
    }
}

/// The table of errors in the guide: which certainties a status and a code have.
fn guide() -> BTreeMap<(u16, String), BTreeSet<String>> {
    let guide = include_str!("../../../../docs/http-api.md");
    let mut rows = BTreeMap::<_, BTreeSet<String>>::new();
    for line in guide.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, status, codes, certainty, _, _] = cells[..] else { continue };
        let Ok(status) = status.parse() else { continue };
        for code in codes.split(',') {
            let code = code.trim().trim_matches('`').to_owned();
            rows.entry((status, code)).or_default().insert(certainty.to_owned());
        }
    }
    rows
}

#[test]
fn the_errors_are_those_of_the_guide() {
    let guide = guide();
    let documented: BTreeMap<_, _> = errors::all()
        .map(|error| ((error.status, error.code.to_owned()), error.certainty))
        .collect();
    let (there, here): (BTreeSet<_>, BTreeSet<_>) =
        (guide.keys().collect(), documented.keys().collect());
    assert_eq!(there, here, "docs/http-api.md and the documents");
    for (error, certainty) in documented {
        for said in &guide[&error] {
            assert!(certainty.contains(&said.as_str()), "{error:?}: {said}");
        }
    }
}

#[test]
fn every_error_is_some_operations() {
    let mut used = BTreeSet::new();
    for document in documents() {
        for (_, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let schema = &response["content"]["application/problem+json"]["schema"];
                let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
                for code in codes.into_iter().flatten() {
                    used.insert(format!("{status} {}", code.as_str().unwrap()));
                }
            }
        }
    }
    let all: BTreeSet<_> =
        errors::all().map(|error| format!("{} {}", error.status, error.code)).collect();
    // What is answered where there is no operation.
    let elsewhere = BTreeSet::from(["405 method_not_allowed".to_owned()]);
    assert_eq!(all.difference(&used).cloned().collect::<BTreeSet<_>>(), elsewhere);
}
