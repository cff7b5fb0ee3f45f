//! Findings as annotations of GitHub Actions.
//!
//! Source: [workflow commands](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).

use crate::verify::{Severity, Verdict};

/// A line for each finding.
pub(super) fn annotations(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        for finding in &verdict.findings {
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
            let message = format!("{}{}", finding.message, hint.unwrap_or_default());
            text.push_str(&format!(
                "::{command} file={},title={}::{}\n",
                property(&verdict.location),
                property(finding.check),
                data(&message)
            ));
        }
    }
    text
}

/// Nothing of a foreign text may begin a line or end a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Finding;

    #[test]
    fn foreign_text_stays_in_its_place() {
        let finding = Finding {
            check: "name-mismatch",
            severity: Severity::Error,
            message: "a\n::error::b 100%".to_owned(),
            hint: Some("c".to_owned()),
        };
        let verdict = Verdict {
            filename: "x".to_owned(),
            location: "a,b:c/x.whl".to_owned(),
            accepted: false,
            depth: None,
            findings: vec![finding],
        };
        assert_eq!(
            annotations(&[verdict]),
            "::error file=a%2Cb%3Ac/x.whl,title=name-mismatch::a%0A::error::b 100%25%0Ahint: c\n"
        );
    }
}
