#!/usr/bin/env python3
"""Read an index in both of its forms, and compare them with the files themselves.

    python compare_forms.py INDEX_URL WHEELS
"""

import hashlib
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename
from pypi_simple import (
    ACCEPT_HTML_ONLY,
    ACCEPT_JSON_ONLY,
    DistributionPackage,
    ProjectPage,
    PyPISimple,
    RepositoryPage,
)


def described(package: DistributionPackage) -> dict[str, Any]:
    """Return what both forms must say of a file."""
    return {
        "filename": package.filename,
        "url": package.url,
        "project": package.project,
        "version": package.version,
        "digests": package.digests,
        "requires_python": package.requires_python,
        "is_yanked": package.is_yanked,
        "yanked_reason": package.yanked_reason,
        "has_metadata": package.has_metadata,
        "metadata_digests": package.metadata_digests,
    }


def metadata_of(path: Path) -> bytes:
    """Return METADATA as it lies in a wheel."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name)


def check_file(client: PyPISimple, package: DistributionPackage, path: Path) -> None:
    """Compare what JSON says of a file, and the file it links to, with the file itself."""
    content, metadata = path.read_bytes(), metadata_of(path)
    assert package.package_type == "wheel"
    assert package.version == str(parse_wheel_filename(path.name)[1]), package
    assert package.digests == {"sha256": hashlib.sha256(content).hexdigest()}, package
    assert package.metadata_digests == {"sha256": hashlib.sha256(metadata).hexdigest()}, package
    assert package.size == len(content), package
    assert package.upload_time is not None, package
    assert package.upload_time.timestamp() == int(path.stat().st_mtime), package
    assert client.get_package_metadata_bytes(package) == metadata, package
    assert client.s.get(package.url).content == content, package


def check_extras(client: PyPISimple, url: str, json: ProjectPage) -> None:
    """Compare the attributes that no standard has, and that uv reads, with JSON."""
    page = client.s.get(url, headers={"Accept": ACCEPT_HTML_ONLY})
    links = RepositoryPage.from_html(page.content, from_encoding="utf-8").links
    names = ("data-size", "data-upload-time")
    found = [tuple(link.get_str_attrib(name) for name in names) for link in links]
    expected = [(str(p.size), f"{p.upload_time:%Y-%m-%dT%H:%M:%SZ}") for p in json.packages]
    assert found == expected, (found, expected)
    # Clients older than PEP 714 know another name for the sidecar's digest.
    for link in links:
        digest = link.get_str_attrib("data-core-metadata")
        assert digest and digest == link.get_str_attrib("data-dist-info-metadata"), link


def check_project(client: PyPISimple, name: str, wheels: Path) -> Iterator[str]:
    """Compare both forms of a project's page, and yield the names of its files."""
    html = client.get_project_page(name, accept=ACCEPT_HTML_ONLY)
    json = client.get_project_page(name, accept=ACCEPT_JSON_ONLY)
    # A page in HTML does not say whose it is.
    assert json.project == canonicalize_name(name), (json.project, name)
    assert json.repository_version == html.repository_version == "1.4", json.repository_version
    assert (json.status, json.status_reason) == (html.status, html.status_reason), json.status
    assert [described(p) for p in json.packages] == [described(p) for p in html.packages], name
    assert json.versions is not None
    assert len(json.versions) == len(set(json.versions)), json.versions
    assert set(json.versions) == {p.version for p in json.packages}, json.versions
    check_extras(client, client.get_project_url(name), json)
    for package in json.packages:
        check_file(client, package, wheels / package.filename)
        yield package.filename


def main() -> None:
    """Compare everything, and print what was found."""
    index, wheels = sys.argv[1], Path(sys.argv[2])
    # The library warns of what it does not know, such as a version of the API.
    warnings.simplefilter("error")
    with PyPISimple(index) as client:
        html = client.get_index_page(accept=ACCEPT_HTML_ONLY)
        json = client.get_index_page(accept=ACCEPT_JSON_ONLY)
        assert json.projects == html.projects, (json.projects, html.projects)
        files = [file for name in json.projects for file in check_project(client, name, wheels)]
    assert sorted(files) == sorted(path.name for path in wheels.glob("*.whl")), files
    print(f"{len(json.projects)} projects, {len(files)} files")


if __name__ == "__main__":
    main()
