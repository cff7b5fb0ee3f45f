"""Says with what a wheel was made, as JSON: the argument is the file."""

import json
import os
import platform
import subprocess
import sys
from importlib import metadata


def said(*argv):
    """The version that a program states, if it is there."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    # nvcc says its version last but one, others first.
    lines = [line for line in lines if "release" in line] if argv[0] == "nvcc" else lines
    return lines[0].strip()[:200] if done.returncode == 0 and lines else None


tools = {
    name: said(name, "--version")
    for name in ("cc", "c++", "ld", "nvcc", "cmake", "ninja", "make", "ccache", "ldd", "rustc", "uv")
}
system = {}
try:
    with open("/etc/os-release") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            system[key] = value.strip('"')
except OSError:
    pass
packages = {}
for distribution in metadata.distributions():
    name = distribution.metadata["Name"]
    if name:
        packages[name] = distribution.version
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(
        {
            "python": platform.python_version(),
            "system": system.get("PRETTY_NAME", platform.platform()),
            "machine": platform.machine(),
            "libc": " ".join(platform.libc_ver()),
            "tools": {name: version for name, version in tools.items() if version},
            "packages": dict(sorted(packages.items(), key=lambda it: it[0].lower())),
            "source_date_epoch": int(os.environ["SOURCE_DATE_EPOCH"]),
        },
        file,
    )
os.rename(sys.argv[1] + ".new", sys.argv[1])
