"""Says hello: the smallest useful pure-Python wheel."""

import argparse

__version__ = "@VERSION@"


def greeting(name: str = "world") -> str:
    """Return a greeting."""
    return f"Hello, {name}, from wheelsite-demo-pure {__version__}!"


def main() -> None:
    """Print a greeting, as the console script does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="world")
    print(greeting(parser.parse_args().name))
