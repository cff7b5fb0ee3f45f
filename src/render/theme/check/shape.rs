//! What the data of a page looks like: which names there are, and what is below them.

use std::collections::BTreeMap;

use serde_json::Value;
use tera::{Kwargs, State, Tera};

use super::pages;
use crate::error::{Error, Result};
use crate::render::theme::asked::FileForms;
use crate::render::theme::check::fixture::Site;
use crate::render::theme::{PAGES, Parts};

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing: whatever is asked of it may be there.
    Any,
    /// A text, a number or a truth value.
    Plain,
    List(Box<Shape>),
    Map(BTreeMap<String, Shape>),
}

impl Shape {
    fn of(value: Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Plain,
            Value::Array(items) => {
                let items = items.into_iter().map(Self::of);
                Self::List(Box::new(items.reduce(Self::merge).unwrap_or(Self::Any)))
            }
            Value::Object(fields) => {
                Self::Map(fields.into_iter().map(|(key, value)| (key, Self::of(value))).collect())
            }
        }
    }

    /// What is known of a value that looks now like this, now like that. Null adds nothing.
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, shape) | (shape, Self::Any) => shape,
            (Self::Plain, Self::Plain) => Self::Plain,
            (Self::List(one), Self::List(other)) => Self::List(Box::new(one.merge(*other))),
            (Self::Map(mut fields), Self::Map(others)) => {
                for (key, other) in others {
                    let shape = match fields.remove(&key) {
                        Some(shape) => shape.merge(other),
                        None => other,
                    };
                    fields.insert(key, shape);
                }
                Self::Map(fields)
            }
            _ => Self::Any,
        }
    }
}

/// What each page gets, as far as these sites show it.
pub(super) fn of_pages(parts: &Parts, sites: &[Site]) -> Result<BTreeMap<&'static str, Shape>> {
    let broken = |error: &dyn std::fmt::Display| Error::config(format!("the fixture: {error}"));
    let mut tera = Tera::default();
    tera.register_filter("as_json", |value: tera::Value, _: Kwargs, _: &State| {
        serde_json::to_string(&value).map_err(tera::Error::message)
    });
    // Not the theme's own templates, but what they would get.
    tera.add_raw_templates(PAGES.map(|page| (page, "{{ __tera_context | as_json | safe }}")))
        .map_err(|error| broken(&error))?;
    let mut theme = parts.theme(tera, &BTreeMap::new())?;
    theme.file_forms = FileForms::ALL;
    let mut shapes: BTreeMap<&'static str, Shape> = BTreeMap::new();
    for site in sites {
        for page in pages(&theme, site) {
            let value = serde_json::from_slice(&page.html?).map_err(|error| broken(&error))?;
            let shape = Shape::of(value);
            let known = shapes.remove(page.template).unwrap_or(Shape::Any);
            shapes.insert(page.template, known.merge(shape));
        }
    }
    for shape in shapes.values_mut() {
        if let Shape::Map(fields) = shape {
            // Templates ask whether there is a file of some name: that is what it is for.
            fields.insert("assets".to_owned(), Shape::Any);
        }
    }
    Ok(shapes)
}
