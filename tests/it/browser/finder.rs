//! The finder: which file it names, what it says of the others, and every way to ask it.

use serde_json::{Value, json};

use super::sites::{self, LINUX, flash_attn_name, flash_attn_version};
use crate::support::browser::Browser;
use crate::support::{Workspace, program};

const FLASH_ATTN: &str = "packages/flash-attn/";

const ANSWER: &str =
    "packages/flash-attn/?python=3.12&platform=linux_x86_64&glibc=2.35&cuda=12.8&torch=2.9";

/// Of a machine with a GeForce RTX 4090.
const NVIDIA_SMI: &str = "\
Tue Nov 24 10:15:32 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.86.15              Driver Version: 570.86.15      CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  NVIDIA GeForce RTX 4090        Off |   00000000:01:00.0  On |                  Off |
|  0%   41C    P8             21W /  450W |     512MiB /  24564MiB |      2%      Default |
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+

+-----------------------------------------------------------------------------------------+
| Processes:                                                                              |
|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
|    0   N/A  N/A            1511      G   /usr/lib/xorg/Xorg                      301MiB |
+-----------------------------------------------------------------------------------------+
";

/// Of a machine with an A100.
const COLLECT_ENV: &str = "\
Collecting environment information...
PyTorch version: 2.9.0+cu128
Is debug build: False
CUDA used to build PyTorch: 12.8
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.5 LTS (x86_64)
GCC version: (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0
Clang version: Could not collect
CMake version: version 3.31.4
Libc version: glibc-2.35

Python version: 3.12.8 | packaged by conda-forge | (main, Dec  5 2024, 14:24:40) [GCC 13.3.0] \
(64-bit runtime)
Python platform: Linux-5.15.0-130-generic-x86_64-with-glibc2.35
Is CUDA available: True
CUDA runtime version: 12.8.93
CUDA_MODULE_LOADING set to: LAZY
GPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB
Nvidia driver version: 570.86.15
cuDNN version: Could not collect
Is XPU available: False
HIP runtime version: N/A
MIOpen runtime version: N/A
Is XNNPACK available: True

CPU:
Architecture:                         x86_64
CPU op-mode(s):                       32-bit, 64-bit

Versions of relevant libraries:
[pip3] numpy==2.1.3
[pip3] torch==2.9.0+cu128
[pip3] triton==3.5.0
[conda] Could not collect
";

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .expect("is a list")
        .iter()
        .map(|text| text.as_str().expect("is text"))
        .collect()
}

/// What the finder says of the answer, as one text.
fn why(answer: &Value) -> String {
    texts(&answer["why"]).join("\n")
}

/// Expects that a text has all of these in it.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
}

/// Opens a page, goes through steps of `choose.mjs`, and gives the answers.
#[track_caller]
fn chosen(browser: &Browser, workspace: &Workspace, path: &str, steps: &Value) -> Vec<Value> {
    let served = workspace.serve(&[]);
    let parameters = json!({"path": path, "steps": steps});
    let answers = browser.play(workspace, "choose", &served.url, parameters);
    answers.as_array().expect("is a list").clone()
}

#[test]
fn the_finder_narrows_the_list_down_to_the_file_that_fits() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let answers = chosen(
        browser,
        &workspace,
        FLASH_ATTN,
        &json!([
            {"until": {"state": "empty"}},
            {"choose": {"python": "3.12"}, "until": {"count": "6 of 18 files fit"}},
            {"choose": {"platform": "linux_x86_64", "glibc": "2.35"}, "until": {"state": "fits"}},
            {"choose": {"cuda": "12.8"}, "until": {"count": "4 of 18 files fit"}},
            {"choose": {"gpu": "12.0"}, "until": {"count": "2 of 18 files fit"}},
            {"choose": {"torch": "2.9"}, "until": {"count": "1 of 18 files fit"}},
            {"choose": {"gpu": "8.9"}, "until": {"count": "2 of 18 files fit"}},
            {"choose": {"cuda": "13.0", "torch": "2.8"},
             "until": {"file": flash_attn_name("cu130", "2.8", "cp312")}},
            {"clear": true, "until": {"state": "empty"}},
        ]),
    );
    let rows = |answer: &Value| texts(&answer["rows"]).len();
    assert_eq!(answers.iter().map(rows).collect::<Vec<_>>(), [18, 6, 6, 4, 2, 1, 2, 3, 18]);
    assert!(texts(&answers[1]["rows"]).iter().all(|row| row.contains("-cp312-")));
    let file = flash_attn_name("cu128", "2.9", "cp312");
    for answer in [&answers[5], &answers[6]] {
        assert_eq!(answer["file"], json!(file));
        says(answer["href"].as_str().expect("links"), &["#flash_attn-2.8.3"]);
    }
    let mut of_12_8 = texts(&answers[6]["rows"]);
    of_12_8.sort_unstable();
    assert_eq!(of_12_8, [flash_attn_name("cu126", "2.9", "cp312"), file]);
    let chosen: &Value = &answers[6]["form"];
    for (name, value) in [("python", "3.12"), ("platform", "linux_x86_64"), ("torch", "2.9")] {
        assert_eq!(chosen[name], value, "{chosen}");
    }
    // What is cleared is gone from the address too.
    assert_eq!(answers[8]["query"], json!({}));
    assert_eq!(answers[8]["commands"]["pip"], Value::Null);
}

#[test]
fn the_answer_says_what_the_file_needs_and_how_to_get_it() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let served = workspace.serve(&[]);
    let until = json!({"file": flash_attn_name("cu128", "2.9", "cp312"), "state": "fits"});
    let parameters = json!({"path": ANSWER, "until": until});
    let answer = browser.play(&workspace, "copy", &served.url, parameters);
    let version = flash_attn_version("cu128", "2.9");
    let url = format!("{}cu128/simple/", served.url);
    let commands = &answer["commands"];
    assert_eq!(
        commands["pip"],
        format!(
            "pip install \"flash-attn=={version}\" --only-binary flash-attn --extra-index-url {url}"
        )
    );
    assert_eq!(
        commands["uv"],
        format!("uv pip install \"flash-attn=={version}\" --only-binary flash-attn --index {url}")
    );
    let toml = commands["toml"].as_str().expect("is there");
    says(
        toml,
        &[&format!("\"flash-attn=={version}\""), &url, "explicit = true", "[tool.uv.sources]"],
    );
    let poetry = commands["poetry"].as_str().expect("is there");
    says(poetry, &[&format!("version = \"{version}\""), &url, "priority = \"explicit\""]);
    assert_eq!(&answer["copied"], commands);
    let needs = texts(&answer["needs"]).join("\n");
    says(&needs, &["Python 3.12", "Linux x86-64", "CUDA 12.8", "sm_80", "torch 2.9", "2.28"]);
}

#[test]
fn where_nothing_fits_the_finder_says_why_and_what_comes_nearest() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let none = |choose: Value| json!({"clear": true, "choose": choose, "until": {"state": "none"}});
    let answers = chosen(
        browser,
        &workspace,
        // Values that no file has come from addresses and pastes.
        "packages/flash-attn/?python=3.14&platform=linux_x86_64&cuda=12.8",
        &json!([
            {"until": {"state": "none"}},
            none(json!({"python": "3.12", "platform": "linux_x86_64", "glibc": "2.17"})),
            none(json!({"python": "3.12", "cuda": "11.8"})),
            none(json!({"python": "3.12", "cuda": "none"})),
            none(json!({"python": "3.12", "cuda": "13.0", "gpu": "7.5"})),
        ]),
    );
    for answer in &answers {
        assert_eq!(answer["commands"]["pip"], Value::Null, "{answer:#}");
        assert_eq!(answer["count"], "0 of 18 files fit");
    }
    says(&why(&answers[0]), &["3.14", "cp313", "flash_attn-2.8.3"]);
    says(&why(&answers[1]), &["glibc 2.28", "2.17", "flash_attn-2.8.3"]);
    says(&why(&answers[2]), &["11.8", "12", "flash_attn-2.8.3+cu126"]);
    says(&why(&answers[3]), &["CUDA", "flash_attn-2.8.3"]);
    says(&why(&answers[4]), &["7.5", "8.0", "flash_attn-2.8.3"]);
}

#[test]
fn what_was_never_read_is_said_to_be_unknown() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    sites::put_flash_attn(&workspace);
    workspace.build(&["--depth", "metadata"]);
    let file = flash_attn_name("cu128", "2.9", "cp312");
    let answers = chosen(
        browser,
        &workspace,
        ANSWER,
        &json!([{"choose": {"gpu": "8.9"}, "until": {"file": file}}]),
    );
    assert_eq!(answers[0]["state"], "likely");
    says(&why(&answers[0]).to_lowercase(), &["unknown", "gpu"]);
    // All the same it is the best that there is.
    says(answers[0]["commands"]["pip"].as_str().expect("is there"), &["cu128torch2.9"]);
}

#[test]
fn a_shared_address_gives_the_same_answer_to_everybody() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let served = workspace.serve(&[]);
    let choose = json!({
        "python": "3.11", "platform": "linux_x86_64", "glibc": "2.35", "cuda": "570.86.15",
        "gpu": "9.0", "torch": "2.8",
    });
    let until = json!({"file": flash_attn_name("cu128", "2.8", "cp311"), "state": "fits"});
    let steps = json!([{"choose": choose, "until": until}]);
    let parameters = json!({"path": FLASH_ATTN, "steps": steps, "again": true});
    let answers = browser.play(&workspace, "choose", &served.url, parameters);
    let [chosen, reloaded, elsewhere] = &answers.as_array().expect("is a list")[..] else {
        panic!("three answers, not {answers:#}")
    };
    assert_eq!(chosen, reloaded);
    assert_eq!(chosen, elsewhere);
    let query = &chosen["query"];
    for (key, value) in [
        ("python", "3.11"),
        ("platform", "linux_x86_64"),
        ("glibc", "2.35"),
        ("driver", "570.86.15"),
        ("gpu", "9.0"),
        ("torch", "2.8"),
    ] {
        assert_eq!(query[key], value, "{query}");
    }
}

#[test]
fn pasted_output_of_tools_fills_the_form() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let served = workspace.serve(&[]);
    let of_cuda = "CUDA used to build PyTorch: 12.8\nROCM used to build PyTorch: N/A";
    let of_rocm =
        "CUDA used to build PyTorch: N/A\nROCM used to build PyTorch: 6.4.43482-0f2d60242";
    let of_nothing = "CUDA used to build PyTorch: None\nROCM used to build PyTorch: N/A";
    let image = "NVIDIA <img src=x onerror=document.title='owned'>";
    let hostile = COLLECT_ENV.replace("NVIDIA A100-SXM4-80GB", image);
    let parameters = json!({"path": FLASH_ATTN, "pastes": [
        {"text": NVIDIA_SMI, "until": {"count": "12 of 18 files fit"}},
        {"text": COLLECT_ENV, "until": {"count": "2 of 18 files fit"}},
        {"text": "nothing of use", "until": {"state": "empty"}},
        {"text": hostile, "until": {"count": "2 of 18 files fit"}},
        {"text": COLLECT_ENV.replace(of_cuda, of_rocm), "until": {"count": "0 of 18 files fit"}},
        {"text": COLLECT_ENV.replace(of_cuda, of_nothing), "until": {"count": "0 of 18 files fit"}},
        {"text": "name, driver_version\nNVIDIA GeForce RTX 4090, 570.86.15",
         "until": {"count": "12 of 18 files fit"}},
    ]});
    let pastes = browser.play(&workspace, "paste", &served.url, parameters);
    let query = &pastes[0]["query"];
    for (key, value) in [("cuda", "12.8"), ("driver", "570.86.15"), ("gpu", "8.9")] {
        assert_eq!(query[key], value, "{query}");
    }
    says(pastes[0]["form"]["gpu"].as_str().expect("is filled in"), &["4090"]);
    says(pastes[0]["status"].as_str().expect("is there"), &["12.8", "570.86.15", "4090"]);

    let query = &pastes[1]["query"];
    for (key, value) in [
        ("python", "3.12"),
        ("platform", "linux_x86_64"),
        ("glibc", "2.35"),
        ("driver", "570.86.15"),
        ("gpu", "8.0"),
        ("torch", "2.9"),
    ] {
        assert_eq!(query[key], value, "{query}");
    }
    assert_eq!(pastes[1]["file"], flash_attn_name("cu128", "2.9", "cp312"));
    assert_ne!(pastes[2]["status"], "", "it says that it has understood nothing");
    says(pastes[3]["status"].as_str().expect("is there"), &["<img src=x"]);
    says(pastes[4]["status"].as_str().expect("is there"), &["ROCm 6.4", "no file for CUDA fits"]);
    says(&why(&pastes[4]), &["ROCm 6.4"]);
    assert_eq!(pastes[4]["query"]["cuda"], "rocm6.4");
    says(pastes[5]["status"].as_str().expect("is there"), &["built without CUDA"]);
    assert_eq!(pastes[5]["query"]["cuda"], "none");
    assert_eq!(pastes[6]["query"]["driver"], "570.86.15");
    for paste in pastes.as_array().expect("is a list") {
        says(paste["title"].as_str().expect("is text"), &["flash-attn"]);
    }
}

#[test]
fn no_mouse_is_needed_from_the_top_of_the_page_to_a_copied_command() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    let served = workspace.serve(&[]);
    for (path, project) in [(FLASH_ATTN, None), ("", Some(["project", "flash-attn"]))] {
        // In the order of the form.
        let choices = project.into_iter().chain([
            ["python", "3.12"],
            ["platform", "linux_x86_64"],
            ["glibc", "2.35"],
            ["cuda", "12.8"],
            ["gpu", "8.9"],
            ["torch", "2.9"],
        ]);
        let parameters = json!({
            "path": path,
            "choices": choices.collect::<Vec<_>>(),
            "until": {"file": flash_attn_name("cu128", "2.9", "cp312"), "state": "fits"},
        });
        let told = browser.play(&workspace, "keyboard", &served.url, parameters);
        assert_eq!(told["copied"], told["commands"]["pip"]);
        for stop in told["stops"].as_array().expect("is a list") {
            assert_eq!((&stop["visible"], &stop["inside"]), (&json!(true), &json!(true)), "{stop}");
        }
    }
}

#[test]
fn the_home_narrows_projects_and_answers_for_one() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    sites::put_flash_attn(&workspace);
    let windows = |wheel| wheel;
    sites::put(&workspace, "for-windows", "1.0", "cp312-cp312-win_amd64", windows);
    sites::put(&workspace, "for-all", "1.0", "py3-none-any", windows);
    workspace.build(&[]);
    let file = flash_attn_name("cu128", "2.9", "cp312");
    let answers = chosen(
        browser,
        &workspace,
        "",
        &json!([
            {"until": {"state": "empty", "paste": true,
                       "projects": ["flash-attn", "for-all", "for-windows"]}},
            {"choose": {"platform": "linux_x86_64"},
             "until": {"projects": ["flash-attn", "for-all"]}},
            {"choose": {"cuda": "none"}, "until": {"projects": ["for-all"]}},
            {"choose": {"cuda": "12.8", "python": "3.12", "torch": "2.9"},
             "until": {"projects": ["flash-attn", "for-all"]}},
            {"choose": {"project": "flash-attn"}, "until": {"file": file}},
            {"follow": "flash-attn", "until": {"file": file, "count": "2 of 18 files fit"}},
        ]),
    );
    let [.., home, project] = &answers[..] else { panic!("one answer for each step") };
    says(home["href"].as_str().expect("links"), &["packages/flash-attn/"]);
    says(home["commands"]["pip"].as_str().expect("is there"), &["flash-attn==2.8.3+cu128torch2.9"]);
    assert_eq!(home["query"]["project"], "flash-attn");
    // What was told is told to the page of the project too.
    assert_eq!(project["commands"], home["commands"]);
    assert_eq!(project["query"]["cuda"], "12.8");
    says(&file, &[LINUX]);
}

#[test]
fn a_file_that_leaves_the_gpu_unused_is_not_said_to_fit() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    sites::put_flash_attn(&workspace);
    let tags = format!("cp312-cp312-{LINUX}");
    let file = sites::put(&workspace, "flash-attn", "2.9.0+cpu", &tags, |wheel| wheel);
    workspace.build(&[]);
    let cuda = flash_attn_name("cu128", "2.9", "cp312");
    let answers = chosen(
        browser,
        &workspace,
        ANSWER,
        &json!([
            // It is of a newer release.
            {"until": {"file": cuda, "state": "fits"}},
            {"choose": {"cuda": "11.8"}, "until": {"file": file, "state": "likely"}},
            {"choose": {"cuda": "none"}, "until": {"file": file, "state": "fits"}},
        ]),
    );
    says(
        &why(&answers[1]),
        &[
            "No CUDA file for CUDA 11.8.",
            "Nearest: flash_attn-2.8.3+cu1",
            "it does not use the GPU",
        ],
    );
    assert!(!why(&answers[2]).contains("GPU"), "{answers:#?}");
}

#[test]
fn where_only_python_is_asked_for_nothing_is_to_be_pasted() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    sites::put(&workspace, "for-all", "1.0", "py3-none-any", |wheel| wheel);
    workspace.build(&[]);
    let steps = json!([
        {"until": {"state": "empty", "paste": false}},
        {"choose": {"python": "3.12"}, "until": {"state": "fits", "paste": false}},
    ]);
    chosen(browser, &workspace, "packages/for-all/", &steps);
}

#[test]
fn poetry_is_given_the_wheel_where_it_could_not_tell_versions_apart() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    let file = sites::put(&workspace, "two-builds", "1.0", "py3-none-any", |wheel| wheel);
    sites::put(&workspace, "two-builds", "1.0+fast", "py312-none-win_amd64", |wheel| wheel);
    workspace.build(&[]);
    let served = workspace.serve(&[]);
    let until = json!({"file": file, "state": "fits"});
    let steps = json!([{"choose": {"platform": "linux_x86_64"}, "until": until}]);
    let parameters = json!({"path": "packages/two-builds/", "steps": steps});
    let answers = browser.play(&workspace, "choose", &served.url, parameters);
    let commands = &answers[0]["commands"];
    says(commands["pip"].as_str().expect("is there"), &["\"two-builds===1.0\""]);
    let poetry = commands["poetry"].as_str().expect("is there");
    let url = poetry
        .strip_prefix("[tool.poetry.dependencies]\ntwo-builds = { url = \"")
        .and_then(|rest| rest.strip_suffix("\" }"));
    let path = url.and_then(|url| url.strip_prefix(&served.url)).expect("is of the site");
    assert!(path.ends_with(&format!("/{file}")), "{path}");
    assert!(workspace.site().join(path).is_file(), "{path}");
}

#[test]
fn commands_stay_one_word_each_wherever_the_site_is_served() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::flash_attn();
    for (path, bytes) in program::tree(&workspace.site()) {
        workspace.write(&format!("site/it's;(1)/{path}"), bytes);
    }
    let served = workspace.serve(&[]);
    let until = json!({"file": flash_attn_name("cu128", "2.9", "cp312"), "state": "fits"});
    let parameters = json!({"path": format!("it's;(1)/{ANSWER}"), "until": until});
    let told = browser.play(&workspace, "texts", &served.url, parameters);
    let texts = texts(&told);
    let url = format!("{}it%27s;(1)/cu1", served.url);
    for part in [
        format!(" --extra-index-url '{url}"),
        format!(" --index '{url}"),
        format!("\nurl = \"{url}"),
    ] {
        // Of the page itself, and of the finder.
        let found: Vec<&&str> = texts.iter().filter(|text| text.contains(&part)).collect();
        assert!(found.len() >= 2, "expected `{part}` twice in {texts:#?}");
    }
    assert!(!texts.iter().any(|text| text.contains("it's")), "{texts:#?}");
}
