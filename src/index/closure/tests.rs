use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Environment, Options, Settings, SiteConfig};
use crate::facts::{FACTS_VERSION, Location};
use crate::index::{Admitted, FileUrl};
use crate::wheel::Sha256;

fn artifact(filename: &str) -> Artifact {
    Artifact::new(filename, Location::File(filename.into()))
}

/// What a wheel with these headers says.
fn facts(artifact: &Artifact, headers: &[&str]) -> Facts {
    let dist = artifact.dist.as_ref().expect("parses");
    let values = |name: &str| -> Vec<&str> {
        headers.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
    };
    let sha256 = Sha256::of(artifact.filename.as_bytes());
    let wheel = json!({"wheel": {
        "members": 1, "unpacked_size": 1, "dist_info": [], "wheel": "missing", "record": "missing",
        "metadata": {"read": {
            "sha256": sha256, "name": dist.name(), "version": dist.version().to_string(),
            "requires_dist": values("Requires-Dist"),
            "requires_python": values("Requires-Python").first(),
        }},
    }});
    let facts = json!({
        "facts_version": FACTS_VERSION, "depth": "metadata", "sha256": sha256, "size": 1,
        "content": wheel,
    });
    serde_json::from_value(facts).expect("is what a wheel says")
}

/// An index of files, each with headers of its METADATA.
fn index(files: &[(&str, &[&str])]) -> Index {
    let admitted = |(filename, headers): &(&str, &[&str])| {
        let artifact = artifact(filename);
        let is_wheel = filename.ends_with(".whl");
        let facts = is_wheel.then(|| Arc::new(facts(&artifact, headers)));
        Admitted { artifact: artifact.into(), facts, upload_time: None, url: FileUrl::FilesUrl }
    };
    let settings =
        Settings::resolve(SiteConfig::default(), Options::default(), Environment::default())
            .expect("resolves");
    let admitted = files.iter().map(admitted).collect();
    let mut index = Index::build(admitted, &settings).expect("builds");
    index.assign_channels(&settings.channels);
    index
}

fn upstream(filenames: &[&str]) -> Upstream {
    let mut upstream = Upstream::new();
    for filename in filenames {
        let artifact = artifact(filename);
        let name = artifact.dist.as_ref().expect("parses").name().clone();
        upstream.entry(name).or_default().push(artifact.into());
    }
    upstream
}

fn missing(files: &[(&str, &[&str])], of_upstream: &[&str]) -> Vec<String> {
    let (index, upstream) = (index(files), upstream(of_upstream));
    closure(&index, &upstream).missing.iter().map(ToString::to_string).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_requirement_needs_a_version_that_fits() {
    let needs = |requirement: &str, others: &[&str]| {
        let header = format!("Requires-Dist: {requirement}");
        let own: &[&str] = &[&header];
        let mut files: Vec<(&str, &[&str])> = vec![("a-1-py3-none-any.whl", own)];
        files.extend(others.iter().map(|file| (*file, &[] as &[&str])));
        missing(&files, &[])
    };
    for (requirement, others) in [
        ("b", &["b-1-py3-none-any.whl"][..]),
        ("B.b>=1,<2", &["b_b-1.5-py3-none-any.whl"]),
        ("b==1.0", &["b-1.0+cu128-py3-none-any.whl"]),
        ("b (>=1,)", &["b-1.tar.gz"]),
        ("b", &["b-1rc1-py3-none-any.whl"]),
        ("b @ https://x.example/b-1.tar.gz", &[]),
        ("not a requirement!", &[]),
    ] {
        assert_eq!(needs(requirement, others), NONE, "{requirement}");
    }
    for (requirement, others, found) in [
        ("b", &[][..], "found no version of `b` in the index"),
        ("b>=2", &["b-1-py3-none-any.whl"], "only 1 in the index"),
        ("b<2", &["b-2rc1-py3-none-any.whl"], "only 2rc1"),
        ("b==1.0+cu126", &["b-1.0+cu128-py3-none-any.whl"], "only 1.0+cu128"),
        ("b>9", &["b-1.zip", "b-2.zip", "b-3.zip", "b-4.zip"], "only 4, 3, 2 in the index"),
    ] {
        let all = needs(requirement, others);
        assert_eq!(all.len(), 1, "{requirement}");
        assert!(all[0].contains(found) && all[0].contains("`a-1-py3-none-any.whl`"), "{}", all[0]);
    }
}

#[test]
fn a_file_must_run_where_the_wheel_does() {
    let a = "a-1-cp312-cp312-manylinux_2_28_x86_64.whl";
    let needs = |other: &str, headers: &[&str]| {
        missing(&[(a, &["Requires-Dist: b"]), (other, headers)], &[])
    };
    for other in [
        "b-1-cp312-cp312-linux_x86_64.whl",
        "b-1-cp39-abi3-manylinux_2_17_x86_64.whl",
        "b-1-py3-none-any.whl",
        "b-1.zip",
    ] {
        assert_eq!(needs(other, &[]), NONE, "{other}");
    }
    for other in [
        "b-1-cp311-cp311-linux_x86_64.whl",
        "b-1-cp312-cp312-linux_aarch64.whl",
        "b-1-cp312-cp312-musllinux_1_2_x86_64.whl",
        "b-1-cp313-abi3-linux_x86_64.whl",
    ] {
        let expected = format!(
            "`{a}` requires `b` for Python 3.12 on linux x86_64, found no file of `b` 1 for it in \
             the index"
        );
        assert_eq!(needs(other, &[]), [expected], "{other}");
    }
    assert_eq!(needs("b-1-py3-none-any.whl", &["Requires-Python: >=3.13"]).len(), 1);
    assert_eq!(needs("b-1-py3-none-any.whl", &["Requires-Python: >=3.12.4"]), NONE);
}

#[test]
fn markers_are_asked_for_each_machine_that_the_tags_allow() {
    let needs = |name: &str, marker: &str, more: &[&str]| {
        let header = format!("Requires-Dist: b ; {marker}");
        let mut headers = vec![header.as_str()];
        headers.extend(more);
        missing(&[(name, &headers)], &[]).len()
    };
    let linux = "a-1-cp312-cp312-linux_x86_64.whl";
    for (name, marker, expected) in [
        (linux, "python_version < '3.12'", 0),
        (linux, "python_version >= '3.12'", 1),
        (linux, "python_full_version < '3.12.3'", 1),
        (linux, "python_full_version >= '3.12.3'", 1),
        (linux, "sys_platform == 'win32'", 0),
        (linux, "platform_system == 'Linux' and platform_machine == 'x86_64'", 1),
        (linux, "platform_machine == 'aarch64'", 0),
        (linux, "os_name == 'nt'", 0),
        (linux, "implementation_name == 'pypy'", 0),
        ("a-1-cp312-cp312-win_amd64.whl", "platform_machine == 'AMD64' and os_name == 'nt'", 1),
        ("a-1-cp312-cp312-macosx_10_9_universal2.whl", "platform_machine == 'arm64'", 1),
        ("a-1-py3-none-any.whl", "python_version < '3.10'", 1),
        ("a-1-py3-none-any.whl", "python_version < '3.9'", 0),
        ("a-1-cp310-abi3-linux_x86_64.whl", "python_version < '3.10'", 0),
        ("a-1-cp399-abi3-linux_x86_64.whl", "python_version == '3.99'", 1),
        ("a-1-pp310-pypy310_pp73-linux_x86_64.whl", "python_version == '3.10'", 0),
    ] {
        assert_eq!(needs(name, marker, &[]), expected, "{name}: {marker}");
    }
    let requires = ["Requires-Python: >=3.10"];
    assert_eq!(needs("a-1-py3-none-any.whl", "python_version < '3.10'", &requires), 0);
    // The Pythons of an index are those that its wheels name.
    let pure: (&str, &[&str]) =
        ("a-1-py3-none-any.whl", &["Requires-Dist: b ; python_version < '3.11'"]);
    let other: (&str, &[&str]) = ("c-1-cp312-cp312-linux_x86_64.whl", &[]);
    assert_eq!(missing(&[pure, other], &[]), NONE);
    let other: (&str, &[&str]) = ("c-1-cp310-cp310-linux_x86_64.whl", &[]);
    assert_eq!(missing(&[pure, other], &[]).len(), 1);
    // Where there is nothing for Linux, a pure wheel is not installed there.
    let pure: (&str, &[&str]) = ("a-1-py3-none-any.whl", &["Requires-Dist: c"]);
    let other: (&str, &[&str]) = ("c-1-cp312-cp312-win_amd64.whl", &[]);
    assert_eq!(missing(&[pure, other], &[]), NONE);
}

#[test]
fn extras_count_where_somebody_asks_for_them() {
    let b: (&str, &[&str]) = (
        "b-1-py3-none-any.whl",
        &["Requires-Dist: c ; extra == 'Fast'", "Requires-Dist: b[fast] ; extra == 'all'"],
    );
    let asks = |requirement: &str| {
        let header = format!("Requires-Dist: {requirement}");
        missing(&[("a-1-py3-none-any.whl", &[&header]), b], &[])
    };
    assert_eq!(asks("b"), NONE);
    assert_eq!(asks("b[slow]"), NONE);
    assert_eq!(asks("b[fast] ; sys_platform == 'win32'"), NONE);
    for requirement in ["b[fast]", "b[all]", "b[FAST]==1"] {
        let all = asks(requirement);
        assert_eq!(all.len(), 1, "{requirement}");
        assert!(
            all[0].contains("`b-1-py3-none-any.whl` requires `c ; extra == 'Fast'`"),
            "{all:?}"
        );
    }
    // Of a version that nobody asks for nothing is asked.
    let old: (&str, &[&str]) = ("b-0.1-py3-none-any.whl", &["Requires-Dist: d ; extra == 'fast'"]);
    let a: (&str, &[&str]) = ("a-1-py3-none-any.whl", &["Requires-Dist: b[fast]>=1"]);
    let c: (&str, &[&str]) = ("c-1-py3-none-any.whl", &[]);
    assert_eq!(missing(&[a, b, c, old], &[]), NONE);
}

#[test]
fn each_channel_is_looked_at_by_itself() {
    let a126 = "a-1+cu126-cp312-cp312-linux_x86_64.whl";
    let a128 = "a-1+cu128-cp312-cp312-linux_x86_64.whl";
    let requires: &[&str] = &["Requires-Dist: torch==2.9.0"];
    let files: &[(&str, &[&str])] = &[
        (a126, requires),
        (a128, requires),
        ("torch-2.9.0+cu126-cp312-cp312-linux_x86_64.whl", &[]),
        ("torch-2.8.0+cu128-cp312-cp312-linux_x86_64.whl", &[]),
    ];
    let expected = format!(
        "`{a128}` requires `torch==2.9.0` for Python 3.12 on linux x86_64, found of `torch` only \
         2.8.0+cu128 in the channel `cu128`"
    );
    assert_eq!(missing(files, &[]), [expected]);
    assert_eq!(missing(files, &["torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl"]), NONE);
    assert_eq!(missing(files, &["torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl"]).len(), 1);
}

#[test]
fn what_is_yanked_satisfies_who_pins() {
    let mut upstream = upstream(&["b-1-py3-none-any.whl"]);
    for artifact in upstream.values_mut().flatten() {
        std::sync::Arc::make_mut(artifact).offered.yanked = Some("broken".into());
    }
    for (requirement, count) in [("b==1", 0), ("b===1", 0), ("b>=1", 1), ("b==1.*", 1)] {
        let header = format!("Requires-Dist: {requirement}");
        let index = index(&[("a-1-py3-none-any.whl", &[&header])]);
        let found = closure(&index, &upstream).missing;
        assert_eq!(found.len(), count, "{requirement}");
        assert!(found.iter().all(|missing| missing.found == Found::Yanked("1".to_owned())));
    }
}

const REQUIREMENTS: [&str; 8] = [
    "Requires-Dist: a",
    "Requires-Dist: b>=2",
    "Requires-Dist: c[x]",
    "Requires-Dist: d ; extra == 'x'",
    "Requires-Dist: d ; python_version < '3.12'",
    "Requires-Dist: a==1 ; sys_platform == 'linux'",
    "Requires-Dist: b @ https://x.example/b.tar.gz",
    "Requires-Dist: ?",
];

prop_compose! {
    fn some_files()(
        files in proptest::collection::btree_map(
            ("[abc]", 1u8..4, prop::sample::select(vec!["", "+cu126", "+cu128"]),
             prop::sample::select(vec!["py3-none-any", "cp311-cp311-linux_x86_64", "cp312-cp312-win_amd64"])),
            proptest::collection::vec(prop::sample::select(REQUIREMENTS.to_vec()), 0..4),
            1..8,
        ),
    ) -> Vec<(String, Vec<&'static str>)> {
        let name = |(name, version, local, tags): (String, u8, &str, &str)| {
            format!("{name}-{version}{local}-{tags}.whl")
        };
        files.into_iter().map(|(key, headers)| (name(key), headers)).collect()
    }
}

fn of(files: &[(String, Vec<&'static str>)]) -> Index {
    let files: Vec<(&str, &[&str])> =
        files.iter().map(|(name, headers)| (name.as_str(), headers.as_slice())).collect();
    index(&files)
}

proptest! {
    /// Upstream only ever helps, and one that has everything leaves nothing.
    #[test]
    fn upstream_only_helps(files in some_files(), has in proptest::collection::vec("[abcd]-[123]\\.zip", 0..4)) {
        let index = of(&files);
        let seen = |upstream: &Upstream| -> BTreeSet<(String, Option<String>, String)> {
            closure(&index, upstream).missing.iter().map(|missing| {
                let channel = missing.channel.map(ToString::to_string);
                (missing.file.dist().to_string(), channel, missing.requirement.to_owned())
            }).collect()
        };
        let alone = seen(&Upstream::new());
        let has: Vec<&str> = has.iter().map(String::as_str).collect();
        prop_assert!(seen(&upstream(&has)).is_subset(&alone));
        let all = ["a-1.zip", "b-3.zip", "c-1.zip", "d-1.zip"];
        prop_assert_eq!(seen(&upstream(&all)), BTreeSet::new());
    }

    /// Whatever METADATA says.
    #[test]
    fn never_panics(requirement in ".{0,40}", python in ".{0,12}") {
        let headers = [format!("Requires-Dist: {requirement}"), format!("Requires-Python: {python}")];
        let index = index(&[("a-1-py3-none-any.whl", &[&headers[0], &headers[1]])]);
        for missing in closure(&index, &Upstream::new()).missing {
            let _ = missing.to_string();
        }
    }
}
