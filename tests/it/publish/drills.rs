//! Kills, aborts and faults, with a reader that never rests: what can be read is whole, and the
//! next publication completes.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{build, command, publish, rounds};
use crate::support::garage::garage;
use crate::support::program::tree;
use crate::support::proxy::{Operation, Proxy, Trouble};
use crate::support::reader::Reader;
use crate::support::stores;
use crate::support::{Run, Wheel, Workspace};

/// Two sites that differ in all that can differ.
fn sites() -> [Workspace; 2] {
    let sites = [Workspace::new(), Workspace::new()];
    for (number, site) in sites.iter().enumerate() {
        site.wheel(&Wheel::new("same", "1.0"));
        site.wheel(&Wheel::new("grows", "1.0"));
        if number == 0 {
            site.wheel(&Wheel::new("changes", "1.0"));
            site.wheel(&Wheel::new("goes", "1.0+cu126"));
        } else {
            site.wheel(&Wheel::new("changes", "1.0").header("Summary: rebuilt"));
            site.wheel(&Wheel::new("grows", "2.0"));
            site.wheel(&Wheel::new("new", "1.0+cu128"));
        }
        build(site, &[]);
    }
    sites
}

/// A bucket behind a proxy, and who reads it.
struct Place {
    proxy: Proxy,
    environment: Vec<(&'static str, String)>,
    to: String,
    reader: Reader,
}

impl Place {
    /// Of SeaweedFS, which heeds conditions.
    fn heeding(name: &str) -> Option<Self> {
        let s3 = stores::s3()?;
        let bucket = s3.public_bucket(name);
        let proxy = Proxy::start(&s3.endpoint);
        let mut environment = s3.environment();
        environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
        let reader = Reader::bucket(&format!("{}/{bucket}/", s3.endpoint));
        Some(Self { proxy, environment, to: format!("s3://{bucket}"), reader })
    }

    /// Of Garage, which heeds none.
    fn new(name: &str) -> Option<Self> {
        let garage = garage()?;
        super::garage::static_website(garage);
        garage.bucket(name);
        let proxy = Proxy::start(&garage.endpoint);
        let environment = garage.environment(&proxy.url);
        let web = format!("http://127.0.0.1:{}/", garage.web_port);
        let reader = Reader::web(&web, Some(&format!("{name}.web.localhost")));
        Some(Self { proxy, environment, to: format!("s3://{name}"), reader })
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["--to", &*self.to][..], more].concat()
    }

    fn start(&self, site: &Workspace, more: &[&str]) -> Child {
        let mut command = command(site, &self.environment, &self.arguments(more));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
    }

    /// Publishes undisturbed; then all of it must be there.
    fn complete(&self, site: &Workspace, at: &str) {
        self.proxy.let_through(u64::MAX);
        self.proxy.trouble(|_| Trouble::None);
        publish(site, &self.environment, &self.arguments(&["--grace", "0s"]));
        self.is(site, at);
    }

    /// Expects that what is there is this site.
    fn is(&self, site: &Workspace, at: &str) {
        let seen = self.reader.check().unwrap_or_else(|error| panic!("{at}: {error}"));
        let wanted = Reader::folder(&site.site()).check().expect("is whole");
        assert_eq!(seen, wanted, "{at}");
        for path in ["simple/", "index.html", "simple/changes/", "packages/grows/"] {
            let there = self.reader.get(path).expect("answers");
            let built = Reader::folder(&site.site()).get(path).expect("reads");
            let built = built.or_else(|| {
                let file = format!("{path}index.html");
                Reader::folder(&site.site()).get(&file).expect("reads")
            });
            let same = there.as_deref().map(plain) == built.as_deref().map(plain);
            assert!(same, "{at}: {path} is not as it was built");
        }
    }

    /// Runs something while a reader reads again and again; gives how often it did.
    fn watched(&self, act: impl FnOnce()) -> u64 {
        let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seen = self.reader.check().expect("no broken read");
                    assert!(!seen.is_empty());
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
            stop.store(true, Ordering::Relaxed);
            reading.join().expect("never saw half a site");
            done.expect("did what it was to do");
        });
        reads.into_inner()
    }
}

/// Without the white space that publishing adds.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// Xorshift: the same moments in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn killed_at_random_moments_no_reader_sees_half_a_site() {
    let Some(place) = Place::new("publish-kills") else { return };
    let sites = sites();
    place.complete(&sites[0], "at first");
    let reads = place.watched(|| {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        // As long as a publication takes here.
        let began = Instant::now();
        place.complete(&sites[1], "undisturbed");
        let whole = began.elapsed().max(Duration::from_millis(50));
        for round in 0..rounds("WHEELSITE_SOAK_KILLS", 20) {
            let site = &sites[usize::from(round % 2 == 1)];
            let grace = if random.next().is_multiple_of(2) { "0s" } else { "1d" };
            let until = whole * u32::try_from(random.next() % 1_000).expect("is small") / 900;
            let mut child = place.start(site, &["--grace", grace]);
            let began = Instant::now();
            while began.elapsed() < until && child.try_wait().expect("waits").is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = child.kill();
            child.wait().expect("ends");
            if round % 3 == 2 {
                // The same site again, or the one before.
                let next = &sites[usize::from(random.next().is_multiple_of(2))];
                place.complete(next, &format!("after kill {round}"));
            }
        }
        place.complete(&sites[0], "at the end");
    });
    assert!(reads > 0);
}

#[test]
fn aborted_after_every_operation_the_next_completes() {
    for place in [Place::new("publish-aborts"), Place::heeding("publish-aborts")] {
        let Some(place) = place else { return };
        abort_everywhere(&place);
    }
}

fn abort_everywhere(place: &Place) {
    let sites = sites();
    // All of them in a soak, every ninth otherwise.
    let stride = 9 / rounds("WHEELSITE_SOAK_ABORTS", 1).clamp(1, 9);
    place.complete(&sites[0], "at first");
    let reads = place.watched(|| {
        let mut limit = 1;
        let mut number = 0;
        loop {
            let site = &sites[(number + 1) % 2];
            place.proxy.let_through(limit);
            let mut child = place.start(site, &["--grace", "0s"]);
            let began = Instant::now();
            let ended = loop {
                if let Some(status) = child.try_wait().expect("waits") {
                    break status.success();
                }
                assert!(began.elapsed() < Duration::from_secs(60), "it hangs at {limit}");
                // One more than may pass is held; what was before it is done by now or under way.
                if place.proxy.count() > limit {
                    std::thread::sleep(Duration::from_millis(20));
                    break false;
                }
                std::thread::sleep(Duration::from_millis(1));
            };
            let _ = child.kill();
            child.wait().expect("ends");
            let at = format!("aborted after operation {limit}");
            place.reader.check().unwrap_or_else(|error| panic!("{at}: {error}"));
            place.complete(site, &at);
            if ended {
                break;
            }
            limit += stride;
            number += 1;
        }
        assert!(limit > 30, "a publication has more than {limit} operations");
    });
    assert!(reads > 0);
}

#[test]
fn faults_of_the_store_break_nothing() {
    for place in [Place::new("publish-faults"), Place::heeding("publish-faults")] {
        let Some(place) = place else { return };
        let_fail(&place);
    }
}

fn let_fail(place: &Place) {
    let sites = sites();
    place.complete(&sites[0], "at first");
    let mut worked = 0;
    let all = rounds("WHEELSITE_SOAK_FAULTS", 20);
    let reads = place.watched(|| {
        for seed in 0..all {
            let site = &sites[usize::from(seed % 2 == 0)];
            place.proxy.let_through(u64::MAX);
            place.proxy.trouble(move |operation| trouble(seed, operation));
            let arguments = place.arguments(&["--grace", "0s"]);
            let run = Run::of(&mut command(site, &place.environment, &arguments));
            let at = format!("seed {seed}");
            match run.code {
                Some(0) => {
                    worked += 1;
                    place.is(site, &at);
                }
                Some(3 | 4) => assert!(run.stderr.contains("hint:"), "{at}: {}", run.stderr),
                code => panic!("{at}: {code:?}: {}", run.stderr),
            }
            if seed % 4 == 3 {
                place.complete(site, &at);
            }
        }
        place.complete(&sites[1], "at the end");
    });
    assert!(reads > 0);
    assert!(worked * 2 > all, "{worked} of {all} publications worked");
}

/// One operation in six goes wrong, in a way that the seed decides.
fn trouble(seed: u64, operation: &Operation) -> Trouble {
    let mut random =
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (operation.number << 17) | 1);
    for _ in 0..3 {
        random.next();
    }
    let busy = "<Error><Code>SlowDown</Code><Message>Please slow down.</Message></Error>";
    match random.next() % 36 {
        0 => Trouble::Refuse(500, String::new()),
        1 => Trouble::Refuse(503, busy.to_owned()),
        2 => Trouble::Break,
        3 => Trouble::Lose,
        4 => Trouble::Halve,
        5 => Trouble::Slow(Duration::from_millis(random.next() % 150)),
        _ => Trouble::None,
    }
}

/// Merges of three sites at once, some of them killed and all of them in trouble.
#[test]
fn merges_that_are_killed_or_fail_lose_nothing_when_they_are_run_again() {
    if stores::s3().is_none() {
        return;
    }
    let sites: Vec<Workspace> = (0..3)
        .map(|number| {
            let site = Workspace::new();
            site.wheel(&Wheel::new("shared", &format!("1.{number}")));
            site.wheel(&Wheel::new(&format!("own-{number}"), "1.0"));
            build(&site, &[]);
            site
        })
        .collect();
    let all = Workspace::new();
    for site in &sites {
        for (path, bytes) in tree(&site.path("wheels")) {
            all.write(&format!("wheels/{path}"), bytes);
        }
    }
    build(&all, &[]);
    for seed in 0..rounds("WHEELSITE_SOAK_MERGES", 3) {
        let Some(place) = Place::heeding(&format!("publish-merges-{seed}")) else { return };
        place.proxy.trouble(move |operation| trouble(seed + 1_000, operation));
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut children: Vec<Child> =
            sites.iter().map(|site| place.start(site, &["--merge"])).collect();
        std::thread::sleep(Duration::from_millis(random.next() % 600));
        let killed = usize::try_from(random.next() % 3).expect("is small");
        let _ = children[killed].kill();
        for child in &mut children {
            child.wait().expect("ends");
        }
        place.reader.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        place.proxy.trouble(|_| Trouble::None);
        for site in &sites {
            publish(site, &place.environment, &place.arguments(&["--merge"]));
        }
        let seen = place.reader.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(seen, Reader::folder(&all.site()).check().expect("is whole"), "seed {seed}");
        for path in ["simple/index.html", "simple/shared/index.html", "index.html"] {
            let there = place.reader.get(path).expect("answers").expect("is there");
            let built = std::fs::read(all.site().join(path)).expect("is there");
            assert_eq!(plain(&there), plain(&built), "seed {seed}: {path}");
        }
    }
}
