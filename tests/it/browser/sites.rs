//! Sites whose wheels say what they need, for browsers to look at.

use crate::support::{Wheel, Workspace};

/// The GPU code of a wheel: what nvcc of a release makes for some GPUs.
#[derive(Clone, Copy)]
pub(super) struct Device {
    /// The version of PTX that the compiler writes.
    ptx: (u16, u16),
    machine_code: &'static [u32],
    /// Compiled by the driver on GPUs that are newer.
    portable: Option<u32>,
}

/// A channel, and the code of the wheels in it.
pub(super) const CHANNELS: [(&str, Device); 3] = [
    ("cu126", Device { ptx: (8, 5), machine_code: &[80, 90], portable: None }),
    ("cu128", Device { ptx: (8, 7), machine_code: &[80, 90], portable: Some(90) }),
    ("cu130", Device { ptx: (9, 0), machine_code: &[80, 90, 120], portable: Some(120) }),
];

/// Writes a wheel with these tags, which holds its own filename; gives that.
pub(super) fn put(
    workspace: &Workspace,
    name: &str,
    version: &str,
    tags: &str,
    edit: impl FnOnce(Wheel) -> Wheel,
) -> String {
    let escaped = name.replace('-', "_");
    let filename = format!("{escaped}-{version}-{tags}.whl");
    let wheel = Wheel::new(name, version)
        .wheel_file(&how_made(tags))
        .file(&format!("{escaped}_wheel/{MARKER}"), filename.as_bytes());
    workspace.write(&format!("wheels/{filename}"), edit(wheel).bytes());
    filename
}

/// The file of a wheel that holds the wheel's name, in a folder after the project.
pub(super) const MARKER: &str = "filename.txt";

/// A WHEEL file with each tag that a filename stands for.
fn how_made(tags: &str) -> String {
    let parts: Vec<&str> = tags.splitn(3, '-').collect();
    let [pythons, abis, platforms] = parts[..] else { panic!("`{tags}` are not three tags") };
    let mut lines = format!(
        "Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: {}\n",
        platforms == "any"
    );
    for python in pythons.split('.') {
        for abi in abis.split('.') {
            for platform in platforms.split('.') {
                lines.push_str(&format!("Tag: {python}-{abi}-{platform}\n"));
            }
        }
    }
    lines
}

/// A library of x86-64 that needs glibc 2.28 and holds code for GPUs in a fatbin.
fn library(device: Device) -> Vec<u8> {
    const TEXT: &[u8] = b"\0libc.so.6\0GLIBC_2.28\0\0\0";
    // Two segments follow the header: all, and the dynamic section behind texts and versions.
    const TEXT_AT: u64 = 64 + 2 * 56;
    const NEEDS_AT: u64 = TEXT_AT + TEXT.len() as u64;
    const DYNAMIC_AT: u64 = NEEDS_AT + 32;
    const DYNAMIC: [[u64; 2]; 6] = [
        [1, 1],
        [5, TEXT_AT],
        [10, TEXT.len() as u64],
        [0x6fff_fffe, NEEDS_AT],
        [0x6fff_ffff, 1],
        [0, 0],
    ];
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    // A shared object for x86-64, of the only version that there is.
    bytes.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    bytes.extend([0, 64, 0].map(u64::to_le_bytes).concat());
    bytes.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    let end = DYNAMIC_AT + 16 * DYNAMIC.len() as u64;
    for (kind, at, length) in [(1, 0, end), (2, DYNAMIC_AT, end - DYNAMIC_AT)] {
        bytes.extend([kind, 0, 0, 0, 4, 0, 0, 0]);
        bytes.extend([at, at, at, length, length, 8].map(u64::to_le_bytes).concat());
    }
    bytes.extend(TEXT);
    // One library, and one version of it.
    bytes.extend([1, 0, 1, 0, 1, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, 0, 0, 0, 0, 2, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(DYNAMIC.as_flattened().iter().flat_map(|number| number.to_le_bytes()));
    let machine_code = device.machine_code.iter().map(|gpu| (2, *gpu, (1, 7)));
    let portable = device.portable.iter().map(|gpu| (1, *gpu, device.ptx));
    let entries: Vec<u8> = machine_code
        .chain(portable)
        .flat_map(|(kind, gpu, version)| entry(kind, gpu, version))
        .collect();
    bytes.extend(0xBA55_ED50_u32.to_le_bytes());
    bytes.extend([1, 0, 16, 0]);
    bytes.extend((entries.len() as u64).to_le_bytes());
    bytes.extend(entries);
    bytes
}

/// An entry of a fatbin: PTX or a cubin, with a payload that nobody reads.
fn entry(kind: u16, gpu: u32, (major, minor): (u16, u16)) -> [u8; 72] {
    let mut entry = [0; 72];
    entry[..2].copy_from_slice(&kind.to_le_bytes());
    entry[4] = 64;
    entry[8] = 8;
    entry[24..26].copy_from_slice(&minor.to_le_bytes());
    entry[26..28].copy_from_slice(&major.to_le_bytes());
    entry[28..32].copy_from_slice(&gpu.to_le_bytes());
    entry
}

/// Adds device code to a wheel.
pub(super) fn with_device_code(device: Device) -> impl FnOnce(Wheel) -> Wheel {
    move |wheel| wheel.file("flash_attn_wheel/kernels.so", &library(device))
}

/// What a wheel of flash-attn is called.
pub(super) fn flash_attn_name(channel: &str, torch: &str, python: &str) -> String {
    format!("flash_attn-{}-{python}-{python}-{LINUX}.whl", flash_attn_version(channel, torch))
}

pub(super) fn flash_attn_version(channel: &str, torch: &str) -> String {
    format!("2.8.3+{channel}torch{torch}")
}

pub(super) const LINUX: &str = "manylinux_2_28_x86_64";

/// `flash-attn` for three Pythons, three CUDA versions and two of torch.
pub(super) fn put_flash_attn(workspace: &Workspace) {
    for (channel, device) in CHANNELS {
        for torch in ["2.8", "2.9"] {
            for python in ["cp311", "cp312", "cp313"] {
                let tags = format!("{python}-{python}-{LINUX}");
                let version = flash_attn_version(channel, torch);
                put(workspace, "flash-attn", &version, &tags, |wheel| {
                    with_device_code(device)(wheel)
                        .header("Summary: Attention that is fast and exact")
                        .header("Requires-Python: >=3.9")
                });
            }
        }
    }
}

/// A site with flash-attn alone.
pub(super) fn flash_attn() -> Workspace {
    let workspace = Workspace::new();
    put_flash_attn(&workspace);
    workspace.build(&[]);
    workspace
}

/// A description as authors write them for other indexes: with pictures and links of other hosts.
const DESCRIPTION: &str = "# tiny-kernels

[![build](https://img.example/build.svg)](https://ci.example/tiny) \
<img src=\"https://img.example/logo.png\" width=\"900\">

![A plot](plot.png) A [link](https://docs.example/) and <https://example.org/>.

| option | a column with a rather long heading | what it does | since |
|---|---|---|---|
| `alpha` | `a_value_that_is_long_and_has_no_place_to_break_at_all` | scales | 1.0 |

```python
from tiny_kernels import a_function_with_a_long_name_that_does_not_fit_on_a_phone_at_all
```

## averyveryveryveryveryveryveryveryveryveryveryverylongwordthatnobodywouldwrite
";

/// A site with a page of every type: several projects with all that a page may show, and a file
/// that was rejected.
pub(super) fn of_every_type() -> Workspace {
    let workspace = Workspace::new();
    put_flash_attn(&workspace);
    let (channel, device) = CHANNELS[1];
    put(
        &workspace,
        "flash-attn",
        &format!("2.7.4+{channel}torch2.8"),
        &format!("cp312-cp312-{LINUX}"),
        with_device_code(device),
    );
    for tags in ["cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64", "py3-none-any"] {
        put(&workspace, "tiny-kernels", "1.0", tags, |wheel| {
            wheel
                .header("Summary: Small kernels")
                .header("Author: A. U. Thor")
                .header("License: Apache-2.0")
                .header("Requires-Python: >=3.9")
                .header("Project-URL: Documentation, https://docs.example/tiny")
                .header("Requires-Dist: numpy>=1.26; python_version >= '3.9'")
                .header("Provides-Extra: dev")
                .description("text/markdown", DESCRIPTION)
        });
    }
    workspace.write("wheels/tiny_kernels-1.0.tar.gz", b"a source distribution");
    workspace.wheel(&Wheel::new("old-thing", "1.0rc1"));
    workspace.write("wheels/broken-1.0-py3-none-any.whl", b"this is no wheel");
    workspace.write(
        "config/site.yml",
        "title: Wheels for GPUs\ndescription: Wheels that fit your machine.\n\
         projects:\n  flash-attn:\n    yanked:\n      \"2.7.4\": gives wrong gradients\n  \
         old-thing:\n    status: archived\n    status_reason: use tiny-kernels\n",
    );
    workspace.build(&["--on-reject", "exclude"]);
    workspace
}
