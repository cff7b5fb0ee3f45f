#!/usr/bin/env python3
"""Compare `wheelsite check` with what else reads every byte of a wheel, on real wheels.

usage: check_speed.py DIR [--runs 5] [--wheelsite PATH] [--large GB] [--output FILE]

DIR holds wheels, such as `tests/fetch_wheels.py DIR --pins benches/corpus.txt` downloads. They are
read once before anything is measured, so that all find them in memory, and the rows run round
robin. With --large one more wheel of that many gigabytes, half of it incompressible, is made below
a temporary folder, and checked too.
"""

import argparse
import base64
import hashlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from statistics import median

from compare import Failure, Sample, first_line, spread

HERE = Path(__file__).resolve().parent
MIB = 1 << 20


def execute(command: list[str], threads: int | None = None, each: list[str] | None = None) -> Sample:
    """Run one command to its end, once or once a file; peak memory is that of the largest process."""
    unset = {"CI", "PYTHONPATH", "RAYON_NUM_THREADS"}
    environment = {k: v for k, v in os.environ.items() if k not in unset and not k.startswith("WHEELSITE_")}
    if threads:
        environment["RAYON_NUM_THREADS"] = str(threads)
    begin, cpu, rss = time.perf_counter(), 0.0, 0
    for more in [[path] for path in each] if each else [[]]:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(command + more, env=environment, **quiet)
        # Not child.wait(): only wait4 tells what this one child used.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        # wheelsite exits with 1 when it rejects a wheel; it has read it all the same.
        if child.returncode not in (0, 1):
            raise Failure(f"{command[0]}: exit code {child.returncode}")
        cpu, rss = cpu + usage.ru_utime + usage.ru_stime, max(rss, usage.ru_maxrss)
    return Sample(time.perf_counter() - begin, cpu, rss, 0, 0)


def large_wheel(path: Path, size: int) -> None:
    """Write a wheel of about this many bytes: stored and deflated, incompressible and not."""
    rows = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def add(name: str, method: int, blocks: int, noise: bool) -> None:
            info = zipfile.ZipInfo(f"large/{name}")
            info.compress_type, info.external_attr = method, 0o100644 << 16
            source, digest = random.Random(name), hashlib.sha256()
            with archive.open(info, "w", force_zip64=True) as member:
                for number in range(blocks):
                    block = source.randbytes(MIB) if noise else b"%d of many lines\n" % number * (MIB // 20)
                    digest.update(block)
                    member.write(block)
            encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            rows.append(f"large/{name},sha256={encoded},{info.file_size}\n")

        blocks = size // MIB
        add("noise-stored.bin", zipfile.ZIP_STORED, blocks // 2, noise=True)
        add("noise-deflated.bin", zipfile.ZIP_DEFLATED, blocks // 2, noise=True)
        add("text.txt", zipfile.ZIP_DEFLATED, blocks, noise=False)
        files = {
            "METADATA": "Metadata-Version: 2.1\nName: large\nVersion: 1.0\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        for name, text in files.items():
            archive.writestr(f"large-1.0.dist-info/{name}", text)
            encoded = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"large-1.0.dist-info/{name},sha256={encoded},{len(text)}\n")
        archive.writestr("large-1.0.dist-info/RECORD", "".join(rows) + "large-1.0.dist-info/RECORD,,\n")


def table(rows: dict[str, list[Sample]]) -> str:
    # A child's peak begins with its parent's: Linux carries the mark over fork and exec.
    own_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = next(iter(rows.values()))
    lines = ["| | wall s | × | CPU s | × | peak RSS MiB |", "|---|---:|---:|---:|---:|---:|"]
    for label, taken in rows.items():
        cells = [label]
        for name in ("wall", "cpu"):
            values, base = [[getattr(sample, name) for sample in of] for of in (taken, first)]
            cells += [spread(values), f"{median(values) / median(base):.2f}"]
        rss = median(sample.rss for sample in taken)
        cells.append(f"{'≤ ' if rss <= own_rss else ''}{rss / 1024:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def measure(runs: int, wheelsite: Path, folder: Path) -> str:
    wheels = [str(path) for path in sorted(folder.glob("*.whl"))]
    size = 0
    for wheel in wheels:
        with open(wheel, "rb") as file:
            while block := file.read(MIB):
                size += len(block)
    check = [str(wheelsite), "check", "--quiet", str(folder)]
    commands = {
        "wheelsite check, 1 thread": lambda: execute(check, threads=1),
        "wheelsite check, 2 threads": lambda: execute(check, threads=2),
        "wheelsite check --depth metadata": lambda: execute([*check, "--depth", "metadata"], threads=1),
        "unzip -tq, each": lambda: execute(["unzip", "-tq"], each=wheels),
        "python -m zipfile -t, each": lambda: execute([sys.executable, "-m", "zipfile", "-t"], each=wheels),
        "openssl dgst -sha256": lambda: execute(["openssl", "dgst", "-sha256", *wheels]),
    }
    taken: dict[str, list[Sample]] = {label: [] for label in commands}
    for run in range(runs):
        for label, command in commands.items():
            print(f"run {run + 1} of {runs}: {label}", file=sys.stderr)
            taken[label].append(command())
    return f"{len(wheels):,} wheels, {size:,} bytes.\n\n{table(taken)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--wheelsite", type=Path, default=HERE.parent / "target/release/wheelsite", metavar="PATH")
    parser.add_argument("--large", type=float, default=0, metavar="GB", help="also check one wheel of this size")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there too")
    args = parser.parse_args()
    program = args.wheelsite.resolve()
    versions = [first_line(program, "--version"), first_line("unzip", "-v"), first_line("openssl", "version")]
    versions.append(f"Python {sys.version.split()[0]}")
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    about = (
        f"# Checking real wheels\n\n- {cores} cores; load {load:.1f} before the run; {'; '.join(versions)}\n"
        f"- Medians over {args.runs} interleaved runs of whole processes; CPU is user + system; × is the ratio"
        " to the first row; ≤ marks a peak below the runner's own, which hides it"
    )
    parts = [about]
    try:
        parts.append("## Folder\n\n" + measure(args.runs, program, args.folder))
        print("\n\n".join(parts), flush=True)
        if args.large:
            with tempfile.TemporaryDirectory(dir=args.folder.resolve().parent, prefix="wheelsite-large-") as name:
                large_wheel(Path(name) / "large-1.0-py3-none-any.whl", int(args.large * 1e9))
                parts.append("## One large wheel\n\n" + measure(min(args.runs, 3), program, Path(name)))
                print(f"\n{parts[-1]}", flush=True)
    except Failure as failure:
        sys.exit(f"check_speed.py: {failure}")
    except KeyboardInterrupt:
        sys.exit("check_speed.py: interrupted")
    if args.output:
        args.output.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
