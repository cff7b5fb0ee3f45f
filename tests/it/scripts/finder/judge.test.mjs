// Whether a file fits a machine, and the words for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cuda, entryOf, fit, verdict } from "./support.mjs";

const state = (entry, machine) => fit.judge(entry, machine).state;

test("Python is judged by tags and by the stated requirement", () => {
  for (const [changes, python, expected] of [
    [{}, "3.12", "yes"],
    [{}, "3.11", "no: needs Python 3.12"],
    [{}, "3.12t", "no: needs Python 3.12"],
    [{ python: "cp39", abi: "abi3" }, "3.12", "yes"],
    [{ python: "cp310", abi: "abi3" }, "3.9", "no: needs Python 3.10 or newer"],
    [{ python: "cp39", abi: "abi3" }, "3.13t", "no: needs Python 3.9 or newer"],
    [{ python: "cp313", abi: "cp313t" }, "3.13t", "yes"],
    [{ python: "cp313", abi: "cp313t" }, "3.13", "no: needs free-threaded Python 3.13"],
    [{ python: "cp315", abi: "abi3.abi3t" }, "3.15t", "yes"],
    [{ python: "cp315", abi: "abi3.abi3t" }, "3.15", "yes"],
    [{ python: "cp315", abi: "abi3t" }, "3.15", "no: needs free-threaded Python 3.15 or newer"],
    [{ python: "py3", abi: "none", platforms: ["any"] }, "3.8", "yes"],
    [{ python: "py312", abi: "none", platforms: ["any"] }, "3.11", "no: needs Python 3.12 or newer"],
    [{ python: "cp37", abi: "cp37m" }, "3.7", "yes"],
    [
      { python: "py3", abi: "none", platforms: ["any"], requires_python: ">=3.10" },
      "3.9",
      "no: needs Python 3.10 or newer",
    ],
    [
      { requires_python: ">=3.12.3" },
      "3.12",
      "unknown: needs Python 3.12.3 or newer, which the first two numbers do not decide",
    ],
    [{ requires_python: "three" }, "3.12", "unknown: needs Python three, which the first two numbers do not decide"],
    [{ python: "pp310", abi: "pypy310_pp73" }, "3.10", "no: needs pp310-pypy310_pp73"],
    [{ python: undefined, abi: undefined }, "3.12", "unknown: does not say which Python it is for"],
  ]) {
    assert.equal(verdict(entryOf(changes), { python }, "python"), expected, JSON.stringify([changes, python]));
  }
});

test("the platform is judged by tags, and glibc by what was read", () => {
  const on = (platform, glibc) => ({ python: "3.12", platform, glibc });
  const linux = (glibc) => on("linux_x86_64", glibc);
  for (const [changes, machine, aspect, expected] of [
    [{}, on("win_amd64"), "platform", "no: is for Linux x86-64"],
    [{}, on("linux_aarch64"), "platform", "no: is for Linux x86-64"],
    [{ platforms: ["any"], python: "py3", abi: "none" }, on("win_arm64"), "platform", "yes"],
    [{ platforms: ["manylinux_2_28_x86_64"] }, linux(), "glibc", "yes: needs glibc 2.28 or newer"],
    [{ platforms: ["manylinux_2_28_x86_64"] }, linux("2.27"), "glibc", "no: needs glibc 2.28 or newer"],
    [{ platforms: ["manylinux_2_28_x86_64"] }, linux("2.28"), "glibc", "yes"],
    [{ platforms: ["manylinux2014_x86_64"] }, linux("2.16"), "glibc", "no: needs glibc 2.17 or newer"],
    [{ platforms: ["manylinux1_x86_64"] }, linux("2.5"), "glibc", "yes"],
    [{ platforms: ["manylinux_2_17_x86_64", "manylinux_2_28_x86_64"] }, linux("2.20"), "glibc", "yes"],
    // What its files really need beats what its name promises.
    [{ platforms: ["manylinux_2_17_x86_64"], glibc: "2.34" }, linux("2.28"), "glibc", "no: needs glibc 2.34 or newer"],
    [{ platforms: ["manylinux_2_28_x86_64"], glibc: "2.17" }, linux("2.20"), "glibc", "no: needs glibc 2.28 or newer"],
    [{ glibc: "2.32" }, linux("2.31"), "glibc", "no: needs glibc 2.32 or newer"],
    [{ glibc: "2.32" }, linux("2.35"), "glibc", "yes"],
    [{}, linux("2.17"), "glibc", "yes"],
    [{ depth: "metadata" }, linux("2.17"), "glibc", "unknown: was not read, so the glibc that it needs is not known"],
    [{ depth: undefined }, linux(), "glibc", "yes"],
    [{ platforms: ["musllinux_1_2_x86_64"] }, on("musllinux_x86_64"), "platform", "yes: needs musl 1.2 or newer"],
    [{ platforms: ["musllinux_1_2_x86_64"] }, linux("2.35"), "platform", "no: is for Alpine (musl) x86-64"],
    [{ platforms: ["manylinux_2_17_x86_64"] }, on("musllinux_x86_64"), "platform", "no: is for Linux x86-64"],
    [{ glibc: "2.17" }, on("musllinux_x86_64"), "platform", "no: needs glibc, which Alpine does not have"],
    [
      { depth: undefined },
      on("musllinux_x86_64"),
      "platform",
      "unknown: was not read, so whether it runs without glibc is not known",
    ],
    [{ platforms: ["macosx_11_0_arm64"] }, on("macosx_arm64"), "platform", "yes: needs macOS 11.0 or newer"],
    [{ platforms: ["macosx_10_9_universal2"] }, on("macosx_arm64"), "platform", "yes: needs macOS 10.9 or newer"],
    [{ platforms: ["macosx_10_9_x86_64"] }, on("macosx_arm64"), "platform", "no: is for macOS x86-64"],
    [
      { platforms: ["macosx_12_3_arm64"] },
      on("macosx_arm64"),
      "platform",
      "no: is tagged macosx_12_3_arm64, which installers do not take",
    ],
    [{ platforms: ["win_amd64"] }, on("win_amd64"), "platform", "yes"],
    [{ platforms: [] }, linux(), "platform", "unknown: does not say which platform it is for"],
  ]) {
    assert.equal(verdict(entryOf(changes), machine, aspect), expected, JSON.stringify([changes, machine]));
  }
});

const ALL = ["8.0", "8.6", "8.9", "9.0"];
const made = (toolkit, changes) => ({ cuda: cuda(toolkit, ["sm_80", "sm_90"], ALL, changes) });

test("CUDA is judged by the version or by the driver", () => {
  const twelve = made("12.8");
  for (const [changes, machine, expected] of [
    [twelve, { cuda: "12.8" }, "yes"],
    [twelve, { cuda: "13.0" }, "yes"],
    [twelve, { cuda: "12.4" }, "yes: was made by CUDA 12.8, which drivers of CUDA 12 run as well"],
    [twelve, { cuda: "11.8" }, "no: needs CUDA 12 or newer (driver 525.60.13)"],
    [twelve, { cuda: "none" }, "no: needs CUDA 12.8"],
    [twelve, {}, "yes: needs CUDA 12.8: driver 525.60.13 or newer"],
    [twelve, { driver: "570.86.15" }, "yes"],
    [twelve, { driver: "525.60.13" }, "yes: was made by CUDA 12.8, which drivers of CUDA 12 run as well"],
    [twelve, { driver: "525.60.12" }, "no: needs driver 525.60.13 or newer"],
    [twelve, { driver: "470.256.02" }, "no: needs driver 525.60.13 or newer"],
    [twelve, { cuda: "12.8", driver: "570.86.15" }, "yes"],
    [
      twelve,
      { cuda: "12.8", driver: "470.256.02" },
      "unknown: needs driver 525.60.13 or newer, or NVIDIA's package for forward compatibility",
    ],
    [twelve, { driver: "572.16", platform: "win_amd64" }, "yes"],
    [twelve, { driver: "527.40", platform: "win_amd64" }, "no: needs CUDA 12 or newer"],
    [made("13.0"), { cuda: "12.9" }, "no: needs CUDA 13 or newer (driver 580.65.06)"],
    [made("10.2", { driver: "440.33" }), { cuda: "10.1" }, "no: needs CUDA 10.2 or newer (driver 440.33)"],
    [made("10.2", { driver: "440.33" }), { cuda: "11.0" }, "yes"],
    [made("12"), { cuda: "12.0" }, "yes"],
    [made(undefined), { cuda: "12.0" }, "unknown: needs CUDA of a version that is not known"],
    [{ channel: "cu128" }, { cuda: "12.4" }, "yes: was made by CUDA 12.8, which drivers of CUDA 12 run as well"],
    [{ channel: "cu118" }, { cuda: "11.2" }, "yes: was made by CUDA 11.8, which drivers of CUDA 11 run as well"],
    [{ channel: "cu12" }, { cuda: "11.8" }, "no: needs CUDA 12 or newer (driver 525.60.13)"],
    [{ channel: "cu130" }, { cuda: "none" }, "no: needs CUDA 13.0"],
    [{ channel: "rocm6.4" }, { cuda: "12.8" }, "no: is built for AMD GPUs (ROCm)"],
    [{ channel: "rocm6.4" }, { gpu: "8.0" }, "no: is built for AMD GPUs (ROCm)"],
    [{ channel: "rocm6.4" }, {}, "yes: is built for AMD GPUs (ROCm)"],
    [
      { channel: "rocm6.4" },
      { cuda: "rocm6.4" },
      "unknown: is built for AMD GPUs (ROCm), of which neither the version nor the GPU is judged here",
    ],
    [{ channel: "xpu" }, { cuda: "rocm6.4" }, "no: is built for Intel GPUs (XPU)"],
    [twelve, { cuda: "rocm6.4", driver: "570.86.15" }, "no: needs CUDA 12.8"],
    [{ channel: "cpu", depth: undefined }, { cuda: "none" }, "yes"],
    [{ version: "1.0" }, { cuda: "none" }, "yes"],
    [
      { version: "1.0", depth: "metadata" },
      { cuda: "none" },
      "unknown: was not read, so whether it needs CUDA is not known",
    ],
    [{ version: "1.0", depth: undefined }, {}, "yes"],
    [{ version: "1.0", depth: undefined, python: "py3", abi: "none", platforms: ["any"] }, { cuda: "none" }, "yes"],
  ]) {
    assert.equal(
      verdict(entryOf(changes), { platform: "linux_x86_64", ...machine }, "cuda"),
      expected,
      JSON.stringify([changes, machine]),
    );
  }
});

test("drivers bring the CUDA of NVIDIA's release notes", () => {
  for (const [driver, platform, expected] of [
    ["570.86.15", null, "12.8"],
    ["550.54.14", null, "12.4"],
    ["535.183.01", null, "12.2"],
    ["525.60.13", null, "12.0"],
    ["580.65.06", null, "13.0"],
    ["575.57.08", null, "12.9"],
    ["470.42.01", null, "11.4"],
    ["610.43.02", null, "13.3"],
    ["527.41", "win_amd64", "12.0"],
    ["572.16", "win_amd64", "12.8"],
    ["300.00", null, null],
    ["x", null, null],
  ]) {
    assert.equal(fit.cudaOfDriver(driver, platform)?.join(".") ?? null, expected, driver);
  }
});

test("the GPU is judged by device code, and PTX by the driver", () => {
  const ptx = { cuda: cuda("12.8", ["sm_80", "compute_90"], ["8.0", "8.6", "9.0", "10.0"]) };
  const onlyPtx = "has code for compute capability 9.0 only as PTX, which takes a driver of CUDA 12.8 or newer";
  const twoFiles = {
    cuda: cuda("12.8", ["sm_80", "sm_90", "compute_80"], ["8.0", "9.0"], {
      files: [{ architectures: ["sm_80", "sm_90"] }, { architectures: ["compute_80"] }],
    }),
  };
  for (const [changes, machine, expected] of [
    [made("12.8"), { gpu: "8.9" }, "yes"],
    [made("12.8"), { gpu: "7.5" }, "no: has GPU code for compute capability 8.0, 8.6, 8.9 and 9.0 only (sm_80, sm_90)"],
    [
      made("12.8"),
      { gpu: "8.9, 7.5" },
      "no: has GPU code for compute capability 8.0, 8.6, 8.9 and 9.0 only (sm_80, sm_90)",
    ],
    [made("12.8"), { gpu: "8.6, 9.0" }, "yes"],
    [ptx, { gpu: "8.0", cuda: "12.0" }, "yes"],
    [ptx, { gpu: "9.0", cuda: "12.4" }, `no: ${onlyPtx}`],
    [ptx, { gpu: "9.0", cuda: "12.8" }, "yes"],
    [ptx, { gpu: "9.0", driver: "550.54.14" }, `no: ${onlyPtx}`],
    // Torch's CUDA may be older than the driver's, which is what compiles PTX.
    [ptx, { gpu: "9.0", cuda: "12.6", driver: "580.65.06" }, "yes"],
    [ptx, { gpu: "9.0" }, `yes: ${onlyPtx}`],
    [twoFiles, { gpu: "9.0", cuda: "12.4" }, `no: ${onlyPtx}`],
    [
      { cuda: cuda("12", ["compute_90"], ["9.0"]) },
      { gpu: "9.0", cuda: "12.4" },
      `unknown: ${onlyPtx.replace("12.8", "12")}`,
    ],
    // GPUs that no list knows are judged by the rule that made the lists.
    [ptx, { gpu: "13.0", cuda: "13.4" }, "yes"],
    [ptx, { gpu: "13.0", cuda: "12.4" }, `no: ${onlyPtx.replace("9.0", "13.0")}`],
    [ptx, { gpu: "13.0" }, `yes: ${onlyPtx.replace("9.0", "13.0")}`],
    [
      made("12.8"),
      { gpu: "13.0" },
      "no: has GPU code for compute capability 8.0, 8.6, 8.9 and 9.0 only (sm_80, sm_90)",
    ],
    [{ cuda: cuda("12.8", ["compute_80"], []) }, { gpu: "8.0" }, "no: has GPU code for compute_80 only"],
    [twoFiles, { gpu: "13.0" }, "no: has GPU code for compute capability 8.0 and 9.0 only (sm_80, sm_90, compute_80)"],
    [{ cuda: cuda("12.8", [], []) }, { gpu: "7.5" }, "yes"],
    [
      { cuda: cuda("12.8", [], []), depth: "metadata" },
      { gpu: "7.5" },
      "unknown: was not read, so the GPUs that it has code for are not known",
    ],
    [{ channel: "cu128" }, { gpu: "8.9" }, "unknown: does not tell which GPUs it has code for"],
    [{ version: "1.0" }, { gpu: "8.9" }, "yes"],
    [
      { version: "1.0", depth: undefined },
      { gpu: "8.9" },
      "unknown: was not read, so the GPUs that it has code for are not known",
    ],
  ]) {
    assert.equal(verdict(entryOf(changes), machine, "gpu"), expected, JSON.stringify([changes, machine]));
  }
});

test("code runs on the GPUs that the index says", () => {
  const gpus = [
    "5.0",
    "7.0",
    "7.2",
    "7.5",
    "8.0",
    "8.6",
    "8.7",
    "8.9",
    "9.0",
    "10.0",
    "10.1",
    "10.3",
    "11.0",
    "12.0",
    "12.1",
  ];
  for (const [code, expected] of [
    ["sm_70", "7.0 7.5"],
    ["sm_72", "7.2"],
    ["sm_80", "8.0 8.6 8.9"],
    ["sm_87", "8.7"],
    ["sm_90a", "9.0"],
    ["compute_90a", "9.0"],
    ["sm_100", "10.0 10.3"],
    ["sm_100f", "10.0 10.3"],
    ["compute_120f", "12.0 12.1"],
    ["sm_101", "10.1"],
    ["sm_110f", "11.0"],
    ["compute_103", "10.3 11.0 12.0 12.1"],
    ["compute_86", "8.6 8.7 8.9 9.0 10.0 10.1 10.3 11.0 12.0 12.1"],
    ["nonsense", ""],
  ]) {
    assert.equal(gpus.filter((gpu) => fit.runsOn(code, gpu)).join(" "), expected, code);
  }
});

test("torch is judged by its version, or by what is required of it", () => {
  const linked = { libraries: ["libc10.so"] };
  for (const [changes, torch, expected] of [
    [{ torch: "2.9" }, "2.9", "yes"],
    [{ torch: "2.9.1" }, "2.9", "yes"],
    [{ torch: "2.9" }, "2.8", "no: needs torch 2.9"],
    [{ torch_use: { ...linked, version: "2.9" } }, "2.10", "no: needs torch 2.9"],
    [{ torch_use: { requires: "torch==2.9.*" } }, "2.9", "yes"],
    [{ torch_use: { requires: "torch>=2.4" } }, "2.3", "no: needs torch>=2.4"],
    [{ torch_use: { requires: "torch" } }, "2.3", "yes"],
    [
      { torch_use: { requires: "torch==2.9.1+cu128" } },
      "2.9",
      "unknown: needs torch==2.9.1+cu128: whether yours is, its third number decides",
    ],
    [{ torch_use: { requires: "torch==2.8.0; torch==2.9.*" } }, "2.9", "yes"],
    [{ torch_use: linked }, "2.9", "unknown: is linked with torch, of which version is not known"],
    [{}, "2.9", "yes"],
    [{ depth: undefined }, "2.9", "unknown: was not read, so whether it needs torch is not known"],
    [{ depth: "metadata" }, "2.9", "yes"],
    [{ torch: "2.9" }, "", "yes: needs torch 2.9"],
  ]) {
    assert.equal(verdict(entryOf(changes), { torch }, "torch"), expected, JSON.stringify([changes, torch]));
  }
});

test("what the machine leaves open is not judged", () => {
  for (const changes of [
    {},
    { channel: "cu128" },
    made("13.0"),
    { torch: "2.9", depth: undefined },
    { requires_python: "?" },
  ]) {
    assert.equal(state(entryOf(changes), {}), "yes", JSON.stringify(changes));
  }
  assert.equal(state(entryOf({ kind: "sdist", python: undefined, abi: undefined, platforms: undefined }), {}), "no");
});

test("a profile without a filename is judged as a file is", () => {
  const profile = fit.parseEntry({
    python: "cp312",
    abi: "cp312",
    platforms: ["linux_x86_64"],
    cuda: { toolkit: "12.8", compute_capabilities: ["8.0"], architectures: ["sm_80"] },
    depth: "full",
  });
  assert.equal(state(profile, { python: "3.12", cuda: "12.8", gpu: "8.0" }), "yes");
  assert.equal(state(profile, { python: "3.11" }), "no");
});
