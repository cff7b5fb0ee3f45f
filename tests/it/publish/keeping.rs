//! What a merge keeps of what others have published, and what it remembers of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{add, build, command, publish, served, site_of};
use crate::support::program::tree;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::reader::Reader;
use crate::support::stores;
use crate::support::{Run, Workspace};

/// A folder that sites are merged into.
struct Live(Workspace);

impl Live {
    fn new() -> Self {
        Self(Workspace::new())
    }

    fn path(&self) -> String {
        self.0.path("live").to_str().expect("is UTF-8").to_owned()
    }

    #[track_caller]
    fn publish(&self, site: &Workspace, more: &[&str]) -> serde_json::Value {
        publish(site, &[], &[&["--to", &*self.path()], more].concat())
    }

    #[track_caller]
    fn merge(&self, site: &Workspace) -> serde_json::Value {
        self.publish(site, &["--merge", "--grace", "0s"])
    }
}

/// A site of two wheels, as configured.
fn configured(config: &str, flags: &[&str]) -> Workspace {
    configured_with(&[("foo", "1.0"), ("foo", "1.1")], config, flags)
}

fn configured_with(wheels: &[(&str, &str)], config: &str, flags: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    add(&workspace, wheels);
    workspace.write("config/site.yml", config);
    build(&workspace, flags);
    workspace
}

#[test]
fn what_is_said_again_after_somebody_said_something_else_is_published() {
    let live = Live::new();
    let one = configured("projects: {foo: {description: The first}}\n", &[]);
    let other = configured("projects: {foo: {description: The second}}\n", &[]);
    for (site, says) in
        [(&one, "The first"), (&other, "The second"), (&one, "The first"), (&other, "The second")]
    {
        live.merge(site);
        let page = live.0.read("live/packages/foo/index.html");
        assert!(page.contains(says), "{says}: {page}");
        assert_eq!(live.merge(site)["requests"], 1, "nothing is new");
    }
}

#[test]
fn what_is_yanked_stays_yanked_whoever_comes() {
    let live = Live::new();
    let yanked = configured("projects: {foo: {yanked: {\"1.1\": broken}}}\n", &[]);
    live.merge(&yanked);
    live.merge(&site_of(&[("foo", "1.1"), ("foo", "1.2")]));
    let page = live.0.read("live/simple/foo/index.html");
    assert!(page.contains("data-yanked=\"broken\"") && page.contains("foo-1.2"), "{page}");
    // It is lifted by whoever publishes the whole site.
    live.publish(&site_of(&[("foo", "1.1")]), &[]);
    assert!(!live.0.read("live/simple/foo/index.html").contains("data-yanked"));
}

#[test]
fn what_is_carried_stays_carried_whoever_links_to_it() {
    let live = Live::new();
    let carries = configured("title: T\n", &[]);
    live.merge(&carries);
    let before = served(&live.0, "live");
    live.merge(&configured("title: T\n", &["--files-url", "https://f.example/"]));
    let after = served(&live.0, "live");
    for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with("files/")) {
        assert_eq!(after.get(path), Some(bytes), "{path}");
    }
    assert_eq!(after["simple/foo/index.html"], before["simple/foo/index.html"]);
    assert_eq!(Reader::folder(&live.0.path("live")).check().expect("is whole").len(), 2);
    // The other way round it is carried from then on.
    let live = Live::new();
    live.merge(&configured("title: T\n", &["--files-url", "https://f.example/"]));
    live.merge(&carries);
    assert_eq!(served(&live.0, "live"), before);
}

#[test]
fn pages_of_a_kind_that_is_there_are_never_left_out() {
    for (flags, what) in
        [(["--pages", "none"], "pages for people"), (["--channels", "off"], "channels")]
    {
        let wheels = [("foo", "1.0+cu126"), ("foo", "1.0+cu128")];
        let all = configured_with(&wheels, "title: T\n", &[]);
        let live = Live::new();
        live.merge(&all);
        let before = tree(&live.0.path("live"));
        let without = configured_with(&wheels[..1], "title: T\n", &flags);
        Run::of(&mut command(&without, &[], &["--to", &live.path(), "--merge"]))
            .fails(2, &[what, "hint: a merge removes nothing"]);
        assert_eq!(tree(&live.0.path("live")), before);
        // More of them is nobody's loss.
        let live = Live::new();
        live.merge(&without);
        live.merge(&all);
        assert_eq!(served(&live.0, "live"), served(&all, "site"), "{what}");
    }
}

#[test]
fn a_merge_ends_nobodys_grace() {
    let live = Live::new();
    live.publish(&site_of(&[("foo", "1.0"), ("foo", "1.1")]), &[]);
    let report = live.publish(&site_of(&[("foo", "1.0")]), &["--grace", "7d"]);
    assert_eq!(report["kept"], 2, "a wheel and its sidecar");
    let report = live.merge(&site_of(&[("bar", "1.0")]));
    assert_eq!((&report["kept"], &report["deleted"]), (&2.into(), &0.into()));
    let files = tree(&live.0.path("live"));
    assert!(files.keys().any(|path| path.ends_with("foo-1.1-py3-none-any.whl")));
}

#[test]
fn a_merge_that_begins_anew_sends_its_wheels_once() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-merge-anew");
    let to = format!("s3://{bucket}");
    let arguments = ["--to", &*to, "--merge"];
    publish(&site_of(&[("foo", "1.0")]), &s3.environment(), &arguments);
    let proxy = Proxy::start(&s3.endpoint);
    let overtaken = Arc::new(AtomicBool::new(false));
    let (site, environment, target) = (site_of(&[("bar", "1.0")]), s3.environment(), to.clone());
    proxy.trouble(move |operation| {
        let claims = operation.method == "PUT" && operation.path.ends_with("wheelsite.json");
        if claims && !overtaken.swap(true, Ordering::SeqCst) {
            // Somebody else is faster.
            publish(&site, &environment, &["--to", &target, "--merge"]);
        }
        Trouble::Slow(Duration::ZERO)
    });
    let mut environment = s3.environment();
    environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    let report = publish(&site_of(&[("baz", "1.0")]), &environment, &arguments);
    let log = proxy.log();
    let sent = log.iter().filter(|it| it.method == "PUT" && it.path.ends_with("any.whl"));
    assert_eq!(sent.count(), 1);
    assert_eq!(report["files_sent"], 2, "a wheel and its sidecar");
    let names: Vec<String> = s3.objects(&bucket).into_keys().collect();
    for name in ["foo-1.0", "bar-1.0", "baz-1.0"] {
        assert!(names.iter().any(|key| key.contains(name)), "{name} in {names:?}");
    }
}
