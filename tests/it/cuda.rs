//! Device code by NVIDIA's own compiler, and what NVIDIA's own tools find in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{Run, Wheel, Workspace, tools};

const SOURCE: &str = "__global__ void axpy(float a, const float *x, float *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}
extern \"C\" int run(float a, const float *x, float *y, int n) {
    axpy<<<(n + 255) / 256, 256>>>(a, x, y, n);
    return cudaDeviceSynchronize();
}
";
/// Pinned in `tests/cuda-requirements.txt`.
const TOOLKIT: &str = "13.5";

/// NVIDIA's programs, and others that wheels bring.
struct Toolkit {
    bin: PathBuf,
    cuda: PathBuf,
}

impl Toolkit {
    /// None where it cannot be had, or there is no C++ compiler.
    fn get() -> Option<&'static Self> {
        static TOOLKIT: OnceLock<Option<Toolkit>> = OnceLock::new();
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || !tools::has_program("g++") {
            return None;
        }
        let toolkit = TOOLKIT.get_or_init(|| {
            let bin = tools::environment("cuda", "tests/cuda-requirements.txt")?;
            let libraries = std::fs::read_dir(bin.parent()?.join("lib")).ok()?;
            let python = libraries.flatten().map(|entry| entry.path());
            let cuda = python.map(|path| path.join("site-packages/nvidia/cu13"));
            Some(Self { cuda: cuda.into_iter().find(|path| path.is_dir())?, bin })
        });
        if toolkit.is_none() {
            tools::missing("an environment with the packages of tests/cuda-requirements.txt");
        }
        toolkit.as_ref()
    }

    fn run(&self, workspace: &Workspace, program: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        workspace.confine(&mut command);
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.cuda.join("bin");
        command.env("PATH", format!("{}:{path}", bin.display())).args(arguments);
        let run = Run::of(&mut command);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    /// Compiles a library, or with `-cubin` a cubin.
    fn compile(&self, workspace: &Workspace, output: &str, arguments: &[&str]) -> Vec<u8> {
        workspace.write("axpy.cu", SOURCE);
        let libraries = format!("-L{}", self.cuda.join("lib").display());
        let mut all = vec!["-o", output, &*libraries];
        all.extend(arguments);
        if !arguments.contains(&"-cubin") {
            all.extend(["-shared", "-Xcompiler", "-fPIC"]);
        }
        all.push("axpy.cu");
        self.run(workspace, &self.cuda.join("bin/nvcc"), &all);
        std::fs::read(workspace.path(output)).expect("reads")
    }

    /// What cuobjdump finds in a library.
    fn architectures(&self, workspace: &Workspace, library: &str) -> BTreeSet<String> {
        let listing = self.run(workspace, &self.cuda.join("bin/cuobjdump"), &["-all", library]);
        let mut found = BTreeSet::new();
        let mut kind = None;
        for line in listing.lines() {
            if let Some(heading) = line.strip_prefix("Fatbin ") {
                kind = match heading.split(' ').next() {
                    Some("elf") => Some("sm"),
                    Some("ptx") => Some("compute"),
                    _ => None,
                };
            } else if let Some(number) = line.strip_prefix("arch = sm_")
                && let Some(kind) = kind.take()
            {
                found.insert(format!("{kind}_{}", number.trim()));
            }
        }
        found
    }
}

/// A wheel with these files in it.
fn wheel(version: &str, files: &[(&str, &[u8])]) -> Wheel {
    let wheel = Wheel::new("demo", version).wheel_file(
        "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n",
    );
    files.iter().fold(wheel, |wheel, (name, bytes)| wheel.file(name, bytes))
}

/// What `inspect` says of a wheel, and what `check` finds.
fn inspected(workspace: &Workspace, wheel: &Wheel, version: &str) -> (Value, Vec<String>) {
    let name = format!("demo-{version}-py3-none-linux_x86_64.whl");
    workspace.write(&name, wheel.bytes());
    let run = workspace.run(&["inspect", "--format", "json", &name]);
    let report = run.works().json();
    let run = workspace.run(&["check", "--format", "json", &name]);
    let checked = run.json();
    let findings = checked["files"][0]["findings"].as_array().expect("is a list");
    let checks =
        findings.iter().map(|finding| finding["check"].as_str().expect("is text").to_owned());
    (report, checks.filter(|check| check.starts_with("cuda-")).collect())
}

fn texts(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().expect("is a list").iter();
    items.map(|item| item.as_str().expect("is text").to_owned()).collect()
}

#[test]
fn what_nvcc_makes_is_read_as_cuobjdump_reads_it() {
    let Some(toolkit) = Toolkit::get() else { return };
    let workspace = Workspace::new();
    let code = |parts: &[&'static str]| -> Vec<&'static str> {
        parts.iter().flat_map(|part| ["-gencode", *part]).collect()
    };
    let several = code(&[
        "arch=compute_80,code=sm_80",
        "arch=compute_90a,code=sm_90a",
        "arch=compute_100f,code=[sm_100f,sm_103f,compute_100f]",
        "arch=compute_120a,code=[sm_120a,compute_120a]",
        "arch=compute_120,code=compute_120",
    ]);
    let one = code(&["arch=compute_86,code=[sm_86,compute_86]"]);
    let lto = code(&["arch=compute_90,code=[sm_90,lto_90]"]);
    let with = |options: &[&'static str], rest: &[&'static str]| [options, rest].concat();
    let builds = [
        ("several.so", several),
        ("relocatable.so", with(&["-rdc=true"], &one)),
        ("debug.so", with(&["-G"], &one)),
        ("lto.so", lto),
        ("none.so", with(&["--compress-mode=none"], &one)),
        ("speed.so", with(&["--compress-mode=speed"], &one)),
        ("balance.so", with(&["--compress-mode=balance"], &one)),
        ("size.so", with(&["--compress-mode=size"], &one)),
    ];
    let built: Vec<(&str, Vec<u8>)> = builds
        .iter()
        .map(|(name, arguments)| (*name, toolkit.compile(&workspace, name, arguments)))
        .collect();
    let files: Vec<(&str, &[u8])> =
        built.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let (report, _) = inspected(&workspace, &wheel("1.0", &files), "1.0");
    let found = report["cuda"]["files"].as_array().expect("is a list");
    assert_eq!(found.len(), builds.len());
    let mut union = BTreeSet::new();
    for file in found {
        let name = file["path"].as_str().expect("is text");
        let expected = toolkit.architectures(&workspace, name);
        assert!(!expected.is_empty(), "{name}");
        assert_eq!(texts(&file["architectures"]), expected, "{name}");
        assert_eq!(texts(&file["toolkits"]), [TOOLKIT.to_owned()].into(), "{name}");
        union.extend(expected);
    }
    assert!(union.contains("sm_100f") && union.contains("compute_120a"), "{union:?}");
    assert_eq!(texts(&report["cuda"]["architectures"]), union);
    assert_eq!(report["cuda"]["toolkit"], TOOLKIT);
}

#[test]
fn a_library_lends_no_architectures_to_another() {
    let Some(toolkit) = Toolkit::get() else { return };
    let workspace = Workspace::new();
    let shared = ["-cudart", "none", "-l:libcudart.so.13"];
    let build = |output: &str, code: &str| {
        let code = format!("-gencode={code}");
        toolkit.compile(&workspace, output, &[&shared[..], &[&code]].concat())
    };
    let extension = build("x.so", "arch=compute_80,code=sm_80");
    let library = build("libx.so", "arch=compute_80,code=[sm_89,compute_80]");
    let cubin = toolkit.compile(&workspace, "x.cubin", &["-cubin", "-arch=sm_90a"]);
    let files: [(&str, &[u8]); 2] = [("demo/x.so", &extension), ("demo.libs/libx.so", &library)];
    let (report, checks) = inspected(&workspace, &wheel("1.0+cu128", &files), "1.0+cu128");
    assert_eq!(checks, ["cuda-version"]);
    let cuda = &report["cuda"];
    assert_eq!(
        texts(&cuda["architectures"]),
        ["sm_80", "sm_89", "compute_80"].map(String::from).into()
    );
    // 8.0 has machine code in the one and PTX in the other; on 9.0 only the other runs.
    assert_eq!(
        texts(&cuda["compute_capabilities"]),
        ["8.0", "8.6", "8.9"].map(String::from).into()
    );
    assert_eq!(texts(&cuda["needs"]), ["libcudart.so.13".to_owned()].into());
    assert_eq!((&cuda["driver"], &cuda["toolkit"]), (&"580.65.06".into(), &TOOLKIT.into()));
    assert!(report["glibc"].is_string() && report["machines"][0] == "x86_64", "{report}");
    // Machine code for 9.0 alone runs nowhere beside machine code for 8.0 alone.
    let files: [(&str, &[u8]); 2] = [("demo/x.so", &extension), ("demo/x.cubin", &cubin)];
    let (report, checks) = inspected(&workspace, &wheel("1.0+cu135", &files), "1.0+cu135");
    assert_eq!(checks, [""; 0]);
    assert_eq!(
        texts(&report["cuda"]["architectures"]),
        ["sm_80", "sm_90a"].map(String::from).into()
    );
    assert_eq!(report["cuda"]["compute_capabilities"], Value::Array(Vec::new()));
    let human = workspace.run(&["inspect", "demo-1.0+cu135-py3-none-linux_x86_64.whl"]);
    assert!(human.stdout.contains("cuda-gpus  none\n"), "{}", human.stdout);
    assert!(human.stdout.contains("cuda-needs  libcudart.so.13\n"), "{}", human.stdout);
}

/// The names of sections are no longer beside the headers then.
#[test]
fn what_patchelf_moved_is_found() {
    let Some(toolkit) = Toolkit::get() else { return };
    let workspace = Workspace::new();
    let plain = toolkit.compile(&workspace, "x.so", &["-arch=sm_90"]);
    let path = "/a/path".repeat(500);
    let arguments = ["--set-rpath", &path, "--add-needed", "libfoo.so.1", "x.so"];
    toolkit.run(&workspace, &toolkit.bin.join("patchelf"), &arguments);
    let moved = std::fs::read(workspace.path("x.so")).expect("reads");
    assert_ne!(plain, moved);
    let files: [(&str, &[u8]); 1] = [("demo/x.so", &moved)];
    let (report, _) = inspected(&workspace, &wheel("1.0", &files), "1.0");
    let expected = toolkit.architectures(&workspace, "x.so");
    assert_eq!(texts(&report["cuda"]["architectures"]), expected);
    assert_eq!(expected.len(), 2);
}

/// What was read is kept in the state, and not read again.
#[test]
fn device_code_is_part_of_the_state() {
    let Some(toolkit) = Toolkit::get() else { return };
    let workspace = Workspace::new();
    let library = toolkit.compile(&workspace, "x.so", &["-arch=sm_90"]);
    let wheel = wheel("1.0", &[("demo/x.so", &library)]);
    workspace.write("wheels/demo-1.0-py3-none-linux_x86_64.whl", wheel.bytes());
    workspace.build(&[]);
    let shard = workspace.json("site/state/demo.json");
    let elf = &shard["files"][0]["facts"]["content"]["wheel"]["elf"][0];
    let expected =
        serde_json::json!({"architectures": ["sm_90", "compute_90"], "toolkits": [TOOLKIT]});
    assert_eq!(elf["device"], expected);
}

#[test]
fn wheels_without_cuda_say_nothing_of_it() {
    let workspace = Workspace::new();
    workspace.write("demo-1.0-py3-none-any.whl", Wheel::new("demo", "1.0").bytes());
    let run = workspace.run(&["inspect", "--format", "json", "demo-1.0-py3-none-any.whl"]);
    let report = run.json();
    for key in ["cuda", "glibc", "torch", "machines"] {
        assert_eq!(report.get(key), None, "{key}");
    }
}
