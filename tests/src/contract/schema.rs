//! As much of JSON Schema as the documents use.
//!
//! Stricter in one point: a field that is not described is a fault, so that nothing is answered
//! that nobody wrote down.

use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::Value;

/// What a reference leads to; itself if it is none.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap(),
        None => value,
    }
}

/// What in a value is not as the schema says, if anything.
pub(super) fn fault(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let fields = value.as_object().into_iter().flatten();
    let described = properties(document, schema);
    let unknown =
        described.map(|names| fields.map(|(name, _)| name).find(|it| !names.contains(*it)));
    if let Some(Some(name)) = unknown {
        return Some(format!("{at}/{name} is not described"));
    }
    mismatch(document, schema, value, at)
}

/// The fields that an object may have; none if it may have any, or is no object.
fn properties(document: &Value, schema: &Value) -> Option<BTreeSet<String>> {
    let schema = resolve(document, schema);
    let mut names = BTreeSet::new();
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema[keyword].as_array().into_iter().flatten() {
            names.extend(properties(document, part).unwrap_or_default());
        }
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    names.extend(own.map(|(name, _)| name.clone()));
    (!names.is_empty() && !schema["additionalProperties"].is_object()).then_some(names)
}

fn mismatch(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = resolve(document, schema);
    let wrong = |what: &str| Some(format!("{at} is not {what}: {value}"));
    if !has_type(&schema["type"], value) {
        return wrong(&schema["type"].to_string());
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return wrong(&schema["const"].to_string());
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        return wrong(&schema["enum"].to_string());
    }
    let fault = match value {
        Value::String(text) => text_mismatch(schema, text),
        Value::Number(number) => {
            let bound = |name: &str| schema[name].as_f64();
            let number = number.as_f64().unwrap();
            let low = bound("minimum").is_some_and(|least| number < least);
            let high = bound("maximum").is_some_and(|most| number > most);
            (low || high).then(|| "in its bounds".to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if let Some(what) = fault {
        return wrong(&what);
    }
    parts_mismatch(document, schema, value, at).or_else(|| {
        let mut parts = schema["allOf"].as_array().into_iter().flatten();
        parts.find_map(|part| mismatch(document, part, value, at))
    })
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn text_mismatch(schema: &Value, text: &str) -> Option<String> {
    let length = u64::try_from(text.chars().count()).unwrap();
    let short = schema["minLength"].as_u64().is_some_and(|least| length < least);
    let long = schema["maxLength"].as_u64().is_some_and(|most| length > most);
    if short || long {
        return Some("of a length that is described".to_owned());
    }
    if schema["format"] == "date-time" && !fits("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$", text) {
        return Some("a time".to_owned());
    }
    let pattern = schema["pattern"].as_str().filter(|pattern| !fits(pattern, text));
    pattern.map(str::to_owned)
}

/// Whether a text fits a pattern; each pattern is compiled once.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap());
    regex.is_match(text)
}

/// What is not right inside an object or an array, or with every alternative.
fn parts_mismatch(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(fields) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                return Some(format!("{at} has no field {name}"));
            }
        }
        for (name, field) in fields {
            let described = schema["properties"].get(name);
            let others = Some(&schema["additionalProperties"]).filter(|others| others.is_object());
            if let Some(described) = described.or(others)
                && let Some(fault) = fault(document, described, field, &format!("{at}/{name}"))
            {
                return Some(fault);
            }
        }
    }
    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
        if !schema["items"].is_null()
            && let Some(fault) =
                fault(document, &schema["items"], item, &format!("{at}/{position}"))
        {
            return Some(fault);
        }
    }
    for (keyword, most) in [("oneOf", 1), ("anyOf", usize::MAX)] {
        let Some(parts) = schema[keyword].as_array() else { continue };
        let faults: Vec<_> =
            parts.iter().filter_map(|part| mismatch(document, part, value, at)).collect();
        let fitting = parts.len() - faults.len();
        if fitting == 0 || fitting > most {
            return Some(format!("{at} fits {fitting} of {keyword}: {}", faults.join("; ")));
        }
    }
    None
}
