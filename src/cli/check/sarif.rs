//! Findings as SARIF 2.1.0.
//!
//! Source: [SARIF](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) (OASIS).

use serde_json::{Value, json};

use crate::verify::{CHECKS, Check, Finding, Severity, Verdict};

/// The whole log: one run, every check as a rule, every finding as a result.
pub(super) fn log(verdicts: &[Verdict]) -> Value {
    let rules: Vec<Value> = CHECKS.iter().map(|check| rule(check)).collect();
    let results: Vec<Value> = verdicts
        .iter()
        .flat_map(|verdict| verdict.findings.iter().map(|finding| result(verdict, finding)))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "wheelsite",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(check: &Check) -> Value {
    json!({
        "id": check.id,
        "shortDescription": {"text": check.reason},
        "help": {"text": format!("Source: {}", check.source)},
        "defaultConfiguration": {"level": level(check.severity)},
    })
}

fn result(verdict: &Verdict, finding: &Finding) -> Value {
    let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    json!({
        "ruleId": finding.check,
        "ruleIndex": CHECKS.iter().position(|check| check.id == finding.check),
        "level": level(finding.severity),
        "message": {"text": format!("{}{hint}", finding.message)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(&verdict.location)}},
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a URI reference.
fn uri(location: &str) -> String {
    let mut uri = String::with_capacity(location.len());
    for byte in location.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
