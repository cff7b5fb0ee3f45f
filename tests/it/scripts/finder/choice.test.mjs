// Which of the files that fit is shown, with which commands; and what is said when none fits.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cuda, entriesOf, entryOf, fit, fixture, raw } from "./support.mjs";

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
  // Another index has the other one: nothing of it is in the way.
  const apart = entriesOf({ version: "1.0" }, { version: "1.0+cu128", channel: "cu128", in_default: false });
  assert.match(fit.commands("x", apart[0], apart, site).pip, /"x==1\.0"/);
});

test("Poetry, which knows no ===, gets the wheel itself", () => {
  const site = { siteUrl: "https://wheels.example/it's/", indexName: "w" };
  const poetry = (url, at = site) => {
    const entries = entriesOf({ version: "1.0", url }, { version: "1.0+cu128", channel: "cu128" });
    return fit.commands("x-y", entries[0], entries, at).poetry;
  };
  for (const [url, expected] of [
    ["../../files/x-1.0.whl", "https://wheels.example/it%27s/files/x-1.0.whl"],
    ["x-1.0.whl", "https://wheels.example/it%27s/packages/x-y/x-1.0.whl"],
    ['https://cdn.example/a b/x.whl?\\"\'#\\"', "https://cdn.example/a%20b/x.whl?%5C%22%27#%5C%22"],
  ]) {
    assert.equal(poetry(url), `[tool.poetry.dependencies]\nx-y = { url = "${expected}" }\n`);
  }
  for (const url of ["javascript:alert(1)", "file:///x.whl", "https://", undefined]) assert.equal(poetry(url), null);
  assert.equal(poetry("x.whl", { ...site, siteUrl: "nowhere/" }), null);
});

test("shells and files read what is meant, as on the index's own pages", () => {
  for (const { site, version: of, ...expected } of JSON.parse(fixture("shell.json"))) {
    const entry = entryOf({ version: of, channel: "cu128" });
    assert.deepEqual(fit.commands("x", entry, [entry], { siteUrl: site, indexName: "w" }), expected, site);
  }
  const plain = entriesOf({ version: "1!2.0" }, { version: "1!2.0+cu128" });
  const { pip } = fit.commands("x", plain[0], plain, { siteUrl: "https://wheels.example/", indexName: "w" });
  assert.match(pip, /^pip install 'x===1!2\.0' /);
});

test("only what the index of the command offers is in the way of a file", () => {
  const pure = { python: "py3", abi: "none", platforms: ["any"], version: "1.0", filename: "mix-1.0-py3-none-any.whl" };
  const of = (python, channel, in_default) => ({
    ...pure,
    filename: `mix-1.0-${python}-none-any.whl`,
    python,
    channel,
    in_default,
  });
  const without = { cuda: "none" };
  const files = entriesOf(pure, of("cp312", "cu126", false), of("cp311", "cu128"));
  assert.equal(filename(files, without), "mix-1.0-py3-none-any.whl");
  assert.equal(filename(files, { ...without, python: "3.11" }), null);
  // The one of `simple/` comes first, and needs what the machine does not have.
  assert.equal(filename(entriesOf(pure, of("cp312", "cu126"), of("cp311", "cu128", false)), without), null);
  // Indexes of channels have what is in no channel.
  const generic = { ...of("cp312"), channel: undefined };
  assert.equal(filename(entriesOf(generic, { ...pure, channel: "cu128" }), { cuda: "12.8" }), generic.filename);
});

const OF_CPU = { version: "2.0+cpu", channel: "cpu" };
const OF_CUDA = { version: "1.0+cu128", channel: "cu128", cuda: cuda("12.8", ["sm_80"], ["8.0"]) };

test("with a GPU, files that do not use it come behind those that do", () => {
  const files = entriesOf(OF_CPU, OF_CUDA, { ...OF_CUDA, version: "0.9+cu128" });
  for (const machine of [{ cuda: "12.8" }, { driver: "570.86.15" }, { gpu: "8.0" }]) {
    const answer = chosen(files, machine);
    assert.equal(answer.best.entry.versionText, "1.0+cu128", JSON.stringify(machine));
    assert.deepEqual([answer.state, answer.instead], ["fits", null]);
  }
  for (const machine of [{}, { cuda: "none" }, { cuda: "none", gpu: "8.0" }]) {
    const answer = chosen(files, machine);
    assert.equal(answer.best.entry.versionText, "2.0+cpu", JSON.stringify(machine));
    assert.deepEqual([answer.state, answer.instead], ["fits", null]);
  }
});

test("a file that leaves the GPU unused is never said to fit, and the answer says why it is named", () => {
  const idle = { aspect: "gpu", state: "yes", needs: "does not use the GPU", isOpen: true };
  for (const [files, machine, expected, reason] of [
    [entriesOf(OF_CPU, OF_CUDA), { cuda: "11.8" }, "2.0+cpu", "No CUDA file for CUDA 11.8."],
    [entriesOf(OF_CPU, OF_CUDA), { gpu: "9.0" }, "2.0+cpu", "No CUDA file for compute capability 9.0."],
    [
      entriesOf(OF_CPU, { ...OF_CUDA, yanked: true }),
      { cuda: "12.8" },
      "2.0+cpu",
      "The CUDA file that would fit was yanked.",
    ],
    // Without a channel, but of a release that has one.
    [entriesOf({ version: "1.0" }, OF_CUDA), { cuda: "11.8" }, "1.0", "No CUDA file for CUDA 11.8."],
  ]) {
    const answer = chosen(files, machine);
    assert.equal(answer.best.entry.versionText, expected);
    assert.deepEqual([answer.state, answer.instead.reason], ["likely", reason]);
    assert.deepEqual(answer.best.parts.at(-1), idle);
  }
  // Where nothing is made for GPUs, nothing else could be wanted.
  for (const files of [entriesOf(OF_CPU), entriesOf({ version: "1.0" }), entriesOf(OF_CUDA, { version: "1.1" })]) {
    const answer = chosen(files, { cuda: "12.8", gpu: "8.0" });
    assert.deepEqual([answer.state, answer.instead], ["fits", null]);
    assert.ok(!answer.best.parts.includes(idle));
  }
  // What may fit is not held against a file that only passes.
  const unread = { ...OF_CUDA, cuda: undefined, depth: undefined };
  const answer = chosen(entriesOf(OF_CPU, unread), { cuda: "12.8", gpu: "8.0" });
  assert.deepEqual([answer.best.entry.versionText, answer.certain], ["1.0+cu128", null]);
});

test("for a torch of ROCm nothing of CUDA fits", () => {
  const machine = { cuda: "rocm6.4" };
  const rocm = ["rocm6.3", "rocm6.4", "rocm7.0"].map((channel) => ({ version: `1.0+${channel}`, channel }));
  const answer = chosen(entriesOf(OF_CPU, OF_CUDA, ...rocm), machine);
  assert.deepEqual([answer.best.entry.channel, answer.state, answer.fits], ["rocm6.4", "likely", 4]);
  const without = chosen(entriesOf(OF_CUDA), machine);
  assert.equal(without.state, "none");
  assert.equal(fit.explain(without.judged, { ...MACHINE, ...machine }).reason, "No file for ROCm 6.4.");
  assert.equal(chosen(entriesOf(OF_CPU, OF_CUDA), machine).state, "fits");
});

/** How often the tags of files are looked at for an answer. */
function workOf(files, machine) {
  let looks = 0;
  for (const entry of files) {
    const { platforms } = entry;
    Object.defineProperty(entry, "platforms", {
      get() {
        looks += 1;
        return platforms;
      },
    });
  }
  chosen(files, machine);
  return looks;
}

test("twice the files are twice the work", () => {
  const pure = { python: "py3", abi: "none", platforms: ["any"] };
  for (const make of [
    (at) => ({ ...pure, version: `1.${at}` }),
    (at) => ({ ...pure, version: "1.0", filename: `x-1.0-${at}-py3-none-any.whl` }),
    (at) => ({ version: `1.0+cu128.${at}`, channel: "cu128", platforms: ["manylinux_2_28_x86_64"] }),
    (at) => ({ version: `1.${at}`, python: "cp39", platforms: ["win_amd64"] }),
  ]) {
    const of = (count) => entriesOf(...Array.from({ length: count }, (_, at) => make(at)));
    const [once, twice] = [500, 1000].map((count) => workOf(of(count), { cuda: "12.8" }));
    assert.ok(once < 500 * 30 && twice < 2.1 * once, `${once}, then ${twice}`);
  }
});

test("thousands of files are answered at once", () => {
  const files = entriesOf(
    ...Array.from({ length: 5000 }, (_, at) => ({
      version: `1.${at}+cu128`,
      channel: "cu128",
      requires_python: ">=3.9",
    })),
  );
  chosen(files, {});
  // Of the processor, not of the clock: others may be at work on the machine.
  const times = Array.from({ length: 5 }, () => {
    const began = process.cpuUsage();
    assert.equal(version(files, { cuda: "12.8" }), "1.4999+cu128");
    const used = process.cpuUsage(began);
    return (used.user + used.system) / 1000;
  });
  assert.ok(Math.min(...times) < 200, `${times}`);
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
