//! A project's long description as HTML that can do no harm.

use std::collections::HashSet;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::markup::push_html;

/// A longer description is shown as text: rendering it would take longer than reading it.
const MAX_MARKDOWN: usize = 256 * 1024;
/// More quotes, lists or tags within each other take time that grows with their square.
const MAX_DEPTH: usize = 100;
/// More tags than this are nested by somebody who means harm.
const MAX_TAGS: usize = 5_000;

/// Renders a description: Markdown by its content type, anything else as text.
///
/// The HTML is sanitized: no script, style, frame, form or event handler, and no
/// link but `http`, `https` and `mailto`, can come from a wheel. Pictures are replaced by the
/// texts that stand for them.
pub fn to_html(text: &str, content_type: Option<&str>) -> String {
    let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("text/markdown"))
        && is_harmless(text)
    {
        return markdown(text);
    }
    let mut out = b"<pre class=\"plain\">".to_vec();
    push_html(&mut out, text);
    out.extend_from_slice(b"</pre>");
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether rendering takes time that grows with the length only.
fn is_harmless(text: &str) -> bool {
    let marks = |line: &str| {
        let start = line.bytes().take_while(|byte| b"> \t*+-.)0123456789".contains(byte));
        start.filter(|byte| b">*+".contains(byte)).count()
    };
    text.len() <= MAX_MARKDOWN
        && text.bytes().filter(|byte| *byte == b'<').count() <= MAX_TAGS
        && !text.contains(&"- ".repeat(MAX_DEPTH))
        && text.lines().all(|line| marks(line) <= MAX_DEPTH)
}

fn markdown(text: &str) -> String {
    let extensions = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut html = String::with_capacity(text.len() * 2);
    // A picture would ask another host for itself: what it shows stands between these.
    let is_picture = |event: &Event<'_>| {
        matches!(event, Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image))
    };
    let events = Parser::new_ext(text, extensions).filter(|event| !is_picture(event));
    pulldown_cmark::html::push_html(&mut html, events);
    ammonia::Builder::default()
        .rm_tags(["img"])
        // What may have to be scrolled can be reached with the keyboard.
        .set_tag_attribute_value("pre", "tabindex", "0")
        .set_tag_attribute_value("table", "tabindex", "0")
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        // A relative link of a README leads nowhere here.
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .clean(&html)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markdown_is_rendered() {
        let html = to_html("# T\n\n|a|b|\n|-|-|\n|1|2|\n", Some("text/markdown; charset=UTF-8"));
        assert!(html.contains("<h1>T</h1>") && html.contains("<td>1</td>"), "{html}");
    }

    #[test]
    fn pictures_are_told() {
        let badge = "[![tests pass](https://x.example/a.svg)](https://x.example/) ![](b.png)";
        let html = to_html(badge, Some("text/markdown"));
        assert_eq!(
            html,
            "<p><a href=\"https://x.example/\" rel=\"noopener noreferrer nofollow\">\
             tests pass</a> </p>\n"
        );
    }

    #[test]
    fn nothing_that_runs_gets_through() {
        let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\
            <a href=\"javascript:alert(1)\">x</a><iframe src=\"https://x\"></iframe>\
            <style>*{}</style><form action=\"https://x\"><input></form><svg onload=alert(1)>";
        for content_type in [Some("text/markdown"), Some("text/html"), Some("text/x-rst"), None] {
            let html = to_html(hostile, content_type).to_ascii_lowercase();
            for part in
                ["<script", "<img", "href=\"javascript", "<iframe", "<style", "<form", "<svg"]
            {
                assert!(!html.contains(part), "{part} in {html}");
            }
        }
    }

    #[test]
    fn what_would_take_long_is_text() {
        for bomb in [
            ">".repeat(200_000),
            "> ".repeat(100_000),
            "- ".repeat(100_000),
            "* ".repeat(100_000),
            "<div>".repeat(50_000),
            "x".repeat(300_000),
        ] {
            let html = to_html(&bomb, Some("text/markdown"));
            assert!(html.starts_with("<pre class=\"plain\">"));
        }
        let rule = format!("a\n{}\n", "-".repeat(200));
        assert_eq!(to_html(&rule, Some("text/markdown")), "<h2>a</h2>\n");
    }

    #[test]
    fn anything_else_is_text() {
        assert_eq!(
            to_html("*a* <b>", Some("text/x-rst")),
            "<pre class=\"plain\">*a* &lt;b&gt;</pre>"
        );
        assert_eq!(to_html("*a*", None), "<pre class=\"plain\">*a*</pre>");
    }

    proptest! {
        #[test]
        fn no_handler_survives(text in "(<|>|\"|=|a|img|on|error|script|javascript:| |/|\n|\\[|\\]|\\(|\\)|#|`){0,40}") {
            let html = to_html(&text, Some("text/markdown")).to_ascii_lowercase();
            prop_assert!(!html.contains("<script"));
            prop_assert!(!html.contains("href=\"javascript"));
        }
    }
}
