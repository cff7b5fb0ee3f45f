//! What is known of the order of things, with a builder that builds nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::sync::Notify;

use super::OutcomeKind::{Built, Failed, FromEarlier};
use super::*;
use crate::error::Error;
use crate::python::Python;
use crate::row::{Auditwheel, Cuda, Platform, PythonFrom, Recipe, Source};

/// A row of this id, which begins with its package's name.
pub(crate) fn row(id: &str) -> Row {
    let recipe = Recipe {
        source: Source::Index,
        build_args: Vec::new(),
        extra_deps: Vec::new(),
        extra_index_urls: Vec::new(),
        python_from: PythonFrom::Auto,
        image: "devel:1".to_owned(),
        runtime_image: "runtime:1".to_owned(),
        env: std::collections::BTreeMap::new(),
        apt: Vec::new(),
        local_version: "cu129".to_owned(),
        requires: Vec::new(),
        auditwheel: Auditwheel::Off,
        timeout: Duration::from_secs(60),
        retries: 0,
        memory: None,
        test_import: Vec::new(),
        test_command: None,
        runs_on: Vec::new(),
        description: None,
    };
    Row {
        id: id.to_owned(),
        package: id.split('-').next().expect("has one").parse().expect("is a name"),
        version: "1".parse().expect("is a version"),
        python: Python { minor: 12, free_threaded: false },
        cuda: Cuda { major: 12, minor: 9, patch: 1 },
        torch: None,
        platform: Platform::X86_64,
        recipe,
    }
}

pub(crate) fn made(word: &str) -> Made {
    Made {
        wheel: format!("wheels/demo-1-cp312-cp312-linux_x86_64.{word}.whl").into(),
        sha256: "ab".repeat(32),
        size: 1_234_567,
        from_earlier: false,
        stages: vec![StageTime { name: "compile".to_owned(), time: Duration::from_secs(200) }],
        not_tested: vec!["kernels: no driver".to_owned()],
    }
}

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Succeed,
    WasDone,
    Fail,
    Panic,
    /// Builds until it is cancelled.
    Hang,
}

/// Does what it is told, and remembers.
struct Fake {
    does: HashMap<String, Does>,
    running: AtomicUsize,
    most: AtomicUsize,
    cpus: AtomicUsize,
    most_cpus: AtomicUsize,
    began: Mutex<Vec<String>>,
    /// A row hangs.
    hangs: Notify,
}

impl Fake {
    fn new(does: &[Does]) -> (Arc<Self>, Vec<Row>) {
        let rows: Vec<Row> = (0..does.len()).map(|number| row(&format!("r-{number}"))).collect();
        let does = rows.iter().map(|row| row.id.clone()).zip(does.iter().copied()).collect();
        let fake = Self {
            does,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            cpus: AtomicUsize::new(0),
            most_cpus: AtomicUsize::new(0),
            began: Mutex::default(),
            hangs: Notify::new(),
        };
        (Arc::new(fake), rows)
    }

    fn began(&self) -> Vec<String> {
        self.began.lock().expect("is whole").clone()
    }
}

impl RowBuilder for Fake {
    fn build(self: Arc<Self>, row: Arc<Row>, cpus: NonZeroUsize, cancel: Cancel) -> Building {
        Box::pin(async move {
            self.began.lock().expect("is whole").push(row.id.clone());
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            let used = self.cpus.fetch_add(cpus.get(), Ordering::SeqCst) + cpus.get();
            self.most_cpus.fetch_max(used, Ordering::SeqCst);
            let does = self.does[&row.id];
            for _ in 0..row.id.len() % 3 {
                tokio::task::yield_now().await;
            }
            if does == Does::Hang {
                self.hangs.notify_one();
                cancel.cancelled().await;
            }
            self.running.fetch_sub(1, Ordering::SeqCst);
            self.cpus.fetch_sub(cpus.get(), Ordering::SeqCst);
            match does {
                Does::Succeed => Ok(made(&row.id)),
                Does::WasDone => Ok(Made { from_earlier: true, ..made(&row.id) }),
                Does::Fail => Err(Error::failed(format!("`{}` fails", row.id), "x")),
                Does::Hang => Err(Error::Interrupted),
                #[expect(clippy::panic, reason = "a bug of a builder")]
                Does::Panic => panic!("on purpose"),
            }
        })
    }
}

/// A disk on which images take up room.
#[derive(Default)]
struct FakeDisk {
    free: Mutex<u64>,
    images: Mutex<HashMap<String, u64>>,
    asked: Mutex<Vec<BTreeSet<String>>>,
}

impl Disk for FakeDisk {
    fn free(&self) -> Vec<Free> {
        let place = Place { what: "work", path: "/work".into() };
        vec![Free { place, bytes: *self.free.lock().expect("is whole") }]
    }

    fn prune<'a>(
        &'a self,
        images: &'a BTreeSet<String>,
    ) -> Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>> {
        Box::pin(async move {
            self.asked.lock().expect("is whole").push(images.clone());
            let mut there = self.images.lock().expect("is whole");
            let mut removed = Vec::new();
            for image in images {
                if let Some(size) = there.remove(image) {
                    *self.free.lock().expect("is whole") += size;
                    removed.push(image.clone());
                }
            }
            removed
        })
    }
}

/// Remembers what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn started(&self, row: &Row, number: usize, of: usize, _: NonZeroUsize) {
        self.0.lock().expect("is whole").push(format!("{} {number}/{of}", row.id));
    }

    fn ended(&self, ended: &Ended) {
        let line = format!("{} {}", ended.row.id, ended.kind().words());
        self.0.lock().expect("is whole").push(line);
    }

    fn warn(&self, message: &str) {
        self.0.lock().expect("is whole").push(format!("warning: {message}"));
    }
}

impl Heard {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("is whole").clone()
    }
}

fn options(jobs: usize, cpus: usize) -> Options {
    Options {
        jobs: NonZeroUsize::new(jobs).expect("is more than none"),
        cpus: NonZeroUsize::new(cpus).expect("is more than none"),
        fail_fast: false,
        min_free: ByteSize(10),
        watch: Duration::from_millis(1),
    }
}

fn plenty() -> FakeDisk {
    FakeDisk { free: Mutex::new(100), ..FakeDisk::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("is built")
}

fn run_all(
    fake: &Arc<Fake>,
    rows: Vec<Row>,
    disk: &FakeDisk,
    options: Options,
) -> (Summary, Vec<String>) {
    let heard = Heard::default();
    let builder: Arc<dyn RowBuilder> = fake.clone();
    let cancel = Cancel::new();
    let running = run(rows, builder, disk, &heard, options, &cancel);
    (runtime().block_on(running), heard.lines())
}

fn kinds(summary: &Summary) -> Vec<OutcomeKind> {
    summary.rows.iter().map(Ended::kind).collect()
}

#[test]
fn one_failure_stops_no_other() {
    let (fake, rows) =
        Fake::new(&[Does::Succeed, Does::Fail, Does::WasDone, Does::Panic, Does::Succeed]);
    let (summary, heard) = run_all(&fake, rows, &plenty(), options(1, 4));
    assert_eq!(kinds(&summary), [Built, Failed, FromEarlier, Failed, Built]);
    assert_eq!((summary.exit_code(), summary.stopped), (1, None));
    assert_eq!(heard[..4], ["r-0 1/5", "r-0 built", "r-1 2/5", "r-1 failed"]);
    assert_eq!(heard[5], "r-2 done before");
    assert_eq!(fake.began().len(), 5);
}

#[test]
fn fail_fast_starts_no_row_after_a_failure() {
    let (fake, rows) = Fake::new(&[Does::Succeed, Does::Fail, Does::Succeed, Does::Succeed]);
    let options = Options { fail_fast: true, ..options(1, 4) };
    let (summary, _) = run_all(&fake, rows, &plenty(), options);
    assert_eq!(fake.began(), ["r-0", "r-1"]);
    assert_eq!(summary.count(OutcomeKind::NotStarted), 2);
    assert_eq!(summary.exit_code(), 1);
    assert_eq!(summary.rows[3].reason().as_deref(), Some("`r-1` failed (`--fail-fast`)"));
}

#[test]
fn an_interruption_ends_all_rows_and_starts_none() {
    let (fake, rows) = Fake::new(&[Does::Succeed, Does::Hang, Does::Hang, Does::Succeed]);
    let cancel = Cancel::new();
    let heard = Heard::default();
    let summary = runtime().block_on(async {
        let builder: Arc<dyn RowBuilder> = fake.clone();
        let disk = plenty();
        let running = run(rows, builder, &disk, &heard, options(2, 4), &cancel);
        let interrupt = async {
            fake.hangs.notified().await;
            cancel.cancel();
        };
        tokio::join!(running, interrupt).0
    });
    assert_eq!(summary.exit_code(), 130);
    assert_eq!(fake.running.load(Ordering::SeqCst), 0, "all of them have ended");
    assert_eq!(kinds(&summary)[0], OutcomeKind::Built);
    assert_eq!(kinds(&summary)[1], OutcomeKind::Interrupted);
    assert_eq!(kinds(&summary)[3], OutcomeKind::NotStarted);
    assert!(!fake.began().contains(&"r-3".to_owned()));
}

#[test]
fn exit_codes_are_those_of_the_rows() {
    let summary = |errors: Vec<Error>| Summary {
        rows: (errors.into_iter().enumerate())
            .map(|(number, error)| Ended {
                row: row(&format!("r-{number}")).into(),
                outcome: Outcome::Failed(error),
                time: Duration::ZERO,
            })
            .collect(),
        time: Duration::ZERO,
        stopped: None,
    };
    let unreachable = || Error::unreachable("x", "y");
    assert_eq!(summary(vec![]).exit_code(), 0);
    assert_eq!(summary(vec![unreachable(), unreachable()]).exit_code(), 3);
    assert_eq!(summary(vec![unreachable(), Error::failed("x", "y")]).exit_code(), 1);
    assert_eq!(summary(vec![Error::config("x", "y")]).exit_code(), 2);
}

/// A disk that is full once the first row has begun.
struct Filling<'d>(&'d FakeDisk, AtomicUsize);
impl Disk for Filling<'_> {
    fn free(&self) -> Vec<Free> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 1 {
            *self.0.free.lock().expect("is whole") = 5;
        }
        self.0.free()
    }
    fn prune<'a>(
        &'a self,
        images: &'a BTreeSet<String>,
    ) -> Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>> {
        self.0.prune(images)
    }
}

#[test]
fn images_that_no_coming_row_needs_go_when_room_is_short() {
    let (fake, mut rows) = Fake::new(&[Does::Succeed; 3]);
    rows[0].recipe.image = "devel:old".to_owned();
    rows[0].recipe.runtime_image = "shared:1".to_owned();
    rows[1].recipe.runtime_image = "shared:1".to_owned();
    let disk = FakeDisk {
        free: Mutex::new(5),
        images: Mutex::new(HashMap::from([("devel:old".to_owned(), 90)])),
        ..FakeDisk::default()
    };
    // Nothing has ended, so that nothing can go: it does not begin.
    let (summary, heard) = run_all(&fake, rows.clone(), &disk, options(1, 1));
    assert_eq!(fake.began(), Vec::<String>::new());
    assert_eq!(summary.count(OutcomeKind::NotStarted), 3);
    assert_eq!(summary.exit_code(), 1);
    let stopped = summary.stopped.expect("is stopped");
    assert_eq!(stopped.message, "too little disk space: 0 KiB of work (`/work`), expected 10B");
    assert!(stopped.hint.expect("has one").contains("--min-free"));
    assert_eq!(heard, [format!("warning: {}; no further row begins", stopped.message)]);
    assert!(disk.asked.lock().expect("is whole").is_empty());

    // The first row fills the disk; its image goes, that of the others stays.
    *disk.free.lock().expect("is whole") = 50;
    let filling = Filling(&disk, AtomicUsize::new(0));
    let heard = Heard::default();
    let builder: Arc<dyn RowBuilder> = fake.clone();
    let slow = Options { watch: Duration::from_secs(60), ..options(1, 1) };
    let cancel = Cancel::new();
    let running = run(rows, builder, &filling, &heard, slow, &cancel);
    let summary = runtime().block_on(running);
    assert_eq!(summary.count(OutcomeKind::Built), 3);
    let only_old = BTreeSet::from(["devel:old".to_owned()]);
    assert_eq!(*disk.asked.lock().expect("is whole"), [only_old]);
    let lines = heard.lines();
    assert_eq!(
        lines[2],
        "warning: disk space is short: removed images that no coming row needs: `devel:old`"
    );
}

#[test]
fn rows_wait_for_room_that_others_leave() {
    /// Short of room until a row has ended.
    struct Tight(Arc<Fake>);
    impl Disk for Tight {
        fn free(&self) -> Vec<Free> {
            let place = Place { what: "output", path: "/out".into() };
            let is_tight = self.0.running.load(Ordering::SeqCst) > 0;
            vec![Free { place, bytes: if is_tight { 1 } else { 100 } }]
        }
        fn prune<'a>(
            &'a self,
            _: &'a BTreeSet<String>,
        ) -> Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>> {
            Box::pin(async { Vec::new() })
        }
    }
    let (fake, rows) = Fake::new(&[Does::Succeed; 4]);
    let disk = Tight(fake.clone());
    let builder: Arc<dyn RowBuilder> = fake.clone();
    let heard = Heard::default();
    let cancel = Cancel::new();
    let running = run(rows, builder, &disk, &heard, options(3, 3), &cancel);
    let summary = runtime().block_on(running);
    assert_eq!(summary.count(OutcomeKind::Built), 4);
    assert_eq!(summary.exit_code(), 0);
}

fn any_does() -> impl Strategy<Value = Does> {
    prop_oneof![Just(Does::Succeed), Just(Does::WasDone), Just(Does::Fail)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_built_once_and_never_too_many(
        does in proptest::collection::vec(any_does(), 0..24),
        jobs in 1_usize..9,
        cpus in 1_usize..33,
    ) {
        let (fake, rows) = Fake::new(&does);
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let (summary, _) = run_all(&fake, rows, &plenty(), options(jobs, cpus));
        let ended: Vec<String> = summary.rows.iter().map(|ended| ended.row.id.clone()).collect();
        prop_assert_eq!(&ended, &ids);
        prop_assert_eq!(fake.began(), ids);
        prop_assert!(fake.most.load(Ordering::SeqCst) <= jobs);
        // With more rows than CPUs each has one.
        prop_assert!(fake.most_cpus.load(Ordering::SeqCst) <= cpus.max(jobs));
        let failed = does.iter().filter(|does| **does == Does::Fail).count();
        prop_assert_eq!(summary.count(OutcomeKind::Failed), failed);
        prop_assert_eq!(summary.exit_code(), u8::from(failed > 0));
    }
}
