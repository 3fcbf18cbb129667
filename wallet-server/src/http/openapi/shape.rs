//! The schemas of a document, made to say what the server does.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A query string has no null, and neither is a body one: what is optional is left out.
pub(super) fn no_null_in_requests(operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        parameter.get_mut("schema").map(not_null);
    }
    let content = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
    for content in content.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        content.get_mut("schema").map(not_null);
    }
}

fn not_null(schema: &mut Value) {
    if let Some(types) = schema.get("type").and_then(Value::as_array) {
        let other = types.iter().find(|name| *name != "null").cloned();
        schema["type"] = other.unwrap_or_default();
    } else if let Some(schemas) = schema.get("oneOf").and_then(Value::as_array) {
        let other = schemas.iter().find(|schema| schema["type"] != "null").cloned();
        *schema = other.unwrap_or_default();
    }
}

/// An answer has all of its fields; a field without a value is null. Only what is left out when
/// there is none, and is never null, may be missing.
pub(super) fn require_what_is_answered(document: &mut Value, answered: BTreeSet<String>) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
    else {
        return;
    };
    let (mut waiting, mut done) = (answered, BTreeSet::new());
    while let Some(name) = waiting.pop_first() {
        let Some(schema) = schemas.get_mut(&name) else { continue };
        require_fields(schema);
        done.insert(name);
        collect_references(schema, &mut waiting);
        waiting.retain(|name| !done.contains(name));
    }
}

fn require_fields(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(require_fields),
        Value::Object(fields) => {
            fields.values_mut().for_each(require_fields);
            let Some(properties) = fields.get("properties").and_then(Value::as_object) else {
                return;
            };
            let required = fields.get("required").cloned().unwrap_or_default();
            let named = |name: &String| {
                required.as_array().is_some_and(|names| names.iter().any(|known| known == name))
            };
            let all = properties
                .iter()
                .filter(|(name, property)| named(name) || may_be_null(property))
                .map(|(name, _)| json!(name));
            let all: Vec<_> = all.collect();
            fields.insert("required".to_owned(), all.into());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn may_be_null(schema: &Value) -> bool {
    let null = |value: &Value| value == "null";
    let type_is_null = |schema: &Value| {
        let name = &schema["type"];
        null(name) || name.as_array().is_some_and(|names| names.iter().any(null))
    };
    let any = schema["oneOf"].as_array();
    type_is_null(schema) || any.is_some_and(|schemas| schemas.iter().any(type_is_null))
}

/// An answer may fit more than one alternative; only null excludes the others.
pub(super) fn any_of_alternatives(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(any_of_alternatives),
        Value::Object(fields) => {
            fields.values_mut().for_each(any_of_alternatives);
            let alternatives = fields.get("oneOf").and_then(Value::as_array);
            let null = |schema: &Value| schema["type"] == "null";
            if alternatives.is_some_and(|schemas| !schemas.iter().any(null)) {
                let alternatives = fields.remove("oneOf").unwrap_or_default();
                fields.insert("anyOf".to_owned(), alternatives);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(super) fn drop_what_is_not_used(document: &mut Value) {
    let mut used = BTreeSet::new();
    collect_references(document, &mut used);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        schemas.retain(|name, _| used.contains(name));
    }
}

/// The names of the schemas that are referred to.
pub(super) fn collect_references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, names)),
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            let name = reference.and_then(|text| text.strip_prefix("#/components/schemas/"));
            names.extend(name.map(str::to_owned));
            fields.values().for_each(|value| collect_references(value, names));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
