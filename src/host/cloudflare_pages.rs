//! Cloudflare Pages: `_headers` gives files their types, and a worker gives each client the form
//! of a page that it asks for.

use super::limits::Limits;
use super::{HostFile, Layout, Profile, Unfit, plain};

/// What goes with files.
pub(super) const HEADERS: &str = "_headers";
/// Which requests the worker sees; all others are free.
pub(super) const ROUTES: &str = "_routes.json";
/// The worker.
pub(super) const WORKER: &str = "_worker.js";

pub(super) const PROFILE: Profile = Profile {
    // Without it what is not there is answered with the page of the root.
    shows_not_found: true,
    files,
    limits: Limits {
        file: Some(25 << 20),
        files: Some(20_000),
        files_if_paid: Some(100_000),
        source: "developers.cloudflare.com/pages/platform/limits, 2026-11-24",
        hint: "let pages link to wheels elsewhere (`--files-url URL`, `--source gh-release:TAG`), \
            or publish to a bucket: `--host r2`; 100,000 files of a paid plan need \
            `PAGES_WRANGLER_MAJOR_VERSION=4`, as Cloudflare wants it",
        ..plain::NO_LIMITS
    },
    notes: &["Cloudflare counts each page of an index and each file as a request to the worker: \
            100,000 a day are free"],
    ..plain::PROFILE
};

/// The most rules that `_routes.json` may have, and the most characters of one.
const MOST_RULES: usize = 100;

fn files(layout: &Layout) -> Result<Vec<HostFile>, Unfit> {
    Ok(vec![
        (HEADERS, layout.fill(include_str!("files/_headers"))?.into()),
        (ROUTES, routes(layout).into()),
        (WORKER, include_str!("files/_worker.js").into()),
    ])
}

/// The worker sees the indexes and the files; where that takes too many rules, everything.
fn routes(layout: &Layout) -> String {
    let base = layout.base();
    let indexes = layout.indexes().iter().map(|folder| format!("{base}{folder}simple/*"));
    let mut rules: Vec<String> = indexes.chain([format!("{base}files/*")]).collect();
    if rules.len() > MOST_RULES || rules.iter().any(|rule| rule.len() > MOST_RULES) {
        rules = vec!["/*".to_owned()];
    }
    let routes = serde_json::json!({ "version": 1, "include": rules, "exclude": [] });
    format!("{routes:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn include(layout: &Layout) -> Vec<String> {
        let routes: serde_json::Value = serde_json::from_str(&routes(layout)).expect("is JSON");
        let rules = routes["include"].as_array().expect("is a list").iter();
        rules.map(|rule| rule.as_str().expect("is a text").to_owned()).collect()
    }

    #[test]
    fn the_worker_sees_what_it_is_for() {
        let layout = Layout::new("/w", vec![String::new(), "cu128/".to_owned()], true);
        let rules = ["/w/simple/*", "/w/cu128/simple/*", "/w/files/*"];
        assert_eq!(include(&layout), rules);
    }

    #[test]
    fn more_rules_than_may_be_are_one() {
        let channels = (0..100).map(|number| format!("cu{number}/")).collect();
        assert_eq!(include(&Layout::new("/", channels, true)), ["/*"]);
        let long = Layout::new(&format!("/{}", "a".repeat(100)), vec![String::new()], true);
        assert_eq!(include(&long), ["/*"]);
    }
}
