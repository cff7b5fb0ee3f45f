#!/usr/bin/env python3
"""Write COUNT small valid wheels (METADATA, WHEEL and RECORD correct) with deterministic bytes.

usage: gen_wheels.py OUTDIR [--count 300] [--per-project 10] [--payload 20000] [--tag py3-none-any]

There are COUNT / PER_PROJECT projects with PER_PROJECT versions each. PAYLOAD is the size of one
file of random bytes: they do not compress, so the wheel is about as large.
"""

import argparse
import base64
import hashlib
import os
import random
import zipfile

DATE = (2026, 1, 1, 0, 0, 0)


def record_hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("outdir")
parser.add_argument("--count", type=int, default=300)
parser.add_argument("--per-project", type=int, default=10)
parser.add_argument("--payload", type=int, default=20000)
parser.add_argument("--tag", default="py3-none-any")
args = parser.parse_args()

os.makedirs(args.outdir, exist_ok=True)
total = 0
for i in range(args.count):
    project, release = divmod(i, args.per_project)
    name, version = f"whl_{project:04d}", f"1.{release}.0"
    dist_info = f"{name}-{version}.dist-info"
    pure = "true" if args.tag.endswith("none-any") else "false"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        f"Summary: synthetic wheel {i}\nLicense: MIT\nRequires-Python: >=3.10\n"
        "Requires-Dist: packaging\n\nSynthetic.\n"
    )
    wheel = f"Wheel-Version: 1.0\nGenerator: gen_wheels 1\nRoot-Is-Purelib: {pure}\nTag: {args.tag}\n"
    members = [
        (f"{name}/__init__.py", f'__version__ = "{version}"\n'.encode()),
        (f"{name}/data.bin", random.Random(i).randbytes(args.payload)),
        (f"{dist_info}/METADATA", metadata.encode()),
        (f"{dist_info}/WHEEL", wheel.encode()),
    ]
    record = "".join(f"{path},{record_hash(data)},{len(data)}\n" for path, data in members)
    members.append((f"{dist_info}/RECORD", f"{record}{dist_info}/RECORD,,\n".encode()))
    path = os.path.join(args.outdir, f"{name}-{version}-{args.tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            info = zipfile.ZipInfo(member, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    total += os.path.getsize(path)
print(args.count, "wheels", total, "bytes")
