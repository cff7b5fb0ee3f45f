#!/usr/bin/env python3
"""Compare the full check of CUDA wheels by two builds of wheelsite: one that reads device code, one that does not.

usage: cuda_speed.py DIR --without PATH [--wheelsite PATH] [--runs 7]

DIR holds wheels. Both programs check each of them on one thread, in turns, so that what else the machine does
meets both. The ratio of CPU time is what the CUDA facts cost.
"""

import argparse
from pathlib import Path
from statistics import median

from check_speed import execute
from compare import spread

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--without", type=Path, required=True, metavar="PATH", help="a build of before")
    parser.add_argument("--wheelsite", type=Path, default=HERE.parent / "target/release/wheelsite", metavar="PATH")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    programs = {"without": args.without.resolve(), "with": args.wheelsite.resolve()}
    print("| wheel | MB | without, CPU s | with, CPU s | × |\n|---|---:|---:|---:|---:|")
    total = {label: 0.0 for label in programs}
    size = 0
    for wheel in sorted(args.folder.glob("*.whl")):
        wheel.read_bytes()
        taken: dict[str, list[float]] = {label: [] for label in programs}
        for _ in range(args.runs):
            for label, program in programs.items():
                sample = execute([str(program), "check", "--quiet", str(wheel)], threads=1)
                taken[label].append(sample.cpu)
        without, with_facts = (median(taken[label]) for label in programs)
        for label in programs:
            total[label] += median(taken[label])
        megabytes = wheel.stat().st_size / 1e6
        size += wheel.stat().st_size
        cells = [wheel.name, f"{megabytes:.0f}", *(spread(taken[label]) for label in programs)]
        print(f"| {' | '.join(cells)} | {with_facts / without:.2f} |", flush=True)
    ratio = total["with"] / total["without"]
    print(f"| all | {size / 1e6:.0f} | {total['without']:.2f} | {total['with']:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
