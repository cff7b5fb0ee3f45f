//! How a page answers: its status, its type for each client, what caches are told.

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};

use super::loses_tls;
use crate::doctor::observe::{Document, Seen, View};
use crate::doctor::probe::Asker;
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::net::shown;
use crate::source::simple_index::{Form, HTML, JSON, TEXT_HTML};
use crate::verify::Severity;
use crate::wheel::escaped;

/// Longer than this no page should be kept, in seconds: what the largest index allows.
const MAX_AGE: u64 = 600;

/// Judges the answers to all who asked for one page.
pub(in crate::doctor) fn answers<T: Document>(views: &[View<T>], findings: &mut Findings) {
    // That is told by whoever knows what should be there.
    if views.iter().all(|view| matches!(view.status(), Some(404 | 410))) {
        return;
    }
    for view in views {
        let Some(seen) = view.seen() else {
            refused(view, findings);
            continue;
        };
        kind(view, seen, findings);
        way(view, seen, findings);
        caching(seen, findings);
    }
    negotiation(views, findings);
}

/// Nobody has to have JSON.
fn refused<T>(view: &View<T>, findings: &mut Findings) {
    if view.asker == Asker::JsonOnly {
        return;
    }
    let found = match &view.outcome {
        Ok(seen) => format!("the server answers {}", seen.status),
        Err(failure) => failure.to_string(),
    };
    let message = format!("asked as {} asks: expected a page, found: {found}", view.asker.name());
    findings.add(&table::PAGE_STATUS, &view.asked, message);
}

fn kind<T>(view: &View<T>, seen: &Seen<T>, findings: &mut Findings) {
    let content_type = seen.header(CONTENT_TYPE.as_str());
    // uv takes what stands before the semicolon, letter by letter.
    let exact = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let expected = format!("expected the content type `{JSON}`, `{HTML}` or `{TEXT_HTML}`");
    let found = content_type.map_or_else(|| "none".to_owned(), |it| format!("`{}`", escaped(it)));
    match seen.declared() {
        None => {
            let is_json = exact.trim().eq_ignore_ascii_case("application/json");
            let check = if is_json { &table::JSON_TYPE } else { &table::PAGE_TYPE };
            findings.add(check, &view.asked, format!("{expected}, found {found}"));
        }
        Some(_) if ![JSON, HTML, TEXT_HTML].contains(&exact) => {
            let message = format!("{expected} to the letter, as uv compares it, found {found}");
            findings.add(&table::PAGE_TYPE, &view.asked, message);
        }
        Some(declared) => {
            if let Some(written) = seen.written.filter(|written| *written != declared) {
                let name = |form| if form == Form::Json { "JSON" } else { "HTML" };
                let message = format!(
                    "its content type is {found}: expected {}, found {}",
                    name(declared),
                    name(written)
                );
                findings.add(&table::PAGE_FORM, &view.asked, message);
            }
        }
    }
    if seen.is_cut {
        let message = "it is larger than what is read of a page";
        findings.add(&table::PAGE_LARGE, &view.asked, message);
    }
    match &seen.read {
        Some(Err(error)) => findings.add(&table::PAGE_INVALID, &view.asked, error.to_string()),
        None if !seen.is_cut && !seen.is_glance && seen.declared().is_some() => {
            findings.add(&table::PAGE_INVALID, &view.asked, "expected a page, found nothing");
        }
        _ => {}
    }
}

fn way<T: Document>(view: &View<T>, seen: &Seen<T>, findings: &mut Findings) {
    if loses_tls(&seen.redirected, &seen.url) {
        let message = format!("it redirects to `{}`", shown(&seen.url));
        findings.add(&table::REDIRECT_INSECURE, &view.asked, message);
    }
    if view.asked.path().ends_with('/') && !seen.url.path().ends_with('/') {
        let message = format!("expected a URL that ends in `/`, found `{}`", shown(&seen.url));
        let is_moved = |href: &&str| view.asked.join(href) != seen.url.join(href);
        let breaks = view.document().is_some_and(|page| page.links().iter().any(is_moved));
        let severity = if breaks { Severity::Error } else { Severity::Warning };
        findings.add_as(severity, &table::SLASH_REMOVED, &view.asked, message);
    }
}

fn caching<T>(seen: &Seen<T>, findings: &mut Findings) {
    let Some(header) = seen.joined(CACHE_CONTROL.as_str()) else {
        expires(seen, findings);
        return;
    };
    let caching = Caching::of(&header);
    if caching.is_immutable && !caching.is_never || caching.max_age.is_some_and(|age| age > MAX_AGE)
    {
        let message = format!(
            "expected `max-age` of at most {MAX_AGE} seconds, found `Cache-Control: {}`",
            escaped(&header)
        );
        findings.add(&table::PAGE_CACHE, &seen.url, message);
    }
}

/// What caches go by where nothing else is said (RFC 9111, section 5.3).
fn expires<T>(seen: &Seen<T>, findings: &mut Findings) {
    let time = |name| jiff::fmt::rfc2822::parse(seen.header(name)?).ok();
    let (Some(date), Some(expires)) = (time("date"), time("expires")) else { return };
    let age = expires.timestamp().as_second() - date.timestamp().as_second();
    if u64::try_from(age).is_ok_and(|age| age > MAX_AGE) {
        let message = format!(
            "expected a page to be fresh for at most {MAX_AGE} seconds, found an `Expires` that \
             is {age} seconds ahead"
        );
        findings.add(&table::PAGE_CACHE, &seen.url, message);
    }
}

/// What caches are told.
pub(super) struct Caching {
    /// For how many seconds they may keep it, the longest that is said.
    pub(super) max_age: Option<u64>,
    /// Whether they may keep it without asking at all.
    pub(super) is_never: bool,
    is_immutable: bool,
}

impl Caching {
    pub(super) fn of(header: &str) -> Self {
        let header = header.to_ascii_lowercase();
        let directives = || header.split(',').map(str::trim);
        let has = |name: &str| directives().any(|directive| directive == name);
        let is_never = has("no-cache") || has("no-store");
        let ages = directives().filter_map(|directive| {
            let (name, seconds) = directive.split_once('=')?;
            let is_age = matches!(name.trim(), "max-age" | "s-maxage");
            is_age.then(|| seconds.trim().trim_matches('"').parse::<u64>().ok())?
        });
        let max_age = ages.max().filter(|_| !is_never);
        Self { max_age, is_never, is_immutable: has("immutable") }
    }
}

/// What shows only beside the answers to others.
fn negotiation<T>(views: &[View<T>], findings: &mut Findings) {
    let declared = |asker: Asker| {
        let view = views.iter().find(|view| view.asker == asker)?;
        Some((view, view.seen()?.declared()?))
    };
    let of_pip = declared(Asker::Pip);
    let of_json = declared(Asker::JsonOnly);
    let is_asked = views.iter().any(|view| view.asker == Asker::JsonOnly);
    match (of_pip, of_json) {
        (Some((view, Form::Html)), Some((_, Form::Json))) => {
            let message = "pip prefers JSON, which there is: expected JSON, found HTML";
            findings.add(&table::NEGOTIATION_ORDER, &view.asked, message);
        }
        (Some((view, Form::Html)), _) if is_asked => {
            findings.add(&table::JSON_MISSING, &view.asked, "there is no JSON, but HTML alone");
        }
        _ => {}
    }
    if let Some((view, Form::Json)) = declared(Asker::Browser) {
        let message = "who prefers HTML gets JSON";
        findings.add(&table::HTML_MISSING, &view.asked, message);
    }
    let seen = || views.iter().filter_map(|view| Some((view, view.seen()?)));
    let has = |form| seen().any(|(_, seen)| seen.declared() == Some(form));
    if !(has(Form::Html) && has(Form::Json)) {
        return;
    }
    for (view, seen) in seen() {
        let values = seen.headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        let names_it = |value: &&str| value.eq_ignore_ascii_case("accept") || *value == "*";
        if !values.iter().any(names_it) {
            let found = if values.is_empty() {
                "none".to_owned()
            } else {
                format!("`{}`", escaped(&values.join(", ")))
            };
            let message =
                format!("the type depends on `Accept`: expected `Vary: Accept`, found {found}");
            findings.add(&table::VARY_MISSING, &view.asked, message);
        }
        if let Some(status) = seen.header("cf-cache-status")
            && !matches!(status, "DYNAMIC" | "BYPASS" | "NONE/UNKNOWN")
        {
            let message = format!(
                "the type depends on `Accept`, and Cloudflare's cache keeps the page \
                 (`cf-cache-status: {}`)",
                escaped(status)
            );
            findings.add(&table::VARY_IGNORED, &view.asked, message);
        }
    }
}
