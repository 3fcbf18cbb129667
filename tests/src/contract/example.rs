//! A value as a schema describes it, made from its examples.

use serde_json::{Map, Value};

use super::schema::{fits, resolve};

/// What texts without an example may be: the first that fits the pattern is taken.
const TEXTS: [&str; 12] = [
    "text",
    "12.50",
    "CNY",
    "135790",
    "123456",
    "2027-01-15T08:00:00Z",
    "2027-01-15",
    "07070707070707070707070707070707",
    "0707070707070707",
    "mei",
    "live",
    "automatic",
];

/// How deep a value may be: no body of ours is deeper.
const DEPTH_MAX: usize = 8;

/// A value that fits a schema, with every field that it may have.
#[must_use]
pub fn example(document: &Value, schema: &Value) -> Value {
    example_at(document, schema, 0)
}

fn example_at(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolve(document, schema);
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let given = [&schema["examples"][0], &schema["const"], &schema["enum"][0], &schema["default"]];
    if let Some(given) = given.into_iter().find(|value| !value.is_null()) {
        return given.clone();
    }
    let alternatives = ["oneOf", "anyOf"].into_iter().find_map(|name| schema[name].as_array());
    if let Some(alternatives) = alternatives {
        let something = alternatives.iter().find(|part| part["type"] != "null");
        return something.map_or(Value::Null, |part| example_at(document, part, depth + 1));
    }
    let is = |name: &str| {
        let types = &schema["type"];
        types == name || types.as_array().is_some_and(|types| types.iter().any(|it| it == name))
    };
    if is("object") || schema["allOf"].is_array() {
        return Value::Object(fields(document, schema, depth));
    }
    if is("array") {
        return Value::Array(vec![example_at(document, &schema["items"], depth + 1)]);
    }
    if is("string") {
        let pattern = schema["pattern"].as_str();
        let text = TEXTS.iter().find(|text| pattern.is_none_or(|pattern| fits(pattern, text)));
        return Value::from(*text.unwrap_or(&TEXTS[0]));
    }
    if is("integer") || is("number") {
        return if schema["minimum"].is_null() {
            Value::from(1)
        } else {
            schema["minimum"].clone()
        };
    }
    if is("boolean") { Value::Bool(true) } else { Value::Null }
}

fn fields(document: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let mut fields = Map::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Value::Object(more) = example_at(document, part, depth + 1) {
            fields.extend(more);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone(), example_at(document, field, depth + 1));
    }
    if schema["additionalProperties"].is_object() {
        let value = example_at(document, &schema["additionalProperties"], depth + 1);
        fields.insert("name".to_owned(), value);
    }
    fields
}
