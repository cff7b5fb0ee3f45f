//! Local versions that say something else of CUDA and torch than METADATA and the files.

use super::platform::shared_object;
use super::{Case, tagged};
use crate::support::Wheel;

const X86_64: u16 = 62;
/// A function of torch that takes a string, in both ABIs.
const NEW_ABI: &str = "_ZN3c105ErrorC1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
const OLD_ABI: &str = "_ZN3c105ErrorC1ERKSs";

pub(super) fn cases() -> Vec<Case> {
    let flawed = |check, local: &str, requires: &str, file: &[u8]| Case {
        check: Some(check),
        ..case(local, requires, file)
    };
    let sound = case;
    let needs = |library| shared_object(X86_64, &[(library, &[])]);
    // Names of symbols are in the same table as those of versions.
    let of_torch =
        |name| shared_object(X86_64, &[("libc10.so", &[name]), ("libcudart.so.12", &[])]);
    vec![
        flawed("cuda-version", "cu128", "", &needs("libcudart.so.11.0")),
        flawed("cuda-version", "cu118", "", &needs("libcublasLt.so.12")),
        flawed("cuda-version", "cu12torch2.9cxx11abitrue", "", &needs("libcudart.so.13")),
        flawed("cuda-version", "cu128", "", &with_ptx(&[(7, 8)])),
        flawed("cuda-version", "cu118", "", &with_ptx(&[(8, 4)])),
        flawed("cuda-toolkit", "cu126", "", &with_ptx(&[(8, 8)])),
        flawed("cuda-toolkit", "cu130.torch2.10", "", &with_ptx(&[(9, 1), (9, 2)])),
        flawed("cuda-torch", "cu12torch2.9", "torch==2.8.0", &needs("libcudart.so.12")),
        flawed("cuda-torch", "pt29cu128", "torch>=2.4,<2.9", &needs("libcudart.so.12")),
        flawed("cuda-abi", "cu12torch2.4cxx11abifalse", "torch", &of_torch(NEW_ABI)),
        flawed("cuda-abi", "cu12torch2.4cxx11abitrue", "", &of_torch(OLD_ABI)),
        sound("cu128", "torch==2.9.0", &needs("libcudart.so.12")),
        sound("cu12torch2.9cxx11abitrue", "torch", &of_torch(NEW_ABI)),
        sound("cu12torch2.4cxx11abifalse", "torch", &of_torch(OLD_ABI)),
        // One that holds builds for several versions, and one that holds older code too.
        sound(
            "cu118",
            "",
            &shared_object(X86_64, &[("libcudart.so.12", &[]), ("libcudart.so.11.0", &[])]),
        ),
        sound("cu128", "", &with_ptx(&[(7, 8), (8, 8)])),
        // 12.5 and 12.6 write the same PTX.
        sound("cu126", "", &with_ptx(&[(8, 5)])),
        sound("cpu", "", &with_ptx(&[(9, 0)])),
        sound("cu128", "torch==2.8.0; extra == 'x'", &needs("libnccl.so.2")),
    ]
}

/// A wheel with a local version, a requirement, and a library.
fn case(local: &str, requires: &str, file: &[u8]) -> Case {
    let wheel = Wheel::new("demo", &format!("1.0+{local}"));
    let wheel = if requires.is_empty() {
        wheel
    } else {
        // Installers of today need none of it.
        let marker = if requires.contains(';') { "" } else { "; python_version < '3'" };
        wheel.header(&format!("Requires-Dist: {requires}{marker}"))
    };
    let wheel = wheel.wheel_file(&tagged(false, &["py3-none-linux_x86_64"]));
    Case::sound(format!("{local} {requires}"), wheel.file("demo/x.so", file).bytes())
        .named(format!("demo-1.0+{local}-py3-none-linux_x86_64.whl"))
}

/// A library with PTX of these versions, each in a fatbin. It has no section headers.
fn with_ptx(versions: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = shared_object(X86_64, &[("libc.so.6", &[])]);
    for (major, minor) in versions {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(0xBA55_ED50_u32.to_le_bytes());
        bytes.extend([1, 0, 16, 0, 72, 0, 0, 0, 0, 0, 0, 0]);
        let mut entry = [0; 72];
        entry[0] = 1;
        entry[4] = 64;
        entry[8] = 8;
        entry[24..26].copy_from_slice(&minor.to_le_bytes());
        entry[26..28].copy_from_slice(&major.to_le_bytes());
        entry[28] = 80;
        bytes.extend(entry);
    }
    bytes
}
