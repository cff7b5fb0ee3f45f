"""What `packaging` says of tags, versions and specifiers: JSON on stdin, JSON on stdout.

    {"machines": [{"python": "3.12", "platforms": ["linux_x86_64"]}], "glibcs": [["x86_64", 2, 35]],
     "macs": [["arm64", 14]], "versions": ["1.0"], "specifiers": [[">=3.9", "3.12.0"]]}
"""

import json
import sys

from packaging import _manylinux, tags
from packaging.specifiers import SpecifierSet
from packaging.version import Version


def machine_tags(python, platforms):
    free = python.endswith("t")
    version = tuple(int(number) for number in python.removesuffix("t").split("."))
    name = f"cp{version[0]}{version[1]}"
    flags = "t" if free else "m" if version < (3, 8) else ""
    own = tags.cpython_tags(version, [name + flags], platforms)
    shared = tags.compatible_tags(version, name, platforms)
    return [str(tag) for tag in [*own, *shared]]


def linux_platforms(arch, major, minor):
    _manylinux._get_glibc_version = lambda: (major, minor)
    _manylinux._have_compatible_abi = lambda *_: True
    _manylinux._is_compatible = lambda *_: True
    return list(_manylinux.platform_tags([arch]))


asked = json.load(sys.stdin)
versions = [Version(text) for text in asked["versions"]]
json.dump(
    {
        "tags": [machine_tags(one["python"], one["platforms"]) for one in asked["machines"]],
        "linux": [linux_platforms(*glibc) for glibc in asked["glibcs"]],
        "macos": [list(tags.mac_platforms((major, 0), arch)) for arch, major in asked["macs"]],
        "order": [
            [(one > other) - (one < other) for other in versions] for one in versions
        ],
        "specifiers": [
            SpecifierSet(specifier).contains(version, prereleases=True)
            for specifier, version in asked["specifiers"]
        ],
    },
    sys.stdout,
)
