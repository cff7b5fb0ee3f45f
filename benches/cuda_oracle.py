#!/usr/bin/env python3
"""Compare what `wheelsite inspect` says of CUDA wheels with NVIDIA's and other tools, on real wheels.

usage: cuda_oracle.py [--pins LIST] [--wheelsite PATH] [--tools DIR] [--work DIR] [--output FILE]

LIST names wheels, one `project==version` a line, by default those of `cuda-oracle.txt` beside this
script. Each is downloaded by pip, compared, and removed. The tools come from an environment with what
`tests/cuda-requirements.txt` pins, which is made in DIR unless it is there. That cuobjdump refuses what old
toolkits made; then the one of CUDA 12.4 is asked, which a wheel of triton carries.

Per ELF file: the architectures and kinds of all entries of its fatbins against `cuobjdump -all`, the
needed libraries against `readelf -d`, and glibc against the versions in `readelf -V`. For the wheel:
glibc against auditwheel, as far as auditwheel tells.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ELF = b"\x7fELF"
CUDA = re.compile(
    r"lib(cuda|cudart|cublas|cublasLt|cudnn\w*|cufft\w*|cufile\w*|cupti|curand|cusolver\w*|cusparse\w*|cutensor\w*"
    r"|nccl|nvrtc|nvrtc-builtins|nvJitLink|nvjpeg|nvToolsExt|nvinfer\w*|nvshmem\w*|npp\w*|nvidia-ml|c10_cuda|torch_cuda\w*"
    r"|cudss\w*|nvcuvid|nvvm|nvfatbin|cudadevrt|nvblas|cudla|nvptxcompiler|nvperf_\w+)(-[0-9a-f]{8})?\.so(\.|$)"
)


@dataclass
class Row:
    """What came of one wheel."""

    wheel: str
    size: int = 0
    elf_files: int = 0
    device_files: int = 0
    architectures: list[str] = field(default_factory=list)
    toolkit: str = ""
    glibc: str = ""
    auditwheel: str = ""
    differences: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        found = "; ".join(self.differences[:3]) + (" ..." if len(self.differences) > 3 else "")
        architectures = " ".join(self.architectures) or "-"
        return [
            self.wheel,
            f"{self.size / 1e6:.0f}",
            str(self.elf_files),
            str(self.device_files),
            architectures,
            self.toolkit or "-",
            self.glibc or "-",
            self.auditwheel or "-",
            found or "none",
        ]


HEAD = ["wheel", "MB", "ELF", "with code", "architectures", "toolkit", "glibc", "auditwheel", "differences"]


def run(*command: object, check: bool = True) -> str:
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace")
    if check and result.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit code {result.returncode}: {result.stderr.strip()[-400:]}")
    return result.stdout


def tools_in(folder: Path) -> Path:
    """Make the environment with cuobjdump and auditwheel, once."""
    python = folder / "bin/python"
    if not (folder / "bin/auditwheel").exists():
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "--quiet", "-r", HERE.parent / "tests/cuda-requirements.txt")
    return folder


def cuobjdumps(tools: Path) -> list[Path]:
    """The newest, and one that knows older toolkits."""
    old = tools / "cuobjdump-12.4"
    if not old.exists():
        with tempfile.TemporaryDirectory() as work:
            run(*pip(tools), "--dest", work, "triton==3.0.0")
            with zipfile.ZipFile(next(Path(work).iterdir())) as archive:
                old.write_bytes(archive.read("triton/backends/nvidia/bin/cuobjdump"))
        old.chmod(0o755)
    return [*tools.glob("lib/python3*/site-packages/nvidia/cu13/bin/cuobjdump"), old]


def pip(tools: Path) -> tuple[object, ...]:
    return (tools / "bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")


def listing(tools: list[Path], path: Path, *options: str) -> str:
    for tool in tools:
        result = subprocess.run([tool, "-all", *options, path], capture_output=True, text=True, errors="replace")
        if "cuobjdump fatal" not in result.stdout + result.stderr:
            return result.stdout
    raise RuntimeError(f"{path.name}: {(result.stdout + result.stderr).strip().splitlines()[-1]}")


def oracle_architectures(tools: list[Path], path: Path) -> set[str]:
    """The entries that cuobjdump lists, executable and relocatable: by its headings, which have suffixes."""
    found, kind = set(), ""
    for line in listing(tools, path).splitlines():
        if heading := re.match(r"Fatbin (\w+) code:", line):
            kind = {"elf": "sm", "ptx": "compute"}.get(heading[1], "")
        elif (arch := re.match(r"arch = sm_(\w+)", line)) and kind:
            found.add(f"{kind}_{arch[1]}")
            kind = ""
    # The lists leave out the suffix `f`, and must agree but for that.
    listed = set()
    for option, word in (("--list-elf", "sm"), ("--list-ptx", "compute")):
        names = re.findall(r"\.sm_(\w+)\.(?:cubin|ptx)$", listing(tools, path, option), re.M)
        listed |= {f"{word}_{name}" for name in names}
    bare = {name.removesuffix("f") for name in found}
    if listed and {name.removesuffix("f") for name in listed} != bare:
        raise RuntimeError(f"cuobjdump contradicts itself: {sorted(listed)} and {sorted(found)}")
    return found


def oracle_needs(path: Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", path, check=False))


def oracle_glibc(path: Path) -> tuple[int, ...]:
    text = run("readelf", "-VW", path, check=False)
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", text)
    return max((tuple(map(int, version)) for version in versions), default=(0,))


def elf_files(archive: zipfile.ZipFile) -> Iterator[str]:
    for info in archive.infolist():
        with archive.open(info) as member:
            if member.read(4) == ELF:
                yield info.filename


def compare(wheel: Path, wheelsite: Path, tools: Path, work: Path) -> Row:
    row = Row(wheel.name, wheel.stat().st_size)
    report = json.loads(run(wheelsite, "inspect", "--format", "json", wheel))
    files = {file["path"]: file for file in report["wheel"].get("elf", [])}
    cuda = report.get("cuda")
    device = {file["path"]: file for file in cuda["files"]} if cuda else {}
    row.elf_files, row.device_files = len(files), len(device)
    row.architectures = cuda["architectures"] if cuda else []
    row.toolkit = (cuda or {}).get("toolkit", "")
    row.glibc = report.get("glibc", "")
    programs = cuobjdumps(tools)
    floor, needs, union = (0,), set(), set()
    with zipfile.ZipFile(wheel) as archive:
        for name in elf_files(archive):
            file = files.get(name)
            path = Path(archive.extract(name, work))
            try:
                if file is None:
                    row.differences.append(f"{name}: not in the report")
                    continue
                expected = oracle_architectures(programs, path)
                found = set(device.get(name, {}).get("architectures", []))
                if file["machine"] == 190:
                    # A lone cubin is not listed as a fatbin.
                    expected = found
                if found != expected:
                    row.differences.append(f"{name}: {sorted(found ^ expected)}")
                union |= expected
                needed = oracle_needs(path)
                if needed != file.get("needed", []):
                    row.differences.append(f"{name}: needs {needed}, not {file.get('needed')}")
                needs |= {name for name in needed if CUDA.match(name)}
                floor = max(floor, oracle_glibc(path))
            finally:
                path.unlink()
    if union != set(row.architectures):
        row.differences.append(f"union: {sorted(union ^ set(row.architectures))}")
    if needs != set((cuda or {}).get("needs", [])):
        row.differences.append(f"needs: {sorted(needs ^ set((cuda or {}).get('needs', [])))}")
    if bool(union or needs) != (cuda is not None):
        row.differences.append(f"cuda is {'there' if cuda else 'absent'}")
    expected = ".".join(map(str, floor)) if floor != (0,) else ""
    if expected != row.glibc:
        row.differences.append(f"glibc {row.glibc}, not {expected}")
    empty = work / "empty"
    empty.mkdir()
    row.auditwheel = oracle_auditwheel(tools, wheel, empty)
    # auditwheel passes over what Python cannot reach by imports, so that it may say less.
    numbers = [[int(part) for part in text.split(".")] for text in (row.auditwheel, row.glibc) if text]
    if row.auditwheel and numbers[0] > numbers[-1]:
        row.differences.append(f"auditwheel says {row.auditwheel}")
    return row


def oracle_auditwheel(tools: Path, wheel: Path, empty: Path) -> str:
    """The highest GLIBC that auditwheel lists, with no libraries of this machine in its sight."""
    text = run(tools / "bin/python", "-m", "auditwheel", "show", "--ldpaths", empty, wheel, check=False)
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", text)
    top = max((tuple(map(int, version)) for version in versions), default=())
    return ".".join(map(str, top))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pins", type=Path, default=HERE / "cuda-oracle.txt", metavar="LIST")
    parser.add_argument("--wheelsite", type=Path, default=HERE.parent / "target/release/wheelsite", metavar="PATH")
    parser.add_argument("--tools", type=Path, default=HERE.parent / "target/tmp/cuda", metavar="DIR")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where wheels are for a while")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table there too")
    args = parser.parse_args()
    tools = tools_in(args.tools.resolve())
    lines = [line.split("#")[0].strip() for line in args.pins.read_text().splitlines()]
    rows, wrong = [], 0
    for requirement in filter(None, lines):
        with tempfile.TemporaryDirectory(dir=args.work) as name:
            work = Path(name)
            try:
                run(*pip(tools), "--dest", work / "wheels", requirement)
                wheel = next((work / "wheels").iterdir())
                row = compare(wheel, args.wheelsite.resolve(), tools, work)
            except RuntimeError as error:
                row = Row(requirement, differences=[str(error).splitlines()[-1]])
        wrong += bool(row.differences)
        rows.append(row)
        print(f"| {' | '.join(row.cells())} |", file=sys.stderr, flush=True)
    table = [HEAD, ["---"] * len(HEAD)] + [row.cells() for row in rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    summary = f"{len(rows)} wheels, {sum(row.elf_files for row in rows)} ELF files, {sum(row.device_files for row in rows)} with device code; {wrong} wheels with differences."
    print(f"{text}\n\n{summary}")
    if args.output:
        args.output.write_text(f"{text}\n\n{summary}\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
