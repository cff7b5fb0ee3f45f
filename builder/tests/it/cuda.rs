//! From source with device code to what pip and uv install: the whole way.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::workshop::files;
use crate::support::{Run, Workshop, tools};

const WHEEL: &str = "wheelsite_axpy-1.2.0+cu135-cp311-cp311-linux_x86_64.whl";
const ROW: &str = "wheelsite-axpy-1.2.0-cp311-cu135-x86_64";

/// A server that ends with the value.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(workshop: &Workshop) -> Self {
        let mut serve = Command::new(tools::wheelsite());
        workshop.confine(serve.args(["serve", "--port", "0"]));
        let mut child = serve.stderr(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let url = loop {
            let line = lines.next().expect("says where it serves").expect("is text");
            if let Some((_, url)) = line.split_once(" at ") {
                break url.trim().to_owned();
            }
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wheelsite(workshop: &Workshop, arguments: &[&str]) -> Value {
    let mut program = Command::new(tools::wheelsite());
    workshop.confine(program.args(arguments));
    Run::of(&mut program).works().json()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("is a list").iter().map(|it| it.as_str().expect("is text")).collect()
}

#[test]
fn device_code_goes_from_source_to_pip_and_uv() {
    let (Some(workshop), Some(clients)) = (Workshop::new(), tools::clients()) else { return };
    workshop.project("cuda-axpy");
    workshop.packages(&format!(
        "  wheelsite-axpy:\n    versions: [\"1.2.0\"]\n    source: dir:{}\n    \
         architectures: [\"8.0\", \"9.0+PTX\"]\n    test_import: wheelsite_axpy\n    \
         test_command: [python, -c, \"import wheelsite_axpy as it; assert it.devices() == 0\"]\n",
        workshop.path("cuda-axpy").display()
    ));

    let built = workshop.build(&[ROW]).works();
    workshop.has(WHEEL);
    // It needs the driver's library, which no container without a GPU has.
    assert!(built.stderr.contains("libcuda.so.1"), "{}", built.stderr);

    // What it is, says the program that reads wheels.
    let wheel = format!("wheels/{WHEEL}");
    let facts = wheelsite(&workshop, &["inspect", "--format", "json", &wheel]);
    assert_eq!(facts["version"], "1.2.0+cu135");
    let cuda = &facts["cuda"];
    assert_eq!(texts(&cuda["architectures"]), ["sm_80", "sm_90", "compute_90"]);
    assert_eq!(texts(&cuda["needs"]), ["libcuda.so.1", "libcudart.so.13"]);
    assert_eq!(cuda["toolkit"], "13.5");
    let checked = wheelsite(&workshop, &["check", "--format", "json", &wheel]);
    assert_eq!((&checked["accepted"], &checked["rejected"]), (&1.into(), &0.into()));

    // The report says of what it was made.
    let report = workshop.json(&format!("wheels/{WHEEL}.build.json"));
    let sha256 = facts["sha256"].as_str().expect("is text");
    let text = report.to_string();
    assert!(text.contains(sha256) && text.contains(ROW), "{text}");
    let local = workshop.podman.says(&[
        "image",
        "inspect",
        "--format",
        "{{.Digest}}",
        crate::support::images::DEVEL,
    ]);
    assert!(text.contains(local.trim()), "{text}");

    // The index has its facts and its channel.
    wheelsite(&workshop, &["build", "--format", "json"]);
    let page = workshop.json("site/packages/wheelsite-axpy/files.json");
    let file = &page["files"][0];
    assert_eq!(file["filename"], WHEEL, "{page}");
    assert!(page.to_string().contains("sm_90") && page.to_string().contains("13.5"), "{page}");
    assert!(workshop.path("site/cu135/simple/wheelsite-axpy/index.html").is_file());
    let simple = workshop.json("site/cu135/simple/wheelsite-axpy/index.v1_json");
    assert_eq!(simple["files"][0]["hashes"]["sha256"], sha256);
    assert_ne!(simple["files"][0]["core-metadata"], Value::Null);

    // And clients install it.
    let served = Served::start(&workshop);
    let index = format!("{}cu135/simple/", served.url);
    let python = clients.join("python");
    let python = python.to_str().expect("is UTF-8");
    let uv = clients.join("uv");
    let uv = uv.to_str().expect("is UTF-8");
    let ways = [
        vec![python, "-m", "pip", "install", "--no-cache-dir", "--index-url", &index],
        vec![uv, "pip", "install", "--no-cache", "--python", python, "--default-index", &index],
    ];
    for way in ways {
        let target = tempfile::tempdir_in(workshop.path("")).expect("makes a folder");
        let mut install = Command::new(way[0]);
        install.args(&way[1..]).arg("--target").arg(target.path());
        workshop.confine(install.arg("wheelsite-axpy"));
        tools::clean(&mut install).env("PIP_CONFIG_FILE", "/dev/null").env("UV_NO_CONFIG", "1");
        Run::of(&mut install).works();
        let installed = files(target.path());
        let library = "wheelsite_axpy/_native.cpython-311-x86_64-linux-gnu.so";
        assert!(installed.iter().any(|path| path == library), "{installed:?}");
        assert!(
            installed.iter().any(|it| it == "wheelsite_axpy-1.2.0+cu135.dist-info/METADATA"),
            "{installed:?}"
        );
    }

    // What the index has is not planned again.
    let missing = workshop.run(&["plan", "--missing-from", "dir:wheels", "--format", "json"]);
    assert!(!missing.works().stdout.contains(ROW));
    let missing = workshop.run(&["plan", "--missing-from", &served.url, "--format", "json"]);
    assert!(!missing.works().stdout.contains(ROW));
    let check = ["plan", "--missing-from", &served.url, "--check"];
    workshop.run(&check).works();
    workshop.packages("  wheelsite-axpy:\n    versions: [\"1.2.0\", \"1.3.0\"]\n");
    let run = workshop.run(&check);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("wheelsite-axpy-1.3.0-cp311-cu135-x86_64"), "{said}");
    assert!(!said.contains(ROW), "{said}");
}

/// What the devel image has and the runtime image lacks is found before anybody installs it.
#[test]
fn a_library_of_the_devel_image_alone_is_found() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(
        &[
            ("a.c", "#include <nvvm.h>\nint a(void) { int v, w; return nvvmVersion(&v, &w); }\n"),
            (
                "module.py",
                "import ctypes, pathlib\n\
                           ctypes.CDLL(next(pathlib.Path(__file__).parent.glob('*.so')))\n",
            ),
        ],
        "env:\n  CPATH: /usr/local/cuda/nvvm/include:/usr/local/cuda/include\n  \
         LDFLAGS: -Wl,--no-as-needed -l:libnvvm.so.4\n  LIBRARY_PATH: /usr/local/cuda/lib64\n",
    );
    let run = workshop.build(&["tiny-1.0-cp311-cu135-x86_64"]);
    run.fails(1, &["libnvvm.so.4", "runtime", "hint:"]);
    workshop.is_clean();
}
