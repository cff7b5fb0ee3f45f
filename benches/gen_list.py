#!/usr/bin/env python3
"""Write a package list (JSON lines, as dumb-pypi reads them): PACKAGES x FILES entries, deterministic.

usage: gen_list.py OUT.jsonl [--packages 2000] [--files 50] [--bump N] [--bare BARE.txt]

Each package has FILES files = (FILES // 5) versions x 5 wheels (cp310 to cp314); the local
versions alternate between +cu126 and +cu128, so that it looks like an index of prebuilt wheels.
"""

import argparse
import contextlib
import hashlib
import json

PYTHONS = ["cp310", "cp311", "cp312", "cp313", "cp314"]

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("out")
parser.add_argument("--packages", type=int, default=2000)
parser.add_argument("--files", type=int, default=50)
parser.add_argument("--bump", type=int, default=0, metavar="N", help="give the first N packages one more file")
parser.add_argument("--bare", help="also write the bare filenames, one a line")
args = parser.parse_args()

entries = 0
with contextlib.ExitStack() as stack:
    out = stack.enter_context(open(args.out, "w"))
    bare = stack.enter_context(open(args.bare, "w")) if args.bare else None
    for package in range(args.packages):
        name = f"pkg_{package:05d}"
        for i in range(args.files + (package < args.bump)):
            number, python = divmod(i, len(PYTHONS))
            version = f"{1 + number // 10}.{number % 10}.0+cu{126 if number % 2 else 128}"
            filename = f"{name}-{version}-{PYTHONS[python]}-{PYTHONS[python]}-manylinux_2_28_x86_64.whl"
            entry = {
                "filename": filename,
                "hash": "sha256=" + hashlib.sha256(filename.encode()).hexdigest(),
                "requires_python": ">=3.10",
                "upload_timestamp": 1700000000 + package * 1000 + i,
            }
            out.write(json.dumps(entry) + "\n")
            if bare:
                bare.write(filename + "\n")
            entries += 1
print(entries, "entries")
