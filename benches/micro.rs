//! Micro-benchmarks of what a build does most often: `cargo bench --bench micro`.
//!
//! Whole processes beside their peers are `compare.py`'s business.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::io::Cursor;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use wheelsite::config::{Environment, Options, Settings, SiteConfig};
use wheelsite::facts::Depth;
use wheelsite::index::{Admitted, FileUrl, Index, View};
use wheelsite::inspect::{self, Kind};
use wheelsite::render::{
    listed::Listed, needs::Needs, people::People, simple_html, simple_json, theme::Theme,
};
use wheelsite::source::{PackageList, Source};
use wheelsite::state::{Shard, shard_text};
use wheelsite::verify::{self, Evidence, Policy};
use wheelsite::wheel::{Archive, DistFilename, Sha256, Versions};

fn main() {
    divan::main();
}

/// Files of a project, as many as one of a large index has.
const FILES: usize = 50;

fn filenames() -> Vec<String> {
    let name = |number: usize| {
        let (version, python) = (number / 5, 310 + number % 5);
        format!("pkg_a-1.{version}.0+cu128-cp{python}-cp{python}-manylinux_2_28_x86_64.whl")
    };
    (0..FILES).map(name).collect()
}

/// A package list of them.
fn list() -> String {
    let mut list = String::new();
    for (number, name) in filenames().iter().enumerate() {
        let hash = Sha256::of(name.as_bytes());
        let _ = writeln!(
            list,
            "{{\"filename\": \"{name}\", \"hash\": \"sha256={hash}\", \"requires_python\": \">=3.10\", \
             \"upload_timestamp\": {}}}",
            1_700_000_000 + number
        );
    }
    list
}

/// A made-up index of one project, and the settings that it was made with.
fn index() -> (Index, Settings) {
    let folder = tempfile::tempdir().expect("makes a folder");
    let path = folder.path().join("list.jsonl");
    std::fs::write(&path, list()).expect("writes");
    let listing = PackageList::new(&path).list(0).expect("lists");
    let settings =
        Settings::resolve(SiteConfig::default(), Options::default(), Environment::default());
    let settings = settings.expect("resolves");
    let admitted = listing.artifacts.into_iter().map(|artifact| Admitted {
        upload_time: artifact.offered.upload_time,
        artifact,
        facts: None,
        url: FileUrl::FilesUrl,
    });
    let index = Index::build(admitted.collect(), &settings).expect("builds");
    (index, settings)
}

#[divan::bench]
fn parse_filenames(bencher: Bencher<'_, '_>) {
    let names = filenames();
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        for name in &names {
            black_box(name.parse::<DistFilename>()).expect("parses");
        }
    });
}

#[divan::bench]
fn parse_filenames_that_share(bencher: Bencher<'_, '_>) {
    let names = filenames();
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        let mut versions = Versions::default();
        let mut before: Option<DistFilename> = None;
        for name in &names {
            before =
                DistFilename::beside(name.as_str().into(), before.as_ref(), &mut versions).ok();
        }
        before
    });
}

#[divan::bench]
fn parse_a_package_list(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("makes a folder");
    let path = folder.path().join("list.jsonl");
    let text = list().repeat(20);
    std::fs::write(&path, &text).expect("writes");
    let source = PackageList::new(&path);
    bencher.counter(BytesCount::of_str(&text)).bench(|| source.list(0).expect("lists"));
}

#[divan::bench]
fn judge_filenames(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    let policy = Policy::default();
    bencher.counter(ItemsCount::new(FILES)).bench(|| {
        for file in &index.projects[0].files {
            let evidence = Evidence { artifact: &file.artifact, facts: None, sidecar: None };
            black_box(verify::judge_from(evidence, &policy, verify::Severity::Warning));
        }
    });
}

#[divan::bench]
fn spell_files(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    bencher
        .counter(ItemsCount::new(FILES))
        .bench(|| drop(black_box(Listed::of(&index.projects[0], None))));
}

#[divan::bench]
fn render_simple_html(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    let project = &index.projects[0];
    let listed = Listed::of(project, None);
    let page = || simple_html::project(project, &listed, View::Default);
    bencher.counter(ItemsCount::new(FILES)).bench(page);
}

#[divan::bench]
fn render_simple_json(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    let project = &index.projects[0];
    let listed = Listed::of(project, None);
    let page = || simple_json::project(project, &listed, View::Default);
    bencher.counter(ItemsCount::new(FILES)).bench(page);
}

#[divan::bench]
fn render_a_page_for_people(bencher: Bencher<'_, '_>) {
    let (index, settings) = index();
    let theme = Theme::load(&settings.theme, &settings.theme_options).expect("loads");
    let people = People::new(&settings, &theme);
    let project = &index.projects[0];
    let needs = Needs::of_project(project);
    let listed = Listed::of(project, None);
    bencher
        .counter(ItemsCount::new(FILES))
        .bench(|| people.project(project, &needs, &listed, None).expect("renders"));
}

#[divan::bench]
fn write_a_shard(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    let pages = BTreeMap::new();
    bencher
        .counter(ItemsCount::new(FILES))
        .bench(|| shard_text(&index.projects[0], &pages, 0).expect("is JSON"));
}

#[divan::bench]
fn read_a_shard(bencher: Bencher<'_, '_>) {
    let (index, _) = index();
    let pages = BTreeMap::new();
    let text = shard_text(&index.projects[0], &pages, 0).expect("is JSON");
    bencher
        .counter(ItemsCount::new(FILES))
        .bench(|| serde_json::from_slice::<Shard>(&text).expect("is a shard"));
}

#[divan::bench(args = [1_000, 25_000, 1_000_000])]
fn hash(bencher: Bencher<'_, '_>, size: usize) {
    let bytes = vec![7; size];
    bencher.counter(BytesCount::new(size)).bench(|| Sha256::of(black_box(&bytes)));
}

#[divan::bench]
fn digests_to_text_and_back(bencher: Bencher<'_, '_>) {
    let digest = Sha256::of(b"x");
    bencher.bench(|| black_box(digest).to_string().parse::<Sha256>());
}

/// A wheel of the demo, which is small: its time is that of an archive's structure.
fn wheel() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/wheels");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("lists")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    paths.sort();
    std::fs::read(&paths[0]).expect("reads")
}

#[divan::bench]
fn open_an_archive(bencher: Bencher<'_, '_>) {
    let wheel = wheel();
    bencher.bench(|| Archive::open(Cursor::new(&wheel)).expect("opens").entries().len());
}

#[divan::bench(args = [Depth::Metadata, Depth::Full])]
fn inspect_a_wheel(bencher: Bencher<'_, '_>, depth: Depth) {
    let wheel = wheel();
    bencher
        .counter(BytesCount::new(wheel.len()))
        .bench(|| inspect::inspect(Kind::Wheel, depth, Cursor::new(&wheel)).expect("reads"));
}
