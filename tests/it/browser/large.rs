//! The home of a large index: what it costs, and that all of it can be found.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::sites::{self, LINUX};
use crate::support::Workspace;
use crate::support::browser::Browser;

/// Beside one that comes last.
const PROJECTS: u64 = 1_999;
const LAST: &str = "zz-the-very-last";

/// Syllables of names that nobody has, but that look like those that people give.
const SYLLABLES: [&str; 16] = [
    "ten", "sor", "flow", "py", "cu", "da", "ker", "nel", "net", "vis", "ion", "lab", "graph",
    "opt", "fuse", "bit",
];

const WORDS: [&str; 12] = [
    "fast",
    "exact",
    "kernels",
    "for",
    "training",
    "inference",
    "sparse",
    "attention",
    "on",
    "GPUs",
    "quantized",
    "graphs",
];

/// Numbers that are spread evenly, the same in every run.
fn spread(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("is below")
    }
}

/// As many projects as a large index has, half of them for CUDA, and one that is older than all.
fn put_projects(workspace: &Workspace) {
    for number in 0..PROJECTS {
        let mut pick = spread(number + 1);
        let syllables: String = (0..3).map(|_| SYLLABLES[pick(SYLLABLES.len())]).collect();
        let name = format!("{syllables}-{number}");
        let words: Vec<&str> = (0..8).map(|_| WORDS[pick(WORDS.len())]).collect();
        let summary = format!("Summary: {}", words.join(" "));
        let python = ["cp310", "cp311", "cp312", "cp313"][pick(4)];
        let version = format!("{}.{}.{}", pick(4), pick(20), pick(10));
        let (version, tags) = match pick(4) {
            0 => (version, "py3-none-any".to_owned()),
            1 => (version, format!("{python}-{python}-win_amd64")),
            kind => {
                let torch = ["2.7", "2.8", "2.9"][pick(3)];
                let channel = ["cu126", "cu128", "cu130"][pick(3)];
                let local =
                    if kind == 2 { format!("{channel}torch{torch}") } else { channel.to_owned() };
                (format!("{version}+{local}"), format!("{python}-{python}-{LINUX}"))
            }
        };
        sites::put(workspace, &name, &version, &tags, |wheel| wheel.header(&summary));
    }
    let last = sites::put(workspace, LAST, "1.0", &format!("cp312-cp312-{LINUX}"), |wheel| wheel);
    let file = std::fs::File::options().write(true).open(workspace.path("wheels").join(last));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    file.expect("opens").set_modified(long_ago).expect("has a time");
}

/// How many bytes were answered, and which.
fn weight(answers: &Value) -> u64 {
    let answers = answers.as_array().expect("is a list").iter();
    answers.map(|answer| answer["bytes"].as_u64().expect("is a number")).sum()
}

#[test]
fn the_home_of_two_thousand_projects_is_small_and_finds_them_all() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    put_projects(&workspace);
    workspace.build(&[]);
    let search = workspace.read("site/search.json");
    assert!(search.len() < 200_000, "search.json has {} bytes", search.len());
    let served = workspace.serve(&[]);
    let parameters = json!({
        "search": LAST,
        "environment": {"python": "3.12", "platform": "linux_x86_64", "cuda": "12.8"},
    });
    let told = browser.play(&workspace, "weigh", &served.url, parameters);
    let paths = |answers: &Value| -> Vec<String> {
        let answers = answers.as_array().expect("is a list").iter();
        answers.map(|answer| answer["path"].as_str().expect("is text").to_owned()).collect()
    };
    let used = paths(&told["all"]);
    assert!(["", "search.json"].iter().all(|path| used.contains(&(*path).into())), "{used:?}");
    for (when, answers) in [("opened", &told["opened"]), ("used", &told["all"])] {
        assert!(weight(answers) < 300_000, "{when}: {} bytes: {answers:#}", weight(answers));
    }
    let rows = |told: &Value| told["projects"].as_array().expect("is a list").clone();
    assert!(!rows(&told["first"]).contains(&json!(LAST)), "it is not in the page itself");
    assert_eq!(rows(&told["found"]), [json!(LAST)]);
    assert_eq!(told["href"], format!("packages/{LAST}/"));
    let narrowed = &told["narrowed"]["count"];
    assert_ne!(narrowed, &told["first"]["count"]);
    let number = |text: &Value| {
        let text = text.as_str().expect("is text").replace(',', "");
        text.split(' ')
            .next()
            .and_then(|word| word.parse::<u64>().ok())
            .expect("begins with a number")
    };
    assert!((100..1_900).contains(&number(narrowed)), "{narrowed}");
}
