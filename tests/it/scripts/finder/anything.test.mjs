// Data is foreign: nothing that it may hold stops the finder, and its judgement stays consistent.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cuda, fit, fixture, generator } from "./support.mjs";

const ODD = [
  null,
  undefined,
  true,
  0,
  -1,
  1e308,
  NaN,
  "",
  "x",
  "<img src=x onerror=alert(1)>",
  "javascript:alert(1)",
  "__proto__",
  "constructor",
  [],
  {},
  [null],
  [[]],
  ["any"],
  { toString: null },
  "\u202e",
  "a".repeat(5000),
  "1".repeat(5000),
  "-",
  "cp",
  "cp3",
  "py",
  "3.",
  ".",
  "..",
];
const LIKELY = {
  filename: ["a-1.0-py3-none-any.whl", "a-1.0-1x-cp312-cp312-linux_x86_64.whl"],
  version: ["1.0", "2.8.3+cu128torch2.9cxx11abitrue", "1.0rc1", "1!2.dev3+x.1"],
  python: ["cp312", "py3", "py2.py3", "cp39", "cp313", "pp310"],
  abi: ["cp312", "none", "abi3", "cp313t", "abi3.abi3t"],
  platforms: [
    ["any"],
    ["linux_x86_64"],
    ["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    ["win_amd64"],
    ["macosx_11_0_arm64"],
    ["musllinux_1_2_x86_64"],
  ],
  requires_python: [">=3.9", ">=3.12.1", "<4", "!=3.12.*"],
  channel: ["cu128", "cu12", "cu130", "cpu", "rocm6.4"],
  in_default: [false, true],
  torch: ["2.9", "2.5.1"],
  depth: ["full", "metadata"],
  kind: ["wheel", "sdist"],
  yanked: [true, "broken"],
  url: ["x.whl", "../../files/x.whl", "https://cdn.example/x.whl"],
  glibc: ["2.28", "2.40"],
  cuda: [cuda("12.8", ["sm_80", "compute_90"], ["8.0", "9.0"]), cuda("12", [], []), { toolkit: "13.0" }],
  torch_use: [{ libraries: [] }, { version: "2.8" }, { requires: "torch==2.9.*; torch>=2" }],
  size: [1, 1e12],
};
const TOLD = {
  python: ["3.12", "3.9", "3.13t", "3.15t"],
  platform: ["linux_x86_64", "linux_aarch64", "musllinux_x86_64", "win_amd64", "macosx_arm64"],
  glibc: ["2.28", "2.17", "2.40"],
  cuda: ["12.8", "13.0", "11.8", "none", "rocm6.4", "rocm"],
  driver: ["570.86.15", "470.42.01", "572.16"],
  gpu: ["8.0", "8.9", "12.0", "8.0, 9.0"],
  torch: ["2.9", "2.5"],
};

/** What a form and an address can hold. */
const ODD_TEXTS = ODD.filter((value) => typeof value === "string");

function object(random, likely, odds, odd = ODD) {
  const made = {};
  for (const [key, values] of Object.entries(likely)) {
    const roll = random.next();
    if (roll < odds) made[key] = random.pick(odd);
    else if (roll < 0.75) made[key] = random.pick(values);
  }
  return made;
}

test("no entry, machine or paste makes it throw", () => {
  const random = generator(20261124);
  for (let round = 0; round < 1500; round += 1) {
    const files = Array.from({ length: random.below(6) }, () =>
      random.next() < 0.1 ? random.pick(ODD) : object(random, LIKELY, 0.3),
    );
    const entries = fit.parseEntries(random.next() < 0.05 ? random.pick(ODD) : files);
    const machine = object(random, TOLD, 0.2, ODD_TEXTS);
    const answer = fit.choose(entries, machine);
    if (answer.state === "none") fit.explain(answer.judged, machine);
    fit.cudaName(machine);
    for (const entry of entries) {
      const written = fit.commands("name", entry, entries, { siteUrl: "https://x.example/", indexName: "x" });
      if (!written) continue;
      assert.match(
        written.pip,
        /^pip install (?:"name={2,3}[A-Za-z0-9.+_-]+"|'name={2,3}[A-Za-z0-9.!+_-]+') --only-binary name --extra-index-url [\w:/.+-]+$/,
      );
      assert.match(
        written.poetry ?? "",
        /^(?:|\[tool\.poetry\.dependencies\]\nname = \{ (?:url = "[^"\\\s]+" \}|version = "[^"\\\s]+", [^]*)\n)$/,
      );
    }
  }
});

test("no paste makes it throw, nor takes long", () => {
  const random = generator(7);
  const lines = ["smi_linux.txt", "smi_windows.txt", "env_linux.txt", "smi_mig.txt", "env_mac.txt"].flatMap((name) =>
    fixture(name).split("\n"),
  );
  const began = performance.now();
  for (let round = 0; round < 300; round += 1) {
    const picked = Array.from({ length: random.below(40) }, () =>
      random.pick(lines).slice(random.below(20), 200 - random.below(150)),
    );
    const { machine } = fit.parsePaste(picked.join("\n"));
    for (const value of Object.values(machine)) assert.equal(typeof value, "string");
  }
  for (const repeated of [
    "| 0 ",
    "GPU 0: ",
    "compute_cap\n8.9,",
    " ",
    "|   0  x On |",
    "Python platform: Linux-x86_64-",
  ]) {
    fit.parsePaste(repeated.repeat(50_000));
  }
  for (const odd of ODD) fit.parsePaste(odd);
  assert.ok(performance.now() - began < 60_000);
});

test("telling more never makes more fit, and the choice is among what fits", () => {
  const random = generator(42);
  for (let round = 0; round < 1500; round += 1) {
    const entries = fit.parseEntries(
      Array.from({ length: 1 + random.below(8) }, (_, at) => ({
        ...object(random, LIKELY, 0),
        version: random.pick(LIKELY.version),
        filename: `f${at}.whl`,
      })),
    );
    const machine = Object.fromEntries(
      Object.entries(TOLD)
        .filter(() => random.next() < 0.5)
        .map(([key, values]) => [key, random.pick(values)]),
    );
    const answer = fit.choose(entries, machine);
    const all = fit.choose(entries, {});
    assert.ok(answer.fits <= all.fits);
    for (const { entry, state, parts, isIdle } of answer.judged) {
      const own = isIdle ? parts.slice(0, -1) : parts;
      assert.deepEqual(fit.judge(entry, machine), { state, parts: own }, "judging has no memory");
      const worst = ["no", "unknown"].find((one) => parts.some((part) => part.state === one)) ?? "yes";
      assert.equal(state, worst);
      for (const part of parts) assert.ok(part.needs.length > 0 && part.needs.length < 6000);
      // Each aspect is judged by what is told of it alone: without it, nothing else changes for the better or worse.
      const { torch, ...rest } = machine;
      if (torch && !parts.some(({ aspect, state: one }) => aspect === "torch" && one !== "yes")) {
        assert.equal(fit.judge(entry, rest).state, state);
      }
    }
    if (answer.best) {
      assert.notEqual(answer.best.state, "no");
      assert.equal(answer.state, answer.best.state === "yes" && !answer.best.isIdle ? "fits" : "likely");
      assert.equal(answer.instead !== null, answer.best.isIdle);
      if (machine.python && machine.platform)
        assert.equal(fit.taken(answer.best.entry, entries, machine), answer.best.entry);
    }
    // The order of the files does not matter.
    const turned = fit.choose([...entries].reverse(), machine);
    assert.equal(turned.best?.entry.filename, answer.best?.entry.filename);
  }
});
