//! ELF files that say something else than the platform tag.

use std::process::Command;

use super::{Case, demo, differences, tagged};
use crate::support::{Run, Workspace, tools};

const X86_64: u16 = 62;
const AARCH64: u16 = 183;

pub(super) fn cases() -> Vec<Case> {
    let of_glibc = shared_object(X86_64, &[("libc.so.6", &["GLIBC_2.17"])]);
    let new = shared_object(X86_64, &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.38"])]);
    let unknown = shared_object(X86_64, &[("libgcc_s.so.1", &["GCC_99.0"])]);
    let needy = shared_object(X86_64, &[("libc.so.6", &[]), ("libfoo.so.1", &[])]);
    let of_musl = shared_object(X86_64, &[("libc.musl-x86_64.so.1", &[])]);
    let foreign = shared_object(AARCH64, &[("libc.so.6", &["GLIBC_2.17"])]);
    let extension = "demo/x.cpython-311-x86_64-linux-gnu.so";
    vec![
        case("elf-in-any", "any", "demo/x.abi3.so", &of_glibc),
        case("elf-in-any", "any", "demo/x.cpython-311-x86_64-linux-gnu.so", &of_glibc),
        case("elf-machine", "manylinux_2_17_x86_64", extension, &foreign),
        case("elf-machine", "linux_x86_64", "demo/x.so", &foreign),
        case("elf-machine", "linux_aarch64", "demo/x.so", &of_glibc),
        case("elf-symbols", "manylinux_2_17_x86_64", extension, &new),
        case("elf-symbols", "manylinux2014_x86_64.manylinux_2_17_x86_64", extension, &new),
        case("elf-symbols", "manylinux_2_28_x86_64", extension, &unknown),
        case("elf-library", "manylinux_2_17_x86_64", extension, &needy),
        case("elf-libc", "musllinux_1_2_x86_64", extension, &of_glibc),
        case("elf-libc", "manylinux_2_17_x86_64", extension, &of_musl),
        purelib("elf-purelib", true, "manylinux_2_17_x86_64", extension, &of_glibc),
    ]
}

/// A wheel for a platform with an ELF file.
fn case(check: &'static str, platform: &str, path: &str, file: &[u8]) -> Case {
    purelib(check, platform == "any", platform, path, file)
}

fn purelib(check: &'static str, pure: bool, platform: &str, path: &str, file: &[u8]) -> Case {
    let tags: Vec<String> = platform.split('.').map(|tag| format!("py3-none-{tag}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let wheel = demo().wheel_file(&tagged(pure, &tags)).file(path, file);
    Case::new(check, format!("{path} for {platform}"), wheel.bytes())
        .named(format!("demo-1.0-py3-none-{platform}.whl"))
}

/// The least that loaders take for a shared object: what it needs of libraries, and of which version.
pub(super) fn shared_object(machine: u16, needed: &[(&str, &[&str])]) -> Vec<u8> {
    const BASE: u64 = 0x1_0000;
    const HEADERS: u64 = 64 + 2 * 56;
    // Every name once, each behind a NUL.
    let mut text = vec![0];
    let mut at = |name: &str| {
        let at = text.len() as u64;
        text.extend_from_slice(name.as_bytes());
        text.push(0);
        at
    };
    let mut table = Vec::new();
    let mut dynamic = Vec::new();
    let versioned = needed.iter().filter(|(_, versions)| !versions.is_empty()).count();
    let mut left = versioned;
    for (library, versions) in needed {
        let library = at(library);
        dynamic.push([1, library]);
        if versions.is_empty() {
            continue;
        }
        left -= 1;
        let count = versions.len() as u64;
        let next = if left == 0 { 0 } else { 16 + 16 * count };
        table.extend(words(2, &[1, count]));
        table.extend(words(4, &[library, 16, next]));
        for (index, version) in versions.iter().enumerate() {
            let last = index + 1 == versions.len();
            table.extend(words(4, &[0]));
            table.extend(words(2, &[0, 2 + index as u64]));
            table.extend(words(4, &[at(version), if last { 0 } else { 16 }]));
        }
    }
    let text_at = HEADERS;
    let table_at = text_at + text.len() as u64;
    let dynamic_at = table_at + table.len() as u64;
    dynamic.extend([[5, BASE + text_at], [10, text.len() as u64]]);
    if versioned > 0 {
        dynamic.extend([[0x6fff_fffe, BASE + table_at], [0x6fff_ffff, versioned as u64]]);
    }
    dynamic.push([0, 0]);
    let dynamic = words(8, &dynamic.concat());
    let length = dynamic_at + dynamic.len() as u64;
    let segment = |kind, at: u64, length: u64| {
        let numbers = [at, BASE + at, BASE + at, length, length, 1];
        [words(4, &[kind, 4]), words(8, &numbers)].concat()
    };
    [
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        words(2, &[3, machine.into()]),
        words(4, &[1]),
        words(8, &[0, 64, 0]),
        words(4, &[0]),
        words(2, &[64, 56, 2, 64, 0, 0]),
        segment(1, 0, length),
        segment(2, dynamic_at, dynamic.len() as u64),
        text,
        table,
        dynamic,
    ]
    .concat()
}

/// Numbers of this many bytes each.
fn words(size: usize, numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()[..size].to_vec()).collect()
}

/// What a linker writes is judged as what is written here.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn shared_objects_of_a_real_linker_trip_the_checks_too() {
    if !tools::has_program("gcc") {
        return;
    }
    let workspace = Workspace::new();
    workspace.write("x.c", "#include <math.h>\ndouble x(double y) { return fmod(y, 3); }\n");
    workspace.write("foo.c", "int foo(void) { return 1; }\n");
    let gcc = |arguments: &[&str]| {
        let mut gcc = Command::new("gcc");
        workspace.confine(gcc.args(["-shared", "-fPIC"]).args(arguments));
        let run = Run::of(&mut gcc);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    };
    gcc(&["-o", "libfoo.so", "-Wl,-soname,libfoo.so.1", "foo.c"]);
    gcc(&["-o", "x.so", "x.c", "-Wl,--no-as-needed", "-lm", "-L.", "-lfoo"]);
    let file = std::fs::read(workspace.path("x.so")).expect("reads");
    // The version of glibc that `fmod` needs depends on the machine; 2.38 brought another one.
    let cases = [
        case("elf-in-any", "any", "demo/x.abi3.so", &file),
        case("elf-machine", "linux_aarch64", "demo/x.so", &file),
        case("elf-library", "manylinux_2_41_x86_64", "demo/x.so", &file),
        case("elf-libc", "musllinux_1_2_x86_64", "demo/x.so", &file),
    ];
    assert_eq!(differences(&cases), [""; 0]);
}
