#!/usr/bin/env python3
"""Build the demo wheels, with the same bytes each time.

    python build.py

The sources beside this script become the wheels in the folder wheels at the
root of the repository. The standard library suffices, but for the C extension,
which takes gcc, strip, and Python's headers; its bytes are the same only
where the compiler is.
"""

import argparse
import base64
import hashlib
import subprocess
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
DEFAULT_OUTPUT = HERE.parent.parent / "wheels"
DATE = (2026, 1, 1, 0, 0, 0)
LIMITED_API = "0x03090000"  # CPython 3.9, as in the tag cp39-abi3


class Project(NamedTuple):
    """What a demo wheel is made of, besides its version."""

    name: str
    source: str
    summary: str
    files: dict[str, str]  # path in the wheel -> path in the source folder
    tag: str = "py3-none-any"
    requires: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    keywords: str = "wheelsite,demo"
    classifiers: tuple[str, ...] = ()
    native: str = ""  # path in the wheel of the extension module


PURE = Project(
    name="wheelsite-demo-pure",
    source="pure",
    summary="A pure-Python demo wheel that says hello",
    files={"wheelsite_demo_pure.py": "wheelsite_demo_pure.py"},
    scripts=("wheelsite-demo-pure = wheelsite_demo_pure:main",),
    classifiers=(
        "Environment :: Console",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
    ),
)
EXT = Project(
    name="wheelsite-demo-ext",
    source="ext",
    summary="A demo wheel with a C extension that uses the limited API",
    files={"wheelsite_demo_ext/__init__.py": "__init__.py"},
    tag="cp39-abi3-manylinux_2_17_x86_64",
    classifiers=(
        "Operating System :: POSIX :: Linux",
        "Programming Language :: C",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: Implementation :: CPython",
    ),
    native="wheelsite_demo_ext/_native.abi3.so",
)
CUDA = Project(
    name="wheelsite-demo-cuda",
    source="cuda",
    summary="A placeholder for a project with one wheel for each CUDA version",
    files={"wheelsite_demo_cuda/__init__.py": "__init__.py"},
    requires=("wheelsite-demo-pure>=1.0",),
    keywords="wheelsite,demo,cuda",
    classifiers=(
        "Environment :: GPU :: NVIDIA CUDA :: 12",
        "Programming Language :: Python :: 3",
    ),
)
WHEELS = (
    (PURE, "1.0.0"),
    (PURE, "1.1.0"),
    (PURE, "2.0.0rc1"),
    (EXT, "1.0.0"),
    (CUDA, "0.2.0+cu126"),
    (CUDA, "0.3.0+cu126"),
    (CUDA, "0.3.0+cu128"),
)


def source(project: Project, name: str, version: str) -> bytes:
    """Read a source file and put the version into it."""
    text = (HERE / project.source / name).read_text("utf-8")
    return text.replace("@VERSION@", version).encode()


def compiled(project: Project) -> bytes:
    """Compile the extension module and return the bytes of the library."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, Path(project.native).name)
        # No build id and no compiler comment: both differ between machines
        # without any difference in the code. No libpython is linked, as the
        # interpreter that loads the module has all of Python's symbols.
        subprocess.run(
            [
                *("gcc", "-O2", "-Wall", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared"),
                *("-Wl,--build-id=none", "-Wl,-z,relro,-z,now"),
                f"-DPy_LIMITED_API={LIMITED_API}",
                f"-I{sysconfig.get_path('include')}",
                *("-o", str(library), "_native.c"),
            ],
            cwd=HERE / project.source,
            check=True,
        )
        subprocess.run(["strip", "-R", ".comment", str(library)], check=True)
        return library.read_bytes()


def metadata(project: Project, version: str) -> bytes:
    """Return the METADATA file."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project.name}",
        f"Version: {version}",
        f"Summary: {project.summary}",
        "Author: The wheelsite authors",
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Project-URL: Homepage, https://wheelsite.example/",
        f"Project-URL: Documentation, https://wheelsite.example/{project.source}",
        f"Keywords: {project.keywords}",
        *(f"Classifier: {classifier}" for classifier in project.classifiers),
        "Requires-Python: >=3.9",
        *(f"Requires-Dist: {requirement}" for requirement in project.requires),
        "Description-Content-Type: text/markdown",
    ]
    head = "".join(f"{line}\n" for line in lines) + "\n"
    return head.encode() + source(project, "README.md", version)


def wheel_info(project: Project) -> bytes:
    """Return the WHEEL file, with one line for each tag of the set."""
    interpreters, abis, platforms = (part.split(".") for part in project.tag.split("-"))
    tags = [f"Tag: {i}-{a}-{p}" for i in interpreters for a in abis for p in platforms]
    lines = [
        "Wheel-Version: 1.0",
        "Generator: wheelsite-demo",
        f"Root-Is-Purelib: {'false' if project.native else 'true'}",
        *tags,
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def record(files: dict[str, bytes], own_path: str) -> bytes:
    """Return the RECORD file, which lists every file and, unhashed, itself."""
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        lines.append(f"{path},sha256={digest.decode()},{len(content)}\n")
    return "".join([*lines, f"{own_path},,\n"]).encode()


def build(project: Project, version: str, output: Path) -> Path:
    """Build one wheel and return its path."""
    stem = f"{project.name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {path: source(project, name, version) for path, name in project.files.items()}
    if project.native:
        files[project.native] = compiled(project)
    details = {
        f"{info}/METADATA": metadata(project, version),
        f"{info}/WHEEL": wheel_info(project),
        f"{info}/licenses/LICENSE": (HERE / "LICENSE").read_bytes(),
    }
    if project.scripts:
        scripts = "".join(f"{script}\n" for script in project.scripts)
        details[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    # The wheel format asks for the dist-info folder to come last.
    files = dict(sorted(files.items())) | dict(sorted(details.items()))
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD")

    path = output / f"{stem}-{project.tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3  # Unix, whatever this runs on
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
    return path


def main() -> None:
    """Build all demo wheels and print their hashes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="folder for the wheels")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for project, version in WHEELS:
        path = build(project, version, args.output)
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main()
