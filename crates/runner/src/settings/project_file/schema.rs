//! The JSON schema of the project file, for editors. Made from the table that the parser uses.

use serde_json::{Map, Value, json};

use super::keys::{Object, ROOT, Shape};

/// The schema, draft 2020-12. Unknown keys don't fit it, so that editors flag them; the parser only warns.
pub(crate) fn schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = object(ROOT, &mut definitions);
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn object(spec: &Object, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in spec.keys {
        let mut value = shape(key.shape, definitions);
        if let Value::Object(map) = &mut value {
            map.insert("description".to_owned(), json!(key.about));
        }
        properties.insert(key.name.to_owned(), value);
    }
    let mut schema = json!({
        "title": spec.title,
        "description": spec.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Value::Object(map), false) = (&mut schema, spec.one_of.is_empty()) {
        let choices = spec.one_of.iter().map(|name| json!({ "required": [name] }));
        map.insert("oneOf".to_owned(), choices.collect());
    }
    schema
}

fn shape(shape: Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "null"] }),
        Shape::Names => json!({
            "type": ["array", "null"],
            "items": { "type": "string", "pattern": "^[^=]*[^=\\s][^=]*$" },
            "examples": [["GITHUB_TOKEN", "NPM_*"]],
        }),
        Shape::Duration => json!({
            "type": ["string", "number", "null"],
            "minimum": 0,
            "examples": [2, "500ms", "1m 30s"],
        }),
        Shape::Scalar(examples) => json!({
            "type": ["string", "number", "null"],
            "examples": examples,
        }),
        Shape::Count => json!({ "type": ["integer", "null"], "minimum": 1 }),
        Shape::Object(inner) => {
            let inner = reference(inner, definitions);
            json!({ "anyOf": [inner, { "type": "null" }] })
        }
        Shape::List(inner) => {
            let inner = reference(inner, definitions);
            json!({ "type": ["array", "null"], "items": inner })
        }
    }
}

fn reference(spec: &Object, definitions: &mut Map<String, Value>) -> Value {
    let definition = object(spec, definitions);
    definitions.insert(spec.title.to_owned(), definition);
    json!({ "$ref": format!("#/$defs/{}", spec.title) })
}
