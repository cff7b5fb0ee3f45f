#!/usr/bin/env python3
"""Compare wheelsite with its peers: whole processes, side by side, in one run.

usage: compare.py [--case NAME]... [--runs 5] [--wheelsite PATH] [--work DIR] [--output FILE] [--docs]

Every command runs in the work folder and reads and writes relative paths there (list.jsonl,
wheels/, out/, cache/), so the commands that the report prints are exactly the ones that ran.
The rows of a case run round robin, so that noise from outside hits all of them alike.
Needs Linux, gcc and a package index that pip can reach.
"""

import argparse
import os
import platform
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs/performance.md"
BEGIN, END = "<!-- compare.py writes what follows -->", "<!-- and no more -->"
TIMEOUT = 300  # seconds, for any one command
FILES_PER_PACKAGE = 50
# What would change a tool's behavior from outside, and so the comparison.
UNWANTED = {"SOURCE_DATE_EPOCH", "CI"}
UNWANTED_PREFIXES = ("PIP_", "WHEELSITE_", "GITHUB_")


class Failure(Exception):
    """A run that cannot go on; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Row:
    """One command to measure; a pipeline goes through sh."""

    label: str
    command: str
    # A command whose out/ and cache/ each run starts from. It is not measured, nor is their copy.
    seed: str | None = None


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    rows: list[Row]


@dataclass(frozen=True)
class Sample:
    wall: float
    cpu: float
    rss: int  # KiB
    files: int
    size: int


@dataclass
class Lab:
    """The work folder, and how commands run in it."""

    args: argparse.Namespace
    work: Path
    seeds: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out, self.cache, self.log = (self.work / name for name in ("out", "cache", "log"))
        kept = {k: v for k, v in os.environ.items() if k not in UNWANTED and not k.startswith(UNWANTED_PREFIXES)}
        path = f"{self.work / 'bin'}:{self.work / 'venv/bin'}:{os.environ['PATH']}"
        self.environment = kept | {"PATH": path, "XDG_CACHE_HOME": str(self.cache)}

    def prepare(self) -> None:
        """Put the programs where the commands find them, and forget what an earlier run left."""
        # The folders below are removed without asking, so they must be ours: a repository has its wheels/ too.
        marker = self.work / ".wheelsite-bench"
        if self.work.exists() and any(self.work.iterdir()) and not marker.exists():
            raise Failure(f"{self.work} holds something else; hint: give --work a new or empty folder")
        self.work.mkdir(parents=True, exist_ok=True)
        marker.touch()
        self.forget_seeds()
        programs = self.work / "bin"
        programs.mkdir(exist_ok=True)
        wheelsite = programs / "wheelsite"
        wheelsite.unlink(missing_ok=True)
        wheelsite.symlink_to(self.args.wheelsite)
        shutil.copy(HERE / "ghr_driver.py", self.work)
        setup("gcc", "-O2", "-o", programs / "floor", HERE / "floor.c")
        # Built as wheelsite was, by cargo, which knows a profile by the folder of its programs.
        built = self.args.wheelsite.parent
        profile = "dev" if built.name == "debug" else built.name
        cargo = ("cargo", "build", "--quiet", "--locked", "--profile", profile, "--example", "floor_list")
        setup(*cargo, "--manifest-path", HERE.parent / "Cargo.toml", "--target-dir", built.parent, timeout=1800)
        shutil.copy(built / "examples/floor_list", programs)
        # The stamp makes an interrupted installation start again instead of passing for a whole one.
        stamp, pins = self.work / "venv/peers.txt", HERE / "peers.txt"
        if not stamp.exists() or stamp.read_text() != pins.read_text():
            setup(sys.executable, "-m", "venv", "--clear", self.work / "venv")
            setup(self.work / "venv/bin/pip", "install", "--quiet", "--requirement", pins)
            shutil.copy(pins, stamp)

    def forget_seeds(self) -> None:
        """What was built from other inputs is not what a build from these begins with."""
        shutil.rmtree(self.work / "seeds", ignore_errors=True)
        self.seeds.clear()

    def generate_list(self, name: str = "list.jsonl", bump: int = 0, entries: int | None = None) -> str:
        self.forget_seeds()
        packages = max(1, (entries or self.args.entries) // FILES_PER_PACKAGE)
        sizes = ("--packages", packages, "--files", FILES_PER_PACKAGE, "--bump", bump)
        setup(sys.executable, HERE / "gen_list.py", self.work / name, *sizes)
        return f"A list of {packages * FILES_PER_PACKAGE:,} files in {packages:,} projects"

    def generate_wheels(self, name: str) -> str:
        self.forget_seeds()
        shutil.rmtree(self.work / name, ignore_errors=True)
        setup(sys.executable, HERE / "gen_wheels.py", self.work / name, "--count", self.args.wheels)
        return "A folder of {:,} wheels, {:,} bytes".format(*tree_size(self.work / name))

    def execute(self, command: str) -> Sample:
        """Run one command to its end; it must succeed."""
        argv = ["sh", "-c", command] if "|" in command else shlex.split(command)
        with open(self.log, "wb") as log:
            begin = time.perf_counter()
            # A session of its own, so that the timeout reaches whatever the command started.
            child = subprocess.Popen(
                argv, cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            timer = threading.Timer(TIMEOUT, os.killpg, (child.pid, signal.SIGKILL))
            timer.start()
            try:
                # Not child.wait(): only wait4 tells what this one child and its children used.
                _, status, usage = os.wait4(child.pid, 0)
                wall = time.perf_counter() - begin
            except BaseException:
                os.killpg(child.pid, signal.SIGKILL)
                raise
            finally:
                timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            cause = f"took more than {TIMEOUT} s" if wall >= TIMEOUT else f"exit code {child.returncode}"
            # Both streams: some tools print their errors on stdout.
            raise Failure(f"`{command}`: {cause}\n{self.log.read_text(errors='replace')[-4000:]}")
        return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, *tree_size(self.out)[:2])

    def reset(self, seed: str | None) -> None:
        """Leave out/ and cache/ as the seed made them; without a seed there is nothing of either."""
        for folder in (self.out, self.cache):
            shutil.rmtree(folder, ignore_errors=True)
        if seed is None:
            self.cache.mkdir()
            return
        if seed not in self.seeds:
            self.reset(None)
            self.execute(seed)
            store = self.work / "seeds" / str(len(self.seeds))
            store.mkdir(parents=True)
            for folder in (self.out, self.cache):
                folder.rename(store / folder.name)
            self.seeds[seed] = store
        # Times stay as they were: a tool may recognize its files by them.
        for folder in (self.out, self.cache):
            setup("cp", "-a", self.seeds[seed] / folder.name, folder)

    def measure(self, case: Case) -> list[list[Sample]]:
        samples: list[list[Sample]] = [[] for _ in case.rows]
        for run in range(self.args.runs):
            for row, taken in zip(case.rows, samples):
                print(f"{case.name}: run {run + 1} of {self.args.runs}: {row.label}", file=sys.stderr)
                self.reset(row.seed)
                taken.append(self.execute(row.command))
        self.reset(None)
        return samples

    def wheelsite(self, *options: str) -> str:
        return " ".join(["wheelsite build", *options, "--output out", *self.args.wheelsite_option])

    def wheelsite_list(self, pages: str, source: str = "list.jsonl", channels: str = "off") -> str:
        look = f"--channels {channels} --pages {pages}"
        return self.wheelsite(f"--source list:{source}", "--files-url https://x.example/files", look)

    def floor(self, command: str) -> str:
        """What makes as many files of the same size as a command, in as many folders, and nothing else."""
        self.reset(command)
        count, size, folders = tree_size(self.out)
        if not count:
            raise Failure("wheelsite wrote no files, so there is no floor to measure")
        return f"floor {count} {round(size / count)} {folders} out"


def dumb_pypi(source: str, *options: str) -> str:
    fixed = f"dumb-pypi --package-list-json {source} --packages-url https://x.example/ --output-dir out"
    return " ".join([fixed, "--no-per-release-json", *options])


def list_case(lab: Lab) -> Case:
    about = lab.generate_list()
    installers, people = lab.wheelsite_list("none"), lab.wheelsite_list("all")
    rows = [
        Row("wheelsite, pages for installers", installers),
        Row("wheelsite, pages for people too", people),
        Row("ghr-pypi, as a library", "python ghr_driver.py list.jsonl out"),
        Row("dumb-pypi", dumb_pypi("list.jsonl")),
        Row("floor of the first row: its files", lab.floor(installers)),
        Row("floor of the second row: its files", lab.floor(people)),
        Row("floor of both: hash the list", "openssl dgst -sha256 list.jsonl"),
    ]
    return Case("list", f"{about}, first build, without channels: one tree, as the peers write it.", rows)


def channels_case(lab: Lab) -> Case:
    about = lab.generate_list()
    rows = [
        Row("wheelsite, pages for installers", lab.wheelsite_list("none", channels="on")),
        Row("wheelsite, pages for people too", lab.wheelsite_list("all", channels="on")),
    ]
    return Case("channels", f"{about}, first build, with channels: an index for each, and one of everything.", rows)


def sizes_case(lab: Lab) -> Case:
    rows = []
    for entries in (lab.args.entries // 10, lab.args.entries, lab.args.entries * 10):
        name = f"list-{entries}.jsonl"
        lab.generate_list(name, entries=entries)
        rows += [
            Row(f"{entries:,} files, pages for installers", lab.wheelsite_list("none", name)),
            Row(f"{entries:,} files, pages for people too", lab.wheelsite_list("all", name)),
        ]
    return Case("sizes", f"How the cost grows: lists of {FILES_PER_PACKAGE} files a project, first build.", rows)


def list_again_case(lab: Lab) -> Case:
    about = lab.generate_list()
    lab.generate_list("list-0.jsonl")
    lab.generate_list("list-1.jsonl", bump=1)
    # A file that has just been written may change again and look the same, so its stamp is not believed.
    time.sleep(5)
    previous = "--previous-package-list-json list.jsonl"
    ours, theirs = lab.wheelsite_list("none"), dumb_pypi("list.jsonl")
    rows = [
        Row("wheelsite, nothing changed", ours, seed=ours),
        Row("floor: read, parse and hash the list", "floor_list list.jsonl"),
        Row("floor: hash the list", "openssl dgst -sha256 list.jsonl"),
        Row("wheelsite, one project changed", lab.wheelsite_list("none", "list-1.jsonl"), seed=ours),
        Row("dumb-pypi, nothing changed", dumb_pypi("list.jsonl", previous), seed=theirs),
        Row("dumb-pypi, one project changed", dumb_pypi("list-1.jsonl", previous), seed=theirs),
    ]
    # The same list, written again: what it is known by is not what it was.
    rows.insert(1, Row("wheelsite, the same list written anew", lab.wheelsite_list("none", "list-0.jsonl"), seed=ours))
    return Case("list-again", f"{about}, built into the output of the first build.", rows)


def folder_case(lab: Lab) -> Case:
    about = lab.generate_wheels("wheels")
    # A new link changes a wheel's ctime. The other rows' wheels must look untouched to a cache.
    lab.generate_wheels("wheels-to-link")
    first = lab.wheelsite("--source wheels", "--pages none")
    linked = lab.wheelsite("--source wheels-to-link", "--pages none", "--files hardlink")
    every_wheel = "find wheels -type f -print0 | xargs -0"
    metadata = lab.wheelsite("--source wheels", "--pages none", "--depth metadata")
    rows = [
        Row("wheelsite, first build", first),
        Row("wheelsite, first build, metadata only", metadata),
        Row("wheelsite, nothing changed", first, seed=first),
        Row("wheelsite, first build, hard links", linked),
        Row("floor of the third row: look at them", "find wheels -type f -printf '%s %T@\\n'"),
        Row("floor: hash them", f"{every_wheel} openssl dgst -sha256 > /dev/null"),
        Row("floor: the files of the first row", lab.floor(first)),
        Row("pypi-mirror, symbolic links", "pypi-mirror create -d wheels -m out"),
        Row("pypi-mirror, copies", "pypi-mirror create -c -d wheels -m out"),
    ]
    return Case("folder", f"{about}.", rows)


# Made only when their turn comes: making a case generates its inputs.
CASES: dict[str, Callable[[Lab], Case]] = {
    "list": list_case,
    "channels": channels_case,
    "list-again": list_again_case,
    "folder": folder_case,
    "sizes": sizes_case,
}


def setup(*command: object, timeout: float = TIMEOUT) -> None:
    """Run a command that is not measured."""
    # pip keeps the person's settings (an index, a certificate), but the pins must come from an index.
    environment = {k: v for k, v in os.environ.items() if k != "PIP_FIND_LINKS"}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise Failure(f"`{shlex.join(words)}`: exit code {done.returncode}\n{done.stderr}")


def tree_size(root: Path) -> tuple[int, int, int]:
    """Files, their bytes, and folders; a link counts as what it takes itself."""
    files = size = folders = 0
    for parent, _, names in os.walk(root):
        folders += 1
        files += len(names)
        size += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return files, size, folders


def first_line(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    return (done.stdout.strip() or "(no version)").splitlines()[0]


def machine(lab: Lab) -> str:
    """Everything that a reader needs to judge the numbers."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    peers = (HERE / "peers.txt").read_text().split("\n\n")[0].splitlines()
    versions = [
        first_line(lab.args.wheelsite, "--version"),
        *(line.replace("==", " ") for line in peers if "==" in line),
        f"Python {platform.python_version()}",
        first_line("sha256sum", "--version"),
        first_line("openssl", "version").partition(" (Library")[0],
    ]
    # On a busy machine only the CPU times say something.
    load = os.getloadavg()[0]
    return (
        f"- Machine: {len(os.sched_getaffinity(0))} cores, {model}; load {load:.1f} before the run;"
        f" work folder on {first_line('stat', '-f', '-c', '%T', lab.work)}\n"
        f"- Versions: {', '.join(versions)}\n"
        f"- Medians over {lab.args.runs} interleaved run(s) of the whole process; CPU is user + system;"
        " × is the ratio to the first row; ≤ marks a peak below the runner's own, which hides it"
    )


def spread(values: list[float]) -> str:
    text = f"{median(values):.3f}"
    return text if len(values) == 1 else f"{text} ({min(values):.3f}–{max(values):.3f})"


def report(case: Case, samples: list[list[Sample]]) -> str:
    # A child's peak begins with its parent's: Linux carries the mark over fork and exec.
    own_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = [
        f"## {case.name}\n\n{case.about}\n",
        "| | wall s | × | CPU s | × | peak RSS MiB | files | bytes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row, taken in zip(case.rows, samples):
        cells = [row.label]
        for name in ("wall", "cpu"):
            values, base = [[getattr(s, name) for s in of] for of in (taken, samples[0])]
            cells += [spread(values), f"{median(values) / median(base):.2f}" if median(base) else "–"]
        rss, files, size = (median(getattr(s, name) for s in taken) for name in ("rss", "files", "size"))
        cells.append(f"{'≤ ' if rss <= own_rss else ''}{rss / 1024:.0f}")
        cells += [f"{files:,.0f}", f"{size:,.0f}"] if files else ["–", "–"]
        lines.append(f"| {' | '.join(cells)} |")
    afters = [f" after `{row.seed}`" if row.seed else "" for row in case.rows]
    lines += ["", *(f"- {row.label}: `{row.command}`{after}" for row, after in zip(case.rows, afters))]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=CASES, help="repeatable; default: all")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--entries", type=int, default=100_000, help="files in the list (50 a package)")
    parser.add_argument("--wheels", type=int, default=3000, help="wheels in the folder")
    parser.add_argument("--wheelsite", type=Path, default=HERE.parent / "target/release/wheelsite", metavar="PATH")
    parser.add_argument("--wheelsite-option", action="append", default=[], metavar="OPTION",
                        help="more for every wheelsite command, as in --wheelsite-option='--channels off'")  # fmt: skip
    parser.add_argument("--work", type=Path, metavar="DIR", help="kept; default: a fresh folder, in memory if possible")
    parser.add_argument("--docs", action="store_true", help=f"write the report into {DOCS.name}, too")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there too")
    args = parser.parse_args()
    if min(args.runs, args.entries, args.wheels) < 1:
        parser.error("--runs, --entries and --wheels are at least 1")
    args.wheelsite = args.wheelsite.resolve()
    if not os.access(args.wheelsite, os.X_OK):
        parser.error(f"{args.wheelsite} is not a program; hint: cargo build --release")
    return args


def main() -> None:
    args = arguments()
    # A CI job's end must take the running command along, too: it has a session of its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        if args.work is None:
            memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
            args.work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wheelsite-bench-", dir=memory)))
        lab = Lab(args, args.work.resolve())
        parts = ["# wheelsite and its peers"]
        try:
            lab.prepare()
            parts.append(machine(lab))
            print("\n\n".join(parts), flush=True)
            for name in dict.fromkeys(args.case or CASES):
                case = CASES[name](lab)
                parts.append(report(case, lab.measure(case)))
                print(f"\n{parts[-1]}", flush=True)
        except (Failure, subprocess.TimeoutExpired) as failure:
            sys.exit(f"compare.py: {failure}")
        except KeyboardInterrupt:
            sys.exit("compare.py: interrupted")
    text = "\n\n".join(parts) + "\n"
    if args.output:
        args.output.write_text(text)
    if args.docs:
        before, _, rest = DOCS.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        body = text.partition("\n\n")[2]
        DOCS.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{after}")


if __name__ == "__main__":
    main()
