"""A build backend that needs nothing from any index.

It compiles the C and C++ files of its folder, each once, as make would, and writes down which.
A file `meanwhile.py` runs before the last of them.
"""

import base64
import hashlib
import os
import pathlib
import runpy
import shlex
import subprocess
import sysconfig
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).parent
BUILD = ROOT / "build"


def compiled(source):
    target = BUILD / f"{source.name}.o"
    if not target.exists():
        with open(BUILD / "compiled.txt", "a") as log:
            print(source.name, file=log)
        part = target.with_suffix(".part")
        compiler = "g++" if source.suffix == ".cpp" else "gcc"
        subprocess.run([compiler, "-c", "-fPIC", source.name, "-o", part], cwd=ROOT, check=True)
        part.rename(target)
    return target


def libraries(name):
    sources = sorted([*ROOT.glob("*.c"), *ROOT.glob("*.cpp")])
    objects = [compiled(source) for source in sources[:-1]]
    if (ROOT / "meanwhile.py").exists():
        runpy.run_path(str(ROOT / "meanwhile.py"), {"BUILD": BUILD})
    objects += [compiled(source) for source in sources[-1:]]
    if objects:
        path = BUILD / f"lib{name}.so"
        flags = shlex.split(os.environ.get("LDFLAGS", ""))
        subprocess.run(["gcc", "-shared", *objects, *flags, "-o", path], check=True)
        yield path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    BUILD.mkdir(exist_ok=True)
    module = (ROOT / "module.py").read_bytes() if (ROOT / "module.py").exists() else b""
    members = {f"{name}/__init__.py": module + f"\n__version__ = {version!r}\n".encode()}
    members |= {f"{name}/{path.name}": path.read_bytes() for path in libraries(name)}
    tag = "py3-none-any"
    if len(members) > 1:
        tag = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
    information = f"{name}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {it}\n" for it in project.get("dependencies", []))
    members[f"{information}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n{required}".encode()
    )
    pure = str(len(members) == 2).lower()
    members[f"{information}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode()
    )
    rows = []
    for path, body in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(body)}\n")
    members[f"{information}/RECORD"] = "".join([*rows, f"{information}/RECORD,,\n"]).encode()
    filename = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / filename, "w") as archive:
        for path, body in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), body)
    return filename
