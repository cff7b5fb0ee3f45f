//! The expressions of GitHub Actions, as far as our workflows use them.
//!
//! docs.github.com, Evaluate expressions in workflows and actions: what is loosely equal, what counts as
//! true, and that text is compared without regard to case.

use serde_json::{Map, Value};

/// What an expression can ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// `github`, `inputs`, `matrix`, `needs`, ...
    pub(super) values: Map<String, Value>,
    /// Whether something that came before has failed.
    pub(super) failed: bool,
}

impl Context {
    /// A text in which `${{ ... }}` may stand; as a whole it may be anything.
    pub(super) fn fill(&self, text: &str) -> Value {
        let trimmed = text.trim();
        if let Some(inner) = trimmed.strip_prefix("${{").and_then(|it| it.strip_suffix("}}"))
            && !inner.contains("${{")
        {
            return self.evaluate(inner);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (inner, after) = after.split_once("}}").expect("ends");
            filled.push_str(before);
            filled.push_str(&shown(&self.evaluate(inner)));
            rest = after;
        }
        Value::String(filled + rest)
    }

    /// As [`Context::fill`], as text.
    pub(super) fn text(&self, value: &Value) -> String {
        match value {
            Value::String(text) => shown(&self.fill(text)),
            other => shown(other),
        }
    }

    /// Whether something is to happen: where no status is asked for, only if nothing has failed.
    pub(super) fn holds(&self, condition: Option<&Value>) -> bool {
        let condition = condition.map_or_else(
            || "success()".to_owned(),
            |it| match it {
                Value::String(text) => text.clone(),
                other => shown(other),
            },
        );
        let asks = ["success()", "failure()", "always()", "cancelled()"];
        let asks = asks.iter().any(|status| condition.contains(status));
        let inner = condition.trim();
        let inner = inner.strip_prefix("${{").and_then(|it| it.strip_suffix("}}")).unwrap_or(inner);
        (asks || !self.failed) && is_true(&self.evaluate(inner))
    }

    fn evaluate(&self, text: &str) -> Value {
        let tokens = tokens(text);
        let mut parser = Parser { context: self, tokens: &tokens, at: 0 };
        let value = parser.or();
        assert_eq!(parser.at, tokens.len(), "`{text}` goes on");
        value
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = if let Some(quoted) = rest.strip_prefix('\'') {
            quoted.find('\'').expect("ends") + 2
        } else if ["==", "!=", "&&", "||", "<=", ">="].iter().any(|it| rest.starts_with(it)) {
            2
        } else if rest.starts_with(['!', '(', ')', '<', '>', ',']) {
            1
        } else {
            let word = |it: char| it.is_alphanumeric() || "._-".contains(it);
            let length = rest.find(|it| !word(it)).unwrap_or(rest.len());
            assert!(length > 0, "`{rest}` is nothing that an expression has");
            length
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'p> {
    context: &'p Context,
    tokens: &'p [String],
    at: usize,
}

impl Parser<'_> {
    fn next(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn takes(&mut self, token: &str) -> bool {
        let is = self.next() == token;
        self.at += usize::from(is);
        is
    }

    fn or(&mut self) -> Value {
        let mut left = self.and();
        while self.takes("||") {
            let right = self.and();
            left = if is_true(&left) { left } else { right };
        }
        left
    }

    fn and(&mut self) -> Value {
        let mut left = self.compared();
        while self.takes("&&") {
            let right = self.compared();
            left = if is_true(&left) { right } else { left };
        }
        left
    }

    fn compared(&mut self) -> Value {
        let left = self.single();
        for operator in ["==", "!=", "<", ">"] {
            if self.takes(operator) {
                let right = self.single();
                return Value::Bool(match operator {
                    "==" => equal(&left, &right),
                    "!=" => !equal(&left, &right),
                    "<" => number(&left) < number(&right),
                    _ => number(&left) > number(&right),
                });
            }
        }
        left
    }

    fn single(&mut self) -> Value {
        if self.takes("!") {
            return Value::Bool(!is_true(&self.single()));
        }
        if self.takes("(") {
            let value = self.or();
            assert!(self.takes(")"), "a parenthesis ends");
            return value;
        }
        let token = self.next().to_owned();
        self.at += 1;
        if self.takes("(") {
            let argument = if self.next() == ")" { Value::Null } else { self.or() };
            assert!(self.takes(")"), "`{token}` takes one argument");
            return match &*token {
                "always" => Value::Bool(true),
                "cancelled" => Value::Bool(false),
                "success" => Value::Bool(!self.context.failed),
                "failure" => Value::Bool(self.context.failed),
                "fromJSON" => serde_json::from_str(&shown(&argument)).expect("is JSON"),
                _ => panic!("`{token}` is a function that no workflow has used yet"),
            };
        }
        if let Some(text) = token.strip_prefix('\'') {
            return Value::String(text.trim_end_matches('\'').to_owned());
        }
        if let Ok(value) = serde_json::from_str(&token) {
            return value;
        }
        let mut value = Value::Object(self.context.values.clone());
        for name in token.split('.') {
            value = value.get(name).cloned().unwrap_or_default();
        }
        value
    }
}

/// As it becomes part of a text.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::String(text) => !text.is_empty(),
        Value::Number(_) => number(value) != 0.0,
        _ => true,
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) if text.is_empty() => 0.0,
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

#[expect(clippy::float_cmp, reason = "as GitHub compares")]
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.to_lowercase() == right.to_lowercase(),
        _ if left == right => true,
        _ => number(left) == number(right),
    }
}

#[test]
fn expressions_mean_what_they_mean_at_github() {
    let values = serde_json::json!({
        "needs": {"plan": {"outputs": {"rows": "2", "matrix": "{\"include\": []}"}, "result": "success"}},
        "inputs": {},
    });
    let values = values.as_object().expect("is one").clone();
    let context = Context { values, failed: false };
    for (text, value) in [
        ("${{ needs.plan.outputs.rows }}", serde_json::json!("2")),
        ("x-${{ needs.plan.outputs.rows }}-${{ inputs.nothing }}", "x-2-".into()),
        ("${{ fromJSON(needs.plan.outputs.matrix) }}", serde_json::json!({"include": []})),
        ("${{ needs.plan.outputs.rows != '0' }}", true.into()),
        ("${{ needs.plan.outputs.rows > 1 && inputs.part == '' }}", true.into()),
        ("${{ needs.plan.result == 'SUCCESS' && needs.build.result != 'skipped' }}", true.into()),
        ("${{ !cancelled() && (false || needs.plan.outputs.rows == 2) }}", true.into()),
    ] {
        assert_eq!(context.fill(text), value, "{text}");
    }
    let failed = Context { failed: true, ..context };
    assert!(!failed.holds(None));
    assert!(!failed.holds(Some(&"${{ needs.plan.outputs.rows != '0' }}".into())));
    assert!(failed.holds(Some(&"${{ always() }}".into())));
}
