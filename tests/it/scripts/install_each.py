#!/usr/bin/env python3
"""Give each of some wheels to pip and to `python -m zipfile -t`.

    python install_each.py FOLDER...
    python install_each.py --index URL FOLDER...

Each folder holds one file; what pip installs goes to `pip` beside it. With `--index`,
pip gets the project from `URL/FOLDER/simple/` instead of the file. Prints a line of JSON
for each: whether pip and zipfile took it, and pip's last words if it did not. Each client runs in a process of its own, forked from one that has loaded pip already.
"""

import contextlib
import json
import os
import sys
import zipfile
from pathlib import Path

import pip._internal.commands.install  # noqa: F401  (loads what every run needs)
from pip._internal.cli.main import main as pip_main

INSTALL = [
    "install",
    "--no-cache-dir",
    "--no-compile",
    "--no-input",
    "--no-color",
    "--quiet",
]


def run(log: Path, call) -> tuple[bool, str]:
    """Run a call in a fork: whether it returned 0, and all that it said."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = call()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:  # noqa: BLE001  (whatever it is, the file was refused)
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code or 0)
    status = os.waitpid(child, 0)[1]
    said = log.read_text(encoding="utf-8", errors="replace")
    return status == 0, said


def test(path: str) -> int:
    """What `python -m zipfile -t` does."""
    zipfile.main(["-t", path])
    return 0


def last_words(said: str) -> str:
    """The line that tells most: the last error, else the last line."""
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or [""])[-1][:200]


def main() -> None:
    """Run both clients on every folder."""
    folders = sys.argv[1:]
    index = None
    if folders[0] == "--index":
        index, *folders = folders[1:]
    for folder in map(Path, folders):
        (path,) = (path for path in folder.iterdir() if path.is_file())
        if index is None:
            target = ["--target", str(folder / "pip"), "--no-deps", "--no-index", str(path)]
        else:
            url = f"{index}{folder.name}/simple/"
            target = ["--target", str(folder / "pip-index"), "--index-url", url]
            target.append(path.name.partition("-")[0])
        arguments = [*INSTALL, *target]
        pip, pip_said = run(folder / "pip.txt", lambda: pip_main(arguments))
        unpacks, unpack_said = run(folder / "zipfile.txt", lambda: test(str(path)))
        (folder / "pip.txt").unlink()
        (folder / "zipfile.txt").unlink()
        # A corrupt member is told of, and the exit code is 0 all the same.
        unpacks = unpacks and "is corrupted" not in unpack_said
        answer = {
            "pip": pip,
            "pip_said": "" if pip else last_words(pip_said),
            "zipfile": unpacks,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
