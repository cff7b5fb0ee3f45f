"""Imports what a wheel brings, looks at its version, and runs a command."""

import glob
import json
import os
import subprocess
import sys
from importlib import metadata

INPUT = "/wheelsite/row/input"
STUB = "/wheelsite/stub"
CODES = {"import": 30, "version": 31, "command": 32}

IMPORT = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
version = getattr(module, "__version__", None)
print("\\n== version: " + json.dumps(version if isinstance(version, str) else None))
"""


def lines(name):
    with open(os.path.join(INPUT, name)) as file:
        return [line.rstrip("\n") for line in file if line.rstrip("\n")]


def stage(name):
    print("== stage: " + name, flush=True)


def fail(name, code, message):
    print(message)
    print("== failed: %s %d" % (name, code), flush=True)
    sys.exit(CODES[name])


def run(argv, env):
    """Its exit code, and all that it says, which is shown too."""
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return 127, "error: cannot run %s: %s" % (argv[0], error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def is_same(one, other):
    """Whether two versions are one, also where METADATA writes 2024.01 for 2024.1."""
    try:
        from pip._vendor.packaging.version import Version
    except ImportError:
        return one == other
    return Version(one) == Version(other)


result = {"imports": [], "module_versions": {}, "driver": None, "command": False}
env = dict(os.environ)
result["gpu"] = bool(glob.glob("/dev/nvidia[0-9]*") or glob.glob("/dev/dxg"))

modules = lines("imports")
if modules:
    stage("import")
for module in modules:
    argv = [sys.executable, "-c", IMPORT, module]
    code, said = run(argv, env)
    lacks_driver = code != 0 and "libcuda.so.1" in said and "cannot open shared object" in said
    if lacks_driver and os.path.exists(STUB + "/libcuda.so.1"):
        print("there is no driver here: a stub of libcuda.so.1 stands in for it", flush=True)
        env["LD_LIBRARY_PATH"] = ":".join(filter(None, [STUB, env.get("LD_LIBRARY_PATH")]))
        result["driver"] = "stub"
        code, said = run(argv, env)
    shown = [line for line in said.splitlines() if not line.startswith("== ")]
    print("\n".join(line for line in shown if line), flush=True)
    if code < 0:
        fail("import", 128 - code, "error: importing %s ended with signal %d" % (module, -code))
    if code != 0:
        fail("import", code, "error: %s does not import" % module)
    versions = [line for line in said.splitlines() if line.startswith("== version: ")]
    if versions:
        result["module_versions"][module] = json.loads(versions[-1][len("== version: ") :])
    result["imports"].append(module)
    print("imported " + module, flush=True)

stage("version")
expected = os.environ["EXPECTED_VERSION"]
found = metadata.version(os.environ["EXPECTED_NAME"])
print("version " + found, flush=True)
if not is_same(found, expected):
    fail("version", 1, "error: expected version %s, found %s" % (expected, found))
result["version"] = found

command = lines("command")
if command:
    stage("command")
    code, said = run(command, env)
    print(said, flush=True)
    if code != 0:
        fail("command", code, "error: the test command ended with code %d" % code)
    result["command"] = True

result["python"] = sys.version.split()[0]
result["packages"] = {
    it.metadata["Name"]: it.version for it in metadata.distributions() if it.metadata["Name"]
}
with open("/wheelsite/row/result.json", "w") as file:
    json.dump(result, file)
stage("done")
