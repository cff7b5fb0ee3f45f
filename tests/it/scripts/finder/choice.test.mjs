// Which of the files that fit is shown, with which commands; and what is said when none fits.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cuda, entriesOf, entryOf, fit, raw } from "./support.mjs";

const MACHINE = { python: "3.12", platform: "linux_x86_64", glibc: "2.35" };
const ALL = ["8.0", "8.6", "8.9", "9.0"];

/** flash-attn: Pythons x CUDA x torch x C++ ABI. */
const FLASH = entriesOf(
  ...["310", "311", "312"].flatMap((python) =>
    ["12.6", "12.8", "13.0"].flatMap((toolkit) =>
      ["2.5", "2.8", "2.9"].flatMap((torch) =>
        ["FALSE", "TRUE"].map((abi) => {
          const channel = `cu${toolkit.replace(".", "")}`;
          return {
            version: `2.8.3+${channel}torch${torch}cxx11abi${abi.toLowerCase()}`,
            filename: `flash_attn-2.8.3+${channel}torch${torch}cxx11abi${abi}-cp${python}-cp${python}-linux_x86_64.whl`,
            python: `cp${python}`,
            abi: `cp${python}`,
            channel,
            torch,
            glibc: "2.32",
            requires_python: ">=3.9",
            cuda: cuda(toolkit, ["sm_80", "sm_90"], ALL),
            torch_use: { libraries: ["libc10.so"], cxx11_abi: abi === "TRUE", version: torch },
          };
        }),
      ),
    ),
  ),
);

const chosen = (entries, machine) => fit.choose(entries, { ...MACHINE, ...machine });
const filename = (entries, machine) => chosen(entries, machine).best?.entry.filename ?? null;
const version = (entries, machine) => chosen(entries, machine).best?.entry.versionText ?? null;

test("of CUDA the newest that the machine has is taken, else the nearest above", () => {
  for (const [machine, expected] of [
    [{ cuda: "12.8", torch: "2.9" }, "2.8.3+cu128torch2.9cxx11abitrue"],
    [{ cuda: "12.9", torch: "2.9" }, "2.8.3+cu128torch2.9cxx11abitrue"],
    [{ cuda: "13.4", torch: "2.9" }, "2.8.3+cu130torch2.9cxx11abitrue"],
    [{ cuda: "12.4", torch: "2.9" }, "2.8.3+cu126torch2.9cxx11abitrue"],
    [{ driver: "570.86.15", torch: "2.8" }, "2.8.3+cu128torch2.8cxx11abitrue"],
    [{ cuda: "12.8" }, "2.8.3+cu128torch2.9cxx11abitrue"],
    [{ cuda: "12.8", torch: "2.5" }, "2.8.3+cu128torch2.5cxx11abifalse"],
    [{ torch: "2.9" }, "2.8.3+cu130torch2.9cxx11abitrue"],
    [{ cuda: "11.8" }, null],
    [{ cuda: "none" }, null],
  ]) {
    assert.equal(version(FLASH, machine), expected, JSON.stringify(machine));
  }
  assert.equal(fit.choose(FLASH, MACHINE, "cu126").best.entry.channel, "cu126");
});

test("every combination is answered by the file with its name", () => {
  for (const python of ["3.10", "3.11", "3.12"]) {
    for (const cudaVersion of ["12.6", "12.8", "13.0"]) {
      for (const torch of ["2.5", "2.8", "2.9"]) {
        const answer = chosen(FLASH, { python, cuda: cudaVersion, torch, gpu: "8.9" });
        const tag = `cp${python.replace(".", "")}`;
        const abi = torch === "2.5" ? "FALSE" : "TRUE";
        const local = `cu${cudaVersion.replace(".", "")}torch${torch}cxx11abi${abi}`;
        assert.equal(answer.best.entry.filename, `flash_attn-2.8.3+${local}-${tag}-${tag}-linux_x86_64.whl`);
        assert.equal(answer.state, "fits");
      }
    }
  }
});

test("yanks and pre-releases come last, versions highest first", () => {
  const plain = { python: "py3", abi: "none", platforms: ["any"] };
  const of = (...versions) =>
    entriesOf(...versions.map((one) => ({ ...plain, ...(typeof one === "string" ? { version: one } : one) })));
  for (const [entries, expected] of [
    [of("1.0", "1.10", "1.9"), "1.10"],
    [of("1.0", "2.0rc1"), "1.0"],
    [of("2.0rc1", "2.0rc2"), "2.0rc2"],
    [of("1.0", { version: "2.0", yanked: "broken" }), "1.0"],
    [of("1.0rc1", { version: "2.0", yanked: true }), "1.0rc1"],
    [of("1.0", "1.0.post1", "1.0.dev1"), "1.0.post1"],
    [of("1.0", "1!0.1"), "1!0.1"],
  ]) {
    assert.equal(version(entries, {}), expected);
  }
});

test("what is known to fit wins over what may, within a version", () => {
  const entries = entriesOf(
    { version: "1.0+cu128", channel: "cu128", cuda: cuda("12.8", [], []), depth: "metadata" },
    { version: "1.0+cu126", channel: "cu126", cuda: cuda("12.6", ["sm_80"], ["8.0"]) },
    { version: "1.1+cu128", channel: "cu128", cuda: cuda("12.8", [], []), depth: "metadata" },
  );
  const machine = { cuda: "12.8", gpu: "8.0" };
  assert.equal(version(entries.slice(0, 2), machine), "1.0+cu126");
  const answer = chosen(entries, machine);
  assert.equal(answer.best.entry.versionText, "1.1+cu128");
  assert.equal(answer.state, "likely");
  assert.equal(answer.certain.entry.versionText, "1.0+cu126");
});

test("the file is the one that installers take of its version", () => {
  const files = entriesOf(
    { version: "1.0", platforms: ["manylinux_2_17_x86_64"] },
    { version: "1.0", platforms: ["manylinux_2_28_x86_64"] },
    { version: "1.0", python: "cp39", abi: "abi3", platforms: ["manylinux_2_34_x86_64"] },
    { version: "1.0", python: "py3", abi: "none", platforms: ["any"] },
  );
  assert.match(filename(files, {}), /cp312-cp312-manylinux_2_28/);
  assert.match(filename(files, { glibc: "2.20" }), /cp312-cp312-manylinux_2_17/);
  assert.match(filename(files, { python: "3.11" }), /cp39-abi3/);
  assert.match(filename(files, { platform: "win_amd64" }), /py3-none-any/);

  const builds = entriesOf(
    { version: "1.0", filename: "x-1.0-2-cp312-cp312-linux_x86_64.whl" },
    { version: "1.0", filename: "x-1.0-10-cp312-cp312-linux_x86_64.whl" },
    { version: "1.0" },
  );
  assert.equal(filename(builds, {}), "x-1.0-10-cp312-cp312-linux_x86_64.whl");
});

test("a file that installers pass over for one that does not fit is not shown", () => {
  const files = entriesOf(
    { version: "1.0", platforms: ["manylinux_2_17_x86_64"], glibc: "2.17" },
    // Its name promises what its files do not keep.
    { version: "1.0", platforms: ["manylinux_2_28_x86_64"], glibc: "2.34" },
  );
  const answer = chosen(files, { glibc: "2.30" });
  assert.equal(answer.state, "none");
  assert.match(fit.explain(answer.judged, MACHINE).reason, /glibc 2\.35|installers prefer/);
});

test("where installers differ, the other file is named", () => {
  const files = entriesOf({ version: "1.0" }, { version: "1.0", platforms: ["manylinux_2_17_x86_64"] });
  const answer = chosen(files, {});
  assert.match(answer.best.entry.filename, /linux_x86_64\.whl$/);
  assert.match(answer.rival.filename, /manylinux_2_17/);
  assert.equal(chosen(files.slice(0, 1), {}).rival, null);
});

test("commands are those of the index's own pages", () => {
  const site = { siteUrl: "https://wheels.example/", indexName: "cuda-wheels" };
  const [entry] = entriesOf({ channel: "cu128" });
  const url = "https://wheels.example/cu128/simple/";
  assert.deepEqual(fit.commands("flash-attn", entry, [entry], site), {
    pip: `pip install "flash-attn==2.8.3+cu128" --only-binary flash-attn --extra-index-url ${url}`,
    uv: `uv pip install "flash-attn==2.8.3+cu128" --only-binary flash-attn --index ${url}`,
    uvToml:
      '[project]\ndependencies = ["flash-attn==2.8.3+cu128"]\n\n[[tool.uv.index]]\nname = "cuda-wheels"\n' +
      `url = "${url}"\nexplicit = true\n\n[tool.uv.sources]\nflash-attn = { index = "cuda-wheels" }\n`,
    poetry:
      '[tool.poetry.dependencies]\nflash-attn = { version = "2.8.3+cu128", source = "cuda-wheels" }\n\n' +
      `[[tool.poetry.source]]\nname = "cuda-wheels"\nurl = "${url}"\npriority = "explicit"\n`,
  });
  const plain = entryOf({ version: "1.0" });
  assert.match(fit.commands("x", plain, [plain], site).pip, /"x==1\.0" .* https:\/\/wheels\.example\/simple\/$/);
});

test("a version that others with a local part would answer is pinned as it is written", () => {
  const site = { siteUrl: "https://wheels.example/", indexName: "w" };
  const entries = entriesOf({ version: "1.0" }, { version: "1.0+cu128", channel: "cu128" });
  assert.match(fit.commands("x", entries[0], entries, site).pip, /"x===1\.0"/);
  assert.match(fit.commands("x", entries[1], entries, site).pip, /"x==1\.0\+cu128"/);
  assert.match(fit.commands("x", entries[0], entries.slice(0, 1), site).pip, /"x==1\.0"/);
});

test("no command is made of what a shell could read otherwise", () => {
  const site = { siteUrl: "https://wheels.example/", indexName: "w" };
  for (const changes of [
    { version: "1.0$(id)" },
    { version: '1.0";id' },
    { version: "1.0", channel: "x;id" },
    { version: "" },
    { version: "-r" },
  ]) {
    const entry = entryOf(changes);
    assert.equal(fit.commands("x", entry, [entry], site), null, JSON.stringify(changes));
  }
  const entry = entryOf({});
  for (const name of ["x y", "$(id)", "-r", ""]) assert.equal(fit.commands(name, entry, [entry], site), null, name);
});

test("it is said plainly why nothing fits, and what comes nearest", () => {
  const say = (machine, entries = FLASH) => {
    const told = { ...MACHINE, ...machine };
    const { reason, nearest, needs } = fit.explain(fit.choose(entries, told).judged, told);
    return `${reason} ${nearest?.filename.replace(/^flash_attn-2.8.3\+/, "")} ${needs}`;
  };
  for (const [machine, expected] of [
    [
      { python: "3.9", cuda: "12.8", torch: "2.9" },
      "No file for Python 3.9. cu128torch2.9cxx11abiTRUE-cp310-cp310-linux_x86_64.whl needs Python 3.10",
    ],
    [
      { python: "3.13", cuda: "12.8", torch: "2.9" },
      "No file for Python 3.13. cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl needs Python 3.12",
    ],
    [
      { torch: "2.7", cuda: "12.8" },
      "No file for torch 2.7. cu128torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl needs torch 2.8",
    ],
    [
      { cuda: "11.8", torch: "2.9" },
      "No file for CUDA 11.8. cu126torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl needs CUDA 12 or newer (driver 525.60.13)",
    ],
    [
      { glibc: "2.31", torch: "2.9", cuda: "12.8" },
      "No file for glibc 2.31. cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl needs glibc 2.32 or newer",
    ],
    [
      { gpu: "7.5", torch: "2.9", cuda: "12.8" },
      "No file for compute capability 7.5. cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl has GPU code for compute capability 8.0, 8.6, 8.9 and 9.0 only (sm_80, sm_90)",
    ],
    [
      { platform: "win_amd64", torch: "2.9", cuda: "12.8" },
      "No file for Windows x86-64. cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl is for Linux x86-64",
    ],
    [
      { cuda: "none", torch: "2.9" },
      "No file for a machine without CUDA. cu130torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl needs CUDA 13.0",
    ],
  ]) {
    assert.equal(say(machine), expected);
  }
  const [old, recent] = entriesOf({ python: "cp310", abi: "cp310", torch: "2.9" }, { torch: "2.8" });
  const apart = { ...MACHINE, python: "3.12", torch: "2.9" };
  assert.equal(
    fit.explain(fit.choose([old, recent], apart).judged, apart).reason,
    "No file fits Python 3.12 and torch 2.9 at once.",
  );
  // Python would help nobody, so it is not blamed.
  const both = { ...MACHINE, cuda: "12.4", gpu: "12.0" };
  const clash = entriesOf(
    { python: "cp311", abi: "cp311", cuda: cuda("12.6", ["sm_80"], ["8.0"]) },
    { cuda: cuda("12.6", ["sm_80"], ["8.0"]) },
    { cuda: cuda("13.0", ["sm_120"], ["12.0"]) },
  );
  assert.equal(
    fit.explain(fit.choose(clash, both).judged, both).reason,
    "No file fits CUDA 12.4 and compute capability 12.0 at once.",
  );
  const sdist = fit.parseEntry(
    raw({ kind: "sdist", filename: "x-1.0.tar.gz", python: undefined, abi: undefined, platforms: undefined }),
  );
  assert.match(fit.explain(fit.choose([sdist], MACHINE).judged, MACHINE).reason, /no wheel here/);
});
