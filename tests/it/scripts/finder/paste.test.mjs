// What is read from pasted outputs, and which GPU names are known.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fit, fixture, gpus } from "./support.mjs";

test("outputs fill in what they tell, and nothing else", () => {
  for (const [name, expected] of [
    ["smi_linux.txt", { driver: "570.86.15", cuda: "12.8", gpu: "8.9" }],
    // One of two GPUs has a name that was cut too short to tell which it is.
    ["smi_linux_old.txt", { driver: "470.103.01", cuda: "11.4" }],
    ["smi_truncated.txt", { driver: "535.54.03", cuda: "12.2", gpu: "8.9" }],
    ["smi_windows.txt", { platform: "win_amd64", driver: "572.16", cuda: "12.8", gpu: "12.0" }],
    ["smi_kmd.txt", { driver: "610.57.04", cuda: "13.3", gpu: "12.0" }],
    ["smi_mig.txt", { driver: "550.144.03", cuda: "12.4", gpu: "8.0" }],
    ["smi_list.txt", { gpu: "9.0, 8.9" }],
    ["smi_jetson.txt", { cuda: "12.6", gpu: "8.7" }],
    [
      "env_linux.txt",
      {
        python: "3.12",
        platform: "linux_x86_64",
        glibc: "2.35",
        driver: "580.95.05",
        cuda: "12.8",
        torch: "2.9",
        gpu: "8.6, 8.9",
      },
    ],
    [
      "env_windows.txt",
      { python: "3.11", platform: "win_amd64", driver: "572.16", cuda: "12.6", torch: "2.8", gpu: "8.9" },
    ],
    ["env_mac.txt", { python: "3.13", platform: "macosx_arm64", cuda: "none", torch: "2.9" }],
    ["env_cpu.txt", { python: "3.11", platform: "linux_aarch64", glibc: "2.36", cuda: "none", torch: "2.9" }],
  ]) {
    for (const pasted of [fixture(name), fixture(name).replaceAll("\n", "\r\n")]) {
      assert.deepEqual(fit.parsePaste(pasted).machine, expected, name);
    }
  }
});

test("names that are not known are handed back", () => {
  const old = fit.parsePaste(fixture("smi_linux_old.txt"));
  assert.deepEqual(old.gpuNames, ["NVIDIA GeForce ...", "Tesla V100-SXM2..."]);
  assert.deepEqual(old.unknownGpus, ["NVIDIA GeForce ..."]);
  assert.deepEqual(fit.parsePaste(fixture("smi_mig.txt")).gpuNames, ["NVIDIA A100-SXM4-40GB"]);
  const unheard = fit.parsePaste("GPU 0: NVIDIA RTX 9090 Ultra (UUID: GPU-1)\n");
  assert.deepEqual([unheard.machine, unheard.unknownGpus], [{}, ["NVIDIA RTX 9090 Ultra"]]);
});

/** A report of collect_env of a machine with a GPU, and a torch that was built otherwise. */
const built = (cudaText, rocmText) =>
  fixture("env_linux.txt")
    .replace(/^CUDA used to build PyTorch: .*$/m, `CUDA used to build PyTorch: ${cudaText}`)
    .replace(/^ROCM used to build PyTorch: .*$/m, `ROCM used to build PyTorch: ${rocmText}`);

test("what torch was built for counts more than what the driver has", () => {
  for (const [cudaText, rocmText, expected, note] of [
    ["12.6", "N/A", "12.6", ""],
    ["None", "N/A", "none", "This torch is built without CUDA."],
    ["N/A", "6.4.43482-0f2d60242", "rocm6.4", "This torch is built for ROCm: no file for CUDA fits it."],
    // There is no torch.
    ["N/A", "N/A", "13.0", ""],
  ]) {
    const { machine, note: said } = fit.parsePaste(built(cudaText, rocmText));
    assert.deepEqual([machine.cuda, said], [expected, note]);
  }
  const { machine } = fit.parsePaste(built("N/A", "6.4.43482-0f2d60242"));
  assert.equal(fit.cudaName(machine), "ROCm 6.4");
});

test("single lines of other programs are read too", () => {
  for (const [pasted, expected] of [
    ["Python 3.12.3\n", { python: "3.12" }],
    ["Python 3.14.0 free-threading build (main, Oct 7 2025, 15:35:21) [GCC 13.3.0]", { python: "3.14t" }],
    ["Python 3.13.2 experimental free-threading build (main)", { python: "3.13t" }],
    ["Python 2.7.18", {}],
    ["ldd (Ubuntu GLIBC 2.39-0ubuntu8.6) 2.39\nCopyright (C) 2024", { glibc: "2.39" }],
    ["ldd (GNU libc) 2.17", { glibc: "2.17" }],
    ["musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader", { platform: "musllinux_x86_64" }],
    ["nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 12.8, V12.8.61", { cuda: "12.8" }],
    ["Linux host 6.8.0-45-generic #45-Ubuntu SMP x86_64 GNU/Linux", { platform: "linux_x86_64" }],
    ["compute_cap\n8.9\n", { gpu: "8.9" }],
    ["name, compute_cap\nNVIDIA Something New, 12.1\nNVIDIA GeForce RTX 4090, 8.9", { gpu: "12.1, 8.9" }],
    ["torch 2.9.1+cu128", { torch: "2.9" }],
    [
      "$ nvidia-smi --query-gpu=name,driver_version --format=csv\nname, driver_version\nNVIDIA GeForce RTX 4090, 570.86.15\n$",
      { driver: "570.86.15", cuda: "12.8", gpu: "8.9" },
    ],
    [
      "name, compute_cap, driver_version, memory.total [MiB]\nNVIDIA Something New, 13.0, 570.86.15, 24564 MiB",
      { driver: "570.86.15", cuda: "12.8", gpu: "13.0" },
    ],
    [
      "name, driver_version \nTesla T4, x\nNVIDIA L4, 550.54.14",
      { driver: "550.54.14", cuda: "12.4", gpu: "7.5, 8.9" },
    ],
    ["driver_version\n550.54.14", { driver: "550.54.14", cuda: "12.4" }],
    ["name\nNVIDIA L4", { gpu: "8.9" }],
    ["name\nsomebody\n", {}],
    ["hello", {}],
    ["", {}],
  ]) {
    assert.deepEqual(fit.parsePaste(pasted).machine, expected, pasted);
  }
});

test("GPUs are known by name, and never guessed", () => {
  for (const [name, expected] of [
    ["NVIDIA GeForce GTX 1080 Ti", "6.1"],
    ["Tesla P100-PCIE-16GB", "6.0"],
    ["Tesla V100-SXM2-32GB", "7.0"],
    ["NVIDIA TITAN RTX", "7.5"],
    ["Tesla T4", "7.5"],
    ["NVIDIA GeForce GTX 1660 Ti with Max-Q Design", "7.5"],
    ["NVIDIA GeForce RTX 2080 SUPER", "7.5"],
    ["NVIDIA GeForce RTX 2050", "8.6"],
    ["Quadro RTX 6000", "7.5"],
    ["NVIDIA RTX A6000", "8.6"],
    ["NVIDIA A10G", "8.6"],
    ["NVIDIA A30", "8.0"],
    ["NVIDIA A100 80GB PCIe", "8.0"],
    ["GRID A100-10C", "8.0"],
    ["NVIDIA A40-48Q", "8.6"],
    ["NVIDIA RTX 6000 Ada Generation", "8.9"],
    ["NVIDIA L4", "8.9"],
    ["NVIDIA L40S", "8.9"],
    ["NVIDIA GeForce RTX 4090 Laptop GPU", "8.9"],
    ["NVIDIA GeForce RTX 4090 D", "8.9"],
    ["NVIDIA H100 80GB HBM3", "9.0"],
    ["NVIDIA H100 NVL", "9.0"],
    ["NVIDIA GH200 480GB", "9.0"],
    ["NVIDIA H200", "9.0"],
    ["NVIDIA B200", "10.0"],
    ["NVIDIA GB200", "10.0"],
    ["NVIDIA B300 SXM6 AC", "10.3"],
    ["NVIDIA GB10", "12.1"],
    ["NVIDIA GeForce RTX 5090", "12.0"],
    ["NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "12.0"],
    ["Orin (nvgpu)", "8.7"],
    ["Jetson AGX Orin", "8.7"],
    ["NVIDIA Thor", "11.0"],
    ["rtx 4090", "8.9"],
    ["geforce rtx 3080", "8.6"],
    ["a100", "8.0"],
    ["NVIDIA GeForce RTX 40...", "8.9"],
    ["NVIDIA GeForce RTX 50...", "12.0"],
    ["GeForce RTX 208...", "7.5"],
    ["NVIDIA A100-SXM...", "8.0"],
    ["NVIDIA RTX 6000 Ada Gene...", "8.9"],
    // One name, several chips; or a name of which nobody here has heard.
    ["NVIDIA GeForce RTX 20...", null],
    ["NVIDIA GeForce ...", null],
    ["TITAN X", null],
    ["RTX 6000", null],
    // Unless it is that of one chip alone.
    ["4090", "8.9"],
    ["1660 super", "7.5"],
    ["3090ti", "8.6"],
    ["rtx4090", "8.9"],
    ["RTX4070Ti SUPER", "8.9"],
    ["GTX1080", "6.1"],
    ["rtxa6000", "8.6"],
    ["6000", null],
    ["1000", null],
    ["GRID A100D-80C", "8.0"],
    ["NVIDIA A100D-80C", "8.0"],
    ["Tesla V100-SXM3-32GB-H", "7.0"],
    ["Tesla V100-FHHL-16GB", "7.0"],
    ["NVIDIA H20-3e", "9.0"],
    ["NVIDIA GeForce RTX 5090 D v2", "12.0"],
    ["NVIDIA RTX A500 Embedded GPU", "8.6"],
    ["NVIDIA GeForce MX570 A", "8.6"],
    ["NVIDIA GeForce RTX 3050 A Laptop GPU", null],
    ["NVIDIA GeForce RTX 6090", null],
    ["NVIDIA A1000000", null],
    ["NVIDIA H100 Something Else", null],
    ["AMD Instinct MI300X", null],
    ["", null],
    ["...", null],
  ]) {
    assert.equal(gpus.computeCapabilityOf(name), expected, name);
  }
});

test("every listed name is known as it is listed", () => {
  assert.ok(gpus.names.length > 150);
  for (const name of gpus.names) assert.match(gpus.computeCapabilityOf(`NVIDIA ${name}`) ?? "", /^\d+\.\d$/, name);
});
