//! Publishers that are stopped at the worst moment and go on when others have published: what they
//! still write or delete does not stand.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{build, command, publish};
use crate::support::proxy::{Operation, Proxy, Trouble};
use crate::support::reader::{Reader, Seen};
use crate::support::stores::{self, Store};
use crate::support::{Run, Wheel, Workspace};

/// A site of these wheels, and no more.
fn site_of(wheels: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new();
    for (name, version) in wheels {
        workspace.wheel(&Wheel::new(name, version));
    }
    build(&workspace, &[]);
    workspace
}

fn v1() -> Workspace {
    site_of(&[("foo", "1.0"), ("foo", "1.1"), ("bar", "1.0")])
}

fn v2() -> Workspace {
    site_of(&[("foo", "1.0"), ("foo", "1.1"), ("foo", "1.2"), ("bar", "1.0")])
}

fn less() -> Workspace {
    site_of(&[("foo", "1.0"), ("bar", "1.0")])
}

fn without_foo() -> Workspace {
    site_of(&[("bar", "1.0")])
}

/// What a site has.
fn files(site: &Workspace) -> Seen {
    Reader::folder(&site.site()).check().expect("is whole")
}

/// A bucket that several publishers reach, each its own way.
struct Place {
    s3: &'static Store,
    bucket: String,
    to: String,
    reader: Reader,
}

impl Place {
    fn new(name: &str) -> Option<Self> {
        let s3 = stores::s3()?;
        let bucket = s3.public_bucket(&format!("publish-{name}"));
        let reader = Reader::bucket(&format!("{}/{bucket}/", s3.endpoint));
        Some(Self { s3, to: format!("s3://{bucket}"), bucket, reader })
    }

    /// Publishes undisturbed.
    #[track_caller]
    fn publish(&self, site: &Workspace, more: &[&str]) -> serde_json::Value {
        publish(site, &self.s3.environment(), &[&["--to", &*self.to], more].concat())
    }

    /// Expects that this site is there, whole, and nothing else.
    #[track_caller]
    fn is(&self, site: &Workspace) {
        assert_eq!(self.reader.check().expect("is whole"), files(site));
    }

    fn has(&self, part: &str) -> bool {
        self.s3.objects(&self.bucket).keys().any(|key| key.contains(part))
    }

    /// A publisher of whom the store refuses these.
    fn refused(
        &self,
        site: &Workspace,
        more: &[&str],
        refuses: impl Fn(&Operation) -> bool + Send + Sync + 'static,
    ) -> Run {
        let proxy = Proxy::start(&self.s3.endpoint);
        proxy.trouble(move |operation| {
            if refuses(operation) {
                Trouble::Refuse(403, "<Error><Code>AccessDenied</Code></Error>".to_owned())
            } else {
                Trouble::None
            }
        });
        let mut environment = self.s3.environment();
        environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
        Run::of(&mut command(site, &environment, &[&["--to", &*self.to], more].concat()))
    }

    /// A publisher that is stopped at the first operation of these, and is there by now.
    fn stopped(&self, site: &Workspace, more: &[&str], method: &str, part: &str) -> Stopped {
        let proxy = Proxy::start(&self.s3.endpoint);
        let (is_held, goes_on) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (held, on) = (is_held.clone(), goes_on.clone());
        let (method, part) = (method.to_owned(), part.to_owned());
        proxy.trouble(move |operation| {
            if operation.method == method && operation.path.contains(&part) {
                held.store(true, Ordering::SeqCst);
                while !on.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Trouble::None
        });
        let mut environment = self.s3.environment();
        environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
        let arguments = [&["--to", &*self.to], more].concat();
        let mut child = command(site, &environment, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let began = Instant::now();
        while !is_held.load(Ordering::SeqCst) {
            assert!(child.try_wait().expect("waits").is_none(), "it ended before it came there");
            assert!(began.elapsed() < Duration::from_secs(20), "it never came there");
            std::thread::sleep(Duration::from_millis(5));
        }
        Stopped { child, goes_on, _proxy: proxy }
    }
}

struct Stopped {
    child: Child,
    goes_on: Arc<AtomicBool>,
    _proxy: Proxy,
}

impl Stopped {
    /// Lets it go on to its end; gives how it ended.
    fn released(self) -> Option<i32> {
        self.goes_on.store(true, Ordering::SeqCst);
        self.child.wait_with_output().expect("ends").status.code()
    }
}

/// Whether an operation is one of these, from the N-th of them on.
fn from(number: u64, method: &'static str, part: &'static str) -> impl Fn(&Operation) -> bool {
    let count = AtomicU64::new(0);
    move |operation| {
        operation.method == method
            && operation.path.contains(part)
            && count.fetch_add(1, Ordering::SeqCst) + 1 >= number
    }
}

/// Every write of the root after the claim.
fn commits() -> impl Fn(&Operation) -> bool {
    from(2, "PUT", "wheelsite.json")
}

#[test]
fn who_looks_at_pages_after_it_has_lost_writes_none() {
    let Some(place) = Place::new("late-heads") else { return };
    let (v1, less) = (v1(), less());
    place.publish(&v1, &[]);
    place.refused(&v2(), &[], commits()).fails(3, &["AccessDenied"]);
    let late = place.stopped(&v1, &[], "HEAD", "simple/foo/index.html");
    place.publish(&less, &["--grace", "0s"]);
    assert_eq!(late.released(), Some(4));
    place.is(&less);
}

#[test]
fn a_merge_that_looks_at_pages_after_it_has_lost_loses_no_wheel() {
    let Some(place) = Place::new("late-merges") else { return };
    place.publish(&v1(), &[]);
    let killed = site_of(&[("foo", "1.7")]);
    place.refused(&killed, &["--merge"], commits()).fails(3, &["AccessDenied"]);
    let late = site_of(&[("baz", "1.0")]);
    let late = place.stopped(&late, &["--merge"], "HEAD", "simple/foo/index.html");
    place.publish(&site_of(&[("foo", "1.8")]), &["--merge"]);
    assert_eq!(late.released(), Some(0), "it begins anew");
    let all = [("foo", "1.0"), ("foo", "1.1"), ("foo", "1.7"), ("foo", "1.8")];
    place.is(&site_of(&[&all[..], &[("bar", "1.0"), ("baz", "1.0")]].concat()));
}

#[test]
fn what_a_loser_deletes_late_comes_back() {
    let Some(place) = Place::new("late-deletes") else { return };
    let (v1, v2, without) = (v1(), v2(), without_foo());
    for (round, next) in [&v1, &v2].into_iter().enumerate() {
        place.publish(&v1, &["--grace", "0s"]);
        let late = place.stopped(&without, &["--grace", "0s"], "POST", "?delete");
        place.publish(&v1, &[]);
        assert_eq!(late.released(), Some(4), "round {round}");
        // Whoever comes next notices, whatever it publishes.
        place.publish(next, &[]);
        place.is(next);
        assert!(place.has("state/foo.json"));
        // What was written anew since nobody can delete by mistake any more: it is looked at still.
        place.publish(next, &[]);
        place.is(next);
    }
}

#[test]
fn a_merge_mends_what_a_loser_has_deleted_late() {
    let Some(place) = Place::new("late-deletes-merge") else { return };
    let (v1, without) = (v1(), without_foo());
    place.publish(&v1, &["--merge"]);
    let late = place.stopped(&without, &[], "POST", "?delete");
    place.publish(&v1, &[]);
    assert_eq!(late.released(), Some(4));
    // Of files that only others have it says that they are missing.
    let merged = site_of(&[("baz", "1.0")]);
    let arguments = ["--to", &*place.to, "--merge"];
    let run = Run::of(&mut command(&merged, &place.s3.environment(), &arguments));
    if run.code != Some(0) {
        run.fails(3, &["state/foo.json` is missing", "hint: publish the whole site"]);
        place.publish(&v1, &[]);
        place.publish(&merged, &["--merge"]);
    }
    let all = [("foo", "1.0"), ("foo", "1.1"), ("bar", "1.0"), ("baz", "1.0")];
    place.is(&site_of(&all));
}

#[test]
fn a_new_page_that_a_loser_writes_late_goes_again() {
    let Some(place) = Place::new("late-adds") else { return };
    let (site, other) = (without_foo(), v1());
    place.publish(&site, &[]);
    let late = place.stopped(&other, &[], "PUT", "simple/foo/index.html");
    place.publish(&site, &["--grace", "0s"]);
    assert_eq!(late.released(), Some(4));
    place.publish(&site, &["--grace", "0s"]);
    place.is(&site);
    assert!(!place.has("simple/foo/"), "nobody wants it");
    // What comes at the place of such a page is nobody else's.
    let late = place.stopped(&other, &[], "PUT", "simple/foo/index.html");
    place.publish(&site, &["--grace", "0s"]);
    assert_eq!(late.released(), Some(4));
    let v2 = v2();
    place.publish(&v2, &[]);
    place.is(&v2);
}

#[test]
fn who_was_stopped_does_not_win_after_two_others_have_restored_what_was() {
    let Some(place) = Place::new("late-writes") else { return };
    let v1 = v1();
    place.publish(&v1, &[]);
    let other = site_of(&[("foo", "1.0"), ("foo", "1.3"), ("bar", "1.0")]);
    for part in ["simple/foo/index.html", "state/foo.json"] {
        let late = place.stopped(&other, &[], "PUT", part);
        place.publish(&v2(), &[]);
        place.publish(&v1, &["--grace", "0s"]);
        assert_eq!(late.released(), Some(4), "{part}");
        place.is(&v1);
        place.publish(&v1, &[]);
        place.is(&v1);
    }
    // The root alike.
    let late = place.stopped(&other, &[], "PUT", "simple/foo/index.html");
    let root = || place.reader.get("wheelsite.json").expect("answers").expect("is there");
    let before = root();
    place.publish(&v2(), &[]);
    place.publish(&v1, &["--grace", "0s"]);
    assert_ne!(root(), before);
    assert_eq!(late.released(), Some(4));
}

#[test]
fn what_was_removed_is_found_again_by_whoever_goes_on() {
    let Some(place) = Place::new("left-behind") else { return };
    let less = less();
    place.publish(&v2(), &[]);
    place.refused(&less, &["--grace", "0s"], commits()).fails(3, &["AccessDenied"]);
    place.publish(&less, &["--grace", "0s"]);
    place.is(&less);
    assert!(!place.has("foo-1.2") && !place.has("foo-1.1"), "that stays for ever");
    // Pages of a channel likewise.
    let channels = site_of(&[("foo", "1.0+cu126"), ("foo", "1.0+cu128"), ("bar", "1.0")]);
    place.publish(&channels, &[]);
    assert!(place.has("cu126/simple/foo/"));
    place.refused(&less, &["--grace", "0s"], commits()).fails(3, &["AccessDenied"]);
    place.publish(&less, &["--grace", "0s"]);
    assert!(!place.has("cu126/") && !place.has("all/simple/"), "that stays for ever");
}

#[test]
fn merges_go_on_where_somebody_was_killed_while_it_removed_a_project() {
    for (name, last) in [("removal", true), ("removal-early", false)] {
        let Some(place) = Place::new(name) else { return };
        place.publish(&v1(), &[]);
        let without = without_foo();
        let to = ["--grace", "0s", "--dry-run"];
        let plan = place.publish(&without, &to)["plan"].clone();
        let steps = plan.as_array().expect("is a list").iter();
        let deletions = steps.filter(|step| step["action"] == "delete").count() as u64;
        // All but the state of the project is deleted; or nothing is, and the root is the old one.
        let run = if last {
            place.refused(&without, &to[..2], from(deletions, "POST", "?delete"))
        } else {
            place.refused(&without, &to[..2], commits())
        };
        run.fails(3, &["AccessDenied"]);
        assert!(place.has("state/foo.json"));
        place.publish(&site_of(&[("baz", "1.0")]), &["--merge", "--grace", "0s"]);
        place.is(&site_of(&[("bar", "1.0"), ("baz", "1.0")]));
        assert!(!place.has("foo"), "it is gone for good");
    }
}

#[test]
fn a_sign_of_life_that_fails_is_not_the_last_one() {
    let Some(place) = Place::new("beats") else { return };
    place.publish(&v1(), &[]);
    let proxy = Proxy::start(&place.s3.endpoint);
    let roots = AtomicU64::new(0);
    proxy.trouble(move |operation| {
        if operation.method == "PUT" && operation.path.ends_with("wheelsite.json") {
            // The claim, and the first sign of life.
            if roots.fetch_add(1, Ordering::SeqCst) == 1 {
                return Trouble::Refuse(403, String::new());
            }
        }
        if operation.method == "PUT" && operation.path.ends_with("simple/foo/index.html") {
            Trouble::Slow(Duration::from_secs(11))
        } else {
            Trouble::None
        }
    });
    let mut environment = place.s3.environment();
    environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    publish(&v2(), &environment, &["--to", &place.to]);
    let log = proxy.log();
    let root = |it: &&Operation| it.method == "PUT" && it.path.ends_with("wheelsite.json");
    // With the claim and the commit.
    assert_eq!(log.iter().filter(root).count(), 4);
}

#[test]
fn what_a_killed_probe_has_left_is_in_nobodys_way() {
    let Some(place) = Place::new("probes") else { return };
    let probe =
        serde_json::json!([{"bucket": place.bucket, "key": ".wheelsite-probe", "text": "x"}]);
    place.s3.put(&probe);
    place.publish(&v1(), &["--merge"]);
    assert!(!place.has("probe"));
}
