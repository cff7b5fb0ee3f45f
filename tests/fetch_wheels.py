#!/usr/bin/env python3
"""Download pinned real wheels, for tests and benchmarks.

usage: fetch_wheels.py DEST [--pins LIST]

The list pins each wheel by version, filename, and sha256. Wheels that are already in DEST
with the right hash are not downloaded again. Each run downloads to a folder of its own, and puts
only verified wheels into DEST, by renaming them. Needs about twice their size while it runs.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).resolve().parent / "fixtures" / "real-wheels.txt"
NEWEST = "3.11"  # the Python that takes every wheel that is for no other


@dataclass(frozen=True)
class Wheel:
    """One line of the list of pins."""

    project: str
    version: str
    filename: str
    sha256: str

    @property
    def tags(self) -> list[str]:
        """Python, ABI and platform tags."""
        return self.filename.removesuffix(".whl").split("-")[-3:]

    @property
    def python(self) -> str:
        """The version of the Python whose pip call downloads this wheel."""
        python, abi, _ = self.tags
        exact = re.match(r"cp(\d)(\d+)", abi)
        if exact:
            return ".".join(exact.groups())
        return NEWEST if abi == "abi3" or "py3" in python else "2.7"

    def is_in(self, folder: Path) -> bool:
        """Tell whether a folder has this wheel, whole and unchanged."""
        try:
            with (folder / self.filename).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def read_pins(path: Path) -> list[Wheel]:
    """Read lines of the form `name==version filename sha256=hex`."""
    wheels = []
    for line in path.read_text("ascii").splitlines():
        pin, filename, digest = line.split()
        project, _, version = pin.partition("==")
        wheels.append(Wheel(project, version, filename, digest.removeprefix("sha256=")))
    return wheels


def rounds(wheels: list[Wheel]) -> list[list[Wheel]]:
    """Group wheels into as few pip calls as can download them: each has one Python, and each project once."""
    calls: dict[tuple[str, int], list[Wheel]] = defaultdict(list)
    seen: Counter[tuple[str, str]] = Counter()
    for wheel in wheels:
        key = (wheel.python, wheel.project)
        calls[wheel.python, seen[key]].append(wheel)
        seen[key] += 1
    return list(calls.values())


def download(wheels: list[Wheel], folder: Path) -> str:
    """Run pip once and return its errors, empty when it had none."""
    # Hashes in the requirements make pip pick just the pinned file of a version, whatever the platform.
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{w.project}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels))
    python = wheels[0].python
    abis = dict.fromkeys(abi for wheel in wheels for abi in wheel.tags[1].split("."))
    platforms = dict.fromkeys(tag for wheel in wheels for tag in wheel.tags[2].split("."))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--ignore-requires-python", "--implementation", "cp", "--python-version", python]
    for abi in abis:
        command += ["--abi", abi]
    for tag in platforms:
        command += ["--platform", tag]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    # A folder of local wheels could shadow the pinned ones.
    environment = {k: v for k, v in os.environ.items() if k != "PIP_FIND_LINKS"}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.stderr if done.returncode else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dest", type=Path, metavar="DEST", help="folder for the wheels")
    parser.add_argument("--pins", type=Path, default=PINS, help="list of pinned wheels")
    args = parser.parse_args()
    dest = args.dest.resolve()
    dest.mkdir(parents=True, exist_ok=True)

    wheels = read_pins(args.pins)
    missing = [wheel for wheel in wheels if not wheel.is_in(dest)]
    groups = rounds(missing)
    for group in groups:
        # Beside DEST, so that a rename suffices and nobody sees half a wheel.
        with tempfile.TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as name:
            folder = Path(name)
            if errors := download(group, folder):
                print(errors, file=sys.stderr)
            for wheel in group:
                if wheel.is_in(folder):
                    os.replace(folder / wheel.filename, dest / wheel.filename)

    absent = {wheel for wheel in missing if not wheel.is_in(dest)}
    for wheel in absent:
        print(f"missing: {wheel.filename}", file=sys.stderr)
    have = [wheel for wheel in wheels if wheel not in absent]
    size = sum((dest / wheel.filename).stat().st_size for wheel in have) / 1e6
    downloaded = len(missing) - len(absent)
    print(f"{len(have)} of {len(wheels)} wheels, {size:.1f} MB ({downloaded} downloaded by {len(groups)} pip calls)")
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
