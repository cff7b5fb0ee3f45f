//! A report as CI systems read it: JUnit XML.
//!
//! A package is a suite, a row is a case. Attributes and order are those of the schema that
//! Jenkins and GitLab read (<https://github.com/testmoapp/junitxml>).

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::first_line;
use crate::engine::text::clean;
use crate::run::{Ended, Outcome, OutcomeKind, Summary};

pub(super) const GENERATOR: &str = concat!("wheelsite-builder ", env!("CARGO_PKG_VERSION"));

type Xml = Writer<Vec<u8>>;

/// An XML document.
pub fn to_junit(summary: &Summary) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Nothing that is written to memory fails.
    let _ = document(&mut xml, summary);
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

fn document(xml: &mut Xml, summary: &Summary) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut suites: BTreeMap<&str, Vec<&Ended>> = BTreeMap::new();
    for ended in &summary.rows {
        suites.entry(ended.row.package.as_str()).or_default().push(ended);
    }
    let all: Vec<&Ended> = summary.rows.iter().collect();
    let counts = counts(&all);
    let mut root = xml.create_element("testsuites").with_attribute(("name", GENERATOR));
    for (name, value) in &counts {
        root = root.with_attribute((*name, &**value));
    }
    let root = root.with_attribute(("time", &*seconds(summary.time)));
    root.write_inner_content(|xml| {
        for (package, rows) in suites {
            suite(xml, package, &rows)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn suite(xml: &mut Xml, package: &str, rows: &[&Ended]) -> io::Result<()> {
    let time = rows.iter().map(|ended| ended.time).sum();
    let counts = counts(rows);
    let mut suite = xml.create_element("testsuite").with_attribute(("name", &*text(package)));
    for (name, value) in &counts {
        suite = suite.with_attribute((*name, &**value));
    }
    let suite = suite.with_attribute(("time", &*seconds(time)));
    suite.write_inner_content(|xml| rows.iter().try_for_each(|ended| case(xml, ended)))?;
    Ok(())
}

fn case(xml: &mut Xml, ended: &Ended) -> io::Result<()> {
    let case = xml
        .create_element("testcase")
        .with_attribute(("classname", &*text(ended.row.package.as_str())))
        .with_attribute(("name", &*text(&ended.row.id)))
        .with_attribute(("time", &*seconds(ended.time)));
    case.write_inner_content(|xml| {
        match &ended.outcome {
            Outcome::Made(made) => {
                let filename = made.wheel.file_name().unwrap_or_default().to_string_lossy();
                let size = made.size.to_string();
                let mut properties = vec![
                    ("wheel", text(&filename)),
                    ("sha256", text(&made.sha256)),
                    ("size", size),
                    ("from-earlier", made.from_earlier.to_string()),
                ];
                properties.extend(made.not_tested.iter().map(|what| ("not-tested", text(what))));
                xml.create_element("properties").write_inner_content(|xml| {
                    for (name, value) in &properties {
                        xml.create_element("property")
                            .with_attribute(("name", *name))
                            .with_attribute(("value", &**value))
                            .write_empty()?;
                    }
                    Ok(())
                })?;
            }
            Outcome::Failed(error) => {
                // What the row is not to blame for is an error, not a failure.
                let (tag, kind) = match error.exit_code() {
                    1 => ("failure", "failed"),
                    2 => ("error", "configuration"),
                    _ => ("error", "unreachable"),
                };
                let message = error.to_string();
                let mut body = message.lines().map(text).collect::<Vec<_>>().join("\n");
                if let Some(hint) = error.hint() {
                    body.push_str(&format!("\nhint: {}", text(&hint)));
                }
                xml.create_element(tag)
                    .with_attribute(("message", &*text(&first_line(&message, 300))))
                    .with_attribute(("type", kind))
                    .write_text_content(BytesText::new(&body))?;
            }
            Outcome::Interrupted | Outcome::NotStarted { .. } => {
                let reason = ended.reason().unwrap_or_default();
                xml.create_element("skipped")
                    .with_attribute(("message", &*text(&first_line(&reason, 300))))
                    .write_empty()?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// How many cases there are, and of which kinds.
fn counts(rows: &[&Ended]) -> [(&'static str, String); 4] {
    let count =
        |test: &dyn Fn(&Ended) -> bool| rows.iter().filter(|ended| test(ended)).count().to_string();
    let code = |ended: &Ended| match &ended.outcome {
        Outcome::Failed(error) => Some(error.exit_code()),
        _ => None,
    };
    let skipped = [OutcomeKind::Interrupted, OutcomeKind::NotStarted];
    [
        ("tests", rows.len().to_string()),
        ("failures", count(&|ended| code(ended) == Some(1))),
        ("errors", count(&|ended| code(ended).is_some_and(|code| code != 1))),
        ("skipped", count(&|ended| skipped.contains(&ended.kind()))),
    ]
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// A text without what XML 1.0 has no way to write.
fn text(text: &str) -> String {
    clean(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;

    use super::super::tests::summary;
    use super::*;
    use crate::error::Error;

    /// The names of all elements with their attributes, as a parser gives them back.
    fn parsed(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let mut elements = Vec::new();
        let mut depth = 0_u32;
        loop {
            let event = reader.read_event().expect("is well-formed");
            let element = match &event {
                Event::Eof => break,
                Event::Start(element) => {
                    depth += 1;
                    element
                }
                Event::Empty(element) => element,
                Event::End(_) => {
                    depth -= 1;
                    continue;
                }
                Event::Text(text) => {
                    let text = text.decode().expect("is UTF-8");
                    assert!(text.chars().all(is_allowed), "{text:?}");
                    continue;
                }
                _ => continue,
            };
            let attributes = element.attributes().map(|attribute| {
                let attribute = attribute.expect("is well-formed");
                let key = String::from_utf8(attribute.key.as_ref().to_vec()).expect("is text");
                let value = String::from_utf8(attribute.value.to_vec()).expect("is text");
                assert!(value.chars().all(is_allowed), "{value:?}");
                (key, quick_xml::escape::unescape(&value).expect("is escaped").into_owned())
            });
            let name = String::from_utf8(element.name().as_ref().to_vec()).expect("is text");
            elements.push((name, attributes.collect()));
        }
        assert_eq!(depth, 0);
        elements
    }

    /// `Char` of XML 1.0.
    fn is_allowed(char: char) -> bool {
        matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    }

    #[test]
    fn a_report_says_what_became_of_each_row() {
        let xml = to_junit(&summary());
        let elements = parsed(&xml);
        let (root, attributes) = &elements[0];
        assert_eq!(root, "testsuites");
        let counts = ["tests", "failures", "errors", "skipped", "time"];
        assert_eq!(counts.map(|name| &*attributes[name]), ["6", "1", "1", "2", "12000.000"]);
        let names = |tag: &str| elements.iter().filter(|(name, _)| name == tag).count();
        assert_eq!(
            ["testsuite", "testcase", "failure", "error", "skipped", "property"].map(names),
            [2, 6, 1, 1, 2, 10]
        );
        let (_, failure) = elements.iter().find(|(name, _)| name == "failure").expect("is there");
        assert_eq!(
            failure["message"],
            "stage `compile`: x.cu(3): error: a<b && \"c\" ]]> \\u{1b}[31m\\u{0}\u{fffd}"
        );
        assert!(xml.contains("hint: fix &lt;it&gt;</failure>"), "{xml}");
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites"));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_whole_document(message: String, hint: String, id: String) {
            let mut summary = summary();
            let mut row = (*summary.rows[0].row).clone();
            row.id.clone_from(&id);
            summary.rows[0].row = row.into();
            summary.rows[0].outcome = Outcome::Failed(Error::failed(&message, hint));
            let elements = parsed(&to_junit(&summary));
            let case = elements.iter().find(|(name, _)| name == "testcase").expect("is there");
            prop_assert_eq!(&case.1["name"], &text(&id));
        }
    }
}
