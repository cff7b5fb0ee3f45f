//! Pages for people, rendered by a theme.
//!
//! The data that templates get is a contract with the authors of themes: `docs/themes.md`
//! describes it, and [`THEME_FORMAT`](super::theme::THEME_FORMAT) is its version.

mod coverage;
mod install;
mod listing;
mod project;
mod rows;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pep440_rs::Version;
use serde::Serialize;
use tera::{Context, Tera};
use url::Url;

use super::listed::PROJECT_ROOT;
use super::speaker;
use super::theme::{Theme, template_error};
use crate::config::{Settings, Status};
use crate::error::Result;
use crate::facts::{Metadata, UploadTime};
use crate::index::{IndexFile, Project};
use crate::state::generator;
use crate::verify::Finding;

pub(super) use listing::Extent;

/// What every page must have in its head: no page asks another host for anything, and none runs
/// what is not a file of the theme.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

/// Pages of projects that are rendered sooner than templates for them are made.
const FEW_PAGES: usize = 64;

/// A file that was left out. Where it lay is nobody's business.
#[derive(Debug, Serialize)]
pub struct Rejected<'a> {
    /// Its name.
    pub filename: &'a str,
    /// Why it was left out.
    pub findings: &'a [Finding],
}

/// Renders pages for people.
pub struct People<'a> {
    theme: &'a Theme,
    site: Site,
    /// Path of the site on its host: what a page that is served anywhere links to.
    absolute_root: String,
    /// What is the same on all pages.
    common: Context,
    /// The templates of the pages of projects with what is the same on all of those.
    fixed: OnceLock<Option<Tera>>,
    /// Pages of projects that there were.
    pages: AtomicUsize,
}

/// What every page knows of the site.
#[derive(Clone, Serialize)]
struct Site {
    title: String,
    description: Option<String>,
    /// Where it is served, if that is known; ends in `/`.
    url: Option<String>,
    /// What `pyproject.toml` calls the index.
    index_name: String,
}

impl<'a> People<'a> {
    /// A renderer for these settings.
    pub fn new(settings: &'a Settings, theme: &'a Theme) -> Self {
        let site = Site {
            title: settings.title.clone(),
            description: settings.description.clone(),
            url: settings.site_url.as_ref().map(Url::to_string),
            index_name: slug(&settings.title),
        };
        let mut common = Context::new();
        common.insert("site", &site);
        common.insert("theme", &theme.data());
        common.insert("assets", &theme.asset_paths());
        common.insert("generator", &generator());
        common.insert("csp", POLICY);
        Self {
            theme,
            site,
            absolute_root: settings.site_url.as_ref().map_or("/", Url::path).to_owned(),
            common,
            fixed: OnceLock::new(),
            pages: AtomicUsize::new(0),
        }
    }

    /// `rejected/index.html`: what was left out, and why.
    pub fn rejected(&self, rejected: &[Rejected<'_>]) -> Result<Vec<u8>> {
        let mut context = self.context("../", "simple/");
        context.insert("rejected", rejected);
        self.render("rejected.html", &context)
    }

    /// `404.html`: served at any depth, so its links are absolute.
    pub fn not_found(&self) -> Result<Vec<u8>> {
        self.render("404.html", &self.context(&self.absolute_root, "simple/"))
    }

    /// `index` is the path of the index whose URL the page shows, from the root of the site.
    fn context(&self, root: &str, index: &str) -> Context {
        let mut context = self.common.clone();
        context.insert("root", root);
        context.insert("index_path", index);
        context.insert("index_url", &self.site.url.as_ref().map(|url| format!("{url}{index}")));
        context
    }

    fn render(&self, template: &str, context: &Context) -> Result<Vec<u8>> {
        render_with(&self.theme.tera, template, context, 0)
    }

    /// The page of a project, with so many bytes that are written already.
    fn render_project(&self, context: &Context, bytes: usize) -> Result<Vec<u8>> {
        const TEMPLATE: &str = "project.html";
        let is_worth_it = self.pages.fetch_add(1, Ordering::Relaxed) >= FEW_PAGES;
        let fixed = is_worth_it.then(|| self.fixed()).flatten();
        match fixed.map(|tera| render_with(tera, TEMPLATE, context, bytes)) {
            Some(Ok(page)) => Ok(page),
            // Errors name the place in the template as its author knows it.
            _ => render_with(&self.theme.tera, TEMPLATE, context, bytes),
        }
    }

    /// The templates of the pages of projects, where they could be made shorter.
    fn fixed(&self) -> Option<&Tera> {
        let fixed = self.fixed.get_or_init(|| {
            let mut context = self.common.clone();
            context.insert("root", PROJECT_ROOT);
            if self.site.url.is_none() {
                context.insert("index_url", &None::<String>);
            }
            self.theme.fixed(&context)
        });
        fixed.as_ref()
    }
}

fn render_with(tera: &Tera, template: &str, context: &Context, bytes: usize) -> Result<Vec<u8>> {
    let mut page = Vec::with_capacity(16 * 1024 + bytes);
    let rendered = tera.render_to(template, context, &mut page);
    rendered.map_err(|error| template_error(template, &error))?;
    Ok(page)
}

/// A finding about a file that is listed all the same.
#[derive(Serialize)]
struct Remark<'a> {
    check: &'static str,
    message: &'a str,
}

fn remarks(file: &IndexFile) -> Vec<Remark<'_>> {
    let findings = file.findings.iter();
    findings.map(|finding| Remark { check: finding.check, message: &finding.message }).collect()
}

fn metadata_of(file: &IndexFile) -> Option<&Metadata> {
    file.facts.as_deref()?.metadata()
}

/// Whether the project page shows METADATA that only the wheel's bytes have: its description.
pub fn wants_metadata(project: &Project) -> Option<&IndexFile> {
    speaker(project).filter(|file| metadata_of(file).is_some())
}

/// The sentence that says what a project is; `speaks` is the file that speaks for it.
pub(super) fn summary<'p>(project: &'p Project, speaks: Option<&'p IndexFile>) -> Option<&'p str> {
    let configured = project.settings.description.as_deref();
    configured.or_else(|| speaks.and_then(metadata_of)?.fields.summary.as_deref())
}

/// The status of a project, where it has one that matters.
pub(super) fn status(project: &Project) -> Option<&'static str> {
    (project.settings.status != Status::Active).then(|| project.settings.status.as_str())
}

/// A version without its local part: what a release is called.
fn public(version: &Version) -> Version {
    version.clone().without_local()
}

/// Whether the versions of two files are spelled alike; to compare what they mean takes longer.
fn same_text(one: &IndexFile, other: &IndexFile) -> bool {
    match (one.dist().wheel(), other.dist().wheel()) {
        (Some(one), Some(other)) => one.version_text() == other.version_text(),
        _ => false,
    }
}

/// Whether two versions are the same but for their local parts; copies none of them.
fn same_release(one: &Version, other: &Version) -> bool {
    fn parts(version: &Version) -> impl PartialEq {
        (version.pre(), version.post(), version.dev(), version.epoch())
    }
    // `1.0` is `1`.
    fn numbers(version: &Version) -> &[u64] {
        let release = version.release();
        let end = release.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
        &release[..end]
    }
    numbers(one) == numbers(other) && parts(one) == parts(other)
}

/// The day of the newest of these files.
pub(super) fn newest_upload<'f>(files: impl Iterator<Item = &'f IndexFile>) -> Option<String> {
    files.filter_map(|file| file.upload_time).max().map(UploadTime::date)
}

/// A size in bytes, as `1.5 MB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Sizes below 2^53 are exact, and one digit after the point is shown.
    #[expect(clippy::cast_precision_loss)]
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Lowercase letters, digits and single dashes.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for char in title.chars() {
        if char.is_ascii_alphanumeric() {
            slug.push(char.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "wheels".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Scalar, ThemeChoice};
    use crate::render::listed::Listed;
    use crate::render::samples;

    proptest! {
        #[test]
        fn releases_are_versions_without_local_parts(
            one in "([01]!)?[01](\\.[01]){0,3}(a1|rc2)?(\\.post[01])?(\\.dev[01])?(\\+[ab])?",
            other in "([01]!)?[01](\\.[01]){0,3}(a1|rc2)?(\\.post[01])?(\\.dev[01])?(\\+[ab])?",
            zeros in "(\\.0){0,5}\\+a",
        ) {
            let [one, other, longer] = [one.clone(), other, one.clone() + &zeros]
                .map(|text| text.parse::<Version>());
            let (Ok(one), Ok(other)) = (one, other) else { return Ok(()) };
            for other in [Ok(other), Ok(one.clone()), longer].into_iter().flatten() {
                prop_assert_eq!(same_release(&one, &other), public(&one) == public(&other));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn what_is_fixed_changes_no_page(
            numbers in prop::collection::vec(any::<u32>(), 10),
            has_url in any::<bool>(),
            theme in 0usize..THEMES.len(),
        ) {
            let url = if has_url { "site_url: https://x.example/w/\n" } else { "" };
            let settings = samples::settings(&format!("title: a <b> {{{{ c }}}}\n{url}"));
            let (choice, set) = &THEMES[theme];
            let choice = match choice {
                Some(folder) => ThemeChoice::Folder(folder.into()),
                None => ThemeChoice::Default,
            };
            let set = set.iter().map(|(name, value)| {
                ((*name).to_owned(), Scalar::Text((*value).to_owned()))
            });
            let theme = Theme::load(&choice, &set.collect()).expect("loads");
            let people = People::new(&settings, &theme);
            prop_assert!(people.fixed().is_some());
            let (project, needs) = samples::project(&settings, &numbers);
            let listed = Listed::of(&project, settings.files_url.as_ref());
            let page = || people.project(&project, &needs, &listed, None).expect("renders");
            let plain = page();
            people.pages.store(FEW_PAGES, Ordering::Relaxed);
            prop_assert_eq!(String::from_utf8(plain)?, String::from_utf8(page())?);
        }
    }

    /// The folder of a theme, and options.
    type Themed = (Option<&'static str>, &'static [(&'static str, &'static str)]);

    const THEMES: [Themed; 4] = [
        (None, &[]),
        (None, &[("footer", "{{ x }} {% if %} <b>"), ("color_scheme", "dark")]),
        (Some(concat!(env!("CARGO_MANIFEST_DIR"), "/themes/plain")), &[]),
        (Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/themes/rows")), &[("accent", "#123456")]),
    ];

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_960, "1.0 MB"),
            (2_400_000_000, "2.4 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }

    #[test]
    fn slugs_name_an_index() {
        assert_eq!(slug("My CUDA  wheels!"), "my-cuda-wheels");
        assert_eq!(slug("車輪"), "wheels");
    }
}
