#!/usr/bin/env python3
"""Parse every HTML file of a site as strictly as the standard does.

    python strict_html.py SITE
"""

import sys
from pathlib import Path

import html5lib


def main() -> int:
    """Print each file's errors, then the number of files; tell whether there were errors."""
    failed = False
    paths = sorted(Path(sys.argv[1]).rglob("*.html"))
    for path in paths:
        # Strict parsing ends at the first error; this collects all of them, with their places.
        parser = html5lib.HTMLParser()
        parser.parse(path.read_bytes(), transport_encoding="utf-8")
        for (line, column), code, data in parser.errors:
            failed = True
            print(f"{path}:{line}:{column}: {code} {data}", file=sys.stderr)
    print(f"{len(paths)} files")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
