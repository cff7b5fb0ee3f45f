#!/usr/bin/env python3
"""Download the real wheels that the tests index.

    python fetch_wheels.py DEST

fixtures/real-wheels.txt pins each wheel by version, filename, and sha256.
Wheels that are already in DEST with the right hash are not downloaded again.
Two runs at once do no harm: each downloads to a folder of its own, and puts
only verified wheels into DEST, by renaming them.
"""

import argparse
import collections
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PINS = Path(__file__).resolve().parent / "fixtures" / "real-wheels.txt"
SYSTEMS = ("manylinux", "musllinux", "macosx", "win")


class Wheel(NamedTuple):
    """One line of the list of pins."""

    project: str
    version: str
    filename: str
    sha256: str

    @property
    def platforms(self) -> list[str]:
        """The platform tags, or none for a wheel that fits every platform."""
        tags = self.filename.removesuffix(".whl").rpartition("-")[2].split(".")
        return [] if tags == ["any"] else tags

    @property
    def system(self) -> str:
        """The operating system whose pip call downloads this wheel."""
        for system in SYSTEMS:
            if any(tag.startswith(system) for tag in self.platforms):
                return system
        return SYSTEMS[0]

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


def rounds(wheels: list[Wheel]) -> Iterator[list[Wheel]]:
    """Group wheels into as few pip calls as can download them.

    One call is for one operating system, since pip would choose between the
    files of one version, and has one version of each project at most.
    """
    calls: dict[tuple[str, int], list[Wheel]] = collections.defaultdict(list)
    seen: collections.Counter[tuple[str, str]] = collections.Counter()
    for wheel in wheels:
        key = (wheel.system, wheel.project)
        calls[wheel.system, seen[key]].append(wheel)
        seen[key] += 1
    yield from calls.values()


def download(wheels: list[Wheel], folder: Path) -> str:
    """Run pip once and return its errors, empty when it had none."""
    # Hashes in the requirements make pip pick just the pinned file of a
    # version, and refuse any other bytes.
    requirements = folder / "requirements.txt"
    requirements.write_text(
        "".join(f"{w.project}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels)
    )
    platforms = dict.fromkeys(tag for wheel in wheels for tag in wheel.platforms)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp"]
    command += ["--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    # Some wheels are in the list because they want a newer Python than this.
    command += ["--ignore-requires-python"]
    for tag in platforms or ["any"]:
        command += ["--platform", tag]
    command += ["--dest", str(folder), "--requirement", str(requirements)]
    # A folder of local wheels could shadow the pinned ones.
    environment = {k: v for k, v in os.environ.items() if k != "PIP_FIND_LINKS"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    return done.stderr if done.returncode else ""


def main() -> int:
    """Download what is missing and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dest", type=Path, metavar="DEST", help="folder for the wheels")
    parser.add_argument("--pins", type=Path, default=PINS, help="list of pinned wheels")
    args = parser.parse_args()
    dest = args.dest.resolve()
    dest.mkdir(parents=True, exist_ok=True)

    wheels = read_pins(args.pins)
    missing = [wheel for wheel in wheels if not wheel.is_in(dest)]
    calls = 0
    for group in rounds(missing):
        calls += 1
        # Beside DEST, so that a rename suffices and nobody sees half a wheel.
        with tempfile.TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as name:
            folder = Path(name)
            if errors := download(group, folder):
                print(errors, file=sys.stderr)
            for wheel in group:
                if wheel.is_in(folder):
                    os.replace(folder / wheel.filename, dest / wheel.filename)

    still_missing = [wheel.filename for wheel in wheels if not wheel.is_in(dest)]
    for filename in still_missing:
        print(f"missing: {filename}", file=sys.stderr)
    have = [wheel for wheel in wheels if wheel.filename not in still_missing]
    size = sum((dest / wheel.filename).stat().st_size for wheel in have) / 1e6
    downloaded = len(missing) - len(still_missing)
    print(
        f"{len(have)} of {len(wheels)} wheels, {size:.1f} MB"
        f" ({downloaded} downloaded by {calls} pip calls)"
    )
    return 1 if still_missing else 0


if __name__ == "__main__":
    sys.exit(main())
