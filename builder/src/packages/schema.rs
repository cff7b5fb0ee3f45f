//! What editors are told: each value is a text of its own form.

use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::values::{EnvValue, Imports, Many, Parsed, TextOr, Words};
use super::{Options, PackagesConfig, RunsOn, Versions};

fn text() -> Schema {
    json_schema!({"type": "string"})
}

impl<T> JsonSchema for Parsed<T> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text()
    }
}

macro_rules! one_or_many {
    ($($name:ty),*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                "Texts".into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"oneOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}},
                ]})
            }
        }
    )*};
}
one_or_many!(Words);

impl<T> JsonSchema for Many<T> {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Words::json_schema(generator)
    }
}

impl JsonSchema for Imports {
    fn schema_name() -> Cow<'static, str> {
        "Imports".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [
            {"const": false},
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
        ]})
    }
}

impl JsonSchema for EnvValue {
    fn schema_name() -> Cow<'static, str> {
        "EnvValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"]})
    }
}

impl<T, M: JsonSchema> JsonSchema for TextOr<T, M> {
    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", M::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<M>();
        json_schema!({"oneOf": [{"type": ["string", "boolean"]}, map]})
    }
}

impl JsonSchema for RunsOn {
    fn schema_name() -> Cow<'static, str> {
        "RunsOn".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let labels = Words::json_schema(generator);
        json_schema!({"oneOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": labels},
        ]})
    }
}

impl JsonSchema for Versions {
    fn schema_name() -> Cow<'static, str> {
        "Versions".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let options = generator.subschema_for::<Option<Options>>();
        json_schema!({"oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": options},
        ]})
    }
}

#[test]
fn the_schema_is_fresh() {
    let schema = schemars::schema_for!(PackagesConfig);
    let expected = format!("{}\n", serde_json::to_string_pretty(&schema).expect("is JSON"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/packages.schema.json");
    if std::env::var_os("WHEELSITE_BLESS").is_some() {
        std::fs::write(&path, &expected).expect("writes");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "run `WHEELSITE_BLESS=1 cargo test the_schema_is_fresh`");
}
