//! What is wrong with a page: what would not load, would not run, or says something to others.

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::address::{Address, candidates};
use super::fixture;
use crate::render::people::POLICY;

/// Something that is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    pub(super) message: String,
    /// What stands in the template where it comes from.
    pub(super) trace: Trace,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trace {
    Nowhere,
    /// This text.
    Text(String),
    /// A filter that marks a text as safe.
    Safe,
}

/// Where a page lies, and what lies beside it.
pub(super) struct Place<'a> {
    /// What leads to the root of the site: empty, `../`; absolute where the page may be anywhere.
    pub(super) root: &'a str,
    /// Final paths of assets.
    pub(super) paths: &'a BTreeSet<&'a str>,
    /// What templates call them.
    pub(super) names: &'a BTreeSet<&'a str>,
}

/// What an attribute is for.
enum Role {
    /// What it names is loaded: a picture, which may be part of the page.
    Picture,
    /// Several of them.
    Pictures,
    /// Anything else that is loaded.
    Loaded,
    /// Somebody may follow it.
    Link,
    /// It must not be there.
    Forbidden(&'static str),
}

/// What an attribute of an element does.
fn role(tag: &Tag, key: &str) -> Option<Role> {
    let name = &*tag.name;
    Some(match (name, key) {
        ("a" | "area", "href" | "xlink:href") => Role::Link,
        ("a" | "area", "ping") => Role::Forbidden("tells others who follows the link"),
        ("base", "href") => Role::Forbidden("has no effect: the policy forbids it"),
        ("form", "action") | ("button" | "input", "formaction") => {
            Role::Forbidden("has no effect: the policy lets no form be sent")
        }
        ("html", "manifest") => Role::Forbidden("has no effect"),
        (
            "iframe" | "frame" | "embed" | "object" | "video" | "audio" | "track" | "portal"
            | "fencedframe",
            "src" | "srcdoc" | "data" | "code" | "codebase" | "archive" | "classid",
        )
        | ("source", "src") => Role::Forbidden("loads nothing: the policy forbids it"),
        ("link", "href") => {
            let rel = attribute(tag, "rel").unwrap_or_default().to_ascii_lowercase();
            let is = |kind: &str| rel.split_ascii_whitespace().any(|word| word == kind);
            if ["icon", "apple-touch-icon", "mask-icon"].into_iter().any(is) {
                Role::Picture
            } else if ["alternate", "author", "canonical", "help", "license", "me", "next", "prev"]
                .into_iter()
                .any(|kind| is(kind) && !is("stylesheet"))
            {
                Role::Link
            } else {
                Role::Loaded
            }
        }
        ("img" | "source", "srcset") | ("link", "imagesrcset") => Role::Pictures,
        ("img" | "input", "src")
        | ("video", "poster")
        | ("image" | "feimage", "href" | "xlink:href")
        | (_, "background") => Role::Picture,
        ("script", "src") | (_, "href" | "xlink:href") => Role::Loaded,
        _ => return None,
    })
}

fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| &*attribute.value)
}

/// What is wrong with a page.
pub(super) fn faults_of(html: &[u8], place: &Place<'_>) -> BTreeSet<Fault> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(String::from_utf8_lossy(html).as_ref()));
    let sink = Sink { place, seen: RefCell::default() };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut seen = tokenizer.sink.seen.into_inner();
    for (has, what) in [
        (
            seen.has_policy || seen.has_late_policy,
            "its head has no `<meta http-equiv=\"Content-Security-Policy\" content=\"{{ csp }}\">`",
        ),
        (
            seen.has_policy || !seen.has_late_policy,
            "the policy is not in force: its `<meta>` belongs into `<head>`, before all that loads",
        ),
        (seen.has_language, "`<html>` has no `lang`"),
        (seen.has_title, "it has no `<title>`"),
        (
            seen.has_viewport,
            "its head has no `<meta name=\"viewport\">`: it will be tiny on phones",
        ),
    ] {
        if !has {
            seen.fault(what.to_owned(), Trace::Nowhere);
        }
    }
    seen.faults
}

#[derive(Default)]
struct Seen {
    faults: BTreeSet<Fault>,
    has_policy: bool,
    /// A policy that comes too late, or stands where browsers do not look for it.
    has_late_policy: bool,
    has_language: bool,
    has_title: bool,
    has_viewport: bool,
    /// Whether the head is over.
    in_body: bool,
    /// Whether something loads already.
    loads: bool,
    /// Elements that are open and whose content is not part of the page.
    inert: usize,
    /// The element that is open and holds nothing but text.
    raw: Option<String>,
    /// Whether that is a script that comes from a file.
    in_script_file: bool,
}

struct Sink<'a> {
    place: &'a Place<'a>,
    seen: RefCell<Seen>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut seen = self.seen.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                return seen.start(&tag, self.place);
            }
            Token::TagToken(tag) => seen.end(&tag.name),
            Token::CharacterTokens(text) if !text.trim().is_empty() => seen.text(),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Seen {
    fn fault(&mut self, message: String, trace: Trace) {
        self.faults.insert(Fault { message, trace });
    }

    fn text(&mut self) {
        if self.in_script_file {
            self.fault(
                "a `<script src>` has text of its own, which does not run".to_owned(),
                Trace::Nowhere,
            );
        }
        // Text that belongs to no element of the head begins the body.
        self.in_body |= self.raw.is_none() && self.inert == 0;
    }

    fn end(&mut self, name: &str) {
        if matches!(name, "template" | "noscript") {
            self.inert = self.inert.saturating_sub(1);
        }
        self.in_body |= name == "head" && self.inert == 0;
        if self.raw.as_deref() == Some(name) {
            self.raw = None;
            self.in_script_file = false;
        }
    }

    fn start(&mut self, tag: &Tag, place: &Place<'_>) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let is_of_head = matches!(
            name,
            "html"
                | "head"
                | "title"
                | "base"
                | "link"
                | "meta"
                | "script"
                | "style"
                | "noscript"
                | "template"
        );
        self.in_body |= !is_of_head && self.inert == 0;
        match name {
            "html" => self.has_language |= attribute(tag, "lang").is_some(),
            "title" => self.has_title = true,
            "meta" => self.meta(tag),
            "script" => self.script(tag),
            "style" => self.fault(
                "it has a style sheet of its own, which does not count".to_owned(),
                Trace::Text("<style>".to_owned()),
            ),
            fixture::HOSTILE => {
                self.fault(
                    "a text becomes part of the page: is it marked `safe`?".to_owned(),
                    Trace::Safe,
                );
            }
            _ => {}
        }
        for attribute in &tag.attrs {
            self.attribute(tag, &attribute.name.local, &attribute.value, place);
        }
        let kind = match name {
            "script" => RawKind::ScriptData,
            "style" => RawKind::Rawtext,
            "title" | "textarea" => RawKind::Rcdata,
            "template" | "noscript" => {
                self.inert += 1;
                return TokenSinkResult::Continue;
            }
            _ => return TokenSinkResult::Continue,
        };
        self.raw = Some(name.to_owned());
        TokenSinkResult::RawData(kind)
    }

    fn meta(&mut self, tag: &Tag) {
        let is = |key: &str, value: &str| {
            attribute(tag, key).is_some_and(|found| found.trim().eq_ignore_ascii_case(value))
        };
        self.has_viewport |= is("name", "viewport");
        let content = attribute(tag, "content").unwrap_or_default();
        if is("http-equiv", "content-security-policy") && content == POLICY {
            if self.in_body || self.inert > 0 || self.loads {
                self.has_late_policy = true;
            } else {
                self.has_policy = true;
            }
        }
        if is("http-equiv", "refresh") {
            let url = content.split_once([';', ',']).map_or("", |(_, url)| url).trim_start();
            let url = match url.get(..3) {
                Some(start) if start.eq_ignore_ascii_case("url") => {
                    url[3..].trim_start().trim_start_matches('=').trim_start()
                }
                _ => url,
            };
            let url = url.trim_matches(['"', '\'']);
            let message = match Address::of(url) {
                Address::Foreign => "`<meta http-equiv=\"refresh\">` leads to another host",
                Address::Script => "`<meta http-equiv=\"refresh\">` runs a script",
                _ => return,
            };
            self.fault(message.to_owned(), Trace::Text(url.to_owned()));
        }
    }

    fn script(&mut self, tag: &Tag) {
        let source = attribute(tag, "src").map(str::trim);
        if source.is_none_or(str::is_empty) {
            self.fault(
                "it has a script of its own, which does not run".to_owned(),
                Trace::Text("<script>".to_owned()),
            );
        } else {
            self.in_script_file = true;
        }
    }

    fn attribute(&mut self, tag: &Tag, key: &str, value: &str, place: &Place<'_>) {
        let name = &*tag.name;
        if key.contains(fixture::HOSTILE) {
            self.fault(
                format!(
                    "a text becomes part of the tag `<{name}>`: is its attribute quoted, and is \
                     the text not marked `safe`?"
                ),
                Trace::Nowhere,
            );
        }
        if key == "style" || key.starts_with("on") {
            self.fault(
                format!("`{key}` of `<{name}>` has no effect: use a file"),
                Trace::Text(format!(" {key}=")),
            );
        }
        let Some(role) = role(tag, key) else { return };
        let shown = format!("`<{name} {key}>`");
        let trace = || Trace::Text(value.to_owned());
        match role {
            Role::Forbidden(why) => {
                // A form without an address is one for scripts.
                if !(value.trim().is_empty() && matches!(name, "form" | "button" | "input")) {
                    self.fault(format!("{shown} {why}"), trace());
                }
            }
            Role::Link => {
                if let Some(fault) = place.fault_of_link(value) {
                    self.fault(format!("{shown} {fault}"), trace());
                }
            }
            Role::Loaded | Role::Picture => {
                self.loads |= self.inert == 0;
                let is_picture = matches!(role, Role::Picture);
                if let Some(fault) = place.fault_of_load(value, is_picture) {
                    self.fault(format!("{shown} {fault}"), trace());
                }
            }
            Role::Pictures => {
                self.loads |= self.inert == 0;
                for candidate in candidates(value) {
                    if let Some(fault) = place.fault_of_load(candidate, true) {
                        self.fault(format!("{shown} {fault}"), Trace::Text(candidate.to_owned()));
                    }
                }
            }
        }
    }
}
