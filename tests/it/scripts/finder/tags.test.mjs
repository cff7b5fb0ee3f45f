// Versions, specifiers and tags: the same as in `packaging`, which pip carries.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { entryOf, fit, supportedTags } from "./support.mjs";

const VERSIONS = [
  "1.dev0",
  "1.0.dev456",
  "1.0a1",
  "1.0a2.dev456",
  "1.0a12.dev456",
  "1.0a12",
  "1.0b1.dev456",
  "1.0b2",
  "1.0b2.post345.dev456",
  "1.0b2.post345",
  "1.0rc1.dev456",
  "1.0rc1",
  "1.0",
  "1.0+abc.5",
  "1.0+abc.7",
  "1.0+5",
  "1.0+5.0",
  "1.0.post456.dev34",
  "1.0.post456",
  "1.1.dev1",
  "1.1.0",
  "1.1.0.0+cu128torch2.9cxx11abitrue",
  "1.1+cu130",
  "2!0.1",
  "v2.8.3",
  "2.8.3-1",
  "2.8.3.post1+cu126",
  "2.10",
  "2.9.1",
  "3.0.0rc1",
  "3.0.0RC2",
  "3.0alpha_1",
  "1.0+cu12torch2.8",
  "1.0+cu128.torch2",
];
const SPECIFIERS = [
  ">=3.9",
  "<3.13",
  "==3.12",
  "==3.12.*",
  "!=3.12.*",
  "~=3.9",
  "~=3.9.2",
  ">3.9",
  "<=3.12",
  "!=3.9.7,>=3.8",
  ">=3.10,<3.13",
  "===3.12.0",
  ">=2.4",
  "==2.9.*",
  "==2.9.0",
  "<2.9",
  ">2.8",
  ">=2.8,<2.9",
  "~=2.9.0",
  "",
  "==1.0+abc.5",
  "<3",
  "<3a2",
  ">1.0.post1",
];
const TARGETS = [
  "3.8.0",
  "3.9.0",
  "3.9.7",
  "3.9.18",
  "3.12.0",
  "3.12.4",
  "3.13.0",
  "3.13.1",
  "2.4.0",
  "2.8.0",
  "2.8.1",
  "2.9.0",
  "2.9.1",
  "2.10.0",
  "3.0.0rc1",
  "3.0a1",
  "1.0+abc.5",
  "1.0",
  "1.0.post456",
  "2.9.0+cu128",
  "2.9.0.post1",
  "3.9.post1",
];
const PLATFORMS = [
  "linux_x86_64",
  "linux_aarch64",
  "musllinux_x86_64",
  "musllinux_aarch64",
  "win_amd64",
  "win_arm64",
  "macosx_arm64",
  "macosx_x86_64",
];
const PYTHONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t"];

const machines = PYTHONS.flatMap((python) =>
  PLATFORMS.flatMap((platform) =>
    [null, "2.17", "2.28", "2.39"]
      .filter((glibc) => platform.startsWith("linux") || !glibc)
      .map((glibc) => ({ python, platform, glibc })),
  ),
);
const asked = {
  machines: machines.map(({ python, platform, glibc }) => ({
    python,
    platforms: fit.platformTags(platform, fit.glibcOf(glibc)),
  })),
  glibcs: [
    ["x86_64", 2, 35],
    ["aarch64", 2, 39],
    ["x86_64", 2, 5],
  ],
  macs: [
    ["arm64", 60],
    ["x86_64", 60],
  ],
  versions: VERSIONS,
  specifiers: SPECIFIERS.flatMap((specifier) => TARGETS.map((version) => [specifier, version])),
};

/** What `packaging` answers; null where it is not installed and need not be. */
function askOracle() {
  const oracle = fileURLToPath(new URL("tags_oracle.py", import.meta.url));
  const python = process.env.WHEELSITE_PYTHON ?? "python3";
  const ran = spawnSync(python, [oracle], { input: JSON.stringify(asked), encoding: "utf8", maxBuffer: 1e9 });
  if (ran.status === 0) return JSON.parse(ran.stdout);
  assert.notEqual(process.env.WHEELSITE_REQUIRE, "all", `the oracle failed: ${ran.stderr}`);
  return null;
}

const oracle = askOracle();
const needsOracle = { skip: oracle ? false : "Python with `packaging` is missing" };

test("tags stand in pip's order", needsOracle, () => {
  assert.ok(machines.length > 150);
  for (const [at, machine] of machines.entries()) {
    assert.deepEqual(supportedTags(machine), oracle.tags[at], JSON.stringify(machine));
  }
});

test("platform tags are those of the machine", needsOracle, () => {
  for (const [at, [arch, , minor]] of asked.glibcs.entries()) {
    assert.deepEqual(fit.platformTags(`linux_${arch}`, [2, minor]).slice(1), oracle.linux[at]);
  }
  for (const [at, [arch]] of asked.macs.entries())
    assert.deepEqual(fit.platformTags(`macosx_${arch}`, null), oracle.macos[at]);
});

test("versions are ordered as PEP 440 says", needsOracle, () => {
  const parsed = VERSIONS.map(fit.parseVersion);
  const order = parsed.map((one) => parsed.map((other) => fit.compareVersions(one, other)));
  assert.deepEqual(order, oracle.order);
});

test("specifiers take the versions that PEP 440 says", needsOracle, () => {
  for (const [at, [specifier, version]] of asked.specifiers.entries()) {
    const found = fit.satisfies(fit.parseSpecifier(specifier), fit.parseVersion(version));
    assert.equal(found, oracle.specifiers[at], `${version} ${specifier}`);
  }
});

test("what is no version or specifier is refused", () => {
  for (const text of ["", "x", "1.x", "1.0+", "1..0", null, 7, "9".repeat(201)])
    assert.equal(fit.parseVersion(text), null, String(text));
  for (const text of ["3.9", "=>3", ">=x", "~=3", ">=3.*", null, "<img>"])
    assert.equal(fit.parseSpecifier(text), null, String(text));
});

test("a bound on the third number leaves a minor version open", () => {
  for (const [specifier, version, expected] of [
    [">=3.9", "3.9", "yes"],
    [">=3.9", "3.8", "no"],
    [">=3.9.2", "3.9", "unknown"],
    [">=3.9.2", "3.10", "yes"],
    ["!=3.9.7,>=3.8", "3.9", "unknown"],
    ["<3.13", "3.13", "no"],
    ["~=3.9.0", "3.9", "yes"],
    ["==3.12.*", "3.12", "yes"],
    ["==2.9.1", "2.9", "unknown"],
    ["==2.9.1", "2.8", "no"],
    [">2.9", "2.9", "unknown"],
    ["", "3.9", "yes"],
  ]) {
    assert.equal(fit.decide(fit.parseSpecifier(specifier), version), expected, `${specifier} ${version}`);
  }
});

test("the best of several tags counts, and the order is that of the tags", () => {
  const machine = { python: "3.12", platform: "linux_x86_64", glibc: "2.35" };
  const rank = (python, abi, ...platforms) => fit.tagRank(entryOf({ python, abi, platforms }), machine);
  const ranks = [
    rank("cp312", "cp312", "linux_x86_64"),
    rank("cp312", "cp312", "manylinux_2_28_x86_64"),
    rank("cp312", "cp312", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    rank("cp312", "cp312", "manylinux2014_x86_64"),
    rank("cp312", "abi3", "manylinux_2_17_x86_64"),
    rank("cp39", "abi3", "manylinux_2_17_x86_64"),
    rank("py3", "none", "manylinux_2_17_x86_64"),
    rank("py2.py3", "none", "any"),
  ];
  assert.deepEqual(
    ranks,
    [...ranks].sort((one, other) => one - other),
  );
  assert.equal(new Set(ranks).size, ranks.length);
  for (const [python, abi, platform] of [
    ["cp311", "cp311", "linux_x86_64"],
    ["cp313", "abi3", "linux_x86_64"],
    ["cp312", "cp312t", "linux_x86_64"],
    ["cp312", "cp312", "manylinux_2_36_x86_64"],
    ["cp312", "cp312", "win_amd64"],
    ["py2", "none", "any"],
    ["cp312", "cp312", "any"],
  ]) {
    assert.equal(rank(python, abi, platform), -1, `${python}-${abi}-${platform}`);
  }
});
